// One chart over time, and the group of all charts that share its axis.
const Charts = (() => {
  const { element, colour, value, clock, day, preciseClock, duration } = Units;
  /// A range from which on times are told with their day, seconds.
  const DAYS = 20 * 3600;
  const AXIS_WIDTH = 74;

  /// Charts of one process: one range of time, one cursor.
  class Group {
    constructor(key, begin, end, announce) {
      this.sync = uPlot.sync(key);
      this.key = key;
      this.full = { min: begin, max: Math.max(end, begin + 1) };
      this.range = this.full;
      this.charts = [];
      this.listeners = [];
      this.announce = announce;
      this.isSetting = false;
    }

    /// Shows a stretch of time in all charts. What is shorter than a tenth of a second is no stretch.
    show(min, max) {
      if (this.isSetting || max - min < 0.1) return;
      this.range = { min: Math.max(min, this.full.min), max: Math.min(max, this.full.max) };
      this.isSetting = true;
      for (const chart of this.charts) chart.plot.setScale("x", this.range);
      this.isSetting = false;
      for (const listener of this.listeners) listener(this);
    }

    reset() {
      this.show(this.full.min, this.full.max);
    }

    get isZoomed() {
      return this.range.min > this.full.min || this.range.max < this.full.max;
    }

    zoom(factor, around) {
      const half = ((this.range.max - this.range.min) * factor) / 2;
      this.show(around - half, around + half);
    }

    describe() {
      const { min, max } = this.range;
      const time = max - min > DAYS ? day : clock;
      return `${time(min * 1000)} to ${time(max * 1000)}, ${duration(max - min)}`;
    }
  }

  /// What all charts over time have in common.
  function options(group, width, height, more) {
    return {
      width,
      height,
      legend: { show: false },
      padding: [6, 12, 8, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: true },
        // The cursor is common; a drag is one chart's, and the group shows its range in all.
        sync: { key: group.key, scales: ["x", null], setSeries: false, filters: { pub: isMove } },
        bind: { dblclick: () => () => group.reset() },
        points: { show: false },
      },
      ...more,
      scales: {
        x: { time: true, range: (plot, min, max) => [min, max], min: group.full.min, max: group.full.max },
        ...more.scales,
      },
      hooks: {
        ...more.hooks,
        setScale: [
          (plot, key) => {
            if (key === "x" && plot.status === 1) group.show(plot.scales.x.min, plot.scales.x.max);
          },
        ],
      },
    };
  }

  const isMove = (type) => type !== "mousedown" && type !== "mouseup";

  const FONT = '11px system-ui, "Segoe UI", sans-serif';

  function timeAxis(isShown) {
    return {
      show: isShown,
      size: isShown ? 26 : 0,
      font: FONT,
      stroke: () => colour("muted"),
      grid: { stroke: () => colour("grid"), width: 1 },
      ticks: { show: false },
      values: (plot, splits, axis, space, step) => splits.map((seconds) => tick(seconds, step, plot.scales.x)),
    };
  }

  /// As much of a time as the step between two needs.
  function tick(seconds, step, { min, max }) {
    const text = new Date(seconds * 1000).toISOString().replace("T", " ");
    const end = step < 1 ? 21 : step < 60 ? 19 : 16;
    return text.slice(max - min > DAYS ? 5 : 11, end);
  }

  function valueAxis(unit) {
    return {
      size: AXIS_WIDTH,
      font: FONT,
      stroke: () => colour("muted"),
      grid: { stroke: () => colour("grid"), width: 1 },
      ticks: { show: false },
      space: 26,
      incrs: unit === "kib" ? BINARY_STEPS : undefined,
      values: (plot, splits) => splits.map((split) => (split === 0 ? "0" : short(unit, split))),
    };
  }

  /// Steps that are round in binary units.
  const BINARY_STEPS = Array.from({ length: 38 }, (unused, power) => 2 ** power);

  const short = (unit, number) => value(unit, number).replace(/\.0+(?= )/, "");

  const DASHES = { used: [], also: [2, 3], limit: [8, 4] };

  /// Puts a chart with its caption into `into`.
  function add(group, into, spec, isLast) {
    const figure = element("figure", { class: "chart", "data-chart": spec.id });
    const caption = element("figcaption", {}, element("span", { class: "chart-title" }, spec.title));
    const shown = spec.series.map((series) => {
      const output = element("span", { class: "chart-value" }, summary(spec.unit, series));
      caption.append(element("span", { class: "chart-key" }, swatch(series.role), `${series.name} `, output));
      return output;
    });
    if (spec.note) caption.append(element("span", { class: "chart-note" }, spec.note));
    const holder = element("div", {
      class: "plot",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "chart",
      "aria-label": `${spec.title}: ${spec.summary}`,
    });
    figure.append(caption, holder);
    into.append(figure);
    const update = (plot) => {
      const at = plot.cursor.idx;
      spec.series.forEach((series, index) => {
        const data = plot.data[index + 1];
        shown[index].textContent = at === null || at === undefined ? summary(spec.unit, series) : value(spec.unit, data[at]);
      });
      figure.classList.toggle("at-cursor", at !== null && at !== undefined);
    };
    const height = isLast ? 122 : 96;
    const plot = new uPlot(
      options(group, holder.clientWidth || 800, height, {
        scales: { y: { range: (unused, min, max) => [0, Math.max(spec.most, 1) * 1.06] } },
        axes: [timeAxis(isLast), valueAxis(spec.unit)],
        series: [{}, ...spec.series.map(line)],
        hooks: { setCursor: [update], draw: [(drawn) => drawIncidents(drawn, spec.incidents)] },
      }),
      spec.data,
      holder,
    );
    const chart = { plot, holder, height };
    group.charts.push(chart);
    group.sync.sub(plot);
    keys(group, chart, (at) =>
      spec.series.map((series, index) => `${series.name} ${value(spec.unit, plot.data[index + 1][at])}`).join(", "),
    );
    return chart;
  }

  /// What a caption says while the pointer is elsewhere.
  const summary = (unit, { role, summary: figure }) => `${role === "limit" ? "" : "≤ "}${value(unit, figure)}`;

  function line(series) {
    return {
      stroke: () => colour(series.role),
      width: series.role === "used" ? 1.6 : 1.3,
      dash: DASHES[series.role],
      fill: series.role === "used" ? () => colour("used-fill") : undefined,
      spanGaps: true,
      points: { show: false },
    };
  }

  /// A sample of a line: its dashes tell it apart where colours do not.
  function swatch(role) {
    const namespace = "http://www.w3.org/2000/svg";
    const picture = document.createElementNS(namespace, "svg");
    const stroke = document.createElementNS(namespace, "line");
    const set = (of, attributes) => Object.entries(attributes).forEach(([name, given]) => of.setAttribute(name, given));
    set(picture, { width: 24, height: 8, "aria-hidden": "true", class: `swatch ${role}` });
    set(stroke, { x1: 0, x2: 24, y1: 4, y2: 4, "stroke-dasharray": DASHES[role].join(" ") });
    picture.append(stroke);
    return picture;
  }

  /// A vertical line through a chart for every incident.
  function drawIncidents(plot, incidents) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = colour("incident");
    ctx.setLineDash([]);
    ctx.lineWidth = devicePixelRatio;
    for (const seconds of incidents) {
      const x = Math.round(plot.valToPos(seconds, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  /// Keys of a chart: arrows move the cursor, + and - zoom around it, 0 resets.
  function keys(group, chart, describe) {
    const { plot, holder } = chart;
    holder.addEventListener("keydown", (event) => {
      const at = plot.cursor.idx ?? plot.valToIdx(group.range.min);
      const times = plot.data[0];
      const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
      if (move !== undefined || event.key === "Home" || event.key === "End") {
        const ends = { Home: plot.valToIdx(group.range.min), End: plot.valToIdx(group.range.max) };
        const to = Math.min(Math.max(ends[event.key] ?? at + move, 0), times.length - 1);
        if (times[to] < group.range.min || times[to] > group.range.max) {
          const half = (group.range.max - group.range.min) / 2;
          group.show(times[to] - half, times[to] + half);
        }
        plot.setCursor({ left: plot.valToPos(times[to], "x"), top: 10 });
        group.announce(`${preciseClock(times[to] * 1000)}: ${describe(to)}`);
      } else if (event.key === "+" || event.key === "=") group.zoom(0.5, times[at]);
      else if (event.key === "-") group.zoom(2, times[at]);
      else if (event.key === "0" || event.key === "Escape") group.reset();
      else return;
      event.preventDefault();
    });
  }

  /// Colours and sizes anew: after another theme, on paper, in a window of another width.
  function redraw(group) {
    for (const { plot, holder, height } of group.charts) {
      plot.setSize({ width: holder.clientWidth || plot.width, height });
      plot.redraw(false, true);
    }
  }

  return { Group, add, options, timeAxis, valueAxis, keys, redraw, drawIncidents, AXIS_WIDTH, FONT };
})();

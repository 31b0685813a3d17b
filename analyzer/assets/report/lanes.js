// What happened, in lanes above the charts: one shape a kind, so that it can be read without colour.
const Lanes = (() => {
  const { element, colour, clock } = Units;
  const LANE_HEIGHT = 20;
  const NEAR_PIXELS = 7;

  const NAMES = {
    incident: "Incidents",
    pause: "Long pauses",
    job: "Jobs",
    restart: "Restarts",
    task: "Tasks",
    checkpoint: "Checkpoints",
  };

  /// Paths around (0, 0), for a size.
  const SHAPES = {
    "job gone": (ctx, r) => ctx.rect(-r * 0.8, -r * 0.8, r * 1.6, r * 1.6),
    "tasks ended": (ctx, r) => polygon(ctx, [[-r, -r * 0.7], [r, -r * 0.7], [0, r]]),
    incident: (ctx, r) => polygon(ctx, [[-r, -r], [r, -r], [0, r]]),
    pause: (ctx, r) => ctx.rect(-r * 0.35, -r, r * 0.7, r * 2),
    job: (ctx, r) => polygon(ctx, [[-r * 0.8, -r], [r, 0], [-r * 0.8, r]]),
    restart: (ctx, r) => polygon(ctx, [[0, -r], [r, 0], [0, r], [-r, 0]]),
    task: (ctx, r) => polygon(ctx, [[-r, r * 0.7], [r, r * 0.7], [0, -r]]),
    checkpoint: (ctx, r) => ctx.arc(0, 0, r * 0.65, 0, 7),
  };

  function polygon(ctx, points) {
    points.forEach(([x, y], index) => (index === 0 ? ctx.moveTo(x, y) : ctx.lineTo(x, y)));
    ctx.closePath();
  }

  /// Puts the lanes that have marks into `into`. Marks have their time in seconds.
  function add(group, into, marks, tip) {
    const lanes = Object.keys(NAMES).filter((lane) => marks.some((mark) => mark.lane === lane));
    if (lanes.length === 0) return;
    const figure = element("figure", { class: "chart lanes", "data-chart": "lanes" });
    const holder = element("div", {
      class: "plot",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "chart",
      "aria-label": `What happened: ${lanes.map((lane) => `${count(marks, lane)} ${NAMES[lane].toLowerCase()}`).join(", ")}. Arrows move from mark to mark.`,
    });
    figure.append(element("figcaption", {}, element("span", { class: "chart-title" }, "What happened")), holder);
    into.append(figure);
    const height = lanes.length * LANE_HEIGHT + 8;
    const times = marks.map((mark) => mark.seconds);
    const plot = new uPlot(
      Charts.options(group, holder.clientWidth || 800, height, {
        scales: { y: { range: () => [0, lanes.length] } },
        axes: [Charts.timeAxis(false), { ...Charts.valueAxis("count"), grid: { show: false }, splits: () => [], values: () => [] }],
        series: [{}, { show: true, stroke: "transparent", points: { show: false } }],
        hooks: { draw: [(drawn) => draw(drawn, lanes, marks)], setCursor: [(drawn) => hover(drawn, lanes, marks, tip)] },
      }),
      [times, times.map(() => null)],
      holder,
    );
    holder.addEventListener("mouseleave", () => tip.hide());
    group.charts.push({ plot, holder, height });
    group.sync.sub(plot);
    keys(group, plot, holder, marks, tip);
  }

  const count = (marks, lane) =>
    marks.filter((mark) => mark.lane === lane).reduce((sum, mark) => sum + mark.count, 0);

  const middle = (plot, lanes, lane) =>
    plot.bbox.top + ((lanes.indexOf(lane) + 0.5) * plot.bbox.height) / lanes.length;

  function draw(plot, lanes, marks) {
    const { ctx, bbox } = plot;
    const pixel = devicePixelRatio;
    ctx.save();
    ctx.font = Charts.FONT.replace("11px", `${11 * pixel}px`);
    ctx.textBaseline = "middle";
    ctx.textAlign = "right";
    for (const lane of lanes) {
      const y = middle(plot, lanes, lane);
      ctx.fillStyle = colour("muted");
      ctx.fillText(NAMES[lane], bbox.left - 6 * pixel, y);
      ctx.strokeStyle = colour("grid");
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    for (const mark of marks) {
      const x = plot.valToPos(mark.seconds, "x", true);
      if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) continue;
      ctx.save();
      ctx.translate(x, middle(plot, lanes, mark.lane));
      ctx.fillStyle = colour(`mark-${mark.lane}`);
      ctx.beginPath();
      (SHAPES[mark.what] ?? SHAPES[mark.lane])(ctx, 5 * pixel);
      ctx.fill();
      ctx.restore();
    }
    ctx.restore();
  }

  const describe = (mark) =>
    `${clock(mark.seconds * 1000)} ${mark.what}${mark.count > 1 ? ` × ${mark.count}` : ""}${mark.text ? `: ${mark.text}` : ""}`;

  function hover(plot, lanes, marks, tip) {
    const { left, top } = plot.cursor;
    const isHere = plot.over.matches(":hover");
    if (!isHere || left < 0 || top < 0) return;
    const lane = lanes[Math.floor((top / plot.over.clientHeight) * lanes.length)];
    const near = marks.filter(
      (mark) => mark.lane === lane && Math.abs(plot.valToPos(mark.seconds, "x") - left) <= NEAR_PIXELS,
    );
    if (near.length === 0) {
      tip.hide();
      return;
    }
    const lines = near.slice(0, 6).map(describe);
    if (near.length > 6) lines.push(`and ${near.length - 6} more`);
    const box = plot.over.getBoundingClientRect();
    tip.show(lines, box.left + left, box.top + top);
  }

  function keys(group, plot, holder, marks, tip) {
    let at = -1;
    holder.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (move !== undefined) {
        at = Math.min(Math.max(at + move, 0), marks.length - 1);
        const { seconds } = marks[at];
        const half = (group.range.max - group.range.min) / 2;
        if (seconds < group.range.min || seconds > group.range.max) group.show(seconds - half, seconds + half);
        const left = plot.valToPos(seconds, "x");
        plot.setCursor({ left, top: 10 });
        const box = plot.over.getBoundingClientRect();
        tip.show([describe(marks[at])], box.left + left, box.top + box.height);
      } else if (event.key === "+" && at >= 0) group.zoom(0.5, marks[at].seconds);
      else if (event.key === "-" && at >= 0) group.zoom(2, marks[at].seconds);
      else if (event.key === "0" || event.key === "Escape") {
        group.reset();
        tip.hide();
      } else return;
      event.preventDefault();
    });
    holder.addEventListener("blur", () => tip.hide());
  }

  return { add };
})();

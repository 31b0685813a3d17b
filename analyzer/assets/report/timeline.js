// The timeline: lanes of what happened, and every pool against its limit.
const Timeline = (() => {
  const { value } = Units;
  /// A limit this many times higher than all that was used is named, not drawn: the use would be a line on the ground.
  const FAR_LIMIT = 6;

  /// Draws it, and returns the group of its charts.
  function draw(section, data, tip, announce) {
    const seconds = data.up_ms.map((ms) => (data.begin_ms + ms) / 1000);
    const marks = data.marks.map((mark) => ({ ...mark, seconds: (data.begin_ms + mark.up_ms) / 1000 }));
    const times = [...marks.map((mark) => mark.seconds), seconds[0], seconds[seconds.length - 1]];
    const key = `${section.closest("article").id}-time`;
    const group = new Charts.Group(key, Math.min(...times), Math.max(...times), announce);
    group.begin_ms = data.begin_ms;
    group.incidents = marks.filter((mark) => mark.lane === "incident").map((mark) => mark.seconds);
    const into = section.querySelector("[data-charts]");
    Lanes.add(group, into, marks, tip);
    data.charts.forEach((chart, index) =>
      Charts.add(group, into, spec(chart, seconds, group.incidents), index === data.charts.length - 1),
    );
    controls(section, group);
    return group;
  }

  function spec(chart, seconds, incidents) {
    const series = chart.series.map((one) => ({ ...one, row: row(one.values, seconds.length) }));
    const most = (of) => Math.max(0, ...of.map((one) => highest(one.row)));
    const inUse = most(series.filter((one) => one.role !== "limit"));
    const limits = series.filter((one) => one.role === "limit");
    const isFar = limits.length > 0 && most(limits) > inUse * FAR_LIMIT;
    const drawn = isFar ? series.filter((one) => one.role !== "limit") : series;
    const peak = highest(series[0].row);
    const limit = limits.length > 0 ? most(limits) : null;
    const against = limit === null ? "" : `, ${limits[0].name} ${value(chart.unit, limit)}`;
    return {
      ...chart,
      series: drawn.map((one) => ({ ...one, summary: one.role === "limit" ? last(one.row) : highest(one.row) })),
      data: [seconds, ...drawn.map((one) => one.row)],
      most: isFar ? inUse : most(series),
      note: isFar ? `${limits[0].name} ${value(chart.unit, limit)}, off the scale` : null,
      summary: `${series[0].name} ${value(chart.unit, peak)} at the most${against}`,
      incidents,
    };
  }

  const row = (values, length) => (Array.isArray(values) ? values : new Array(length).fill(values));
  const highest = (values) => values.reduce((most, one) => (one !== null && one > most ? one : most), 0);
  const last = (values) => values.findLast((one) => one !== null) ?? null;

  function controls(section, group) {
    const button = section.querySelector('[data-do="zoom-out"]');
    const output = section.querySelector("[data-range]");
    const show = () => {
      button.disabled = !group.isZoomed;
      output.textContent = group.describe();
    };
    button.addEventListener("click", () => group.reset());
    group.listeners.push(show);
    show();
  }

  return { draw };
})();

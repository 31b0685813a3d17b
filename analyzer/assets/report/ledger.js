// Resident memory by owner as a stacked area, on the timeline's axis.
const LedgerChart = (() => {
  const { element, colour, value, bytes } = Units;
  const HEIGHT = 260;

  function draw(section, data, group) {
    const into = section.querySelector("[data-ledger]");
    const seconds = data.up_ms.map((ms) => (group.begin_ms + ms) / 1000);
    const sums = stacked(data.owners, seconds.length);
    const top = sums[sums.length - 1];
    const most = Math.max(...top);
    const figure = element("figure", { class: "chart", "data-chart": "ledger" });
    const title = element("span", { class: "chart-title" }, "Resident memory, stacked by owner");
    const output = element("span", { class: "chart-value" });
    const holder = element("div", {
      class: "plot",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "chart",
      "aria-label": `Resident memory by owner: ${bytes(most * 1024)} at the most. The table below says the same.`,
    });
    figure.append(element("figcaption", {}, title, output), holder);
    into.append(figure);
    const describe = (at) =>
      data.owners.map((owner) => [owner.owner, owner.kib[at]]).filter(([, kib]) => kib > 0)
        .sort((one, other) => other[1] - one[1]).map(([owner, kib]) => `${owner} ${value("kib", kib)}`).join(", ");
    const update = (plot) => {
      const at = plot.cursor.idx;
      output.textContent = at === null || at === undefined ? "" : `${value("kib", top[at])}: ${describe(at)}`;
    };
    // The highest sum is drawn first, the lower ones over it.
    const order = sums.map((unused, index) => sums.length - 1 - index);
    const plot = new uPlot(
      Charts.options(group, holder.clientWidth || 800, HEIGHT, {
        scales: { y: { range: () => [0, most * 1.04] } },
        axes: [Charts.timeAxis(true), Charts.valueAxis("kib")],
        series: [{}, ...order.map((index) => area(index))],
        hooks: {
          setCursor: [update],
          draw: [(drawn) => drawNames(drawn, data.owners, sums), (drawn) => Charts.drawIncidents(drawn, group.incidents)],
        },
      }),
      [seconds, ...order.map((index) => sums[index])],
      holder,
    );
    const chart = { plot, holder, height: HEIGHT };
    group.charts.push(chart);
    group.sync.sub(plot);
    Charts.keys(group, chart, describe);
  }

  /// Running sums, the first owner at the bottom.
  function stacked(owners, length) {
    let below = new Array(length).fill(0);
    return owners.map((owner) => (below = owner.kib.map((kib, index) => below[index] + kib)));
  }

  function area(index) {
    return {
      stroke: () => colour("paper"),
      width: 1,
      fill: () => colour(`stack-${index % 10}`),
      points: { show: false },
    };
  }

  /// The owner's name in its area, at the right, where there is room: no legend of colours is needed.
  function drawNames(plot, owners, sums) {
    const { ctx, bbox } = plot;
    const pixel = devicePixelRatio;
    const last = plot.valToIdx(plot.scales.x.max);
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(plot.data[0][last], "x", true));
    ctx.save();
    ctx.font = Charts.FONT.replace("11px", `600 ${11 * pixel}px`);
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    owners.forEach((owner, index) => {
      const high = plot.valToPos(sums[index][last], "y", true);
      const low = plot.valToPos(index === 0 ? 0 : sums[index - 1][last], "y", true);
      if (low - high < 13 * pixel || right < bbox.left) return;
      ctx.fillStyle = colour("stack-ink");
      ctx.fillText(owner.owner, right - 8 * pixel, (high + low) / 2);
    });
    ctx.restore();
  }

  return { draw };
})();

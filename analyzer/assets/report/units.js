// Figures as people read them, and elements. As `analyzer/src/units.rs` writes them.
const Units = (() => {
  function bytes(size) {
    const units = [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]];
    const found = units.find(([, factor]) => Math.abs(size) >= factor);
    if (!found) return `${size} B`;
    const value = size / found[1];
    const digits = Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0;
    return `${value.toFixed(digits)} ${found[0]}`;
  }

  const VALUE = {
    kib: (value) => bytes(value * 1024),
    count: (value) => String(value),
    ms: (value) => `${value} ms`,
  };

  /// A value of a chart; its unit is one of those of the data.
  const value = (unit, number) => (number === null || number === undefined ? "–" : VALUE[unit](number));

  /// Time of day in UTC, of milliseconds since the epoch.
  const clock = (ms) => `${new Date(ms).toISOString().slice(11, 19)}Z`;

  /// Day and time of day.
  const day = (ms) => `${new Date(ms).toISOString().slice(5, 16).replace("T", " ")}Z`;

  /// Time of day with tenths of a second, where a stretch is short.
  const preciseClock = (ms) => `${new Date(ms).toISOString().slice(11, 21)}Z`;

  function duration(seconds) {
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    if (seconds < 120) return `${Math.round(seconds)} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  }

  const percent = (part, whole) => (whole > 0 ? `${((part * 100) / whole).toFixed(1)} %` : "–");

  /// An element with attributes and children. Texts become text nodes: nothing is ever read as markup.
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, given] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), given);
      else if (given === true) made.setAttribute(name, "");
      else if (given !== false && given !== null && given !== undefined) made.setAttribute(name, String(given));
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  const colours = new Map();

  /// A colour of the page's style, as it is in the present theme.
  function colour(name) {
    if (!colours.has(name)) {
      const probe = element("span");
      probe.style.color = `var(--${name})`;
      document.body.append(probe);
      colours.set(name, getComputedStyle(probe).color);
      probe.remove();
    }
    return colours.get(name);
  }

  /// Said after another theme was chosen.
  const forgetColours = () => colours.clear();

  return { bytes, value, clock, preciseClock, duration, day, percent, element, colour, forgetColours };
})();

// The page: which process is shown, its theme, copying, and what is drawn when.
const Page = (() => {
  const groups = [];
  const drawn = new Set();

  /// A line or two beside the pointer.
  const tip = (() => {
    const box = document.querySelector("[data-tip]");
    return {
      show(lines, x, y) {
        box.replaceChildren(...lines.map((line) => Units.element("div", {}, line)));
        box.hidden = false;
        const left = Math.min(x + 14, innerWidth - box.offsetWidth - 8);
        const below = y + 16 + box.offsetHeight < innerHeight;
        box.style.left = `${Math.max(left, 4)}px`;
        box.style.top = `${below ? y + 16 : Math.max(y - box.offsetHeight - 10, 4)}px`;
      },
      hide() {
        box.hidden = true;
      },
    };
  })();

  function announcer(article) {
    const region = Units.element("div", { class: "visually-hidden", "aria-live": "polite" });
    article.append(region);
    return (text) => (region.textContent = text);
  }

  function draw(article) {
    if (drawn.has(article.id)) return;
    drawn.add(article.id);
    const data = JSON.parse(document.getElementById(article.dataset.process).textContent);
    const part = (name) => article.querySelector(`[data-part="${name}"]`);
    if (data.timeline) {
      const group = Timeline.draw(part("timeline"), data.timeline, tip, announcer(article));
      groups.push(group);
      if (data.ledger && part("ledger")) LedgerChart.draw(part("ledger"), data.ledger, group);
    }
    if (data.flame) FlameGraph.draw(part("flame"), data.flame, tip);
    if (data.what_if) WhatIf.draw(part("what-if"), data.what_if);
  }

  /// Of several processes one is shown: that of the address, else the first.
  function show() {
    const articles = [...document.querySelectorAll("article[data-process]")];
    const wanted = location.hash.slice(1).split("-")[0];
    const shown = articles.find((article) => article.id === wanted) ?? articles[0];
    for (const article of articles) article.hidden = article !== shown;
    for (const link of document.querySelectorAll("nav.processes a")) {
      if (link.hash === `#${shown.id}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    draw(shown);
    redraw();
  }

  const redraw = () => groups.forEach(Charts.redraw);

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";

  function setTheme(theme) {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    const button = document.querySelector('[data-do="theme"]');
    button.textContent = isDark() ? "Light" : "Dark";
    Units.forgetColours();
    button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
    redraw();
  }

  async function copy(button) {
    const text = document.getElementById(button.dataset.of).textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      // A file may not use the clipboard everywhere: the text is selected then.
      getSelection().selectAllChildren(document.getElementById(button.dataset.of));
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  }

  function click(event) {
    const button = event.target.closest("[data-do]");
    if (button?.dataset.do === "theme") setTheme(isDark() ? "light" : "dark");
    if (button?.dataset.do === "copy") copy(button);
  }

  let before = undefined;
  /// Paper is light.
  function beforePrint() {
    before = document.documentElement.dataset.theme;
    setTheme("light");
  }

  document.documentElement.classList.add("has-script");
  document.addEventListener("click", click);
  dark.addEventListener("change", () => setTheme(document.documentElement.dataset.theme));
  addEventListener("hashchange", show);
  addEventListener("resize", redraw);
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", () => setTheme(before));
  setTheme(undefined);
  show();

  return { groups };
})();

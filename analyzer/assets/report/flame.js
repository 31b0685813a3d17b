// Call sites as a flame graph that hangs from the callers: the width of a frame is what was allocated below it.
const FlameGraph = (() => {
  const { element, bytes, percent } = Units;
  const ROW = 19;
  const NARROWEST = 0.0008;

  /// Draws it with its controls: which moment, whole stacks or folded, search.
  function draw(section, data, tip) {
    const into = section.querySelector("[data-flame]");
    const graph = new Graph(data, tip);
    const id = section.closest("article").id;
    const select = element("select", { id: `${id}-flame-view`, onchange: () => graph.show(Number(select.value)) });
    data.views.forEach((view, index) => select.append(element("option", { value: index }, view.title)));
    const whole = element("input", { type: "checkbox", onchange: () => graph.fold(!whole.checked) });
    const search = element("input", {
      type: "search", placeholder: "class or method", id: `${id}-flame-search`,
      oninput: () => graph.search(search.value),
    });
    const controls = element("p", { class: "controls" },
      element("label", { for: select.id }, "Show "), select, " ",
      element("label", { for: search.id }, "Find "), search, " ", graph.found, " ",
      element("label", {}, whole, " whole stacks"), " ",
      element("button", { type: "button", onclick: () => graph.zoom(graph.root) }, "Reset zoom"));
    into.append(controls, legend(), graph.holder, graph.details);
    graph.show(0);
  }

  function legend() {
    const names = { user: "user code (bold)", library: "library", flink: "Flink", jdk: "JDK" };
    return element("p", { class: "legend" },
      ...Object.entries(names).map(([origin, name]) => element("span", { class: `key ${origin}` }, name)));
  }

  class Graph {
    constructor(data, tip) {
      this.data = data;
      this.tip = tip;
      this.isFolded = true;
      this.pattern = "";
      this.holder = element("div", { class: "frames", role: "tree", "aria-label": "Call sites, callers first" });
      this.details = element("p", { class: "frame-details", "aria-live": "polite" });
      this.found = element("output", {});
      this.holder.addEventListener("keydown", (event) => this.key(event));
      this.holder.addEventListener("mouseleave", () => tip.hide());
    }

    show(index) {
      this.view = this.data.views[index];
      this.build();
    }

    fold(isFolded) {
      this.isFolded = isFolded;
      this.build();
    }

    build() {
      this.root = tree(this.data, this.view);
      if (this.isFolded) foldChains(this.root);
      this.zoom(this.root);
    }

    zoom(node) {
      this.focused = node;
      this.render();
      this.focus(node);
    }

    search(pattern) {
      this.pattern = pattern.trim().toLowerCase();
      this.render();
    }

    matches(node) {
      return this.pattern !== "" && node.names.some((name) => name.toLowerCase().includes(this.pattern));
    }

    /// Bytes of the topmost frames that match: no byte is counted twice.
    matched(node) {
      if (this.matches(node)) return node.bytes;
      return node.children.reduce((sum, child) => sum + this.matched(child), 0);
    }

    render() {
      this.holder.textContent = "";
      const chain = ancestors(this.focused);
      chain.forEach((node, depth) => this.place(node, depth, 0, 1, true));
      this.depth = chain.length;
      this.placeBelow(this.focused, chain.length, 0, 1);
      this.holder.style.height = `${this.depth * ROW}px`;
      this.found.textContent = this.pattern === ""
        ? "" : `${bytes(this.matched(this.root))}, ${percent(this.matched(this.root), this.root.bytes)}`;
    }

    placeBelow(node, depth, left, width) {
      let x = left;
      for (const child of node.children) {
        const share = node.bytes > 0 ? (child.bytes / node.bytes) * width : 0;
        if (share >= NARROWEST) {
          this.place(child, depth, x, share, false);
          this.placeBelow(child, depth + 1, x, share);
        }
        x += share;
      }
    }

    place(node, depth, left, width, isChain) {
      this.depth = Math.max(this.depth ?? 0, depth + 1);
      const box = element("div", {
        class: `frame ${node.origin}${isChain ? " chain" : ""}${this.matches(node) ? " match" : ""}`,
        role: "treeitem",
        tabindex: -1,
        "aria-level": depth + 1,
        "aria-label": this.describe(node),
        ...(node.children.length > 0 ? { "aria-expanded": "true" } : {}),
        onclick: () => this.zoom(node),
        onfocus: () => (this.details.textContent = this.describe(node)),
        onmousemove: (event) => this.tip.show(this.lines(node), event.clientX, event.clientY),
      }, node.label);
      box.style.left = `${left * 100}%`;
      box.style.width = `${width * 100}%`;
      box.style.top = `${depth * ROW}px`;
      node.box = box;
      box.node = node;
      this.holder.append(box);
    }

    lines(node) {
      const old = node.bytes > 0 ? `, ${percent(node.oldBytes, node.bytes)} older than three collections` : "";
      return [
        ...node.names.slice(0, 12),
        ...(node.names.length > 12 ? [`and ${node.names.length - 12} more frames`] : []),
        `${bytes(node.bytes)}, ${percent(node.bytes, this.root.bytes)} of all${old}`,
        `${node.blocks} blocks${node.of.size > 0 ? `: ${[...node.of].slice(0, 3).join(", ")}` : ""}`,
      ];
    }

    describe(node) {
      return this.lines(node).join("; ");
    }

    focus(node) {
      for (const box of this.holder.children) box.tabIndex = -1;
      if (node.box) node.box.tabIndex = 0;
      if (this.holder.contains(document.activeElement) || this.moves) node.box?.focus();
      this.moves = false;
    }

    key(event) {
      const node = document.activeElement?.node;
      if (!node) return;
      const siblings = node.parent ? node.parent.children.filter((child) => child.box?.isConnected) : [node];
      const at = siblings.indexOf(node);
      const next = {
        ArrowDown: node.children.find((child) => child.box?.isConnected),
        ArrowUp: node.parent,
        ArrowRight: siblings[at + 1],
        ArrowLeft: siblings[at - 1],
        Home: this.root,
      };
      this.moves = true;
      if (event.key === "Enter" || event.key === " ") this.zoom(node);
      else if (event.key === "Escape") this.zoom(this.focused.parent ?? this.root);
      else if (event.key in next) {
        if (next[event.key]) this.focus(next[event.key]);
      } else return;
      event.preventDefault();
    }
  }

  function ancestors(node) {
    const chain = [];
    for (let at = node; at; at = at.parent) chain.unshift(at);
    return chain;
  }

  const newNode = (label, names, origin, parent) =>
    ({ label, names, origin, parent, children: [], bytes: 0, oldBytes: 0, blocks: 0, of: new Set() });

  /// All stacks of a view as one tree, callers first.
  function tree(data, view) {
    const root = newNode("all", ["all call sites"], "all", null);
    for (const use of view.uses) {
      const stack = data.stacks[use.site];
      const frames = stack ? [...stack].reverse().map((index) => data.frames[index]) : [NO_STACK];
      let node = root;
      count(node, use);
      for (const frame of frames) {
        node = child(node, frame);
        count(node, use);
      }
    }
    root.label = `all, ${bytes(root.bytes)}`;
    sort(root);
    return root;
  }

  const NO_STACK = { name: "stacks that found no room", origin: "jdk" };

  function child(node, frame) {
    const name = frame.line === undefined ? frame.name : `${frame.name}:${frame.line}`;
    const known = node.children.find((one) => one.names[0] === name);
    if (known) return known;
    const made = newNode(shortName(frame.name), [name], frame.origin, node);
    node.children.push(made);
    return made;
  }

  function count(node, use) {
    node.bytes += use.bytes;
    node.oldBytes += use.old_bytes;
    node.blocks += use.blocks;
    if (use.of) node.of.add(use.of);
  }

  function sort(node) {
    node.children.sort((one, other) => other.bytes - one.bytes);
    node.children.forEach(sort);
  }

  /// Class without its package, and method.
  const shortName = (name) => name.split(".").slice(-2).join(".");

  /// Callers that do not branch and are of the same origin become one frame; user code never does.
  function foldChains(node) {
    for (const top of node.children) {
      while (top.children.length === 1 && top.origin !== "user" && top.children[0].origin === top.origin) {
        const [below] = top.children;
        top.names.push(...below.names);
        top.children = below.children;
        for (const grandchild of top.children) grandchild.parent = top;
      }
      if (top.names.length > 1) {
        const last = shortName(top.names[top.names.length - 1].replace(/:\d+$/, ""));
        top.label = `${top.label} … ${last} (${top.names.length} frames)`;
      }
      foldChains(top);
    }
  }

  return { draw };
})();

// What another configuration would give: sliders over the options, every pool derived anew by the model.
const WhatIf = (() => {
  const { element, bytes } = Units;
  const MIB = 2 ** 20;

  const FORMS = {
    tm: [
      ["process", "Process"], ["flink", "Flink memory"], ["task_heap", "Task heap"], ["framework_heap", "Framework heap"],
      ["task_off_heap", "Task off-heap"], ["framework_off_heap", "Framework off-heap"], ["network_fraction", "Network, share"],
      ["network_min", "Network, at least"], ["network_max", "Network, at most"], ["managed", "Managed"],
      ["managed_fraction", "Managed, share"], ["metaspace", "Metaspace"], ["overhead_fraction", "Overhead, share"],
      ["overhead_min", "Overhead, at least"], ["overhead_max", "Overhead, at most"],
    ],
    jm: [
      ["process", "Process"], ["flink", "Flink memory"], ["heap", "Heap"], ["off_heap", "Off-heap"],
      ["metaspace", "Metaspace"], ["overhead_fraction", "Overhead, share"], ["overhead_min", "Overhead, at least"],
      ["overhead_max", "Overhead, at most"],
    ],
  };

  /// The pool whose size an option has while it is not set.
  const POOL_OF = {
    process: "total_process", flink: "total_flink", metaspace: "jvm_metaspace", heap: "jvm_heap", network_min: "network",
    network_max: "network", overhead_min: "jvm_overhead", overhead_max: "jvm_overhead",
  };

  const POOLS = [
    ["total_process", "Process", 0], ["total_flink", "Flink memory", 1], ["jvm_heap", "Heap (-Xmx)", 2],
    ["framework_heap", "Framework heap", 3], ["task_heap", "Task heap", 3], ["jvm_direct", "Direct memory (limit)", 2],
    ["framework_off_heap", "Framework off-heap", 3], ["task_off_heap", "Task off-heap", 3], ["off_heap", "Off-heap", 2],
    ["network", "Network", 3], ["managed", "Managed", 2], ["jvm_metaspace", "Metaspace", 1], ["jvm_overhead", "Overhead", 1],
  ];

  class Form {
    constructor(section, data) {
      this.data = data;
      this.id = section.closest("article").id;
      this.settings = { ...data.settings };
      this.before = this.derive(data.settings);
      this.body = element("tbody");
      this.answer = element("div", { class: "answer", role: "status", "aria-live": "polite" });
      this.config = element("code");
      this.controls = FORMS[data.process].map(([name, label]) => this.control(name, label));
      section.querySelector("[data-what-if]").append(this.layout());
      this.update();
    }

    derive(settings) {
      const { process, deployment, heap, rules } = this.data;
      return Model.derive(rules, { process, deployment, heap, settings });
    }

    option(name) {
      return this.data.rules.options[this.data.process][name];
    }

    /// The key under which an option is set now, or its proper one.
    key(name) {
      const option = this.option(name);
      return [option.key, ...option.deprecated].find((key) => key in this.settings) ?? option.key;
    }

    control(name, label) {
      const isShare = name.endsWith("_fraction");
      const id = `${this.id}-what-if-${name}`;
      const slider = element("input", { type: "range", id: `${id}-slider`, "aria-label": `${label}, slider` });
      const text = element("input", { type: "text", id, size: 9, spellcheck: "false", autocomplete: "off" });
      const clear = element("button", { type: "button", class: "clear", "aria-label": `${label}: take out` }, "×");
      const [min, max, step] = isShare ? [0, 0.95, 0.01] : [0, this.most(name), 1];
      Object.assign(slider, { min, max, step });
      slider.addEventListener("input", () => this.set(name, isShare ? Number(slider.value).toFixed(2) : `${slider.value}m`));
      text.addEventListener("input", () => this.set(name, text.value.trim() === "" ? null : text.value));
      clear.addEventListener("click", () => this.set(name, null));
      const row = element("div", { class: "option", "data-option": name },
        element("label", { for: id }, label, " ", element("code", {}, this.option(name).key)), slider, text, clear);
      return { name, isShare, slider, text, clear, row };
    }

    /// The right end of a slider, MiB: three times the present size, and of parts not more than the process would have then.
    most(name) {
      const pools = this.before.ok ?? {};
      const own = Number(pools[POOL_OF[name] ?? name] ?? 0n) / MIB;
      const whole = Number(pools.total_process ?? 2n ** 32n) / MIB;
      return Math.ceil(name === "process" || name === "flink" ? Math.max(own, 512) * 3 : Math.max(own * 3, whole));
    }

    set(name, text) {
      const key = this.key(name);
      if (text === null) delete this.settings[key];
      else this.settings[key] = text;
      this.update();
    }

    layout() {
      const reset = element("button", { type: "button", onclick: () => this.reset() }, "Reset");
      const copy = element("button", { type: "button", "data-do": "copy", "data-of": `${this.id}-what-if-config` }, "Copy");
      const heads = ["Pool", "Now", "Then", "Change", "Measured peak", "Fits"].map((head, index) =>
        element("th", { scope: "col", class: index > 0 ? "number" : "" }, head));
      return element("div", { class: "what-if" },
        element("div", { class: "options", role: "group", "aria-label": "Memory options" },
          ...this.controls.map((control) => control.row), element("p", {}, reset)),
        element("div", {}, this.answer,
          element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Every pool, now and then" },
            element("table", {}, element("thead", {}, element("tr", {}, ...heads)), this.body)),
          element("figure", { class: "config" },
            element("figcaption", {}, "config.yaml, what is set", copy),
            element("pre", { id: `${this.id}-what-if-config`, tabindex: 0 }, this.config))));
    }

    reset() {
      this.settings = { ...this.data.settings };
      this.update();
    }

    update() {
      const now = this.derive(this.settings);
      for (const control of this.controls) this.show(control, now.ok ?? this.shown ?? {});
      if (now.ok) this.shown = now.ok;
      this.tell(now);
      this.body.replaceChildren(...POOLS.filter(([pool]) => this.before.ok?.[pool] !== undefined || now.ok?.[pool] !== undefined)
        .map(([pool, title, depth]) => this.row(pool, title, depth, now.ok)));
      const lines = Object.entries(this.settings).map(([key, text]) => `${key}: ${text}\n`);
      this.config.textContent = lines.join("");
    }

    show({ name, isShare, slider, text, clear, row }, pools) {
      const given = this.settings[this.key(name)];
      const isSet = given !== undefined;
      row.classList.toggle("set", isSet);
      clear.hidden = !isSet;
      if (document.activeElement !== text) text.value = given ?? "";
      const size = pools[POOL_OF[name] ?? name];
      text.placeholder = isShare ? this.option(name).default : size === undefined ? "not set" : bytes(Number(size));
      const number = isShare ? Number(given ?? this.option(name).default) : this.mebibytes(given, size);
      if (Number.isFinite(number) && document.activeElement !== slider) slider.value = number;
      slider.setAttribute("aria-valuetext", isSet ? given : `not set, ${text.placeholder}`);
    }

    mebibytes(given, size) {
      if (given === undefined) return Number(size ?? 0n) / MIB;
      try {
        return Number(Model.parseSize(given)) / MIB;
      } catch {
        return NaN;
      }
    }

    tell(now) {
      const changed = this.changes();
      this.answer.className = `answer ${now.ok ? "accepted" : "refused"}`;
      if (now.error) {
        this.answer.replaceChildren(element("strong", {}, "Flink refuses: "), now.error.message,
          ...(now.error.causes ?? []).map((cause) => element("div", { class: "source" }, `caused by: ${cause.message}`)));
        return;
      }
      const short = POOLS.filter(([pool]) => this.fits(pool, now.ok) === false).map(([, title]) => title);
      const fit = short.length === 0 ? "every measured peak would fit" : `measured peaks would not fit: ${short.join(", ")}`;
      const what = changed === 0 ? "The configuration as it is" : `${changed} ${changed === 1 ? "option" : "options"} changed`;
      this.answer.replaceChildren(element("strong", {}, "Flink accepts. "), `${what}; ${fit}.`);
    }

    changes() {
      const keys = new Set([...Object.keys(this.settings), ...Object.keys(this.data.settings)]);
      return [...keys].filter((key) => this.settings[key] !== this.data.settings[key]).length;
    }

    /// Whether the measured peak of a pool is within it; undefined where it was not measured.
    fits(pool, pools) {
      const peak = this.data.peaks[pool];
      const size = pools?.[pool];
      return peak === undefined || size === undefined ? undefined : BigInt(peak.bytes) <= size;
    }

    row(pool, title, depth, pools) {
      const before = this.before.ok?.[pool];
      const after = pools?.[pool];
      const peak = this.data.peaks[pool];
      const fits = this.fits(pool, pools);
      const size = (value) => (value === undefined ? "–" : bytes(Number(value)));
      const difference = before === undefined || after === undefined ? 0n : after - before;
      const change = difference === 0n ? "" : `${difference > 0n ? "+" : "−"}${bytes(Math.abs(Number(difference)))}`;
      const cell = (text, more = {}) => element("td", { class: "number", ...more }, text);
      const name = element("th", { scope: "row", class: `depth-${depth}` }, title);
      return element("tr", { class: difference === 0n ? "" : "strong", "data-pool": pool }, name, cell(size(before)), cell(size(after)),
        cell(change), cell(peak === undefined ? "–" : bytes(peak.bytes), { title: peak?.how }),
        cell(fits === undefined ? "" : fits ? "yes" : "no", { class: `number${fits === false ? " misfit" : ""}` }));
    }
  }

  return { draw: (section, data) => new Form(section, data) };
})();

// Flink's memory model since 1.10 (JobManager: 1.11), as `analyzer/src/model` has it: options to every pool, or Flink's refusal.
//
// `rules` come with the page: the options with their keys and defaults, and how this release behaves. So versions are compared
// in one place only, in Rust. A test holds every answer against the Rust model's.
const Model = (() => {
  const { MAX, trim, parseInt32, parseDouble, parseFloat32, times, toThreePlaces, toText } = JavaNumber;
  const MIB = 1n << 20n;

  /// Flink's exception, with what it was caused by.
  class Refusal extends Error {
    constructor(type, message, causes = []) {
      super(message);
      this.type = type;
      this.causes = causes;
    }

    get isConfiguration() {
      return this.type === CONFIGURATION;
    }

    causedBy(cause) {
      const own = { class: cause.type, message: cause.message };
      return new Refusal(this.type, this.message, [...this.causes, own, ...cause.causes]);
    }

    wrapped(prefix) {
      return this.isConfiguration ? configuration(prefix + this.message).causedBy(this) : this;
    }

    explained(message) {
      return this.isConfiguration ? configuration(message).causedBy(this) : this;
    }

    toJSON() {
      const causes = this.causes.length > 0 ? { causes: this.causes } : {};
      return { class: this.type, message: this.message, ...causes };
    }
  }

  const CONFIGURATION = "org.apache.flink.configuration.IllegalConfigurationException";
  const configuration = (message) => new Refusal(CONFIGURATION, message);
  const argument = (message) => new Refusal("java.lang.IllegalArgumentException", message);
  const numberFormat = (message) => new Refusal("java.lang.NumberFormatException", message);
  const notANumber = (text) => numberFormat(`For input string: "${text}"`);
  const longOverflow = () => new Refusal("java.lang.ArithmeticException", "long overflow");
  const unparsable = (text, key) => argument(`Could not parse value '${text}' for key '${key}'.`);

  // Sizes.

  const UNITS = new Map([
    ["", 0n], ["b", 0n], ["bytes", 0n],
    ["k", 10n], ["kb", 10n], ["kibibytes", 10n],
    ["m", 20n], ["mb", 20n], ["mebibytes", 20n],
    ["g", 30n], ["gb", 30n], ["gibibytes", 30n],
    ["t", 40n], ["tb", 40n], ["tebibytes", 40n],
  ]);

  /// Reads a size as Flink does: digits, then a unit of 1,024s, blanks around either.
  function parseSize(text) {
    const trimmed = trim(text);
    if (trimmed === "") throw argument("argument is an empty- or whitespace-only string");
    const digits = /^[0-9]*/.exec(trimmed)[0];
    if (digits === "") throw numberFormat("text does not start with a number");
    const value = BigInt(digits);
    if (value > MAX) {
      throw argument(`The value '${digits}' cannot be re represented as 64bit number (numeric overflow).`);
    }
    const unit = trim(trimmed.slice(digits.length)).toLowerCase();
    if (!UNITS.has(unit)) throw argument(unknownUnit(unit));
    const bytes = value << UNITS.get(unit);
    if (bytes > MAX) {
      throw argument(`The value '${text}' cannot be re represented as 64bit number of bytes (numeric overflow).`);
    }
    return bytes;
  }

  const unknownUnit = (unit) =>
    `Memory size unit '${unit}' does not match any of the recognized units: (b | bytes) / (k | kb | kibibytes) / ` +
    "(m | mb | mebibytes) / (g | gb | gibibytes) / (t | tb | tebibytes)";

  /// As Flink prints sizes: `1.172gb (1258291200 bytes)`.
  function print(bytes) {
    const units = [["tb", 40n], ["gb", 30n], ["mb", 20n], ["kb", 10n]];
    const found = units.find(([, shift]) => bytes > 1n << shift);
    if (!found) return `${bytes} bytes`;
    const [unit, shift] = found;
    return `${toThreePlaces(Number(bytes) / 2 ** Number(shift))}${unit} (${bytes} bytes)`;
  }

  function plus(...sizes) {
    return sizes.reduce((sum, size) => {
      if (sum + size > MAX) throw longOverflow();
      return sum + size;
    }, 0n);
  }

  function minus(size, other) {
    if (other > size) throw argument("bytes must be >= 0");
    return size - other;
  }

  function share(size, factor) {
    const product = times(size, factor);
    if (product === null) throw longOverflow();
    return product;
  }

  // Options.

  /// Typed reads of options, with Flink's failures.
  class Reader {
    constructor(settings, behaviour) {
      this.settings = settings;
      this.is = behaviour;
    }

    /// The value under the proper key, else under a deprecated one.
    text(option) {
      const key = [option.key, ...option.deprecated].find((name) => Object.hasOwn(this.settings, name));
      return key === undefined ? null : this.settings[key];
    }

    has(option) {
      return this.text(option) !== null;
    }

    size(option) {
      const text = this.text(option);
      if (text === null) return null;
      try {
        return parseSize(text);
      } catch (cause) {
        const unread = configuration(`Cannot read memory size from config option '${option.key}'.`);
        throw unread.causedBy(unparsable(text, option.key).causedBy(cause));
      }
    }

    sizeOr(option, otherwise) {
      return this.size(option) ?? otherwise;
    }

    sizeOrDefault(option) {
      return this.sizeOr(option, option.default === null ? 0n : parseSize(option.default));
    }

    /// A value that `parse` makes of the text, or null where it is not set.
    parsed(option, parse, complain) {
      const text = this.text(option);
      if (text === null) return null;
      const value = parse(text);
      if (value === null) throw unparsable(text, option.key).causedBy(complain(text));
      return value;
    }

    fraction(option) {
      return this.parsed(option, parseFloat32, notAFloat) ?? parseFloat32(option.default);
    }

    double(option) {
      return this.parsed(option, parseDouble, notAFloat);
    }

    int(option) {
      return this.parsed(option, parseInt32, notANumber);
    }

    boolean(option) {
      const values = new Map([["TRUE", true], ["FALSE", false]]);
      const parse = (text) => values.get(text.toUpperCase()) ?? null;
      const complain = (text) =>
        argument(`Unrecognized option for boolean: ${text}. Expected either true or false(case insensitive)`);
      return this.parsed(option, parse, complain) ?? option.default === "true";
    }
  }

  function notAFloat(text) {
    const trimmed = trim(text);
    return trimmed === "" ? numberFormat("empty String") : notANumber(trimmed);
  }

  function printOption(option) {
    const fallbacks = option.deprecated.map((key) => `{key=${key}, isDeprecated=true}`);
    return `Key: '${option.key}' , default: ${option.default} (fallback keys: [${fallbacks.join(", ")}])`;
  }

  // A share with a minimum and a maximum.

  class Range {
    constructor(min, max, fraction) {
      this.min = min;
      this.max = max;
      this.fraction = fraction;
    }

    static read(reader, fractionOption, bounds) {
      const min = bounds ? reader.sizeOrDefault(bounds.min) : 0n;
      const max = bounds ? reader.sizeOr(bounds.max, bounds.maxDefault) : MAX;
      const range = new Range(min, max, reader.fraction(fractionOption));
      range.check(fractionOption);
      return range;
    }

    check(option) {
      const { min, max, fraction } = this;
      const isShare = fraction >= 0 && fraction < 1;
      if (min <= max && isShare) return;
      const cause = min > max ? "min value must be less or equal to max value" : "fraction must be in range [0, 1)";
      const message =
        `Inconsistently configured ${printOption(option)} (${toText(fraction)}) and its min (${print(min)}), ` +
        `max (${print(max)}) value`;
      throw configuration(message).causedBy(argument(cause));
    }

    contains(size) {
      return size >= this.min && size <= this.max;
    }

    capped(size) {
      if (size > this.max) return this.max;
      return size < this.min ? this.min : size;
    }

    shareOf(base) {
      return this.capped(share(base, this.fraction));
    }

    /// As much as makes up the share when added to `others`.
    addedTo(others) {
      return this.capped(share(others, this.fraction / (1 - this.fraction)));
    }
  }

  // What surrounds Flink's memory: metaspace and overhead, the same for both processes.

  const metaspace = (reader, options) => reader.sizeOr(options.metaspace, BigInt(reader.is.metaspace_default_bytes));

  function overheadRange(reader, options) {
    const bounds = { min: options.overhead_min, max: options.overhead_max, maxDefault: 1024n * MIB };
    return Range.read(reader, options.overhead_fraction, bounds);
  }

  function withinProcess(reader, options, process) {
    const around = { metaspace: metaspace(reader, options) };
    around.overhead = overheadRange(reader, options).shareOf(process);
    const sum = plus(around.metaspace, around.overhead);
    if (sum > process) {
      throw configuration(
        `Sum of configured JVM Metaspace (${print(around.metaspace)}) and JVM Overhead (${print(around.overhead)}) ` +
          `exceed configured Total Process Memory (${print(process)}).`,
      );
    }
    return { around, flink: process - sum };
  }

  function aroundFlink(reader, options, flink) {
    const around = { metaspace: metaspace(reader, options) };
    const inner = plus(flink, around.metaspace);
    around.overhead = reader.has(options.process)
      ? restAsOverhead(reader, options, flink, around.metaspace, inner)
      : overheadRange(reader, options).addedTo(inner);
    return around;
  }

  function restAsOverhead(reader, options, flink, metaspaceSize, inner) {
    const process = reader.size(options.process);
    if (process < inner && reader.is.small_process_message) {
      throw configuration(
        `The configured Total Process Memory size (${print(process)}) is less than the sum of the derived Total Flink ` +
          `Memory size (${print(flink)}) and the configured or default JVM Metaspace size  (${print(metaspaceSize)}).`,
      );
    }
    const overhead = minus(process, inner);
    const range = overheadRange(reader, options);
    if (!range.contains(overhead)) {
      throw configuration(
        `Derived JVM Overhead size (${print(overhead)}) is not in configured JVM Overhead range ` +
          `[${print(range.min)}, ${print(range.max)}].`,
      );
    }
    // Flink compares the two for a line in its log, and fails where the product does not fit.
    if (reader.has(options.overhead_fraction)) share(process, range.fraction);
    return overhead;
  }

  // The TaskManager.

  function taskManager(reader, options) {
    const prefix = reader.is.task_manager_prefix ? "TaskManager memory configuration failed: " : null;
    return prefixed(prefix, () => {
      const { inside, around, flink, process } = taskManagerPools(reader, options);
      checkCpu(reader, options);
      if (reader.is.slots_in_derivation) reader.int(options.slots);
      const heap = inside.framework_heap + inside.task_heap;
      const direct = inside.framework_off_heap + inside.task_off_heap + inside.network;
      return {
        ...inside,
        jvm_metaspace: around.metaspace,
        jvm_overhead: around.overhead,
        total_flink: flink,
        total_process: process,
        jvm_heap: heap,
        jvm_direct: direct > MAX ? MAX : direct,
      };
    });
  }

  /// Three ways in, by what is set.
  function taskManagerPools(reader, options) {
    if (reader.has(options.task_heap) && reader.has(options.managed)) return fromParts(reader, options);
    if (reader.has(options.flink)) {
      const flink = reader.size(options.flink);
      const inside = divide(reader, options, flink);
      const around = aroundFlink(reader, options, flink);
      return { inside, around, flink, process: plus(flink, around.metaspace, around.overhead) };
    }
    if (reader.has(options.process)) {
      const process = reader.size(options.process);
      const { around, flink } = withinProcess(reader, options, process);
      return { inside: divide(reader, options, flink), around, flink, process };
    }
    throw nothingSet(reader, options);
  }

  function nothingSet(reader, options) {
    const { task_heap, managed, flink, process } = options;
    return configuration(
      reader.is.wording_of_1_10
        ? `Either Task Heap Memory size (${task_heap.key}) and Managed Memory size (${managed.key}), or Total Flink Memory ` +
            `size (${flink.key}), or Total Process Memory size (${process.key}) need to be configured explicitly.`
        : `Either required fine-grained memory (${task_heap.key} and ${managed.key}), or Total Flink Memory size ` +
            `(${printOption(flink)}), or Total Process Memory size (${printOption(process)}) need to be configured explicitly.`,
    );
  }

  /// Task heap and managed memory are set: the rest is added.
  function fromParts(reader, options) {
    const task_heap = reader.sizeOrDefault(options.task_heap);
    const managed = reader.sizeOrDefault(options.managed);
    const fixed = readFixed(reader, options);
    const others = allButNetwork(fixed, task_heap, managed);
    const configured = reader.size(options.flink);
    let network;
    if (configured !== null) network = networkAsRest(reader, options, fixed, task_heap, managed, configured);
    else if (usesNumberOfBuffers(reader, options)) network = networkFromBuffers(reader, options);
    else network = networkRange(reader, options).addedTo(others);
    const flink = plus(others, network);
    const around = aroundFlink(reader, options, flink);
    const process = plus(flink, around.metaspace, around.overhead);
    return { inside: { ...fixed, task_heap, managed, network }, around, flink, process };
  }

  function divide(reader, options, flink) {
    const fixed = readFixed(reader, options);
    if (reader.has(options.task_heap)) {
      const task_heap = reader.sizeOrDefault(options.task_heap);
      const managed = managedMemory(reader, options, flink);
      const network = networkAsRest(reader, options, fixed, task_heap, managed, flink);
      return { ...fixed, task_heap, managed, network };
    }
    const managed = managedMemory(reader, options, flink);
    const network = usesNumberOfBuffers(reader, options)
      ? networkFromBuffers(reader, options)
      : networkRange(reader, options).shareOf(flink);
    const others = plus(fixed.framework_heap, fixed.framework_off_heap, fixed.task_off_heap, managed, network);
    if (others > flink) {
      throw configuration(
        `Sum of configured Framework Heap Memory (${print(fixed.framework_heap)}), Framework Off-Heap Memory ` +
          `(${print(fixed.framework_off_heap)}), Task Off-Heap Memory (${print(fixed.task_off_heap)}), Managed Memory ` +
          `(${print(managed)}) and Network Memory (${print(network)}) exceed configured Total Flink Memory (${print(flink)}).`,
      );
    }
    return { ...fixed, task_heap: flink - others, managed, network };
  }

  function readFixed(reader, options) {
    return {
      framework_heap: reader.sizeOrDefault(options.framework_heap),
      framework_off_heap: reader.sizeOrDefault(options.framework_off_heap),
      task_off_heap: reader.sizeOrDefault(options.task_off_heap),
    };
  }

  const allButNetwork = (fixed, taskHeap, managed) =>
    plus(fixed.framework_heap, fixed.framework_off_heap, taskHeap, fixed.task_off_heap, managed);

  function managedMemory(reader, options, flink) {
    const size = reader.size(options.managed);
    return size ?? Range.read(reader, options.managed_fraction, null).shareOf(flink);
  }

  function networkRange(reader, options) {
    const maxDefault = BigInt(reader.is.network_max_default_bytes);
    return Range.read(reader, options.network_fraction, { min: options.network_min, max: options.network_max, maxDefault });
  }

  /// Network memory was set as a number of buffers, and in no newer way.
  function usesNumberOfBuffers(reader, options) {
    const newer = [options.network_min, options.network_max, options.network_fraction];
    return reader.is.legacy_options && !newer.some((option) => reader.has(option)) && reader.has(options.number_of_buffers);
  }

  function networkFromBuffers(reader, options) {
    const buffers = BigInt(reader.int(options.number_of_buffers) ?? 0);
    const size = buffers * segmentSize(reader, options);
    if (size < 0n) throw argument("bytes must be >= 0");
    return size;
  }

  function segmentSize(reader, options) {
    const bytes = reader.sizeOrDefault(options.segment);
    const invalid = (reason) =>
      configuration(`Invalid configuration value for ${options.segment.key} : ${bytes} - ${reason}`);
    if (bytes > 2147483647n) throw argument(`Cannot downcast long value ${bytes} to integer.`);
    if (bytes < 4096n) throw invalid("Minimum memory segment size is 4096");
    if ((bytes & (bytes - 1n)) !== 0n) throw invalid("Memory segment size must be a power of 2.");
    return bytes;
  }

  /// Network memory is what the others leave of Flink's; it must be what the network options allow.
  function networkAsRest(reader, options, fixed, taskHeap, managed, flink) {
    const others = allButNetwork(fixed, taskHeap, managed);
    if (others > flink) {
      throw configuration(
        `Sum of configured Framework Heap Memory (${print(fixed.framework_heap)}), Framework Off-Heap Memory ` +
          `(${print(fixed.framework_off_heap)}), Task Heap Memory (${print(taskHeap)}), Task Off-Heap Memory ` +
          `(${print(fixed.task_off_heap)}) and Managed Memory (${print(managed)}) exceed configured Total Flink Memory ` +
          `(${print(flink)}).`,
      );
    }
    const network = flink - others;
    explained(NETWORK_IS_THE_REST, () => checkNetwork(reader, options, network, flink));
    return network;
  }

  const NETWORK_IS_THE_REST =
    "If Total Flink, Task Heap and (or) Managed Memory sizes are explicitly configured then the Network Memory size is the " +
    "rest of the Total Flink memory after subtracting all other configured types of memory, but the derived Network Memory " +
    "is inconsistent with its configuration.";

  function checkNetwork(reader, options, network, flink) {
    if (usesNumberOfBuffers(reader, options)) {
      const configured = networkFromBuffers(reader, options);
      if (network === configured) return;
      throw configuration(
        `Derived Network Memory size (${print(network)}) does not match configured Network Memory size (${print(configured)}).`,
      );
    }
    const range = networkRange(reader, options);
    if (!range.contains(network)) {
      throw configuration(
        `Derived Network Memory size (${print(network)}) is not in configured Network Memory range ` +
          `[${print(range.min)}, ${print(range.max)}].`,
      );
    }
    // As with overhead: compared for the log only.
    if (reader.has(options.network_fraction)) share(flink, range.fraction);
  }

  /// CPU cores are no memory, but part of Flink's derivation, and able to refuse it.
  function checkCpu(reader, options) {
    const cores = reader.double(options.cpu) ?? reader.int(options.slots) ?? 1;
    if (cores <= 0) {
      throw configuration(
        `TaskExecutors need to be started with a positive number of CPU cores. Please configure ${options.cpu.key} accordingly.`,
      );
    }
    if (Number.isFinite(cores)) return;
    const first = Number.isNaN(cores) ? "N" : "I";
    throw numberFormat(
      `Character ${first} is neither a decimal digit number, decimal point, nor "e" notation exponential mark.`,
    );
  }

  // The JobManager.

  function jobManager(reader, options) {
    const prefix = reader.is.job_manager_prefix ? "JobManager memory configuration failed: " : null;
    const { inside, around, flink, process } = prefixed(prefix, () => jobManagerPools(reader, options));
    const limit = reader.boolean(options.direct_limit) ? { jvm_direct: inside.off_heap } : {};
    return {
      jvm_heap: inside.heap,
      off_heap: inside.off_heap,
      jvm_metaspace: around.metaspace,
      jvm_overhead: around.overhead,
      total_flink: flink,
      total_process: process,
      ...limit,
    };
  }

  function jobManagerPools(reader, options) {
    const added = (inside) => {
      const flink = plus(inside.heap, inside.off_heap);
      const around = aroundFlink(reader, options, flink);
      return { inside, around, flink, process: plus(flink, around.metaspace, around.overhead) };
    };
    if (reader.has(options.heap)) return added(fromHeap(reader, options));
    const size = reader.size(options.flink);
    if (size !== null) return added(divideJobManager(reader, options, size));
    const process = reader.size(options.process);
    if (process === null) {
      throw configuration(
        `Either required fine-grained memory (${options.heap.key}), or Total Flink Memory size (${printOption(options.flink)}), ` +
          `or Total Process Memory size (${printOption(options.process)}) need to be configured explicitly.`,
      );
    }
    const { around, flink } = withinProcess(reader, options, process);
    return { inside: divideJobManager(reader, options, flink), around, flink, process };
  }

  /// The heap is set; with Flink's memory set too, the two and the off-heap size must agree.
  function fromHeap(reader, options) {
    const heap = reader.sizeOrDefault(options.heap);
    const flink = reader.size(options.flink);
    if (flink === null) return { heap, off_heap: reader.sizeOrDefault(options.off_heap) };
    if (reader.has(options.off_heap)) {
      const off_heap = reader.sizeOrDefault(options.off_heap);
      if (plus(heap, off_heap) === flink) return { heap, off_heap };
      throw configuration(
        `Sum of the configured JVM Heap Memory (${print(heap)}) and the configured Off-heap Memory (${print(off_heap)}) does ` +
          `not match the configured Total Flink Memory (${print(flink)}). ${ONE_ONLY}`,
      );
    }
    if (flink < heap) {
      throw configuration(
        `The configured JVM Heap Memory (${print(heap)}) exceeds the configured Total Flink Memory (${print(flink)}). ${ONE_ONLY}`,
      );
    }
    return { heap, off_heap: flink - heap };
  }

  const ONE_ONLY =
    "Please, make the configuration consistent or configure only one option: either JVM Heap or Total Flink Memory.";

  function divideJobManager(reader, options, flink) {
    const off_heap = reader.sizeOrDefault(options.off_heap);
    if (flink <= off_heap) {
      throw configuration(
        `The configured Total Flink Memory (${print(flink)}) is less than the configured Off-heap Memory (${print(off_heap)}).`,
      );
    }
    return { heap: flink - off_heap, off_heap };
  }

  // Heap options of before 1.10, which 1.x translates.

  function translated(reader, options, question) {
    const isContainer = question.deployment === "container";
    const ofScript = question.process === "tm" ? options.flink : options.heap;
    const target = isContainer ? options.process : ofScript;
    if (!reader.is.legacy_options || reader.has(target)) return reader;
    const found = prefixed(legacyPrefix(reader, question.process), () => legacyHeap(reader, options, question));
    if (found === null) return reader;
    return new Reader({ ...reader.settings, [target.key]: `${found}b` }, reader.is);
  }

  function legacyPrefix(reader, process) {
    if (process === "tm") {
      const prefix = "TaskManager failed to map legacy JVM heap option to the new one: ";
      return reader.is.task_manager_prefix ? prefix : null;
    }
    return reader.is.job_manager_prefix ? "JobManager memory configuration failed: " : null;
  }

  /// The environment variable, the size, or the mebibytes: the first that is there.
  function legacyHeap(reader, options, question) {
    if (question.heap !== undefined) {
      try {
        return parseSize(question.heap);
      } catch (cause) {
        const message = `Cannot read total process memory size from environment variable value ${question.heap}.`;
        throw configuration(message).causedBy(cause);
      }
    }
    const size = reader.size(options.legacy_heap);
    if (size !== null) return size;
    const mebibytes = reader.int(options.legacy_heap_mb);
    if (mebibytes === null) return null;
    if (mebibytes < 0) {
      throw configuration(`Configured total process memory size (${mebibytes}MB) must not be less than 0.`);
    }
    return BigInt(mebibytes) * MIB;
  }

  function prefixed(prefix, derive) {
    try {
      return derive();
    } catch (refusal) {
      throw prefix !== null && refusal instanceof Refusal ? refusal.wrapped(prefix) : refusal;
    }
  }

  function explained(message, check) {
    try {
      check();
    } catch (refusal) {
      throw refusal instanceof Refusal ? refusal.explained(message) : refusal;
    }
  }

  /// Derives a configuration as Flink would: `{ ok: pools }`, in bytes, or `{ error: refusal }`.
  ///
  /// `question` has `process` (`tm` or `jm`), `settings` (text by key), and where they matter `deployment` (`container` on YARN and
  /// Kubernetes) and `heap` (`FLINK_TM_HEAP` or `FLINK_JM_HEAP`).
  function derive(rules, question) {
    const options = rules.options[question.process];
    try {
      const reader = translated(new Reader(question.settings, rules.behaviour), options, question);
      return { ok: question.process === "tm" ? taskManager(reader, options) : jobManager(reader, options) };
    } catch (refusal) {
      if (refusal instanceof Refusal) return { error: refusal.toJSON() };
      throw refusal;
    }
  }

  return { derive, parseSize };
})();

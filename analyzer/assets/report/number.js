// Numbers as Java and Flink read, compute and print them. Sizes are BigInt, for they have 63 bits.
const JavaNumber = (() => {
  const MAX = (1n << 63n) - 1n;

  /// Java's String.trim: every character up to the blank is white space.
  const trim = (text) => text.replace(/^[\0-\x20]+|[\0-\x20]+$/g, "");

  /// Integer.parseInt; null for what it refuses.
  function parseInt32(text) {
    if (!/^[+-]?[0-9]+$/.test(text)) return null;
    const value = Number(text);
    return value >= -2147483648 && value <= 2147483647 ? value : null;
  }

  /// Double.parseDouble; null for what it refuses.
  function parseDouble(text) {
    const trimmed = trim(text);
    const special = /^([+-]?)(NaN|Infinity)$/.exec(trimmed);
    if (special) {
      if (special[2] === "NaN") return NaN;
      return special[1] === "-" ? -Infinity : Infinity;
    }
    const hexadecimal = /^([+-]?)0[xX](.*)$/.exec(trimmed);
    if (hexadecimal) return parseHexadecimal(hexadecimal[1], hexadecimal[2]);
    const digits = trimmed.replace(/[fFdD]$/, "");
    return /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(digits) ? Number(digits) : null;
  }

  function parseHexadecimal(sign, text) {
    const parts = /^([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?[0-9]+)[fFdD]?$/.exec(text);
    if (!parts || parts[1] + parts[2] === "") return null;
    let value = 0;
    for (const digit of parts[1] + parts[2]) value = value * 16 + Number.parseInt(digit, 16);
    const scaled = value * 2 ** (Number(parts[3]) - 4 * parts[2].length);
    return sign === "-" ? -scaled : scaled;
  }

  /// Float.parseFloat, widened. Rounded twice, which differs from Java only half-way between two floats.
  function parseFloat32(text) {
    const value = parseDouble(text);
    return value === null ? null : Math.fround(value);
  }

  /// The shortest decimal that reads back as `value`, as digits and a power of ten; null where there is none.
  function shortest(value) {
    if (!Number.isFinite(value)) return null;
    const [mantissa, exponent] = Math.abs(value).toExponential().split("e");
    const [whole, places = ""] = mantissa.split(".");
    return { digits: BigInt(whole + places), exponent: Number(exponent) - places.length };
  }

  /// `decimal × 10^places`, cut.
  function scaled(decimal, places) {
    const power = decimal.exponent + places;
    return power < 0 ? decimal.digits / 10n ** BigInt(-power) : decimal.digits * 10n ** BigInt(power);
  }

  /// `size × factor` in decimal, cut to whole bytes; null beyond 63 bits.
  function times(size, factor) {
    const decimal = shortest(factor);
    if (decimal === null) return null;
    const product = { digits: size * decimal.digits, exponent: decimal.exponent };
    const result = scaled(product, 0);
    return result > MAX ? null : result;
  }

  /// With three decimal places, rounded half up on the decimal digits.
  function toThreePlaces(value) {
    const thousandths = ((scaled(shortest(value), 4) + 5n) / 10n).toString().padStart(4, "0");
    return `${thousandths.slice(0, -3)}.${thousandths.slice(-3)}`;
  }

  /// As Double.toString prints it.
  function toText(value) {
    if (Number.isNaN(value)) return "NaN";
    const sign = value < 0 || Object.is(value, -0) ? "-" : "";
    const decimal = shortest(value);
    if (decimal === null) return `${sign}Infinity`;
    if (decimal.digits === 0n) return `${sign}0.0`;
    const length = decimal.digits.toString().length;
    const digits = decimal.digits.toString().replace(/0+$/, "");
    const scientific = decimal.exponent + length - 1;
    const isPlain = scientific >= -3 && scientific < 7;
    return sign + (isPlain ? plain(digits, scientific) : `${digits[0]}.${digits.slice(1) || "0"}E${scientific}`);
  }

  function plain(digits, scientific) {
    if (scientific < 0) return `0.${"0".repeat(-scientific - 1)}${digits}`;
    const whole = digits.slice(0, scientific + 1).padEnd(scientific + 1, "0");
    return `${whole}.${digits.slice(scientific + 1) || "0"}`;
  }

  return { MAX, trim, parseInt32, parseDouble, parseFloat32, times, toThreePlaces, toText };
})();

//! Numbers as Java's parsers read them, where they differ from Rust's.

/// Java's `String.trim`: every character up to the blank is white space.
#[must_use]
pub(crate) fn java_trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// `Integer.parseInt`: an optional sign and digits, nothing around them.
#[must_use]
pub(crate) fn parse_int(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let only_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| text.parse().ok()).flatten()
}

/// `Float.parseFloat`, widened to a double.
#[must_use]
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    match literal(text)? {
        Literal::Special(value) => Some(value),
        Literal::Decimal(digits) => digits.parse::<f32>().ok().map(f64::from),
        // Hexadecimal floats are read with 64 bits and rounded once more; no configuration was seen to care.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounding to a float is what is asked for"
        )]
        Literal::Hexadecimal(value) => Some(f64::from(value as f32)),
    }
}

/// `Double.parseDouble`.
#[must_use]
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    match literal(text)? {
        Literal::Special(value) | Literal::Hexadecimal(value) => Some(value),
        Literal::Decimal(digits) => digits.parse().ok(),
    }
}

enum Literal<'a> {
    Special(f64),
    Decimal(&'a str),
    Hexadecimal(f64),
}

/// Tells Java's forms of a floating-point text apart; none for what Java refuses.
fn literal(text: &str) -> Option<Literal<'_>> {
    let text = java_trim(text);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match unsigned {
        "NaN" => return Some(Literal::Special(f64::NAN)),
        "Infinity" => return Some(Literal::Special(sign * f64::INFINITY)),
        _ => {}
    }
    let hexadecimal = unsigned
        .strip_prefix("0x")
        .or_else(|| unsigned.strip_prefix("0X"));
    if let Some(hexadecimal) = hexadecimal {
        return Some(Literal::Hexadecimal(sign * hexadecimal_float(hexadecimal)?));
    }
    let digits = without_type_suffix(text);
    let has_digit_or_point = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    // Rust's own parser checks the order of signs, digits, point and exponent, and agrees with Java on it.
    has_digit_or_point.then_some(Literal::Decimal(digits))
}

/// Java allows one letter that names the type.
fn without_type_suffix(text: &str) -> &str {
    text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text)
}

/// `<hex digits>[.<hex digits>]p<exponent>`, where the exponent is a decimal power of two and must be there.
fn hexadecimal_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent = without_type_suffix(exponent);
    let exponent: i32 = exponent
        .strip_prefix('+')
        .unwrap_or(exponent)
        .parse()
        .ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value.mul_add(16.0, f64::from(digit.to_digit(16)?));
    }
    let places = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    Some(value * 2.0_f64.powi(exponent.checked_sub(places)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_read_as_32_bits_and_widened() {
        assert_eq!(parse_float("0.1"), Some(0.100_000_001_490_116_12));
        assert_eq!(parse_float(" 1e-1 "), parse_float("0.1f"));
        assert_eq!(parse_float("0x1p-2"), Some(0.25));
        assert_eq!(parse_float("0x.8p0"), Some(0.5));
        assert_eq!(parse_float("1e-60"), Some(0.0));
        assert_eq!(parse_float("5."), Some(5.0));
        assert_eq!(parse_float(".5"), Some(0.5));
    }

    #[test]
    fn only_javas_spelling_of_infinity_counts() {
        assert_eq!(parse_double("-Infinity"), Some(f64::NEG_INFINITY));
        assert!(parse_double("NaN").is_some_and(f64::is_nan));
        for text in [
            "inf", "nan", "infinity", "0,5", "50%", "1/2", "", "0x1", "1_0", "1e", ".",
        ] {
            assert_eq!(parse_double(text), None, "{text}");
        }
    }

    #[test]
    fn integers_have_nothing_around_them() {
        assert_eq!(parse_int("+4"), Some(4));
        assert_eq!(parse_int("-2147483648"), Some(i32::MIN));
        for text in [" 4 ", "2147483648", "", "+", "1e1", "2.0", "+-1"] {
            assert_eq!(parse_int(text), None, "{text}");
        }
    }
}

//! What a plain YAML scalar means: the core schema of YAML 1.2, as the reader in Flink has it.

use crate::model::Value;

/// The meaning of a plain scalar; none for null. `1_000`, `yes` and `0b1` are text.
pub(super) fn resolve(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return None,
        "true" | "True" | "TRUE" => return Some(Value::from("true")),
        "false" | "False" | "FALSE" => return Some(Value::from("false")),
        ".nan" | ".NaN" | ".NAN" => return Some(Value::Double(f64::NAN)),
        _ => {}
    }
    let number = integer(text)
        .map(Value::Integer)
        .or_else(|| float(text).map(Value::Double));
    Some(number.unwrap_or_else(|| Value::from(text)))
}

/// Decimal with a sign, octal and hexadecimal without. What needs more than 128 bits stays text, which no option takes
/// for a number either.
fn integer(text: &str) -> Option<i128> {
    let digits_of = |digits: &str, radix: u32| {
        let all = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        all.then(|| i128::from_str_radix(digits, radix).ok())
            .flatten()
    };
    if let Some(octal) = text.strip_prefix("0o") {
        return digits_of(octal, 8);
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return digits_of(hexadecimal, 16);
    }
    let magnitude = digits_of(text.strip_prefix(['+', '-']).unwrap_or(text), 10)?;
    Some(if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}

fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
        return Some(sign * f64::INFINITY);
    }
    let mantissa_end = unsigned.find(['e', 'E']).unwrap_or(unsigned.len());
    let mantissa = unsigned.get(..mantissa_end)?;
    let has_digit = mantissa.bytes().any(|byte| byte.is_ascii_digit());
    let only_number = unsigned
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    (has_digit && only_number)
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_core_schema() {
        for (text, value) in [
            ("0x80000000", Value::Integer(0x8000_0000)),
            ("0o17", Value::Integer(15)),
            ("-12", Value::Integer(-12)),
            ("+007", Value::Integer(7)),
            (".2", Value::Double(0.2)),
            ("2.", Value::Double(2.0)),
            ("2e9", Value::Double(2e9)),
            ("-.inf", Value::Double(f64::NEG_INFINITY)),
        ] {
            assert_eq!(resolve(text), Some(value), "{text}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        for text in [
            "1_000",
            "0b1",
            "yes",
            "2 gb",
            "e5",
            ".",
            "1:30",
            "0o8",
            "2026-01-01",
        ] {
            assert_eq!(resolve(text), Some(Value::from(text)));
        }
    }

    #[test]
    fn nothing_and_a_tilde_are_null() {
        assert_eq!(resolve(""), None);
        assert_eq!(resolve("~"), None);
    }
}

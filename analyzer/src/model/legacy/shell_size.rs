//! Sizes as the start scripts of 1.10 and older read them, in bash.

use crate::model::java_number::java_trim;

/// What bash makes of a text that should be a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShellSize {
    /// So many bytes.
    Bytes(u64),
    /// The script printed an error instead, and went on.
    Error,
    /// A number that begins with 0 is octal to bash, and this one has an 8 or a 9.
    BadOctal,
}

/// Reads a size up to the first blank: the script does not quote it.
pub(super) fn parse(text: &str) -> ShellSize {
    let word = java_trim(text)
        .split([' ', '\t'])
        .next()
        .unwrap_or_default();
    let end = word
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(word.len());
    let (digits, unit) = word.split_at(end);
    let Some(shift) = unit_shift(unit) else {
        return match digits.is_empty() {
            true => ShellSize::Bytes(0),
            false => ShellSize::Error,
        };
    };
    let number = match digits.strip_prefix('0') {
        _ if digits.is_empty() => return ShellSize::Bytes(0),
        Some(octal) if !octal.is_empty() => match i64::from_str_radix(octal, 8) {
            Ok(number) => number,
            Err(_) => return ShellSize::BadOctal,
        },
        _ => match digits.parse::<i64>() {
            Ok(number) => number,
            Err(_) => return ShellSize::Error,
        },
    };
    let bytes = number
        .checked_mul(1 << shift)
        .and_then(|bytes| u64::try_from(bytes).ok());
    bytes.map_or(ShellSize::Error, ShellSize::Bytes)
}

fn unit_shift(unit: &str) -> Option<u32> {
    Some(match unit.to_lowercase().as_str() {
        "" | "b" | "bytes" => 0,
        "k" | "kb" | "kibibytes" => 10,
        "m" | "mb" | "mebibytes" => 20,
        "g" | "gb" | "gibibytes" => 30,
        "t" | "tb" | "tebibytes" => 40,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_ends_the_size_and_a_zero_makes_it_octal() {
        assert_eq!(parse("2777 m"), ShellSize::Bytes(2777));
        assert_eq!(parse("010k"), ShellSize::Bytes(8 << 10));
        assert_eq!(parse("0917504KibiBytes"), ShellSize::BadOctal);
        assert_eq!(parse("0g"), ShellSize::Bytes(0));
        assert_eq!(parse("9007199254740993k"), ShellSize::Error);
    }
}

//! Figures in lines: untrusted, so whatever is no figure is none.

/// The whole number that follows the first `before`.
pub(super) fn number_after(text: &str, before: &str) -> Option<u64> {
    let (_, rest) = text.split_once(before)?;
    leading_number(rest.trim_start())
}

/// The whole number that a text begins with.
pub(super) fn leading_number(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.get(..end.unwrap_or(text.len()))?.parse().ok()
}

/// The signed whole number that a text begins with, after blanks.
pub(super) fn leading_integer(text: &str) -> Option<i32> {
    let text = text.trim_start();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let number = i32::try_from(leading_number(digits)?).ok()?;
    number.checked_mul(sign)
}

/// `4.0 GB`, `30Mi`, `512M`, `1023.6 MB`: bytes, in powers of 1024 for all of them, as YARN, the JVM and Flink mean it; Kubernetes' decimal
/// units are told by the caller.
pub(super) fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.'));
    let (number, unit) = text.split_at_checked(end.unwrap_or(text.len()))?;
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim_start();
    let unit_end = unit.find(|c: char| !c.is_ascii_alphabetic());
    let factor = match unit.get(..unit_end.unwrap_or(unit.len()))? {
        "" | "B" | "b" => 1.0,
        "K" | "k" | "KB" | "kB" | "Ki" | "KiB" => 1024.0,
        "M" | "m" | "MB" | "Mi" | "MiB" => 1024.0 * 1024.0,
        "G" | "g" | "GB" | "Gi" | "GiB" => 1024.0 * 1024.0 * 1024.0,
        "T" | "t" | "TB" | "Ti" | "TiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number * factor;
    (bytes.is_finite() && bytes < 1e18).then(|| crate::units::to_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_all_sources() {
        assert_eq!(size("4.0 GB of 4 GB"), Some(4 << 30));
        assert_eq!(size("30Mi"), Some(30 << 20));
        assert_eq!(size("1125031936"), Some(1_125_031_936));
        assert_eq!(size("x"), None);
        assert_eq!(size("1e9 parsecs"), None);
    }

    #[test]
    fn numbers_neither_wrap_nor_panic() {
        assert_eq!(number_after("limit: 99999999999999999999", "limit: "), None);
        assert_eq!(leading_integer("-104"), Some(-104));
        assert_eq!(leading_integer("- 1"), None);
    }
}

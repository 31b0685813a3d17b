//! Exact decimal arithmetic on the shortest decimal form of a double, as Flink does it.
//!
//! Flink multiplies sizes by fractions in decimal: the fraction 0.1, read as a 32-bit float and widened, is the decimal
//! 0.10000000149011612 and not the binary number behind it. So a double is taken apart into its shortest digits.

/// `digits × 10^exponent`, not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    digits: u64,
    exponent: i32,
}

/// 10^38 is the largest power of ten in 128 bits.
const LARGEST_POWER: u32 = 38;

impl Decimal {
    /// The shortest decimal that reads back as `value`; none for infinities and for what is no number. The sign is
    /// dropped.
    #[must_use]
    pub(crate) fn shortest(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let text = format!("{:e}", value.abs());
        let (mantissa, exponent) = text.split_once('e')?;
        let places = mantissa.split_once('.').map_or(0, |(_, after)| after.len());
        let digits = mantissa.replace('.', "").parse().ok()?;
        let digits = even_of_two(value.abs(), digits, places);
        let exponent: i32 = exponent.parse().ok()?;
        Some(Self {
            digits,
            exponent: exponent - i32::try_from(places).ok()?,
        })
    }

    /// `factor × self`, cut to a whole number; none above 2^63 - 1.
    #[must_use]
    pub(crate) fn times_truncated(self, factor: u64) -> Option<u64> {
        let product = u128::from(factor) * u128::from(self.digits);
        let power = self.exponent.unsigned_abs();
        let result = if power > LARGEST_POWER {
            // The product is below 2^64 × 2^64 < 10^39, so nothing of it is left, or far too much.
            let vanishes = self.exponent < 0 || product == 0;
            return vanishes.then_some(0);
        } else if self.exponent < 0 {
            product / 10_u128.pow(power)
        } else {
            product.checked_mul(10_u128.pow(power))?
        };
        i64::try_from(result).ok().map(i64::unsigned_abs)
    }

    /// With three decimal places, rounded half up on the decimal digits.
    #[must_use]
    pub(crate) fn to_three_places(self) -> String {
        let thousandths = self.rounded_half_up(3);
        format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
    }

    /// Cut to `places` decimals, without trailing zeros.
    #[must_use]
    pub(crate) fn to_places_truncated(self, places: u32) -> String {
        let scaled = self.scaled(places);
        let unit = 10_u128.pow(places.min(LARGEST_POWER));
        let fraction = format!(
            "{:0width$}",
            scaled % unit,
            width = usize::try_from(places).unwrap_or_default()
        );
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            (scaled / unit).to_string()
        } else {
            format!("{}.{fraction}", scaled / unit)
        }
    }

    /// Divided by `divisor` and cut to `places` decimals; none when the divisor is 0.
    #[must_use]
    pub(crate) fn divided(self, divisor: u64, places: u32) -> Option<String> {
        let digits = self.scaled(places).checked_div(u128::from(divisor))?;
        Self {
            digits: u64::try_from(digits).ok()?,
            exponent: -i32::try_from(places).ok()?,
        }
        .to_places_truncated(places)
        .into()
    }

    /// `self × 10^places`, cut.
    fn scaled(self, places: u32) -> u128 {
        let exponent = self
            .exponent
            .saturating_add(i32::try_from(places).unwrap_or(i32::MAX));
        let power = exponent.unsigned_abs().min(LARGEST_POWER);
        if exponent < 0 {
            u128::from(self.digits) / 10_u128.pow(power)
        } else {
            u128::from(self.digits).saturating_mul(10_u128.pow(power))
        }
    }

    fn rounded_half_up(self, places: u32) -> u128 {
        (self.scaled(places + 1) + 5) / 10
    }

    /// As Java's `Double.toString` prints it.
    #[must_use]
    pub(crate) fn to_java(self) -> String {
        if self.digits == 0 {
            return "0.0".to_owned();
        }
        let digits = self.digits.to_string();
        let digits = digits.trim_end_matches('0');
        let length = i32::try_from(self.digits.to_string().len()).unwrap_or_default();
        let scientific = self.exponent + length - 1;
        if (-3..7).contains(&scientific) {
            plain(digits, scientific)
        } else {
            let (first, rest) = digits.split_at(1);
            let rest = if rest.is_empty() { "0" } else { rest };
            format!("{first}.{rest}E{scientific}")
        }
    }
}

/// Decimal places that tell a value half-way between two decimals from one that is only near: doubles that are shares have no more than 60.
const EXACT_PLACES: usize = 64;

/// Of two shortest decimals that are equally near Rust takes the upper one, Java the even one: the share 0.7472, a float, is
/// 0.74720001220703125, which Java prints as 0.7472000122070312.
fn even_of_two(value: f64, digits: u64, places: usize) -> u64 {
    let is_even = digits.is_multiple_of(2);
    if is_even {
        return digits;
    }
    let exact = format!("{value:.EXACT_PLACES$e}");
    let mantissa = exact.split_once('e').map_or("", |(mantissa, _)| mantissa);
    let (_, after) = mantissa.split_once('.').unwrap_or_default();
    let rest = after.get(places..).unwrap_or_default();
    let is_half_way = rest
        .strip_prefix('5')
        .is_some_and(|rest| rest.bytes().all(|digit| digit == b'0'));
    let lower = digits - 1;
    // The lower one is the value cut off, so its digits are the exact ones.
    match is_half_way && mantissa.replace('.', "").starts_with(&lower.to_string()) {
        true => lower,
        false => digits,
    }
}

/// `digits` with the point after `scientific + 1` of them, and at least one digit on either side.
fn plain(digits: &str, scientific: i32) -> String {
    let Ok(before_point) = usize::try_from(scientific + 1) else {
        return format!("0.{}{digits}", "0".repeat(leading_zeros(scientific)));
    };
    if before_point == 0 {
        return format!("0.{digits}");
    }
    match digits.split_at_checked(before_point) {
        Some((whole, "")) => format!("{whole}.0"),
        Some((whole, fraction)) => format!("{whole}.{fraction}"),
        None => format!("{digits}{}.0", "0".repeat(before_point - digits.len())),
    }
}

fn leading_zeros(scientific: i32) -> usize {
    usize::try_from(-scientific - 1).unwrap_or_default()
}

/// A double as Java's `Double.toString` prints it.
#[must_use]
pub(crate) fn java_double(value: f64) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    match Decimal::shortest(value) {
        Some(decimal) => format!("{sign}{}", decimal.to_java()),
        None if value.is_nan() => "NaN".to_owned(),
        None => format!("{sign}Infinity"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_widened_float_is_multiplied_by_its_shortest_digits() {
        let tenth = Decimal::shortest(f64::from(0.1_f32)).unwrap();
        // 10^17 × 0.10000000149011612 has no remainder, so every digit shows.
        assert_eq!(
            tenth.times_truncated(10_u64.pow(17)),
            Some(10_000_000_149_011_612)
        );
    }

    /// As `Double.toString` of Java 17, 21 and 25 prints them.
    #[test]
    fn half_way_between_two_decimals_the_even_one_counts() {
        for (share, java) in [
            (0.7472_f32, "0.7472000122070312"),
            (0.6847, "0.6847000122070312"),
            (0.800_087, "0.8000869750976562"),
            (0.1, "0.10000000149011612"),
        ] {
            assert_eq!(java_double(f64::from(share)), java);
        }
    }

    #[test]
    fn a_product_above_63_bits_is_none() {
        let two = Decimal::shortest(2.0).unwrap();
        assert_eq!(two.times_truncated((1 << 62) - 1), Some((1 << 63) - 2));
        assert_eq!(two.times_truncated(1 << 62), None);
    }

    #[test]
    fn extremes_neither_panic_nor_wrap() {
        let tiny = Decimal::shortest(f64::MIN_POSITIVE).unwrap();
        assert_eq!(tiny.times_truncated(u64::MAX), Some(0));
        let huge = Decimal::shortest(f64::MAX).unwrap();
        assert_eq!(huge.times_truncated(1), None);
        assert_eq!(huge.times_truncated(0), Some(0));
    }

    #[test]
    fn ties_round_up() {
        let tie = Decimal::shortest(0.0625).unwrap();
        assert_eq!(tie.to_three_places(), "0.063");
    }

    #[test]
    fn prints_doubles_as_java_does() {
        for (value, text) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-0.5, "-0.5"),
            (0.001, "0.001"),
            (1.0e-4, "1.0E-4"),
            (2.5e-7, "2.5E-7"),
            (9_999_999.0, "9999999.0"),
            (1.0e7, "1.0E7"),
            (2_147_483_648.0, "2.147483648E9"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(java_double(value), text);
        }
    }
}

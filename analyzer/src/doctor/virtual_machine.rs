//! Which JVM it is.

use super::Check;
use flinkmem_trace::Header;

/// Releases that the agent is tested with.
const TESTED: [u32; 4] = [11, 17, 21, 25];

/// HotSpot, of a release that is tested.
pub(super) fn checks(header: &Header) -> Vec<Check> {
    let jvm = &header.jvm;
    let name = jvm.vm_name.as_str();
    let shown = format!("{} of JDK {}", name, jvm.version);
    let is_hotspot = name.contains("HotSpot") || name.contains("OpenJDK");
    let vm = if is_hotspot {
        Check::ok("vm", shown)
    } else {
        Check::warning(
            "vm",
            format!("{shown} is not known to be HotSpot, whose internals some signals come from"),
            "expect less to be told, or use a JDK with HotSpot",
        )
    };
    vec![vm, release(&jvm.version)]
}

fn release(version: &str) -> Check {
    let feature = version
        .split(['.', '-', '+'])
        .next()
        .and_then(|feature| feature.parse().ok());
    match feature {
        Some(feature) if TESTED.contains(&feature) => Check::ok(
            "jdk",
            format!("JDK {feature} is one that flinkmem is tested with"),
        ),
        Some(feature) if (11..=25).contains(&feature) => Check::warning(
            "jdk",
            format!("JDK {feature} is between those that flinkmem is tested with (11, 17, 21, 25)"),
            "it should work; a release with long support is surer",
        ),
        _ => Check::warning(
            "jdk",
            format!("JDK {version} is not one that flinkmem is tested with (11, 17, 21, 25)"),
            "use one of these where you can",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;

    #[test]
    fn tested_releases_are_told_from_others() {
        for (version, outcome) in [
            ("11.0.25", Outcome::Ok),
            ("17", Outcome::Ok),
            ("19.0.2", Outcome::Warning),
            ("1.8.0_402", Outcome::Warning),
            ("27-ea", Outcome::Warning),
        ] {
            assert_eq!(release(version).outcome, outcome, "{version}");
        }
    }
}

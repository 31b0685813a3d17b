//! What Netty says, plain and shaded: it counts direct memory by itself where it allocates without a cleaner.

use super::fact::{DirectRefusal, Fact};
use super::figures::number_after;

pub(super) const NEEDLES: &[&str] = &["byte(s) of direct memory"];

pub(super) fn read(line: &str, facts: &mut Vec<Fact>) {
    if line.contains("failed to allocate ") {
        facts.push(Fact::DirectExhausted(DirectRefusal {
            requested: number_after(line, "failed to allocate "),
            used: number_after(line, "used: "),
            limit: number_after(line, "max: "),
            by_netty: true,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_nettys_own_counter() {
        let mut facts = Vec::new();
        read(
            "org.apache.flink.shaded.netty4.io.netty.util.internal.OutOfDirectMemoryError: failed to allocate 16777216 byte(s) of direct memory (used: 100, max: 120)",
            &mut facts,
        );
        let refusal = DirectRefusal {
            requested: Some(16_777_216),
            used: Some(100),
            limit: Some(120),
            by_netty: true,
        };
        assert_eq!(facts, [Fact::DirectExhausted(refusal)]);
    }
}

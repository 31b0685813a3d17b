//! Leaks and healthy processes of any shape.

use super::{OPEN, silent, verdict};
use crate::synth::{CACHE, ENRICHER, Jvm, KIB, MIB};
use flinkmem_analyzer::finding::Label;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A process whose user holds a varying number of buffers around a level, with garbage in between.
fn varying(levels: &[u64], young_every: u64, full_every: u64, leak_per_s: u64) -> Jvm {
    let mut jvm = Jvm::task_manager();
    let mut held = 0;
    jvm.run(1200, young_every, |jvm, second| {
        let want = levels[(second / 7) as usize % levels.len()];
        while held < want {
            jvm.allocate(CACHE, MIB).unwrap();
            held += 1;
        }
        while held > want {
            jvm.drop_oldest(CACHE, MIB);
            held -= 1;
        }
        if leak_per_s > 0 {
            jvm.allocate(ENRICHER, leak_per_s).unwrap();
        }
        if second % full_every == full_every - 1 {
            jvm.full_gc();
        }
    });
    jvm
}

/// The same cases at every run: a leak can be made as slow as one likes, and where it drowns in what varies is not sharp.
fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(20_260_101),
        ..ProptestConfig::with_cases(16)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_healthy_process_is_silent_however_its_use_varies(
        levels in prop::collection::vec(0u64..16, 30..170), young_every in 2u64..60, full_every in 40u64..200,
    ) {
        let jvm = varying(&levels, young_every, full_every, 0);
        prop_assume!(jvm.incidents == 0, "a pool that meets its limit is not healthy");
        silent(&jvm);
    }

    #[test]
    fn a_leak_is_found_under_a_use_that_varies(
        levels in prop::collection::vec(0u64..12, 30..170), young_every in 2u64..30, full_every in 40u64..200, kib in 25u64..60,
    ) {
        let finding = verdict(&varying(&levels, young_every, full_every, kib * KIB), Label::DirectLeak, OPEN);
        prop_assert!(finding.confidence >= 0.6);
    }
}

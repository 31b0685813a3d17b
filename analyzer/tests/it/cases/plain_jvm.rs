//! JVMs without Flink.

use super::{OPEN, diagnose, verdict};
use crate::synth::{ENRICHER, Jvm, MIB};
use flinkmem_analyzer::finding::Label;

#[test]
fn a_plain_jvm_gets_a_verdict_without_flinks_pools() {
    let mut jvm = Jvm::plain();
    jvm.run(300, 5, |jvm, _| {
        let _ = jvm.allocate(ENRICHER, MIB);
    });
    let report = diagnose(&jvm);
    assert_eq!(report.findings[0].label, Label::DirectLeak);
    let components: Vec<&str> = report.budget.iter().map(|line| line.component).collect();
    assert_eq!(components, ["jvm_heap", "jvm_direct", "jvm_metaspace"]);
}

#[test]
fn a_plain_jvm_that_needs_more_is_told_the_jvms_own_option() {
    let mut jvm = Jvm::plain();
    jvm.run(60, 5, |_, _| {});
    let failed = (0..60)
        .try_for_each(|_| jvm.allocate(ENRICHER, 4 * MIB))
        .is_err();
    assert!(failed);
    jvm.run(5, 5, |_, _| {});
    let finding = verdict(&jvm, Label::DirectUndersized, OPEN);
    assert!(
        finding.remedy.text.contains("-XX:MaxDirectMemorySize="),
        "{finding:#?}"
    );
    assert!(finding.remedy.config.is_empty());
}

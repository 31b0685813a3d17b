//! What became of the process.

use super::diagnose;
use crate::synth::{ENRICHER, Jvm, MIB, healthy};
use flinkmem_analyzer::case::{Case, OutcomeKind, Surroundings};
use flinkmem_analyzer::report::Report;
use serde_json::json;

#[test]
fn the_outcome_tells_an_orderly_end_from_a_kill() {
    let mut jvm = healthy();
    assert_eq!(diagnose(&jvm).outcome.kind, OutcomeKind::Unknown);
    jvm.cgroup =
        json!({"usage_bytes": 1000 * MIB, "limit_bytes": 1001 * MIB, "file_bytes": 3 * MIB});
    jvm.tick(1.0);
    assert_eq!(diagnose(&jvm).outcome.kind, OutcomeKind::Killed);
    jvm.cgroup =
        json!({"usage_bytes": 1000 * MIB, "limit_bytes": 1001 * MIB, "file_bytes": 600 * MIB});
    jvm.tick(1.0);
    assert_eq!(
        diagnose(&jvm).outcome.kind,
        OutcomeKind::Unknown,
        "page cache can be given back"
    );
    jvm.end();
    assert_eq!(diagnose(&jvm).outcome.kind, OutcomeKind::Exited);
}

#[test]
fn a_fresh_trace_is_of_a_running_process() {
    let jvm = healthy();
    let directory = tempfile::tempdir().unwrap();
    let case = Case::read(&jvm.write(directory.path())).unwrap();
    let last_ms = case.timeline.moments.last().unwrap().t_ms;
    let here = Surroundings {
        now_ms: last_ms + 900,
        host: "elsewhere".to_owned(),
    };
    assert_eq!(Report::of(&case, &here).outcome.kind, OutcomeKind::Running);
}

#[test]
fn a_direct_oom_ends_a_plain_jvm_but_not_a_task_manager() {
    let fill = |mut jvm: Jvm| {
        while jvm.allocate(ENRICHER, 8 * MIB).is_ok() {}
        jvm.end();
        diagnose(&jvm).outcome.kind
    };
    assert_eq!(fill(Jvm::plain()), OutcomeKind::JavaOom);
    assert_eq!(fill(Jvm::task_manager()), OutcomeKind::Exited);
}

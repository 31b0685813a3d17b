//! Traces that are followed as they grow, and directories of them.

use crate::replay::Replay;
use crate::synth::{
    ENRICHER, Jvm, KIB, burst_in_a_restart_loop, healthy, leak_to_the_limit, netty_over_the_limit,
};
use flinkmem_analyzer::case::{Case, Moment, OutcomeKind, Surroundings};
use flinkmem_analyzer::live::{Changes, Directory, Follower, Life};
use flinkmem_analyzer::report::Report;
use std::fs;
use std::path::Path;

fn elsewhere() -> Surroundings {
    Surroundings {
        now_ms: i64::MAX,
        host: "elsewhere".to_owned(),
    }
}

fn report(case: &Case) -> String {
    Report::of(case, &elsewhere()).to_json(true).unwrap()
}

/// As somebody reads it afterwards who leaves nothing out.
fn read_afterwards(directory: &Path) -> String {
    report(&Case::read_whole(directory).unwrap())
}

#[test]
fn what_is_followed_is_judged_as_what_is_read_afterwards() {
    let stories = [
        leak_to_the_limit(),
        burst_in_a_restart_loop(),
        netty_over_the_limit(),
        healthy(),
    ];
    for story in stories {
        for every in [1, 40, 333] {
            let parent = tempfile::tempdir().unwrap();
            let mut replay = Replay::begin(parent.path(), &story);
            let mut follower = Follower::open(&replay.directory()).unwrap();
            while replay.write(every) {
                follower.advance().unwrap();
            }
            follower.advance().unwrap();
            assert!(!follower.advance().unwrap(), "nothing was written");
            assert_eq!(
                report(follower.case()),
                read_afterwards(&replay.directory())
            );
        }
    }
}

#[test]
fn a_follower_that_comes_late_misses_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let mut replay = Replay::begin(parent.path(), &leak_to_the_limit());
    replay.write(100);
    let mut follower = Follower::open(&replay.directory()).unwrap();
    replay.write_all();
    follower.advance().unwrap();
    assert_eq!(
        report(follower.case()),
        read_afterwards(&replay.directory())
    );
}

#[test]
fn a_copy_that_takes_the_traces_place_is_read_anew() {
    let parent = tempfile::tempdir().unwrap();
    let mut replay = Replay::begin(parent.path(), &leak_to_the_limit());
    replay.write(60);
    let mut follower = Follower::open(&replay.directory()).unwrap();
    replay.write_all();
    for file in fs::read_dir(replay.directory()).unwrap() {
        let file = file.unwrap().path();
        let copy = file.with_extension("copy");
        fs::copy(&file, &copy).unwrap();
        fs::rename(&copy, &file).unwrap();
    }
    assert!(follower.advance().unwrap());
    assert_eq!(
        report(follower.case()),
        read_afterwards(&replay.directory())
    );
}

#[test]
fn a_long_life_is_kept_within_bounds_and_judged_alike() {
    let mut jvm = Jvm::task_manager();
    jvm.run(13_600, 20, |jvm, second| {
        // A peak of a second, early in what will be thinned.
        if second == 1_001 {
            jvm.allocate(ENRICHER, 40 << 20).unwrap();
            jvm.tick(0.5);
            jvm.drop_oldest(ENRICHER, u64::MAX);
            jvm.full_gc();
        }
        if second > 2_000 && jvm.incidents < 9 {
            let _ = jvm.allocate(ENRICHER, 10 * KIB);
        }
    });
    let parent = tempfile::tempdir().unwrap();
    let mut replay = Replay::begin(parent.path(), &jvm);
    let mut follower = Follower::open(&replay.directory()).unwrap();
    while replay.write(200) {
        follower.advance().unwrap();
        let timeline = &follower.case().timeline;
        assert!(timeline.moments.len() <= 10_000);
        assert!(timeline.snapshots.len() <= 2_400);
    }
    follower.advance().unwrap();
    assert!(follower.case().is_overview);

    let written = tempfile::tempdir().unwrap();
    let whole = Case::read_whole(&jvm.write(written.path())).unwrap();
    let early_peak = |case: &Case| {
        let is_early = |moment: &Moment| moment.up_ms < 1_500_000;
        let early = case.timeline.moments.iter().filter(|it| is_early(it));
        early.filter_map(Moment::direct_bytes).max()
    };
    assert_eq!(early_peak(follower.case()), early_peak(&whole));
    let [followed, whole] = [follower.case(), &whole].map(|case| {
        let report = Report::of(case, &elsewhere());
        let first = report.findings.first().expect("a leak of hours").clone();
        (first.label, first.severity, first.consumer.name)
    });
    assert_eq!(followed, whole);
}

#[test]
fn processes_come_and_go() {
    let parent = tempfile::tempdir().unwrap();
    let traces = parent.path().join("traces");
    let mut directory = Directory::new(&traces);
    assert_eq!(directory.refresh(&Surroundings::here()), Changes::default());
    assert!(directory.problem().unwrap().contains("No such file"));

    let mut one = Replay::begin_here(&traces, &healthy().with_pid(1));
    let mut two = Replay::begin_here(&traces, &healthy().with_pid(2));
    let names = vec![one.name(), two.name()];
    let here = Surroundings::here();
    let changes = directory.refresh(&here);
    assert_eq!(directory.problem(), None);
    assert_eq!((&changes.appeared, &changes.grown), (&names, &names));

    one.write(10);
    let changes = directory.refresh(&here);
    assert_eq!(changes.grown, [one.name()]);
    assert!(changes.appeared.is_empty() && changes.ended.is_empty());

    one.end();
    two.kill();
    let changes = directory.refresh(&here);
    assert_eq!(changes.ended, names);
    let outcome = |directory: &mut Directory, replay: &Replay| {
        let process = directory.get_mut(&replay.name()).unwrap();
        assert_eq!(process.life(), Life::Over);
        assert!(process.judge(&here));
        process.report().unwrap().outcome.kind
    };
    assert_eq!(outcome(&mut directory, &one), OutcomeKind::Exited);
    assert_eq!(outcome(&mut directory, &two), OutcomeKind::Unknown);
    assert_eq!(directory.refresh(&here), Changes::default());

    fs::remove_dir_all(one.directory()).unwrap();
    assert_eq!(directory.refresh(&here).gone, [one.name()]);
    fs::remove_dir_all(&traces).unwrap();
    assert_eq!(directory.refresh(&here).gone, [two.name()]);
    assert!(directory.problem().is_some());
}

#[test]
fn what_was_over_before_is_listed_and_not_read() {
    let parent = tempfile::tempdir().unwrap();
    let mut replay = Replay::begin_here(parent.path(), &healthy());
    replay.write(50);
    replay.end();
    let mut directory = Directory::new(parent.path());
    assert_eq!(directory.refresh(&Surroundings::here()), Changes::default());
    let process = directory.get(&replay.name()).unwrap();
    assert_eq!(process.life(), Life::Over);
    assert_eq!(process.header().pid, 4711);
    assert!(process.case().is_none() && process.report().is_none());
}

#[test]
fn a_process_of_another_host_lives_as_long_as_its_trace_grows_whatever_its_clock_says() {
    let parent = tempfile::tempdir().unwrap();
    let mut replay = Replay::begin(parent.path(), &healthy());
    replay.write(5);
    let mut directory = Directory::new(parent.path());
    let here = Surroundings::here();
    assert!(directory.refresh(&here).appeared.is_empty());
    replay.write(5);
    assert_eq!(directory.refresh(&here).appeared, [replay.name()]);
    let process = directory.get_mut(&replay.name()).unwrap();
    assert!(process.judge(&here));
    assert_eq!(process.report().unwrap().outcome.kind, OutcomeKind::Running);
}

#[test]
fn a_trace_that_cannot_be_read_is_told_once_and_taken_when_it_can() {
    let parent = tempfile::tempdir().unwrap();
    let mut replay = Replay::begin_here(parent.path(), &healthy());
    replay.write(5);
    let facts = replay.directory().join("facts.jsonl");
    let segment = replay.directory().join("samples-000000.jsonl");
    let whole = [fs::read(&facts).unwrap(), fs::read(&segment).unwrap()];
    fs::write(&facts, "").unwrap();
    fs::write(&segment, "").unwrap();
    let mut directory = Directory::new(parent.path());
    let here = Surroundings::here();
    // It may have just begun.
    assert_eq!(directory.refresh(&here), Changes::default());
    let told = directory.refresh(&here).unreadable;
    assert_eq!(told.len(), 1);
    assert!(told[0].1.contains("no readable header"), "{told:?}");
    assert_eq!(directory.refresh(&here), Changes::default());
    fs::write(&facts, &whole[0]).unwrap();
    fs::write(&segment, &whole[1]).unwrap();
    assert_eq!(directory.refresh(&here).appeared, [replay.name()]);
}

#[test]
fn nothing_is_judged_twice() {
    let parent = tempfile::tempdir().unwrap();
    let replay = Replay::begin_here(parent.path(), &leak_to_the_limit());
    let mut directory = Directory::new(parent.path());
    let here = Surroundings::here();
    let judge = |directory: &mut Directory| {
        directory.refresh(&here);
        directory.get_mut(&replay.name()).unwrap().judge(&here)
    };
    assert!(judge(&mut directory));
    assert!(!judge(&mut directory), "nothing was written");
}

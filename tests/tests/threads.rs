//! Threads by name pattern, who starts them, and what limits them.

use anyhow::{Context, Result};
use flinkmem_tests::skip::skipped;
use flinkmem_tests::{Cgroup, Jvm, Running, Step, Trace, on_every_jdk};
use flinkmem_trace::{Occasion, Record, ThreadCensus, ThreadGroup};

const LEAKED: &str = "uploader-#-of-attempt-#";

#[test]
fn a_thread_leak_is_one_pattern_with_its_creator() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "ThreadLeak")
            .arguments(["40", "60"])
            .agent("interval=20ms")
            .start()?;
        jvm.step("ready")?;
        wait_for_census(&mut jvm, |_| true)?;
        jvm.go_on()?;
        let leaked = jvm.step("leaked")?;
        let (trace, census) = census_after(&mut jvm, &leaked)?;
        let group = group(&census, LEAKED)?;
        assert_eq!((group.live, group.daemon), (40, 40), "{group:?}");
        assert_eq!((group.appeared, group.vanished), (40, 0), "{group:?}");
        assert_eq!(group.context_loaders, ["java.net.URLClassLoader"]);
        let leak = trace.sites_through("ThreadLeak.leak");
        assert_eq!(group.creators, leak, "{census:?}");
        let creator = |sites: &[u32]| {
            let mut creators = census.creators.iter();
            let found = creators.find(|creator| sites.contains(&creator.site));
            found.map(|creator| (creator.started, creator.live))
        };
        assert_eq!(creator(&leak), Some((40, 40)), "{census:?}");
        let pass = trace.sites_through("ThreadLeak.pass");
        assert_eq!(creator(&pass), Some((60, 0)), "{census:?}");
        assert_eq!((census.refused, census.dropped), (0, 0));
        assert!(census.started >= 100, "{census:?}");
        assert!(census.limits.kernel_threads_max.is_some());
        compare_with_the_kernel(&census)?;

        jvm.go_on()?;
        let ended = jvm.step("ended")?;
        let (_, census) = census_after(&mut jvm, &ended)?;
        let group = self::group(&census, LEAKED)?;
        assert_eq!((group.live, group.vanished), (0, 40), "{group:?}");
        assert_eq!(group.creators, [0; 0]);
        Ok(())
    })
}

/// Of the kernel's threads those that are none of Java's are the JVM's own.
fn compare_with_the_kernel(census: &ThreadCensus) -> Result<()> {
    let tasks = census.tasks.as_ref().context("no tasks")?;
    assert!(tasks.total > census.live, "{tasks:?}");
    let has = |pattern: &str| {
        tasks
            .native
            .iter()
            .any(|group| group.pattern.starts_with(pattern))
    };
    assert!(has("VM Thread"), "{tasks:?}");
    assert!(!has("uploader"), "{tasks:?}");
    let native: u64 = tasks.native.iter().map(|group| group.count).sum();
    // The thread that waits in `main` is called "java" or "main", as the launcher has it.
    let listed = native + tasks.others + census.live;
    assert!(listed.abs_diff(tasks.total) <= 3, "{census:?}");
    Ok(())
}

#[test]
fn many_starts_are_estimated() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "ThreadLeak")
            .arguments(["0", "3000"])
            .agent("interval=20ms")
            .start()?;
        jvm.step("ready")?;
        wait_for_census(&mut jvm, |_| true)?;
        jvm.go_on()?;
        let leaked = jvm.step("leaked")?;
        let (trace, census) = census_after(&mut jvm, &leaked)?;
        assert!(census.started >= 3000);
        let sites = trace.sites_through("ThreadLeak.pass");
        let of_site = census
            .creators
            .iter()
            .filter(|each| sites.contains(&each.site));
        let started: u64 = of_site.map(|creator| creator.started).sum();
        let known = started + census.dropped;
        assert!((1500..6000).contains(&known), "{started} {census:?}");
        assert!(census.groups.iter().map(|group| group.live).sum::<u64>() < 100);
        Ok(())
    })
}

#[test]
fn a_limit_on_threads_is_told_when_it_is_met() -> Result<()> {
    const LIMIT: u64 = 120;
    let group = match Cgroup::pids(LIMIT) {
        Ok(group) => group,
        Err(why) => {
            skipped(
                "a_limit_on_threads_is_told_when_it_is_met",
                format!("{why:#}"),
            );
            return Ok(());
        }
    };
    // Few threads of the JVM's own, so that the program meets the limit and not the JVM.
    let options = ["-XX:+UseSerialGC", "-XX:CICompilerCount=2"];
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "ThreadOom")
            .options(options)
            .within(&group)?
            .agent("interval=150ms")
            .start()?;
        jvm.step("ready")?;
        jvm.wait_for_trace("the first sample", |trace| {
            (!trace.samples.is_empty()).then_some(())
        })?;
        jvm.go_on()?;
        jvm.step("refused")?;
        let census = wait_for_census(&mut jvm, |census| {
            census.taken.occasion == Occasion::Incident
        })?;
        let limits = &census.limits;
        assert_eq!(limits.pids_max, Some(LIMIT), "{limits:?}");
        let directory = limits.pids_cgroup.as_deref().context("no cgroup")?;
        assert!(directory.contains("flinkmem-lab"), "{directory}");
        let hoarded = self::group(&census, "hoarded-#")?;
        assert!(hoarded.appeared > 40, "{hoarded:?}");
        wait_for_census(&mut jvm, |census| census.refused >= 1)?;
        let trace = jvm.trace()?;
        let pids = trace.samples.iter().filter_map(|sample| sample.pids);
        assert!(
            pids.clone()
                .all(|pids| pids.max == LIMIT && pids.current <= LIMIT)
        );
        assert!(pids.count() > 0);
        Ok(())
    })
}

fn censuses(trace: &Trace) -> impl Iterator<Item = &ThreadCensus> {
    trace.evidence.iter().filter_map(|record| match record {
        Record::ThreadCensus(census) => Some(&**census),
        _ => None,
    })
}

fn wait_for_census(
    jvm: &mut Running,
    wanted: impl Fn(&ThreadCensus) -> bool,
) -> Result<ThreadCensus> {
    jvm.wait_for_trace("a census", |trace| {
        censuses(trace).find(|census| wanted(census)).cloned()
    })
}

/// The first census after `step`, and the trace that it is in.
fn census_after(jvm: &mut Running, step: &Step) -> Result<(Trace, ThreadCensus)> {
    let census = wait_for_census(jvm, |census| census.taken.t_ms > step.t_ms)?;
    Ok((jvm.trace()?, census))
}

fn group<'a>(census: &'a ThreadCensus, pattern: &str) -> Result<&'a ThreadGroup> {
    let mut groups = census.groups.iter();
    groups
        .find(|group| group.pattern == pattern)
        .with_context(|| format!("no {pattern} in {census:?}"))
}

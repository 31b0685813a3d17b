//! Class loaders: who is alive, how many generations, and what keeps those of ended jobs.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::artefacts;
use flinkmem_tests::wait::PATIENCE;
use flinkmem_tests::{Cluster, Jdk, Jvm, Trace, on_every_jdk};
use flinkmem_trace::{Loader, Loaders, Occasion, PathOutcome, Record, Retention, RootPath};
use std::process::Command;

const CHILD_FIRST: &str = "LoaderLeaks$ChildFirst";

#[test]
fn loaders_that_are_collected_leave_the_census() -> Result<()> {
    on_every_jdk(|jdk| {
        // Three jobs leave nothing behind, one stays.
        let arguments = ["stay", "nothing", "thread", "nothing", "nothing"];
        let mut jvm = Jvm::new(jdk, "LoaderLeaks")
            .arguments(arguments)
            .agent("interval=10ms")
            .start()?;
        jvm.step("ready")?;
        jvm.go_on()?;
        jvm.step("leaked")?;
        jvm.wait_for_trace("four loaders", |trace| {
            (children(censuses(trace).last()?).count() == 4).then_some(())
        })?;
        let trace = jvm.trace()?;
        let census = censuses(&trace).last().context("no census")?;
        assert_eq!(census.generations, 4);
        assert_eq!(census.generations_of.as_deref(), Some("LeakyJob"));
        for (age, loader) in children(census).enumerate() {
            assert_eq!(loader.newer_generations as usize, 3 - age, "{loader:?}");
            assert_eq!(loader.closed, Some(true), "{loader:?}");
            assert_eq!(
                loader.parent_class,
                "jdk.internal.loader.ClassLoaders$AppClassLoader"
            );
        }
        let oldest = children(census)
            .next()
            .and_then(|loader| loader.id)
            .context("no number")?;
        let row = census
            .by_class
            .iter()
            .find(|row| row.class == CHILD_FIRST)
            .context("no row")?;
        assert_eq!(row.loaders, 4);
        // Each has one or two small classes: some kilobytes, in bytes and not in words.
        let used = row.metaspace_used_bytes.context("no metaspace")?;
        assert!((4 * 1024..256 * 1024).contains(&used), "{row:?}");
        assert!(row.metaspace_reserved_bytes >= Some(used), "{row:?}");
        assert!(
            census
                .by_class
                .iter()
                .any(|row| row.class == "boot" && row.classes > 100)
        );

        jvm.go_on()?;
        jvm.step("collected")?;
        jvm.wait_for_trace("one loader", |trace| {
            (children(censuses(trace).last()?).count() == 1).then_some(())
        })?;
        let trace = jvm.trace()?;
        let census = censuses(&trace).last().context("no census")?;
        let left = children(census).next().context("no loader")?;
        assert_eq!(
            left.id,
            Some(oldest + 1),
            "the second job left a thread: {left:?}"
        );
        assert_eq!(left.context_of_threads, 1, "{left:?}");
        assert_eq!((left.generations, census.generations), (1, 1));
        assert_eq!(left.closed, Some(true));
        // It is told why, without an occasion and without a walk.
        jvm.wait_for_trace("a path in passing", |trace| {
            let of_left = |path: &RootPath| path.target_loader == left.id;
            let mut in_passing = paths(trace).filter(|path| of_left(path) && path.passes == 0);
            let found = in_passing.any(|path| path.retention == Some(Retention::Thread));
            found.then_some(())
        })?;
        jvm.kill()?;
        Ok(())
    })
}

fn censuses(trace: &Trace) -> impl Iterator<Item = &Loaders> {
    trace.evidence.iter().filter_map(|record| match record {
        Record::Loaders(loaders) => Some(&**loaders),
        _ => None,
    })
}

fn children(census: &Loaders) -> impl Iterator<Item = &Loader> {
    census
        .loaders
        .iter()
        .filter(|loader| loader.class == CHILD_FIRST)
}

#[test]
fn exhausted_metaspace_names_what_keeps_each_ended_jobs_loader() -> Result<()> {
    on_every_jdk(|jdk| {
        explained(jdk, &[])?;
        if jdk.feature != 17 && jdk.feature != 25 {
            return Ok(());
        }
        for collector in ["Serial", "Parallel", "Z", "Shenandoah"] {
            let collector = format!("-XX:+Use{collector}GC");
            if jdk.accepts(&[&collector])? {
                explained(jdk, &[&collector]).with_context(|| collector.clone())?;
            }
        }
        Ok(())
    })
}

/// Jobs that leave something behind in each of the known ways, one after the other, then metaspace that overflows.
fn explained(jdk: &Jdk, options: &[&str]) -> Result<()> {
    let table = [
        (
            "thread",
            Retention::Thread,
            "java.lang.Thread",
            "contextClassLoader",
            Some("job-worker"),
        ),
        (
            "inherited_context_class_loader",
            Retention::InheritedContextClassLoader,
            "java.lang.Thread",
            "contextClassLoader",
            Some("bystander"),
        ),
        (
            "thread_local",
            Retention::ThreadLocal,
            "java.lang.Thread",
            "threadLocals",
            Some("pooled"),
        ),
        (
            "static_in_parent_class",
            Retention::StaticInParentClass,
            "LoaderLeaks",
            "REGISTRY",
            None,
        ),
        (
            "driver",
            Retention::StaticInParentClass,
            "java.sql.DriverManager",
            "registeredDrivers",
            None,
        ),
        (
            "shutdown_hook",
            Retention::ShutdownHook,
            "java.lang.ApplicationShutdownHooks",
            "hooks",
            None,
        ),
    ];
    let mechanisms = table.iter().map(|(mechanism, ..)| *mechanism);
    let mut jvm = Jvm::new(jdk, "LoaderLeaks")
        .options(options.iter().copied())
        .options(["-XX:MaxMetaspaceSize=24m", "-Xmx128m"])
        .arguments(std::iter::once("exhaust").chain(mechanisms))
        .agent("")
        .start()?;
    jvm.wait_for_trace("the first sample", |trace| {
        (!trace.samples.is_empty()).then_some(())
    })?;
    for step in ["ready", "leaked", "collected"] {
        jvm.step(step)?;
        jvm.go_on()?;
    }
    let refused = jvm.step("refused")?;
    assert!(
        ["Metaspace", "Compressed"].contains(&refused.values[0].as_str()),
        "{refused:?}"
    );
    // What the incident's two seconds suffice for depends on the machine; on demand there are ten.
    jvm.wait_for_trace("an explanation at the incident", |trace| {
        let mut of_incident = paths(trace).filter(|path| path.taken.incident.is_some());
        of_incident.any(|path| path.budget_ms <= 2000).then_some(())
    })?;
    let trace = jvm.demand()?;
    jvm.kill()?;

    let at_incident = |census: &&Loaders| census.taken.occasion == Occasion::Incident;
    let census = censuses(&trace).find(at_incident).context("no census")?;
    assert!(census.taken.incident.is_some());
    let ids: Vec<_> = children(census).map(|loader| loader.id).collect();
    assert_eq!(ids.len(), table.len(), "{:?}", census.by_class);
    for (id, (mechanism, retention, class, field, thread)) in ids.iter().zip(table) {
        let on_demand = |path: &&RootPath| path.taken.occasion == Occasion::Demand;
        let path = paths(&trace)
            .filter(on_demand)
            .find(|path| path.target_loader == *id);
        let path = path.with_context(|| format!("{mechanism} is not explained"))?;
        assert_eq!(path.outcome, PathOutcome::Found, "{mechanism}: {path:?}");
        assert_eq!(path.retention, Some(retention), "{mechanism}: {path:?}");
        let first = path.steps.first().context("no steps")?;
        assert_eq!(
            (first.class.as_str(), first.field.as_deref()),
            (class, Some(field)),
            "{path:?}"
        );
        assert_eq!(first.thread.as_deref(), thread, "{path:?}");
        assert_eq!(
            path.steps.last().map(|step| step.class.as_str()),
            Some(CHILD_FIRST)
        );
        assert_eq!(path.target_class, CHILD_FIRST);
        let is_walked_for = mechanism == "static_in_parent_class";
        assert_eq!(path.passes > 0, is_walked_for, "{mechanism}: {path:?}");
        assert!(path.budget_ms <= 10_000, "{path:?}");
        assert!(path.longest_pass_us <= path.taken.cost_us, "{path:?}");
    }
    Ok(())
}

fn paths(trace: &Trace) -> impl Iterator<Item = &RootPath> {
    trace.evidence.iter().filter_map(|record| match record {
        Record::RootPath(path) => Some(&**path),
        _ => None,
    })
}

/// Three times the same job, whose client leaves a polling thread behind: a leak of one loader a submission.
#[test]
fn the_thread_that_keeps_a_flink_jobs_loader_is_named() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let mut cluster = Cluster::builder(&jdk).agent("").start()?;
    for _ in 0..3 {
        let job = cluster.submit("com.acme.ThreadLeakJob", &[])?;
        cluster.wait_for_job(&job, &["FINISHED"], PATIENCE)?;
    }
    snapshot(cluster.taskmanager().id())?;
    let trace = Trace::open(cluster.traces())?;
    let census = censuses(&trace).last().context("no census")?;
    assert_eq!(census.taken.occasion, Occasion::Demand);
    let generations: Vec<_> = census
        .loaders
        .iter()
        .filter(|loader| loader.class == "org.apache.flink.util.ChildFirstClassLoader")
        .filter(|loader| loader.generations == 3)
        .collect();
    assert_eq!(generations.len(), 3, "{:?}", census.loaders);
    let oldest = generations.first().context("no loader")?;
    let path = paths(&trace)
        .find(|path| path.target_loader == oldest.id)
        .context("no path")?;
    assert_eq!(path.retention, Some(Retention::Thread), "{path:?}");
    assert_eq!(
        path.target_class,
        "org.apache.flink.util.ChildFirstClassLoader"
    );
    // Its context class loader is Flink's wrapper.
    let named = path.steps.first().and_then(|step| step.thread.as_deref());
    assert_eq!(named, Some("acme-poller"), "{path:?}");
    assert_eq!(path.passes, 0, "{path:?}");
    Ok(())
}

/// Has the agent in that process take everything now.
fn snapshot(pid: u32) -> Result<()> {
    let output = Command::new(artefacts::flinkmem()?)
        .args(["snapshot", &pid.to_string()])
        .output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{stderr}");
    Ok(())
}

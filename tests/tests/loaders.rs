//! Class loaders: who is alive, how many generations, and what keeps those of ended jobs.

use anyhow::{Context, Result};
use flinkmem_tests::{Jvm, Trace, on_every_jdk};
use flinkmem_trace::{Loader, Loaders, Record};

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
        assert_eq!(census.generations, 4, "{census:?}");
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

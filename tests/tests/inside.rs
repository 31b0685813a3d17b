//! What Netty and Flink keep account of, against what they say themselves.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::flink::{Home, JobId};
use flinkmem_tests::wait::{PATIENCE, wait_for};
use flinkmem_tests::{Cluster, Jdk, Jvm, Running, Step, Trace, on_every_jdk};
use flinkmem_trace::{Event, EventKind, FlinkInside, NettyCopy};

const NETTY: &str = "org.apache.flink.shaded.netty4.io.netty";

#[test]
fn every_copy_of_netty_has_its_own_account() -> Result<()> {
    let old = Home::fetch("1.20.5")?;
    let new = Home::fetch("2.3.0")?;
    on_every_jdk(|jdk| {
        // Netty 4.1 and 4.2.
        for home in [&old, &new] {
            let jar = home.dist()?.display().to_string();
            let reflection = format!("-D{NETTY}.tryReflectionSetAccessible=true");
            let mut jvm = Jvm::new(jdk, "NettySteps")
                .options([
                    "--add-opens=java.base/java.nio=ALL-UNNAMED",
                    "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
                    "-XX:MaxDirectMemorySize=64m",
                    reflection.as_str(),
                ])
                .arguments([jar.as_str(), NETTY])
                .agent("interval=50ms")
                .start()?;
            for (name, expected) in [
                ("allocated", ["5242880", "3145728"]),
                ("freed", ["0", "3145728"]),
            ] {
                let step = jvm.step(name)?;
                let copies = copies_after(&mut jvm, &step)?;
                let said = &step.values[..2];
                // Without a constructor for buffers that have no cleaner, Netty leaves the counting to the JDK.
                let counts = said != ["-1", "-1"];
                ensure!(counts || jdk.feature > 17, "Netty does not count on {jdk}");
                ensure!(!counts || said == expected, "Netty itself says {said:?}");
                let of =
                    |copy: &NettyCopy| copy.used_bytes.map_or("-1".to_owned(), |n| n.to_string());
                ensure!(
                    same(copies.iter().map(of), said),
                    "{copies:?} instead of {said:?}"
                );
                for copy in &copies {
                    ensure!(copy.package == NETTY, "{copy:?}");
                    let limit = counts.then(|| step.number(2)).transpose()?;
                    ensure!(copy.max_bytes == limit, "{copy:?} but {limit:?}");
                    let loader = copy.loader.as_deref();
                    ensure!(loader == Some("java.net.URLClassLoader"), "{copy:?}");
                }
                jvm.go_on()?;
            }
            ensure!(jvm.finish()?.status.success(), "the program failed");
        }
        Ok(())
    })
}

/// In any order: which of two copies comes first is up to the JVM.
fn same(used: impl Iterator<Item = String>, said: &[String]) -> bool {
    let (mut used, mut said): (Vec<_>, _) = (used.collect(), said.to_vec());
    used.sort_unstable();
    said.sort_unstable();
    used == said
}

/// The copies in the first sample after the step that has any.
fn copies_after(jvm: &mut Running, step: &Step) -> Result<Vec<NettyCopy>> {
    jvm.wait_for_trace("the copies of Netty", |trace| {
        let after = trace.samples.iter().filter(|s| s.t_ms > step.t_ms);
        let mut copies = after.map(|sample| &sample.netty);
        copies.find(|copies| copies.len() >= 2).cloned()
    })
}

#[test]
fn flinks_own_figures_are_those_that_flink_tells() -> Result<()> {
    for version in ["1.20.5", "2.3.0"] {
        follow_a_job(version).with_context(|| format!("Flink {version}"))?;
    }
    Ok(())
}

fn follow_a_job(version: &str) -> Result<()> {
    let cluster = Cluster::builder(&Jdk::find(17)?)
        .version(version)
        .configure("state.backend.type", "rocksdb")
        .configure("parallelism.default", "2")
        .configure("taskmanager.memory.framework.off-heap.size", "96m")
        .configure("restart-strategy.type", "fixed-delay")
        .configure("restart-strategy.fixed-delay.attempts", "1")
        .configure("restart-strategy.fixed-delay.delay", "100ms")
        .agent("interval=200ms")
        .jobmanager_agent("interval=200ms")
        .start()?;
    the_idle_taskmanager_is_as_its_log_says(&cluster)?;

    let job = cluster.submit("com.acme.RocksDbJob", &["1000", "1000000"])?;
    let id = job.to_string();
    cluster.wait_for_job(&job, &["RUNNING"], PATIENCE)?;
    let tasks = tasks(&cluster, &job)?;
    let running = wait_in(cluster.traces(), "its tasks to run", |trace| {
        let inside = last(trace)?;
        let here = inside.jobs.iter().find(|job| job.id == id)?;
        let all_run = here.tasks == Some(tasks) && here.running == Some(tasks);
        let reserved = inside.slots.iter().all(|slot| {
            slot.managed_bytes.is_some_and(|bytes| bytes > 0)
                && slot.managed_available_bytes == Some(0)
        });
        (all_run && reserved && here.checkpoint_id >= Some(2)).then(|| inside.clone())
    })?;
    assert_eq!(running.slots.len(), 2, "{running:?}");
    assert!(
        running
            .slots
            .iter()
            .all(|slot| slot.job.as_deref() == Some(&id))
    );
    assert_eq!(
        running.slots.iter().map(|slot| slot.tasks).sum::<u64>(),
        tasks
    );
    assert_eq!(running.tasks_started, Some(tasks), "{running:?}");
    let network = running.network.context("no network pool")?;
    assert!(
        network.segments_available < Some(network.segments_total),
        "{network:?}"
    );

    let managers = wait_in(cluster.jobmanager_traces(), "two checkpoints", |trace| {
        let inside = last(trace)?;
        let known = inside.jobs.iter().find(|job| job.id == id)?;
        (known.checkpoint_id >= Some(2)).then(|| inside.clone())
    })?;
    assert_eq!(managers.task_managers, Some(1), "{managers:?}");
    let known = &managers.jobs[0];
    assert_eq!(known.state.as_deref(), Some("RUNNING"), "{known:?}");
    assert_eq!(known.restarts, Some(0), "{known:?}");
    // Checkpoints begin before all tasks run, and those fail.
    let checkpoints = cluster.rest().get(&format!("/jobs/{job}/checkpoints"))?;
    assert_eq!(
        known.checkpoints_failed,
        checkpoints["counts"]["failed"].as_u64()
    );
    cluster.rest().cancel(&job)?;
    cluster.wait_for_job(&job, &["CANCELED"], PATIENCE)?;
    for traces in [cluster.traces(), cluster.jobmanager_traces()] {
        let events = wait_in(traces, "the job to be gone", |trace| {
            let gone = trace
                .events
                .iter()
                .any(|event| event.event == EventKind::JobGone);
            gone.then(|| trace.events.clone())
        })?;
        assert!(
            events
                .iter()
                .all(|event| event.job.as_ref().is_none_or(|job| *job == id))
        );
        assert_eq!(numbers(&events, EventKind::JobSeen).len(), 1, "{events:?}");
        let checkpoints = numbers(&events, EventKind::Checkpoint);
        assert!(
            checkpoints.len() >= 2 && checkpoints.is_sorted(),
            "{events:?}"
        );
    }
    let trace = Trace::open(cluster.traces())?;
    for kind in [EventKind::TaskStarted, EventKind::TaskEnded] {
        assert_eq!(
            numbers(&trace.events, kind).iter().sum::<u64>(),
            tasks,
            "{kind:?}"
        );
    }
    let names = trace
        .events
        .iter()
        .filter_map(|event| event.message.as_deref());
    assert!(
        names.clone().any(|name| name.contains("Source")),
        "{:?}",
        trace.events
    );
    let after = last(&trace).context("no figures")?;
    assert_eq!(after.tasks_ended, Some(tasks));
    // Once is enough: the fields have the same names.
    if version == "1.20.5" {
        follow_a_restart(&cluster)?;
    }
    Ok(())
}

/// A job that fails, is restarted once, and fails again.
fn follow_a_restart(cluster: &Cluster) -> Result<()> {
    let job = cluster.submit("com.acme.DirectPoolJob", &["134217728", "0", "500"])?;
    let id = job.to_string();
    cluster.wait_for_job(&job, &["FAILED"], PATIENCE)?;
    for traces in [cluster.traces(), cluster.jobmanager_traces()] {
        let events = wait_in(traces, "the job to be gone", |trace| {
            let of_job = |event: &&Event| event.job.as_ref() == Some(&id);
            let events: Vec<_> = trace.events.iter().filter(of_job).cloned().collect();
            let gone = events.iter().any(|event| event.event == EventKind::JobGone);
            gone.then_some(events)
        })?;
        assert_eq!(numbers(&events, EventKind::Restart), [1], "{events:?}");
    }
    Ok(())
}

/// Before any job: the pool as Flink logs it, all of it available, no slot taken.
fn the_idle_taskmanager_is_as_its_log_says(cluster: &Cluster) -> Result<()> {
    let idle = wait_in(cluster.traces(), "Flink's objects to be found", |trace| {
        last(trace).cloned()
    })?;
    let pool = idle.network.context("no network pool")?;
    let log = std::fs::read_to_string(cluster.logs().join("flink-taskexecutor.log"))?;
    let after = |words: &str| -> Result<u64> {
        let (_, rest) = log
            .split_once(words)
            .with_context(|| format!("no {words:?}"))?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Ok(digits.parse()?)
    };
    assert_eq!(pool.segments_total, after("number of memory segments: ")?);
    assert_eq!(pool.segment_bytes, after("bytes per segment: ")?);
    assert_eq!(pool.segments_available, Some(pool.segments_total));
    assert_eq!(idle.slots_total, Some(2));
    assert!(idle.slots.is_empty() && idle.jobs.is_empty(), "{idle:?}");
    let trace = Trace::open(cluster.traces())?;
    let options = &trace.header.flink.as_ref().context("no Flink")?.options;
    let meant = options
        .get("taskmanager.memory.network.max")
        .context("no option")?;
    let bytes = format!("{}b", pool.segments_total * pool.segment_bytes);
    assert_eq!(*meant, bytes, "the model's figure");
    Ok(())
}

/// How many subtasks the job has, by Flink's interface.
fn tasks(cluster: &Cluster, job: &JobId) -> Result<u64> {
    let answer = cluster.rest().get(&format!("/jobs/{job}"))?;
    let vertices = answer["vertices"].as_array().context("no vertices")?;
    Ok(vertices
        .iter()
        .filter_map(|vertex| vertex["parallelism"].as_u64())
        .sum())
}

fn wait_in<T>(
    traces: &std::path::Path,
    what: &str,
    look: impl Fn(&Trace) -> Option<T>,
) -> Result<T> {
    wait_for(what, PATIENCE, || {
        Ok(Trace::open(traces).ok().as_ref().and_then(&look))
    })
}

/// The latest figures of Flink's.
fn last(trace: &Trace) -> Option<&FlinkInside> {
    trace
        .samples
        .iter()
        .rev()
        .find_map(|sample| sample.flink.as_ref())
}

/// The numbers of the events of a kind, in order.
fn numbers(events: &[Event], kind: EventKind) -> Vec<u64> {
    let of_kind = events.iter().filter(|event| event.event == kind);
    of_kind.map(|event| event.number.unwrap_or(0)).collect()
}

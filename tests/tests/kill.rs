//! SIGKILL at any moment: what was recorded is readable, and up to date.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::trace::disk_bytes;
use flinkmem_tests::{Finished, Jdk, Jvm, Step};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const KILLS: u32 = 100;

/// JVMs at a time. They mostly sleep.
const AT_A_TIME: usize = 4;

/// Every second JVM writes so much that its segments are closed and compressed all the time.
const OPTIONS: [(&str, u64); 2] = [("interval=250ms", 250), ("interval=20ms,max_disk=1m", 20)];

/// So long after the program's first word the agent, which begins beside the program, has written its first line.
const BEGUN_AFTER_MS: i64 = 750;

/// What a busy machine may add between two instructions of a thread, here or in the JVM.
const SCHEDULING_MS: u64 = 250;

#[test]
fn a_killed_jvm_leaves_a_trace_up_to_its_last_moment() -> Result<()> {
    let next = AtomicU32::new(0);
    let failures = Mutex::new(Vec::new());
    let jdks = Jdk::all()?;
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= KILLS {
                        return;
                    }
                    let jdk = &jdks[number as usize % jdks.len()];
                    if let Err(error) = kill_one(jdk, number) {
                        let text = format!("kill {number} on {jdk}: {error:?}");
                        failures.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    ensure!(
        failures.is_empty(),
        "{} of {KILLS}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    Ok(())
}

fn kill_one(jdk: &Jdk, number: u32) -> Result<()> {
    let (options, interval_ms) = OPTIONS[number as usize / 4 % OPTIONS.len()];
    let moment = Duration::from_millis(moment_ms(number));
    let mut jvm = Jvm::new(jdk, "Progress").agent(options).start()?;
    // The moment is the point of this test, not something that is waited for.
    let start = Instant::now();
    std::thread::sleep(moment.saturating_sub(start.elapsed()));
    ensure!(jvm.process().status()?.is_none(), "ended by itself");
    let killed_ms = now_ms()?;
    let finished = jvm.kill()?;
    let nothing_yet = disk_bytes(finished.directory().join("traces").as_path()) == 0;
    let first_word = finished.stdout.lines().find_map(Step::parse);
    let is_young = first_word.is_none_or(|step| killed_ms - step.t_ms < BEGUN_AFTER_MS);
    if nothing_yet && is_young {
        return Ok(());
    }
    check(&finished, killed_ms, interval_ms).with_context(|| format!("{options}, after {moment:?}"))
}

fn check(finished: &Finished, killed_ms: i64, interval_ms: u64) -> Result<()> {
    let trace = finished.trace()?;
    ensure!(trace.damage.bad_lines == 0, "{:?}", trace.damage);
    ensure!(trace.damage.broken_files == 0, "{:?}", trace.damage);
    ensure!(trace.damage.torn_lines <= 1, "{:?}", trace.damage);
    ensure!(
        trace.end.is_none(),
        "a killed JVM does not end in an orderly way"
    );
    // If the program itself was held back before it was killed, so was the agent.
    let last_progress = finished.stdout.lines().rev().find_map(Step::parse);
    let alive_ms = last_progress.map_or(killed_ms, |step| step.t_ms.min(killed_ms));
    let oldest_allowed = alive_ms - i64::try_from(2 * interval_ms + SCHEDULING_MS)?;
    let Some(last) = trace.samples.last() else {
        let young = trace.header.t_ms >= oldest_allowed;
        ensure!(
            young,
            "no sample, {} ms after the header",
            alive_ms - trace.header.t_ms
        );
        return Ok(());
    };
    ensure!(
        last.t_ms >= oldest_allowed,
        "the last sample is {} ms old",
        alive_ms - last.t_ms
    );
    ensure!(last.agent.dropped_records == 0, "{:?}", last.agent);
    Ok(())
}

/// From the first instructions of the JVM to well after it is up, spread evenly, in an order that looks random and is the same
/// each time: multiples of an odd step, modulo the range.
fn moment_ms(number: u32) -> u64 {
    const RANGE_MS: u64 = 3_000;
    const STEP_MS: u64 = 1_847;
    40 + u64::from(number) * STEP_MS % RANGE_MS
}

fn now_ms() -> Result<i64> {
    Ok(i64::try_from(
        SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
    )?)
}

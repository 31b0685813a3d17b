//! The first rule: a failure of the agent never changes what the JVM does.
//!
//! Runs the build of the agent that fails on demand: `cargo build -p flinkmem-agent --features fault-injection`.

use anyhow::{Context, Result};
use flinkmem_tests::{Finished, Jdk, Jvm, on_every_jdk};
use std::time::Duration;

/// Where the agent panics, and a program that passes there with its options and arguments.
const POINTS: [(&str, &str, &str, &str); 9] = [
    ("load", DIRECT.0, DIRECT.1, DIRECT.2),
    ("begin", DIRECT.0, DIRECT.1, DIRECT.2),
    ("tick", DIRECT.0, DIRECT.1, DIRECT.2),
    ("allocate", DIRECT.0, DIRECT.1, DIRECT.2),
    ("free", "DirectRetry", DIRECT.1, "4194304 40"),
    ("gc", DIRECT.0, DIRECT.1, DIRECT.2),
    ("error", DIRECT.0, DIRECT.1, DIRECT.2),
    ("incident", DIRECT.0, DIRECT.1, DIRECT.2),
    ("exhausted", "HeapOom", "-Xmx32m", ""),
];

const DIRECT: (&str, &str, &str) = ("DirectOom", "-XX:MaxDirectMemorySize=16m", "1048576");

#[test]
fn a_panic_anywhere_switches_the_agent_off_and_changes_nothing_else() -> Result<()> {
    on_every_jdk(|jdk| {
        for (point, program, option, argument) in POINTS {
            let arguments = || argument.split_whitespace();
            let plain = Jvm::new(jdk, program)
                .options([option])
                .arguments(arguments());
            let failing = Jvm::new(jdk, program)
                .options([option])
                .arguments(arguments());
            let plain = run(plain)?;
            let failing = run(failing.failing_agent(point, ""))?;
            let context = format!("{point} on {jdk}: {}", failing.stderr);
            assert_eq!(failing.status, plain.status, "{context}");
            assert_eq!(said(&failing), said(&plain), "{context}");
            let goodbyes = failing.stderr.matches("the agent is switched off").count();
            assert_eq!(goodbyes, 1, "{context}");
        }
        Ok(())
    })
}

#[test]
fn a_panic_in_the_place_of_malloc_leaves_hooks_that_only_call_through() -> Result<()> {
    on_every_jdk(|jdk| {
        let storm = Jvm::new(jdk, "NativeStorm").arguments(["8", "2", "10", "2"]);
        let finished = storm.failing_agent("malloc", "native=on").run()?;
        let context = format!("{jdk}: {}", finished.stderr);
        assert!(finished.status.success(), "{context}");
        let steps = finished.steps();
        assert!(steps.iter().any(|step| step.name == "done"), "{context}");
        let goodbyes = finished.stderr.matches("the agent is switched off").count();
        assert_eq!(goodbyes, 1, "{context}");
        Ok(())
    })
}

#[test]
fn an_agent_that_hangs_holds_up_a_failing_thread_for_a_moment_only() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let program = || {
        Jvm::new(&jdk, DIRECT.0)
            .options([DIRECT.1])
            .arguments([DIRECT.2])
    };
    let hanging = run(program().failing_agent("stall-incident", ""))?;
    let steps = hanging.steps();
    let at = |name: &str| {
        let step = steps.iter().find(|step| step.name == name);
        step.map(|step| step.t_ms)
            .with_context(|| format!("no step {name:?}"))
    };
    // The agent hangs for 5 s at each of two incidents; the thread waits a quarter of a second, and the JVM's own retries
    // take half a second. A busy machine may double that.
    let held_up = Duration::from_millis(u64::try_from(at("refused")? - at("ready")?)?);
    assert!(held_up < Duration::from_secs(4), "{held_up:?}");
    Ok(())
}

/// Runs a program once its agent, if it has one, had time to come up: these programs end within milliseconds.
fn run(jvm: Jvm) -> Result<Finished> {
    let mut running = jvm.start()?;
    running.step("ready")?;
    for _ in 0..100 {
        // A program that is gone needs no permission.
        let _ = running.go_on();
    }
    running.finish()
}

/// What a program said, without the times.
fn said(finished: &Finished) -> Vec<(String, Vec<String>)> {
    let steps = finished.steps().into_iter();
    steps.map(|step| (step.name, step.values)).collect()
}

//! local: NAME SECONDS JAVA VERSION "conf=..;conf=.." "jvm options" MAIN ARGS...
use flinkmem_tests::{Cluster, Jdk};
use std::time::{Duration, Instant};
fn main() -> anyhow::Result<()> {
    let a: Vec<String> = std::env::args().skip(1).collect();
    let dir = std::path::PathBuf::from("/tmp/lab-heap").join(&a[0]);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir)?;
    let jdk = Jdk::find(a[2].parse()?)?;
    let mut b = Cluster::builder(&jdk)
        .version(&a[3])
        .agent("interval=200ms")
        .jobmanager_agent("interval=200ms")
        .traces(&dir.join("tm"));
    for kv in a[4].split(';').filter(|s| !s.is_empty()) {
        let (k, v) = kv.split_once('=').unwrap();
        b = b.configure(k, v);
    }
    for o in a[5].split_whitespace() {
        b = b.taskmanager_option(o);
    }
    let mut c = b.start()?;
    let args: Vec<&str> = a[7..].iter().map(|s| s.as_str()).collect();
    let job = c.submit(&a[6], &args);
    println!("{job:?}");
    let end = Instant::now() + Duration::from_secs(a[1].parse()?);
    let mut last = String::new();
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(500));
        let tm = c.taskmanager().status();
        let state = job.as_ref().ok().and_then(|j| c.rest().job_state(j).ok());
        let now = format!("{tm:?} {state:?}");
        if now != last {
            println!("{:?} left: {now}", end - Instant::now());
            last = now;
        }
        if matches!(tm, Ok(Some(_))) {
            std::thread::sleep(Duration::from_secs(2));
            break;
        }
    }
    let _ = std::process::Command::new("cp")
        .arg("-r")
        .arg(c.logs())
        .arg(dir.join("logs"))
        .status();
    let _ = std::process::Command::new("cp")
        .arg("-r")
        .arg(c.jobmanager_traces())
        .arg(dir.join("jm"))
        .status();
    Ok(())
}

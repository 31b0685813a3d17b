//! The lab's faults and look-alikes in a real Flink, by name.

use crate::flink::JobId;
use crate::{Cluster, Jdk};
use anyhow::Result;
use std::path::Path;
use std::time::Duration;

/// How long a job of the lab may take.
const DEADLINE: Duration = Duration::from_secs(300);

/// One job on one configuration.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub about: &'static str,
    /// Flink's options beside those of every cluster.
    pub configuration: &'static [(&'static str, &'static str)],
    /// Main class.
    pub job: &'static str,
    /// Its arguments.
    pub arguments: &'static [&'static str],
    /// The state in which the job ends.
    pub ends: &'static str,
}

/// A TaskManager that can spare some 90 MB of direct memory, and jobs that fail once.
const SMALL_DIRECT: &[(&str, &str)] = &[
    ("taskmanager.memory.framework.off-heap.size", "96m"),
    ("taskmanager.memory.task.off-heap.size", "0"),
    ("restart-strategy.type", "none"),
];

/// User code leaks 3 MB of direct buffers a second, until there are none left.
pub const DIRECT_LEAK: Scenario = Scenario {
    name: "direct-leak",
    about: "user code keeps a direct buffer per record, for ever",
    configuration: SMALL_DIRECT,
    job: "com.acme.DirectLeakJob",
    arguments: &["3000000"],
    ends: "FAILED",
};

/// A client takes 128 MiB of direct buffers when it starts.
pub const DIRECT_BURST: Scenario = Scenario {
    name: "direct-burst",
    about: "a client takes a fixed pool of direct buffers, more than there is for tasks",
    configuration: SMALL_DIRECT,
    job: "com.acme.DirectPoolJob",
    arguments: &["134217728", "0", "500"],
    ends: "FAILED",
};

/// A client's pool of 32 MiB grows for 15 seconds and then stays for 30.
pub const DIRECT_PLATEAU: Scenario = Scenario {
    name: "direct-plateau",
    about: "a client's pool of direct buffers fills slowly, then stays: healthy",
    configuration: SMALL_DIRECT,
    job: "com.acme.DirectPoolJob",
    arguments: &["33554432", "15", "2250"],
    ends: "FINISHED",
};

/// Keyed state in RocksDB, with checkpoints, for 50 seconds.
pub const ROCKSDB: Scenario = Scenario {
    name: "rocksdb",
    about: "keyed state in RocksDB with checkpoints: healthy",
    configuration: &[
        ("state.backend.type", "rocksdb"),
        ("parallelism.default", "2"),
    ],
    job: "com.acme.RocksDbJob",
    arguments: &["2000", "100000"],
    ends: "FINISHED",
};

/// All of them.
pub const ALL: [Scenario; 4] = [DIRECT_LEAK, DIRECT_BURST, DIRECT_PLATEAU, ROCKSDB];

/// A scenario that was played to its end. The cluster still runs.
#[derive(Debug)]
pub struct Played {
    /// The cluster.
    pub cluster: Cluster,
    /// The job.
    pub job: JobId,
}

impl Scenario {
    /// Plays it on that Java with the agent in the TaskManager, which writes to `traces` or else to a directory of the cluster.
    /// `tell` is told what happens.
    ///
    /// # Errors
    /// When Flink does not come up or the job does not end as it should.
    pub fn play(&self, jdk: &Jdk, traces: Option<&Path>, tell: impl Fn(&str)) -> Result<Played> {
        let mut builder = Cluster::builder(jdk).agent("interval=500ms");
        for (key, value) in self.configuration {
            builder = builder.configure(key, value);
        }
        if let Some(traces) = traces {
            builder = builder.traces(traces);
        }
        let cluster = builder.start()?;
        tell(&format!(
            "a real Flink {} is up on {jdk}; its TaskManager was started with",
            cluster.version()
        ));
        tell(&format!("  {}", cluster.agent_argument()));
        let job = cluster.submit(self.job, self.arguments)?;
        tell(&format!("job {} runs: {}", self.job, self.about));
        let state = cluster.wait_for_job(&job, &[self.ends], DEADLINE)?;
        tell(&format!("the job is {state}"));
        Ok(Played { cluster, job })
    }
}

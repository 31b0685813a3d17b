//! A simulated JVM with direct memory, collections and call sites, and the trace that an agent would have written.
//!
//! Lines are put together by hand, key by key. The simulation knows three rules: a dropped block is freed by the next
//! collection that looks at it; a young collection looks at young blocks only; a reservation that does not fit forces a
//! full collection, then fails if there is still no room.

use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// 2026-01-01T00:00:00Z.
pub(crate) const BEGIN_MS: i64 = 1_767_225_600_000;
pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const KIB: u64 = 1 << 10;
/// `-XX:MaxDirectMemorySize` of a real TaskManager with 1 GiB of process memory and one of managed memory raised.
pub(crate) const LIMIT: u64 = 213_070_644;
pub(crate) const NETWORK: u64 = 78_852_916;

pub(crate) const ENRICHER: u32 = 1;
pub(crate) const POOL: u32 = 2;
pub(crate) const NETTY: u32 = 3;
pub(crate) const CACHE: u32 = 4;

/// Collections after which a block is old, by the trace format's definition.
const OLD_AFTER: u64 = 3;

#[derive(Debug)]
struct Block {
    site: u32,
    bytes: u64,
    born: u64,
    dropped: bool,
}

/// The simulated process.
#[derive(Debug)]
pub(crate) struct Jvm {
    pub(crate) ms: u64,
    limit: u64,
    header: Value,
    blocks: Vec<Block>,
    young: u64,
    full: u64,
    pub(crate) incidents: u32,
    facts: String,
    samples: String,
    pub(crate) with_sites: bool,
    pub(crate) accounting: &'static str,
    pub(crate) agent: Value,
    pub(crate) cgroup: Value,
}

/// A reservation failed.
#[derive(Debug)]
pub(crate) struct OutOfDirectMemory;

impl Jvm {
    /// A TaskManager of Flink 1.20.5 that has taken its network memory and 16 MiB for Netty.
    pub(crate) fn task_manager() -> Self {
        Self::task_manager_that(|_| {})
    }

    /// The same, prepared before it takes anything.
    pub(crate) fn task_manager_that(prepare: impl FnOnce(&mut Self)) -> Self {
        let mut jvm = Self::new(json!({
            "process": "tm",
            "version": "1.20.5",
            "options": {
                "taskmanager.memory.framework.heap.size": "134217728b",
                "taskmanager.memory.task.heap.size": "125829115b",
                "taskmanager.memory.framework.off-heap.size": "134217728b",
                "taskmanager.memory.task.off-heap.size": "0b",
                "taskmanager.memory.network.min": "78852916b",
                "taskmanager.memory.network.max": "78852916b",
                "taskmanager.memory.managed.size": "315411665b",
                "taskmanager.memory.jvm-metaspace.size": "268435456b",
                "taskmanager.memory.jvm-overhead.min": "201326592b",
                "taskmanager.memory.jvm-overhead.max": "201326592b"
            }
        }));
        jvm.site(
            POOL,
            &[
                (
                    "org.apache.flink.core.memory.MemorySegmentFactory",
                    "allocateUnpooledOffHeapMemory",
                    80,
                    false,
                ),
                (
                    "org.apache.flink.runtime.io.network.buffer.NetworkBufferPool",
                    "<init>",
                    141,
                    false,
                ),
            ],
        );
        jvm.site(
            NETTY,
            &[
                (
                    "org.apache.flink.shaded.netty4.io.netty.buffer.PoolArena$DirectArena",
                    "newChunk",
                    701,
                    false,
                ),
                (
                    "org.apache.flink.runtime.io.network.netty.NettyMessage",
                    "allocateBuffer",
                    149,
                    false,
                ),
            ],
        );
        jvm.user_sites();
        prepare(&mut jvm);
        jvm.tick(1.0);
        jvm.allocate(POOL, NETWORK).unwrap();
        jvm.tick(1.0);
        jvm.allocate(NETTY, 16 * MIB).unwrap();
        jvm.tick(1.0);
        jvm
    }

    /// A plain JVM with the same limit.
    pub(crate) fn plain() -> Self {
        let mut jvm = Self::new(Value::Null);
        jvm.user_sites();
        jvm
    }

    fn user_sites(&mut self) {
        self.site(
            ENRICHER,
            &[
                ("com.acme.Enricher", "open", 28, true),
                (
                    "org.apache.flink.streaming.api.operators.AbstractUdfStreamOperator",
                    "open",
                    101,
                    false,
                ),
            ],
        );
        self.site(
            CACHE,
            &[
                ("com.acme.Lookup", "fill", 64, true),
                (
                    "org.apache.flink.streaming.api.operators.StreamMap",
                    "processElement",
                    38,
                    false,
                ),
            ],
        );
    }

    fn new(flink: Value) -> Self {
        let mut header = json!({
            "kind": "header", "format": {"major": 1, "minor": 0}, "t_ms": BEGIN_MS, "up_ms": 0,
            "agent_version": "0.1.0", "agent_options": {"interval": "1s"},
            "host": "tm-0.example", "pid": 4711, "start_ms": BEGIN_MS - 200,
            "jvm": {"version": "17.0.15", "arguments": [], "flags": {}, "main_class": "com.acme.Main", "max_direct_bytes": LIMIT},
            "system": {"kernel": "6.1", "page_size_bytes": 4096, "allocator": "glibc"}
        });
        if !flink.is_null() {
            header["flink"] = flink;
        }
        Self {
            ms: 0,
            limit: LIMIT,
            header,
            blocks: Vec::new(),
            young: 0,
            full: 0,
            incidents: 0,
            facts: String::new(),
            samples: String::new(),
            with_sites: true,
            accounting: "usable_size",
            agent: json!({"cpu_us": 900, "memory_bytes": 2_097_152}),
            cgroup: Value::Null,
        }
    }

    fn site(&mut self, id: u32, callers: &[(&str, &str, u32, bool)]) {
        let mut frames = vec![
            json!({"class": "jdk.internal.misc.Unsafe", "method": "allocateMemory0"}),
            json!({"class": "java.nio.DirectByteBuffer", "method": "<init>", "line": 132}),
            json!({"class": "java.nio.ByteBuffer", "method": "allocateDirect", "line": 332}),
        ];
        for &(class, method, line, of_the_job) in callers {
            let mut frame = json!({"class": class, "method": method, "line": line});
            if of_the_job {
                frame["loader"] = json!("org.apache.flink.util.ChildFirstClassLoader");
            }
            frames.push(frame);
        }
        self.fact(
            &json!({"kind": "site", "t_ms": BEGIN_MS, "up_ms": 0, "id": id, "frames": frames}),
        );
    }

    fn live(&self) -> u64 {
        self.blocks.iter().map(|block| block.bytes).sum()
    }

    fn collections(&self) -> u64 {
        self.young + self.full
    }

    /// `ByteBuffer.allocateDirect`, with the JVM's slow path.
    pub(crate) fn allocate(&mut self, site: u32, bytes: u64) -> Result<(), OutOfDirectMemory> {
        if self.live() + bytes > self.limit {
            let id = self.incident("direct_slow_path", site, bytes, None);
            self.full_gc();
            if self.live() + bytes > self.limit {
                self.ms += 511;
                let id = self.incident(
                    "out_of_memory_error",
                    site,
                    0,
                    Some("java.lang.OutOfMemoryError"),
                );
                let message = format!(
                    "Cannot reserve {bytes} bytes of direct buffer memory (allocated: {}, limit: {})",
                    self.live(),
                    self.limit
                );
                self.event(json!({"event": "error_message", "incident": id, "message": message}));
                return Err(OutOfDirectMemory);
            }
            self.event(json!({"event": "slow_path_succeeded", "incident": id, "bytes": bytes}));
        }
        let born = self.collections();
        self.blocks.push(Block {
            site,
            bytes,
            born,
            dropped: false,
        });
        Ok(())
    }

    /// Drops the references to a call site's oldest blocks, up to that many bytes.
    pub(crate) fn drop_oldest(&mut self, site: u32, mut bytes: u64) {
        for block in self
            .blocks
            .iter_mut()
            .filter(|block| block.site == site && !block.dropped)
        {
            if block.bytes > bytes {
                break;
            }
            bytes -= block.bytes;
            block.dropped = true;
        }
    }

    pub(crate) fn young_gc(&mut self) {
        self.young += 1;
        let now = self.collections();
        self.blocks
            .retain(|block| !block.dropped || now - block.born > OLD_AFTER);
    }

    pub(crate) fn full_gc(&mut self) {
        self.full += 1;
        self.blocks.retain(|block| !block.dropped);
    }

    /// Writes a ledger of these owners, because of `incident` or as a matter of routine.
    pub(crate) fn ledger(&mut self, incident: Option<u32>, parts: &[(&str, u64)]) {
        let rss: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
        let parts: Vec<Value> = parts
            .iter()
            .map(|(owner, bytes)| json!({"owner": owner, "bytes": bytes}))
            .collect();
        let mut ledger = json!({
            "kind": "ledger", "t_ms": BEGIN_MS + self.ms as i64, "up_ms": self.ms, "occasion": "routine", "cost_us": 8000,
            "rss_bytes": rss, "parts": parts,
        });
        if let Some(incident) = incident {
            ledger["occasion"] = json!("incident");
            ledger["incident"] = json!(incident);
        }
        self.fact(&ledger);
    }

    /// Writes what libraries hold of `malloc`.
    pub(crate) fn libraries(&mut self, libraries: &[(&str, u64)]) {
        let libraries: Vec<Value> = libraries
            .iter()
            .map(|(name, bytes)| json!({"name": name, "live_bytes": bytes}))
            .collect();
        self.fact(&json!({
            "kind": "libraries", "t_ms": BEGIN_MS + self.ms as i64, "up_ms": self.ms, "occasion": "routine",
            "libraries": libraries,
        }));
    }

    /// Writes a sample and lets time pass.
    pub(crate) fn tick(&mut self, seconds: f64) {
        let mut sample = self.sample();
        sample["kind"] = json!("sample");
        writeln!(self.samples, "{sample}").unwrap();
        self.ms += (seconds * 1000.0) as u64;
    }

    /// A second at a time: what happens in it, a young collection every so often, and a sample.
    pub(crate) fn run(
        &mut self,
        seconds: u64,
        young_every: u64,
        mut each: impl FnMut(&mut Self, u64),
    ) {
        for second in 0..seconds {
            each(self, second);
            if second % young_every == young_every - 1 {
                self.young_gc();
            }
            self.tick(1.0);
        }
    }

    fn sample(&self) -> Value {
        let live = self.live();
        let mut sample = json!({
            "t_ms": BEGIN_MS + self.ms as i64, "up_ms": self.ms,
            "direct": {"reserved_bytes": live, "capacity_bytes": live, "count": self.blocks.len(), "max_bytes": self.limit},
            "off_heap": {"live_bytes": live, "live_count": self.blocks.len(), "allocated_bytes": live, "allocated_count": 1,
                "accounting": self.accounting, "sampling_bytes": 524_288},
            "heap": {"used_bytes": 90 * MIB, "committed_bytes": 248 * MIB, "max_bytes": 248 * MIB},
            "pools": [{"name": "Metaspace", "kind": "metaspace", "used_bytes": 50 * MIB, "committed_bytes": 52 * MIB}],
            "collectors": [{"name": "G1 Young Generation", "count": self.young, "time_ms": 1}, {"name": "G1 Old Generation", "count": self.full, "time_ms": 1}],
            "agent": self.agent,
        });
        if !self.cgroup.is_null() {
            sample["cgroup"] = self.cgroup.clone();
        }
        if self.with_sites {
            sample["sites"] = self.uses();
        }
        sample
    }

    fn uses(&self) -> Value {
        let now = self.collections();
        let of_site = |id: u32| {
            let blocks = self.blocks.iter().filter(move |block| block.site == id);
            let live: u64 = blocks.clone().map(|block| block.bytes).sum();
            let old: u64 = blocks
                .filter(|block| now - block.born >= OLD_AFTER)
                .map(|block| block.bytes)
                .sum();
            json!({"id": id, "live_bytes": live, "live_count": 1, "old_bytes": old, "samples": 50})
        };
        [ENRICHER, POOL, NETTY, CACHE]
            .into_iter()
            .filter(|id| self.blocks.iter().any(|block| block.site == *id))
            .map(of_site)
            .collect()
    }

    fn incident(&mut self, kind: &str, site: u32, requested: u64, error: Option<&str>) -> u32 {
        self.incidents += 1;
        let caller = match site {
            ENRICHER => ("com.acme.Enricher", "open"),
            CACHE => ("com.acme.Lookup", "fill"),
            _ => (
                "org.apache.flink.shaded.netty4.io.netty.buffer.PoolArena$DirectArena",
                "newChunk",
            ),
        };
        let mut line = json!({
            "kind": "incident", "incident": kind, "t_ms": BEGIN_MS + self.ms as i64, "up_ms": self.ms, "id": self.incidents,
            "thread": "Enrich -> Sink: Out (1/2)#0", "suppressed": 0, "sample": self.sample(),
            "frames": [{"class": "java.nio.Bits", "method": "reserveMemory"}, {"class": "java.nio.DirectByteBuffer", "method": "<init>"},
                {"class": caller.0, "method": caller.1}],
        });
        if self.with_sites {
            line["sites"] = self.uses();
        }
        if requested > 0 {
            line["requested_bytes"] = json!(requested);
        }
        if let Some(error) = error {
            line["error_class"] = json!(error);
        }
        self.fact(&line);
        self.incidents
    }

    fn event(&mut self, mut event: Value) {
        event["kind"] = json!("event");
        event["t_ms"] = json!(BEGIN_MS + self.ms as i64);
        event["up_ms"] = json!(self.ms);
        writeln!(self.samples, "{event}").unwrap();
    }

    fn fact(&mut self, line: &Value) {
        writeln!(self.facts, "{line}").unwrap();
    }

    /// Cuts the facts after the first line that contains `part`: the process was killed then.
    pub(crate) fn forget_facts_after(&mut self, part: &str) {
        let start = self.facts.find(part).unwrap();
        let end = start + self.facts[start..].find('\n').unwrap() + 1;
        self.facts.truncate(end);
    }

    /// A line that no agent wrote.
    pub(crate) fn garbage(&mut self, line: &str) {
        writeln!(self.samples, "{line}").unwrap();
    }

    /// The orderly end.
    pub(crate) fn end(&mut self) {
        let line = json!({"kind": "end", "t_ms": BEGIN_MS + self.ms as i64, "up_ms": self.ms, "reason": "vm_death"});
        self.fact(&line);
    }

    /// Writes the trace below `parent` and returns its directory.
    pub(crate) fn write(&self, parent: &Path) -> PathBuf {
        let pid = self.header["pid"].as_u64().unwrap();
        let directory = parent.join(format!("flinkmem-tm-0.example-{pid}-20260101T000000Z"));
        std::fs::create_dir_all(&directory).unwrap();
        let with_header = |lines: &str| format!("{}\n{lines}", self.header);
        std::fs::write(directory.join("facts.jsonl"), with_header(&self.facts)).unwrap();
        std::fs::write(
            directory.join("samples-000000.jsonl"),
            with_header(&self.samples),
        )
        .unwrap();
        directory
    }

    /// With another option than the limit was made of, as if a later JVM flag had set the limit.
    pub(crate) fn with_option(mut self, key: &str, value: &str) -> Self {
        self.header["flink"]["options"][key] = json!(value);
        self
    }

    pub(crate) fn with_pid(mut self, pid: u32) -> Self {
        self.header["pid"] = json!(pid);
        self
    }

    /// The same with another name for a class.
    pub(crate) fn renamed(mut self, class: &str, name: &str) -> Self {
        for lines in [&mut self.facts, &mut self.samples] {
            *lines = lines.replace(&format!("\"{class}\""), &format!("\"{name}\""));
        }
        self
    }

    /// The same life, so much later.
    pub(crate) fn later(mut self, ms: i64) -> Self {
        let shift = |record: &mut Value| {
            for key in ["t_ms", "start_ms"] {
                if let Some(t_ms) = record[key].as_i64() {
                    record[key] = json!(t_ms + ms);
                }
            }
        };
        shift(&mut self.header);
        for lines in [&mut self.facts, &mut self.samples] {
            let records = lines.lines().map(|line| {
                let mut record: Value = serde_json::from_str(line).unwrap();
                shift(&mut record);
                format!("{record}\n")
            });
            *lines = records.collect();
        }
        self
    }
}

/// Leaks a MiB a second through a static list until the limit, then fails again on every attempt.
pub(crate) fn leak_to_the_limit() -> Jvm {
    let mut jvm = Jvm::task_manager();
    jvm.run(140, 5, |jvm, _| {
        let _ = jvm.allocate(ENRICHER, MIB);
    });
    jvm
}

/// A task that wants 160 MiB at once and lets go when it fails, every five seconds.
pub(crate) fn burst_in_a_restart_loop() -> Jvm {
    let mut jvm = Jvm::task_manager();
    jvm.run(60, 20, |_, _| {});
    jvm.run(60, 20, |jvm, second| {
        if second % 5 == 0 {
            let _ = (0..40).try_for_each(|_| jvm.allocate(ENRICHER, 4 * MIB));
            jvm.drop_oldest(ENRICHER, u64::MAX);
        }
    });
    jvm
}

/// Netty takes more chunks than there is room for.
pub(crate) fn netty_over_the_limit() -> Jvm {
    let mut jvm = Jvm::task_manager();
    jvm.run(300, 20, |_, _| {});
    let failed = (0..20)
        .try_for_each(|_| jvm.allocate(NETTY, 16 * MIB))
        .is_err();
    assert!(failed);
    jvm.run(5, 20, |_, _| {});
    jvm
}

/// Nothing happens.
pub(crate) fn healthy() -> Jvm {
    let mut jvm = Jvm::task_manager();
    jvm.run(600, 10, |_, _| {});
    jvm
}

//! A simulated life, written bit by bit with the agent's own writer, as a process does that is being watched.

use crate::synth::Jvm;
use flinkmem_trace::layout::FACTS;
use flinkmem_trace::{DiskBudget, End, Header, Record, TraceReader, TraceWriter};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Segments of 64 KiB, closed after some hundred samples.
const BUDGET: DiskBudget = DiskBudget { max_bytes: 1 << 20 };

/// A life of which a part is written.
#[derive(Debug)]
pub(crate) struct Replay {
    writer: TraceWriter,
    records: std::vec::IntoIter<Record>,
    last: (i64, u64),
    lock: Option<File>,
}

impl Replay {
    /// Nothing but the header is written, below `parent`, of a process of another host.
    pub(crate) fn begin(parent: &Path, jvm: &Jvm) -> Self {
        Self::with(parent, jvm, |_| {})
    }

    /// The same of a process of this host: it lives until [`Self::kill`].
    pub(crate) fn begin_here(parent: &Path, jvm: &Jvm) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let mut replay = Self::with(parent, jvm, |header| {
            header.host = host.trim().to_owned();
        });
        let facts = File::open(replay.directory().join(FACTS)).unwrap();
        facts.try_lock().unwrap();
        replay.lock = Some(facts);
        replay
    }

    fn with(parent: &Path, jvm: &Jvm, prepare: impl FnOnce(&mut Header)) -> Self {
        let elsewhere = tempfile::tempdir().unwrap();
        let written = jvm.write(elsewhere.path());
        let reader = TraceReader::open(&written).unwrap();
        let mut header = reader.header().clone();
        prepare(&mut header);
        let directory = parent.join(written.file_name().unwrap());
        let (records, damage) = reader.records();
        assert!(damage.is_none(), "{damage:?}");
        Self {
            writer: TraceWriter::create(&directory, &header, BUDGET).unwrap(),
            last: (header.t_ms, header.up_ms),
            records: records.into_iter(),
            lock: None,
        }
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.writer.directory().to_owned()
    }

    /// The process's name, as that of its directory.
    pub(crate) fn name(&self) -> String {
        let directory = self.directory();
        directory.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// Writes that many records more; false when there are no more.
    pub(crate) fn write(&mut self, records: usize) -> bool {
        for record in self.records.by_ref().take(records) {
            if let Record::Sample(sample) = &record {
                self.last = (sample.t_ms, sample.up_ms);
            }
            self.writer.write(&record).unwrap();
        }
        self.records.len() > 0
    }

    pub(crate) fn write_all(&mut self) {
        self.write(usize::MAX);
    }

    /// The orderly end.
    pub(crate) fn end(&mut self) {
        let (t_ms, up_ms) = self.last;
        let end = End {
            t_ms,
            up_ms,
            ..End::default()
        };
        self.writer.write(&Record::End(end)).unwrap();
        self.lock = None;
    }

    /// SIGKILL: nothing is written any more, and the kernel takes the lock back.
    pub(crate) fn kill(&mut self) {
        self.lock = None;
    }
}

//! The pools of a process as a tree.

use crate::model::{Derived, JobManagerModel, MemorySize, Model, Origin, TaskManagerModel};
use serde::Serialize;

/// A pool and the pools inside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pool {
    /// The model's name, as in JSON.
    pub name: &'static str,
    /// What it is called.
    #[serde(skip)]
    pub label: &'static str,
    /// Its size.
    pub bytes: MemorySize,
    /// Where its size came from; absent for the sums that the JVM's limits are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Who keeps the process from using more.
    pub enforcer: Enforcer,
    /// The pools inside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Pool>,
}

/// Who keeps a process within a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcer {
    /// The container's OOM killer, if the limit is the process size.
    Container,
    /// The JVM, by `-Xmx`.
    Xmx,
    /// The JVM, by `-XX:MaxDirectMemorySize`.
    MaxDirectMemorySize,
    /// The JVM, by `-XX:MaxMetaspaceSize`.
    MaxMetaspaceSize,
    /// Flink's network stack: it allocates this and no more.
    NetworkBufferPool,
    /// Flink's memory manager, for what is reserved there. RocksDB itself may exceed it.
    MemoryManager,
    /// The pool around it: its neighbours may use up what it leaves, and it theirs.
    Parent,
    /// Nobody.
    Nobody,
}

impl Enforcer {
    /// In a few words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Container => "container limit",
            Self::Xmx => "JVM: -Xmx",
            Self::MaxDirectMemorySize => "JVM: MaxDirectMemorySize",
            Self::MaxMetaspaceSize => "JVM: MaxMetaspaceSize",
            Self::NetworkBufferPool => "Flink: buffer pool",
            Self::MemoryManager => "Flink: reservations",
            Self::Parent => "only the whole",
            Self::Nobody => "nobody",
        }
    }
}

/// The pools of a model; the outermost holds all others. Empty where the model knows no pools (1.9 and older).
#[must_use]
pub fn pools(model: &Model) -> Option<Pool> {
    match model {
        Model::TaskManager(model) => Some(task_manager(model)),
        Model::JobManager(model) => Some(job_manager(model)),
        Model::Shell(_) | Model::Container(_) => None,
    }
}

fn leaf(name: &'static str, label: &'static str, derived: &Derived, enforcer: Enforcer) -> Pool {
    Pool {
        name,
        label,
        bytes: derived.size,
        origin: Some(derived.origin.clone()),
        enforcer,
        parts: Vec::new(),
    }
}

fn limit(
    name: &'static str,
    label: &'static str,
    bytes: MemorySize,
    enforcer: Enforcer,
    parts: Vec<Pool>,
) -> Pool {
    Pool {
        name,
        label,
        bytes,
        origin: None,
        enforcer,
        parts,
    }
}

fn task_manager(model: &TaskManagerModel) -> Pool {
    let heap = vec![
        leaf(
            "framework_heap",
            "framework heap",
            &model.framework_heap,
            Enforcer::Parent,
        ),
        leaf("task_heap", "task heap", &model.task_heap, Enforcer::Parent),
    ];
    let direct = vec![
        leaf(
            "framework_off_heap",
            "framework off-heap",
            &model.framework_off_heap,
            Enforcer::Parent,
        ),
        leaf(
            "task_off_heap",
            "task off-heap",
            &model.task_off_heap,
            Enforcer::Parent,
        ),
        leaf(
            "network",
            "network",
            &model.network,
            Enforcer::NetworkBufferPool,
        ),
    ];
    let flink = of_flink(
        &model.total_flink,
        vec![
            limit("jvm_heap", "JVM heap", model.heap(), Enforcer::Xmx, heap),
            limit(
                "jvm_direct",
                "JVM direct",
                model.direct(),
                Enforcer::MaxDirectMemorySize,
                direct,
            ),
            leaf(
                "managed",
                "managed",
                &model.managed,
                Enforcer::MemoryManager,
            ),
        ],
    );
    around(
        flink,
        &model.metaspace,
        &model.overhead,
        &model.total_process,
    )
}

fn job_manager(model: &JobManagerModel) -> Pool {
    let off_heap = match model.direct_limit {
        true => Enforcer::MaxDirectMemorySize,
        false => Enforcer::Nobody,
    };
    let flink = of_flink(
        &model.total_flink,
        vec![
            leaf("jvm_heap", "JVM heap", &model.heap, Enforcer::Xmx),
            leaf("off_heap", "off-heap", &model.off_heap, off_heap),
        ],
    );
    around(
        flink,
        &model.metaspace,
        &model.overhead,
        &model.total_process,
    )
}

fn of_flink(total: &Derived, parts: Vec<Pool>) -> Pool {
    let whole = leaf("total_flink", "total Flink memory", total, Enforcer::Nobody);
    Pool { parts, ..whole }
}

fn around(flink: Pool, metaspace: &Derived, overhead: &Derived, process: &Derived) -> Pool {
    Pool {
        parts: vec![
            flink,
            leaf(
                "jvm_metaspace",
                "JVM metaspace",
                metaspace,
                Enforcer::MaxMetaspaceSize,
            ),
            leaf("jvm_overhead", "JVM overhead", overhead, Enforcer::Nobody),
        ],
        ..leaf(
            "total_process",
            "total process memory",
            process,
            Enforcer::Container,
        )
    }
}

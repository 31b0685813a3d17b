//! What was configured, what Flink resolved, what the JVM runs with: where they disagree.

use super::jvm_limits::JvmLimits;
use super::observed::Observed;
use crate::model::options::{jm, tm};
use crate::model::{MemorySize, Model};
use serde::Serialize;

/// Two layers that say different things about one pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Disagreement {
    /// The pool, by the model's name.
    pub pool: &'static str,
    /// The layer that was meant to decide.
    pub expected_by: Layer,
    /// What it says, bytes.
    pub expected: u64,
    /// The layer nearer to the running process.
    pub found_in: Layer,
    /// What that one says, bytes.
    pub found: u64,
}

/// A layer of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Files, `-D`, environment.
    Configured,
    /// What Flink's start script made of it.
    Resolved,
    /// What the JVM runs with.
    Actual,
}

impl Disagreement {
    /// In a sentence.
    #[must_use]
    pub fn text(&self) -> String {
        let size = |bytes| MemorySize::from_bytes(bytes).to_human();
        let (expected, found) = (size(self.expected), size(self.found));
        let why = match (self.expected_by, self.found_in) {
            (Layer::Configured, Layer::Resolved) => {
                "the process was started from another configuration, or with options that this one does not show"
            }
            (_, Layer::Actual) => {
                "a later JVM flag wins over Flink's, and Flink's own table does not show it"
            }
            _ => "the layers disagree",
        };
        format!("{}: {expected} expected, {found} found ({why})", self.pool)
    }
}

/// What a layer says about pools, by name.
pub type Claims = Vec<(&'static str, u64)>;

/// Every pool about which two neighbouring layers disagree.
#[must_use]
pub fn disagreements(configured: Option<&Model>, observed: &Observed) -> Vec<Disagreement> {
    let resolved = resolved_pools(observed);
    let mut found = Vec::new();
    if let Some(model) = configured {
        let claims = pools(model);
        compare(
            &claims,
            Layer::Configured,
            &resolved,
            Layer::Resolved,
            &mut found,
        );
    }
    let limits = limit_claims(&observed.flink_limits);
    let actual = limit_claims(&observed.jvm_limits);
    compare(&limits, Layer::Resolved, &actual, Layer::Actual, &mut found);
    found
}

fn compare(
    expected: &Claims,
    expected_by: Layer,
    found: &Claims,
    found_in: Layer,
    into: &mut Vec<Disagreement>,
) {
    for (pool, expected) in expected {
        let other = found.iter().find(|(name, _)| name == pool);
        if let Some((_, found)) = other.filter(|(_, found)| found != expected) {
            into.push(Disagreement {
                pool,
                expected_by,
                expected: *expected,
                found_in,
                found: *found,
            });
        }
    }
}

fn limit_claims(limits: &JvmLimits) -> Claims {
    let claims = [
        ("jvm_heap", limits.heap),
        ("jvm_direct", limits.direct),
        ("jvm_metaspace", limits.metaspace),
    ];
    claims
        .into_iter()
        .filter_map(|(name, limit)| Some((name, limit?)))
        .collect()
}

/// The pools of a model, by name.
#[must_use]
pub fn pools(model: &Model) -> Claims {
    match model {
        Model::TaskManager(model) => vec![
            ("framework_heap", model.framework_heap.bytes()),
            ("framework_off_heap", model.framework_off_heap.bytes()),
            ("task_heap", model.task_heap.bytes()),
            ("task_off_heap", model.task_off_heap.bytes()),
            ("network", model.network.bytes()),
            ("managed", model.managed.bytes()),
            ("jvm_metaspace", model.metaspace.bytes()),
            ("jvm_overhead", model.overhead.bytes()),
            ("total_flink", model.total_flink.bytes()),
            ("total_process", model.total_process.bytes()),
            ("jvm_heap", model.heap().bytes()),
            ("jvm_direct", model.direct().bytes()),
        ],
        Model::JobManager(model) => {
            let pools = [
                ("jvm_heap", model.heap.bytes()),
                ("off_heap", model.off_heap.bytes()),
                ("jvm_metaspace", model.metaspace.bytes()),
                ("jvm_overhead", model.overhead.bytes()),
                ("total_flink", model.total_flink.bytes()),
                ("total_process", model.total_process.bytes()),
            ];
            let direct = model.direct_limit.then_some(model.off_heap.bytes());
            let direct = direct.map(|bytes| ("jvm_direct", bytes));
            pools.into_iter().chain(direct).collect()
        }
        Model::Shell(model) => {
            let heap = model.heap_mb.map(|mb| ("jvm_heap", mb << 20));
            heap.into_iter().collect()
        }
        Model::Container(model) => {
            let direct = model.direct_limit_mb.map(|mb| ("jvm_direct", mb << 20));
            std::iter::once(("jvm_heap", model.heap_mb << 20))
                .chain(direct)
                .collect()
        }
    }
}

/// What Flink resolved, from its `-D` options, its JVM arguments and its table.
#[must_use]
pub fn resolved_pools(observed: &Observed) -> Claims {
    let mut claims: Claims = observed
        .table
        .iter()
        .map(|(name, bytes)| (*name, *bytes))
        .collect();
    for (name, key) in [
        ("framework_heap", tm::FRAMEWORK_HEAP.key),
        ("framework_off_heap", tm::FRAMEWORK_OFF_HEAP.key),
        ("task_heap", tm::TASK_HEAP.key),
        ("task_off_heap", tm::TASK_OFF_HEAP.key),
        ("network", tm::NETWORK_MIN.key),
        ("managed", tm::MANAGED.key),
        ("jvm_metaspace", tm::METASPACE.key),
        ("jvm_overhead", tm::OVERHEAD_MIN.key),
        ("off_heap", jm::OFF_HEAP.key),
        ("jvm_metaspace", jm::METASPACE.key),
        ("jvm_overhead", jm::OVERHEAD_MIN.key),
    ] {
        let text = observed
            .resolved
            .get(key)
            .map(|setting| setting.value.to_string());
        let size = text.and_then(|text| MemorySize::parse(&text).ok());
        let is_known = claims.iter().any(|(known, _)| *known == name);
        if let (Some(size), false) = (size, is_known) {
            claims.push((name, size.bytes()));
        }
    }
    for (name, bytes) in limit_claims(&observed.flink_limits) {
        if !claims.iter().any(|(known, _)| *known == name) {
            claims.push((name, bytes));
        }
    }
    claims
}

//! Figures without a limit: time in collections, processor time, classes, the agent's own cost; and Flink's jobs.

use super::Means;
use crate::case::{Case, Moment};
use crate::units::{bytes, duration};
use flinkmem_trace::Job;

/// A figure by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vital {
    /// What.
    pub name: &'static str,
    /// How much, with its unit.
    pub value: String,
    /// Worth a look.
    pub is_high: bool,
}

/// Shares of time are over this long: long enough for some collections, short enough for now.
const SHARE_MS: u64 = 60_000;

/// From this share of time in collections on, the program gets little done.
const MUCH_GC: f64 = 0.1;

/// In the order of interest.
pub(super) fn of(case: &Case, recent: &[Moment], means: Means<'_>) -> Vec<Vital> {
    let Some(now) = recent.last() else {
        return Vec::new();
    };
    let since = now.up_ms.saturating_sub(SHARE_MS);
    let begin = recent.partition_point(|moment| moment.up_ms < since);
    let minute = recent.get(begin..).unwrap_or_default();
    let agent = match means {
        Means::Agent => agent(now, minute),
        Means::Outside { .. } => Some(Vital::new("agent", "none".to_owned())),
    };
    let up_s = now.t_ms.saturating_sub(case.header.start_ms).max(0) as f64 / 1000.0;
    [
        collections(now, minute),
        share_of_time(minute, |moment| Some(moment.cpu?.process_us))
            .map(|share| Vital::new("CPU", format!("{share:.2} cores"))),
        last(recent, |moment| Some(moment.threads?.live))
            .map(|live| Vital::new("Java threads", live.to_string())),
        last(recent, |moment| {
            Some(
                moment
                    .classes?
                    .loaded
                    .saturating_sub(moment.classes?.unloaded),
            )
        })
        .map(|classes| Vital::new("classes", classes.to_string())),
        Some(Vital::new("up", duration(up_s))),
        resident(now, means),
        agent,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Flink's jobs in this process.
pub(super) fn jobs(case: &Case) -> Vec<String> {
    let inside = case
        .timeline
        .inside
        .last()
        .and_then(|inside| inside.flink.as_ref());
    inside.map_or_else(Vec::new, |flink| flink.jobs.iter().map(job).collect())
}

fn job(job: &Job) -> String {
    let id: String = job.id.chars().take(8).collect();
    let tasks = job.tasks.map(|tasks| match job.running {
        Some(running) => format!("{running} of {tasks} tasks running"),
        None => format!("{tasks} tasks"),
    });
    let parts = [
        job.state.clone(),
        tasks,
        job.attempt.map(|attempt| format!("attempt {attempt}")),
        job.restarts.map(|restarts| format!("{restarts} restarts")),
        job.checkpoint_id.map(|id| format!("checkpoint {id}")),
        job.checkpoints_failed
            .filter(|failed| *failed > 0)
            .map(|failed| format!("{failed} checkpoints failed")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("job {id}: {}", parts.join(", "))
}

/// Pauses where the agent brackets them, otherwise the JVM's own count.
fn collections(now: &Moment, minute: &[Moment]) -> Option<Vital> {
    let paused = share_of_time(minute, |moment| Some(moment.pauses?.total_us));
    let counted = || share_of_time(minute, |moment| moment.collection_ms?.checked_mul(1000));
    let share = paused.or_else(counted)?;
    let longest = now.pauses.map(|_| {
        let longest = minute
            .iter()
            .filter_map(|moment| Some(moment.pauses?.longest_us))
            .max();
        format!(", longest {} ms", longest.unwrap_or(0).div_ceil(1000))
    });
    Some(Vital {
        name: "GC",
        value: format!(
            "{:.1} % of time{}",
            share * 100.0,
            longest.unwrap_or_default()
        ),
        is_high: share >= MUCH_GC,
    })
}

/// What resident memory is made of.
fn resident(now: &Moment, means: Means<'_>) -> Option<Vital> {
    let process = now.process?;
    let huge = match means {
        Means::Outside {
            huge_pages_bytes, ..
        } => huge_pages_bytes,
        Means::Agent => None,
    };
    let more = [
        ("shared", Some(process.rss_shmem_bytes)),
        ("swapped", Some(process.vm_swap_bytes)),
        ("huge pages", huge),
    ];
    let more = more
        .into_iter()
        .filter_map(|(name, size)| Some((name, size.filter(|size| *size > 0)?)));
    let parts = [
        ("anonymous", process.rss_anon_bytes),
        ("files", process.rss_file_bytes),
    ];
    let parts = parts.into_iter().chain(more);
    let parts: Vec<String> = parts
        .map(|(name, size)| format!("{} {name}", bytes(size)))
        .collect();
    Some(Vital::new("resident", parts.join(", ")))
}

fn agent(now: &Moment, minute: &[Moment]) -> Option<Vital> {
    let share = share_of_time(minute, |moment| Some(moment.agent.cpu_us))?;
    let memory = now.agent.memory_bytes.saturating_add(now.agent.heap_bytes);
    let value = format!(
        "{:.2} % CPU, {}, {} on disk",
        share * 100.0,
        bytes(memory),
        bytes(now.agent.disk_bytes)
    );
    Some(Vital::new("agent", value))
}

/// What a count of microseconds rose by, as a share of the time that passed.
fn share_of_time(moments: &[Moment], count_us: impl Fn(&Moment) -> Option<u64>) -> Option<f64> {
    let count = |moment: &Moment| Some((moment.up_ms, count_us(moment)?));
    let (begin_ms, before) = moments.iter().find_map(count)?;
    let (end_ms, after) = moments.iter().rev().find_map(count)?;
    let passed_us = end_ms.saturating_sub(begin_ms).saturating_mul(1000);
    (passed_us > 0).then(|| after.saturating_sub(before) as f64 / passed_us as f64)
}

fn last(moments: &[Moment], value: impl Fn(&Moment) -> Option<u64>) -> Option<u64> {
    moments.iter().rev().find_map(value)
}

impl Vital {
    fn new(name: &'static str, value: String) -> Self {
        Self {
            name,
            value,
            is_high: false,
        }
    }
}

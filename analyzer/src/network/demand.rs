//! Buffers that a topology takes in one TaskManager.
//!
//! A pool of buffers is guaranteed what it requires, or the task fails; up to its target it may borrow what nobody else
//! needs. Channels inside one process take no exclusive buffers: all of them are counted here as remote, so the demand is
//! that of the worst placement.

use super::topology::{Exchange, Shuffle};
use crate::model::changes::{Behaviour, SortShuffle};
use crate::model::{NetworkBuffers, Question, Value};
use serde::Serialize;

/// The numbers that decide how many buffers a gate or a result takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferRules {
    /// Exclusive buffers of a channel.
    pub per_channel: u64,
    /// Floating buffers of a gate.
    pub floating: u64,
    /// Whether a gate's required buffers are capped (1.17 and later).
    pub capped: bool,
    /// The cap that was configured.
    pub cap: Option<u64>,
    /// Sort shuffle of blocking results; absent before 1.12.
    pub sort_shuffle: Option<SortShuffle>,
    /// Buffers that a pipelined result may take beyond its target while it cannot stop in the middle of a record (1.16 and later).
    pub overdraft: Option<u64>,
}

const CAP: &str = "taskmanager.network.memory.read-buffer.required-per-gate.max";
const OVERDRAFT: &str = "taskmanager.network.memory.max-overdraft-buffers-per-gate";
const SORT_MIN_BUFFERS: &str = "taskmanager.network.sort-shuffle.min-buffers";
const SORT_MIN_PARALLELISM: &str = "taskmanager.network.sort-shuffle.min-parallelism";
/// What a blocking gate requires at most unless configured.
const BLOCKING_CAP: u64 = 1000;

impl BufferRules {
    /// The rules of a configuration.
    #[must_use]
    pub fn of(question: &Question, buffers: &NetworkBuffers) -> Self {
        let behaviour = Behaviour::of(question.version);
        let number = |key: &str| {
            question
                .settings
                .get(key)
                .and_then(|setting| whole(&setting.value))
        };
        let sort_shuffle = behaviour.sort_shuffle.map(|defaults| SortShuffle {
            min_buffers: number(SORT_MIN_BUFFERS).unwrap_or(defaults.min_buffers),
            min_parallelism: match behaviour.configurable_buffers {
                true => number(SORT_MIN_PARALLELISM).unwrap_or(defaults.min_parallelism),
                false => defaults.min_parallelism,
            },
        });
        Self {
            per_channel: u64::try_from(buffers.buffers_per_channel).unwrap_or_default(),
            floating: u64::try_from(buffers.floating_per_gate).unwrap_or_default(),
            capped: behaviour.required_buffers_capped,
            cap: number(CAP).filter(|_| behaviour.required_buffers_capped),
            sort_shuffle,
            overdraft: behaviour.overdraft_buffers.map(|default| {
                match behaviour.configurable_buffers {
                    true => number(OVERDRAFT).unwrap_or(default),
                    false => default,
                }
            }),
        }
    }

    /// Buffers of one receiver's gate.
    #[must_use]
    pub fn gate(&self, channels: u64, shuffle: Shuffle) -> Buffers {
        let exclusive = channels.saturating_mul(self.per_channel);
        let wanted = exclusive.saturating_add(1);
        let cap = self.cap.unwrap_or(match shuffle {
            Shuffle::Blocking if self.capped => BLOCKING_CAP,
            _ => u64::MAX,
        });
        Buffers {
            required: wanted.min(cap),
            target: exclusive.saturating_add(self.floating),
        }
    }

    /// Buffers of one sender's result.
    #[must_use]
    pub fn result(&self, subpartitions: u64, shuffle: Shuffle) -> Buffers {
        let one_each = subpartitions.saturating_add(1);
        let sorted = self
            .sort_shuffle
            .filter(|sort| subpartitions >= sort.min_parallelism);
        match (shuffle, sorted) {
            (Shuffle::Pipelined, _) => {
                let most = subpartitions
                    .saturating_mul(self.per_channel)
                    .saturating_add(self.floating);
                Buffers {
                    required: one_each,
                    target: most.max(one_each),
                }
            }
            (Shuffle::Blocking, Some(sort)) => Buffers {
                required: sort.min_buffers,
                target: sort.min_buffers.max(subpartitions.saturating_mul(4)),
            },
            (Shuffle::Blocking, None) => Buffers {
                required: one_each,
                target: one_each,
            },
        }
    }
}

fn whole(value: &Value) -> Option<u64> {
    value.to_string().trim().parse().ok()
}

/// Buffers of one pool, or of several together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Buffers {
    /// Guaranteed: without them the task fails.
    pub required: u64,
    /// Up to here it borrows.
    pub target: u64,
}

impl Buffers {
    fn times(self, count: u64) -> Self {
        Self {
            required: self.required.saturating_mul(count),
            target: self.target.saturating_mul(count),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            required: self.required.saturating_add(other.required),
            target: self.target.saturating_add(other.target),
        }
    }
}

/// What an exchange takes in one TaskManager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Senders in the TaskManager.
    pub senders: u64,
    /// Buffers of one sender's result.
    pub result: Buffers,
    /// Receivers in the TaskManager.
    pub receivers: u64,
    /// Buffers of one receiver's gate.
    pub gate: Buffers,
}

/// What a topology takes in one TaskManager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Demand {
    /// The exchanges, in the order asked.
    pub exchanges: Vec<Share>,
    /// All of them together.
    pub total: Buffers,
}

/// Adds up what `exchanges` take in the busiest of `task_managers`, subtasks being spread evenly.
#[must_use]
pub fn demand(rules: &BufferRules, exchanges: &[Exchange], task_managers: u64) -> Demand {
    let spread = |parallelism: u64| parallelism.div_ceil(task_managers.max(1));
    let shares: Vec<Share> = exchanges
        .iter()
        .map(|exchange| Share {
            senders: spread(exchange.upstream),
            result: rules.result(exchange.subpartitions(), exchange.shuffle),
            receivers: spread(exchange.downstream),
            gate: rules.gate(exchange.channels(), exchange.shuffle),
        })
        .collect();
    let total = shares.iter().fold(Buffers::default(), |total, share| {
        total
            .plus(share.result.times(share.senders))
            .plus(share.gate.times(share.receivers))
    });
    Demand {
        exchanges: shares,
        total,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FlinkVersion, Process, Settings};

    fn rules(version: FlinkVersion) -> BufferRules {
        let question = Question::new(version, Process::TaskManager, Settings::new());
        let buffers = NetworkBuffers {
            count: 2048,
            buffers_per_channel: 2,
            floating_per_gate: 8,
        };
        BufferRules::of(&question, &buffers)
    }

    #[test]
    fn a_pipelined_result_requires_one_buffer_a_receiver_and_one_more() {
        let result = rules(FlinkVersion::release(1, 20, 5)).result(4, Shuffle::Pipelined);
        assert_eq!(
            result,
            Buffers {
                required: 5,
                target: 16
            }
        );
    }

    #[test]
    fn a_blocking_gate_is_capped_since_1_17() {
        let channels = 5_000;
        let before = rules(FlinkVersion::release(1, 16, 3)).gate(channels, Shuffle::Blocking);
        let after = rules(FlinkVersion::release(1, 17, 2)).gate(channels, Shuffle::Blocking);
        assert_eq!((before.required, after.required), (10_001, 1_000));
    }

    #[test]
    fn sort_shuffle_is_the_default_since_1_15() {
        let hash = rules(FlinkVersion::release(1, 14, 6)).result(100, Shuffle::Blocking);
        let sort = rules(FlinkVersion::release(1, 15, 4)).result(100, Shuffle::Blocking);
        assert_eq!((hash.required, sort.required), (101, 512));
    }

    #[test]
    fn the_busiest_task_manager_counts() {
        let exchange: Exchange = "5x4".parse().unwrap();
        let demand = demand(&rules(FlinkVersion::release(2, 3, 0)), &[exchange], 2);
        let share = demand.exchanges[0];
        assert_eq!((share.senders, share.receivers), (3, 2));
        // Three results of 4 + 1 and two gates of 5 × 2 + 1.
        assert_eq!(demand.total.required, 3 * 5 + 2 * 11);
    }
}

//! Resident bytes by owner over time, from the ledgers.

use crate::case::{Case, seconds};
use crate::statistics::Point;
use flinkmem_trace::{Ledger, Owner};
use std::collections::BTreeSet;

/// Resident bytes by owner.
#[derive(Debug, Default)]
pub(in crate::rules) struct Parts {
    /// Every owner, the one that grew most first.
    pub(in crate::rules) list: Vec<Part>,
    /// Ledgers behind it.
    pub(in crate::rules) ledgers: usize,
    /// When the first of them was taken, milliseconds since the agent started.
    pub(in crate::rules) from_ms: u64,
    /// The last.
    pub(in crate::rules) to_ms: u64,
}

/// One owner's resident bytes.
#[derive(Debug, Clone)]
pub(in crate::rules) struct Part {
    pub(in crate::rules) owner: Owner,
    /// One point a ledger.
    pub(in crate::rules) points: Vec<Point>,
    /// In the first ledger.
    pub(in crate::rules) first: u64,
    /// In the last.
    pub(in crate::rules) last: u64,
}

impl Part {
    /// What it has more in the last ledger than in the first.
    pub(in crate::rules) fn growth(&self) -> u64 {
        self.last.saturating_sub(self.first)
    }

    /// As reports name it.
    pub(in crate::rules) fn name(&self) -> &'static str {
        owner_name(self.owner)
    }
}

impl Parts {
    pub(super) fn of(case: &Case) -> Self {
        let ledgers: Vec<&Ledger> = case.evidence.all::<Ledger>().collect();
        let (Some(first), Some(last)) = (ledgers.first(), ledgers.last()) else {
            return Self::default();
        };
        let owners: BTreeSet<Owner> = ledgers
            .iter()
            .flat_map(|ledger| ledger.parts.iter().map(|part| part.owner))
            .collect();
        let mut list: Vec<Part> = owners
            .into_iter()
            .map(|owner| part(owner, &ledgers))
            .collect();
        list.sort_by(|a, b| b.growth().cmp(&a.growth()).then(a.owner.cmp(&b.owner)));
        Self {
            list,
            ledgers: ledgers.len(),
            from_ms: first.taken.up_ms,
            to_ms: last.taken.up_ms,
        }
    }

    /// One owner's part; `None` where it never had any.
    pub(in crate::rules) fn get(&self, owner: Owner) -> Option<&Part> {
        self.list.iter().find(|part| part.owner == owner)
    }

    /// What one owner has in the last ledger.
    pub(in crate::rules) fn last(&self, owner: Owner) -> u64 {
        self.get(owner).map_or(0, |part| part.last)
    }

    /// What all grew together, each that did.
    pub(in crate::rules) fn growth_of_all(&self) -> u64 {
        self.list
            .iter()
            .fold(0, |sum, part| sum.saturating_add(part.growth()))
    }

    /// What grew outside the limits that the JVM and Flink set themselves.
    pub(in crate::rules) fn growth_outside(&self) -> u64 {
        let outside = self
            .list
            .iter()
            .filter(|part| !bounded_by_itself(part.owner));
        outside.fold(0, |sum, part| sum.saturating_add(part.growth()))
    }
}

/// Whether an owner has a limit of its own, by the JVM or by Flink, so that it fills up and stays: its growth is none of a leak's. Mapped files
/// can be given back.
fn bounded_by_itself(owner: Owner) -> bool {
    match owner {
        Owner::JavaHeap
        | Owner::Metaspace
        | Owner::ClassSpace
        | Owner::CdsArchive
        | Owner::CodeCache
        | Owner::GcStructures
        | Owner::JvmThreadStacks
        | Owner::FlinkNetworkSegments
        | Owner::FlinkManagedSegments
        | Owner::MappedJars
        | Owner::MappedLibraries
        | Owner::MappedJdkModules
        | Owner::MappedFiles
        | Owner::Agent
        | Owner::Kernel => true,
        Owner::JavaThreadStacks
        | Owner::NativeThreadStacks
        | Owner::Netty
        | Owner::NettyShaded
        | Owner::NioThreadCaches
        | Owner::UserOffHeap
        | Owner::OtherOffHeap
        | Owner::MallocInUse
        | Owner::MallocFree
        | Owner::SharedMemory
        | Owner::Unclaimed => false,
    }
}

fn part(owner: Owner, ledgers: &[&Ledger]) -> Part {
    let points: Vec<Point> = ledgers
        .iter()
        .map(|ledger| Point::new(seconds(ledger.taken.up_ms), ledger.bytes(owner) as f64))
        .collect();
    Part {
        owner,
        first: ledgers.first().map_or(0, |ledger| ledger.bytes(owner)),
        last: ledgers.last().map_or(0, |ledger| ledger.bytes(owner)),
        points,
    }
}

/// An owner in words.
fn owner_name(owner: Owner) -> &'static str {
    match owner {
        Owner::JavaHeap => "Java heap",
        Owner::Metaspace => "metaspace",
        Owner::ClassSpace => "class space",
        Owner::CdsArchive => "class data archive",
        Owner::CodeCache => "code cache",
        Owner::GcStructures => "tables of the collector",
        Owner::JavaThreadStacks => "stacks of Java threads",
        Owner::JvmThreadStacks => "stacks of the JVM's threads",
        Owner::NativeThreadStacks => "stacks of libraries' threads",
        Owner::FlinkNetworkSegments => "Flink's network buffers",
        Owner::FlinkManagedSegments => "Flink's managed segments",
        Owner::Netty => "Netty",
        Owner::NettyShaded => "Flink's Netty",
        Owner::NioThreadCaches => "NIO's buffers per thread",
        Owner::UserOffHeap => "off-heap memory of user code",
        Owner::OtherOffHeap => "other off-heap memory",
        Owner::MallocInUse => "malloc in use",
        Owner::MallocFree => "freed but kept by malloc",
        Owner::MappedJars => "mapped jars",
        Owner::MappedLibraries => "libraries",
        Owner::MappedJdkModules => "the JDK's modules",
        Owner::MappedFiles => "mapped files",
        Owner::SharedMemory => "shared memory",
        Owner::Agent => "the agent",
        Owner::Kernel => "the kernel's pages",
        Owner::Unclaimed => "memory without a known owner",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::{LedgerPart, Record, Taken};

    fn case(ledgers: &[&[(Owner, u64)]]) -> Case {
        let mut case = Case::default();
        for (index, parts) in (0_u64..).zip(ledgers) {
            let part = |&(owner, bytes): &(Owner, u64)| LedgerPart {
                owner,
                bytes,
                samples: None,
            };
            case.evidence.push(Record::Ledger(Box::new(Ledger {
                taken: Taken {
                    up_ms: index * 60_000,
                    ..Taken::default()
                },
                parts: parts.iter().map(part).collect(),
                ..Ledger::default()
            })));
        }
        case
    }

    #[test]
    fn who_grew_most_comes_first_and_what_has_its_own_limit_is_not_outside() {
        let case = case(&[
            &[(Owner::JavaHeap, 100), (Owner::MallocInUse, 50)],
            &[
                (Owner::JavaHeap, 400),
                (Owner::MallocInUse, 90),
                (Owner::Unclaimed, 7),
            ],
        ]);
        let parts = Parts::of(&case);
        assert_eq!(parts.list[0].owner, Owner::JavaHeap);
        assert_eq!(parts.growth_of_all(), 347);
        assert_eq!(parts.growth_outside(), 47);
        assert_eq!(parts.to_ms, 60_000);
    }

    #[test]
    fn without_a_ledger_nothing_is_known() {
        let parts = Parts::of(&Case::default());
        assert_eq!((parts.ledgers, parts.growth_of_all()), (0, 0));
    }
}

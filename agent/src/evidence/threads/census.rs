//! Grouping of threads, and what is remembered from one census to the next.

use super::pattern::pattern;
use crate::stacks;
use crate::thread_starts::Creators;
use flinkmem_native::jvm::LiveThread;
use flinkmem_native::kernel::tasks;
use flinkmem_trace::{TaskGroup, Tasks, ThreadCensus, ThreadCreator, ThreadGroup};
use std::collections::{HashMap, HashSet};

/// Groups that are remembered. Beyond that, those without a live thread are forgotten.
const MOST_GROUPS: usize = 1024;
/// Groups, creators and native groups that are written down.
const WRITTEN_GROUPS: usize = 64;
const WRITTEN_CREATORS: usize = 32;
const WRITTEN_TASKS: usize = 40;
/// Class loaders and creators of one group.
const OF_ONE_GROUP: usize = 3;

/// What the censuses remember.
#[derive(Default)]
pub(super) struct Census {
    groups: HashMap<String, Group>,
    /// Pattern by thread id, as of the last census.
    known: HashMap<u64, String>,
    /// Java's names as the kernel has them, as of the last census.
    java_names: HashMap<String, usize>,
}

#[derive(Debug, Clone, Default)]
struct Group {
    live: u64,
    daemon: u64,
    appeared: u64,
    vanished: u64,
    context_loaders: Vec<String>,
    /// Live threads by the creator's stack.
    creators: HashMap<u32, u64>,
}

impl Census {
    /// Groups the threads that live now, of which `unseen` could not be looked at.
    pub(super) fn take(
        &mut self,
        live: &[LiveThread],
        unseen: usize,
        creators: &mut Creators,
    ) -> ThreadCensus {
        let ids: HashSet<u64> = live.iter().map(|thread| thread.id).collect();
        if unseen == 0 {
            creators.settle(&ids);
        }
        self.begin();
        let mut known = HashMap::new();
        for thread in live {
            let pattern = self.add(thread, creators);
            known.insert(thread.id, pattern);
        }
        self.count_vanished(&known);
        self.known = known;
        let groups = self.written();
        let written: u64 = groups.iter().map(|group| group.live).sum();
        let total = live.len() + unseen;
        ThreadCensus {
            live: total as u64,
            daemon: live.iter().filter(|thread| thread.is_daemon).count() as u64,
            others: total as u64 - written,
            groups,
            creators: written_creators(creators),
            ..ThreadCensus::default()
        }
    }

    fn begin(&mut self) {
        if self.groups.len() > MOST_GROUPS {
            self.groups.retain(|_, group| group.live > 0);
        }
        for group in self.groups.values_mut() {
            *group = Group {
                appeared: group.appeared,
                vanished: group.vanished,
                ..Group::default()
            };
        }
        self.java_names.clear();
    }

    /// Adds a thread to its group and gives the pattern back.
    fn add(&mut self, thread: &LiveThread, creators: &Creators) -> String {
        for name in kernel_names(&thread.name) {
            *self.java_names.entry(name).or_default() += 1;
        }
        let pattern = pattern(&thread.name);
        let group = self.groups.entry(pattern.clone()).or_default();
        group.live += 1;
        group.daemon += u64::from(thread.is_daemon);
        // One that was renamed appears in its new group, and vanishes from the old one.
        group.appeared += u64::from(self.known.get(&thread.id) != Some(&pattern));
        if let Some(loader) = &thread.context_loader
            && group.context_loaders.len() < OF_ONE_GROUP
            && !group.context_loaders.contains(loader)
        {
            group.context_loaders.push(loader.clone());
        }
        if let Some((stack, weight)) = creators.of_thread(thread.id) {
            *group.creators.entry(stack).or_default() += u64::from(weight);
        }
        pattern
    }

    fn count_vanished(&mut self, now: &HashMap<u64, String>) {
        for (id, pattern) in &self.known {
            if now.get(id) != Some(pattern)
                && let Some(group) = self.groups.get_mut(pattern)
            {
                group.vanished += 1;
            }
        }
    }

    /// The groups with the most live threads, and of these without any those that had the most.
    fn written(&self) -> Vec<ThreadGroup> {
        let mut groups: Vec<ThreadGroup> = self
            .groups
            .iter()
            .map(|(pattern, group)| ThreadGroup {
                pattern: pattern.clone(),
                live: group.live,
                daemon: group.daemon,
                appeared: group.appeared,
                vanished: group.vanished,
                context_loaders: group.context_loaders.clone(),
                creators: sites(&group.creators),
            })
            .collect();
        let rank = |group: &ThreadGroup| (group.live, group.appeared);
        groups.sort_by(|one, other| {
            let by_rank = rank(other).cmp(&rank(one));
            by_rank.then_with(|| one.pattern.cmp(&other.pattern))
        });
        groups.truncate(WRITTEN_GROUPS);
        groups
    }

    /// The kernel's threads less those of the last census.
    pub(super) fn tasks(&mut self, tasks: tasks::Tasks) -> Tasks {
        let total = tasks.names.len() + tasks.unread;
        let mut groups: HashMap<String, u64> = HashMap::new();
        for name in tasks.names {
            match self.java_names.get_mut(&name) {
                Some(count) if *count > 0 => *count -= 1,
                _ => *groups.entry(pattern(&name)).or_default() += 1,
            }
        }
        let group = |(pattern, count)| TaskGroup { pattern, count };
        let mut native: Vec<TaskGroup> = groups.into_iter().map(group).collect();
        native.sort_by(|one, other| {
            let by_count = other.count.cmp(&one.count);
            by_count.then_with(|| one.pattern.cmp(&other.pattern))
        });
        let unlisted: u64 = native
            .iter()
            .skip(WRITTEN_TASKS)
            .map(|group| group.count)
            .sum();
        native.truncate(WRITTEN_TASKS);
        Tasks {
            total: total as u64,
            native,
            others: tasks.unread as u64 + unlisted,
        }
    }
}

/// What HotSpot makes of a name that is too long for the kernel's 15 letters: its beginning; in newer releases its
/// beginning and end.
fn kernel_names(name: &str) -> Vec<String> {
    const LONGEST: usize = 15;
    let bytes = name.as_bytes();
    if bytes.len() <= LONGEST {
        return vec![name.to_owned()];
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let part = |from: usize, to: usize| text(bytes.get(from..to).unwrap_or_default());
    let ends = part(bytes.len() - 6, bytes.len());
    vec![part(0, LONGEST), format!("{}..{ends}", part(0, 7))]
}

fn sites(creators: &HashMap<u32, u64>) -> Vec<u32> {
    let mut creators: Vec<(u64, u32)> = creators
        .iter()
        .map(|(&stack, &live)| (live, stacks::site(stack)))
        .filter(|&(_, site)| site != 0)
        .collect();
    creators.sort_by(|one, other| other.cmp(one));
    creators.truncate(OF_ONE_GROUP);
    creators.into_iter().map(|(_, site)| site).collect()
}

fn written_creators(creators: &Creators) -> Vec<ThreadCreator> {
    let creator = |(stack, creator): (u32, crate::thread_starts::Creator)| ThreadCreator {
        site: stacks::site(stack),
        started: creator.started,
        live: creator.live,
    };
    let mut written: Vec<ThreadCreator> = creators.iter().map(creator).collect();
    written.sort_by_key(|creator| std::cmp::Reverse((creator.live, creator.started, creator.site)));
    written.truncate(WRITTEN_CREATORS);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(id: u64, name: &str) -> LiveThread {
        LiveThread {
            id,
            name: name.to_owned(),
            is_daemon: id.is_multiple_of(2),
            context_loader: (id > 10).then(|| "com.acme.Loader".to_owned()),
        }
    }

    #[test]
    fn threads_come_and_go_between_two_censuses() {
        let (mut census, mut creators) = (Census::default(), Creators::default());
        census.take(
            &[thread(1, "w-1"), thread(2, "w-2"), thread(3, "x")],
            0,
            &mut creators,
        );
        let found = census.take(&[thread(2, "w-2"), thread(14, "w-14")], 5, &mut creators);
        assert_eq!((found.live, found.daemon, found.others), (7, 2, 5));
        let workers = &found.groups[0];
        assert_eq!(workers.pattern, "w-#");
        assert_eq!(
            (workers.live, workers.appeared, workers.vanished),
            (2, 3, 1)
        );
        assert_eq!(workers.context_loaders, ["com.acme.Loader"]);
        let gone = &found.groups[1];
        assert_eq!((gone.live, gone.appeared, gone.vanished), (0, 1, 1));
    }

    #[test]
    fn what_is_none_of_javas_is_native() {
        let mut census = Census::default();
        let java = [thread(1, "main"), thread(2, "a-name-that-is-too-long-7")];
        census.take(&java, 0, &mut Creators::default());
        let names = [
            "java",
            "main",
            "a-name-..long-7",
            "rocksdb:low1",
            "rocksdb:low2",
        ];
        let tasks = census.tasks(tasks::Tasks {
            names: names.map(str::to_owned).to_vec(),
            unread: 3,
        });
        assert_eq!((tasks.total, tasks.others), (8, 3));
        let native: Vec<_> = tasks
            .native
            .iter()
            .map(|group| (group.pattern.as_str(), group.count))
            .collect();
        assert_eq!(native, [("rocksdb:low#", 2), ("java", 1)]);
    }
}

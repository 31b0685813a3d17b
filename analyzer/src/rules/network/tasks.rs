//! The vertices of the jobs and how many subtasks of each ran here, from the tasks that came and went.

use flinkmem_trace::{Event, EventKind};
use std::collections::BTreeMap;

/// Subtasks of each vertex that ran at the same time, at the most; in the order in which the vertices came.
pub(super) fn vertices(events: &[Event]) -> Vec<(String, u64)> {
    let mut order: Vec<&str> = Vec::new();
    let mut live: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for event in events {
        let (Some(name), Some(number)) = (event.message.as_deref(), event.number) else {
            continue;
        };
        match event.event {
            EventKind::TaskStarted => {
                if !live.contains_key(name) {
                    order.push(name);
                }
                let (now, most) = live.entry(name).or_default();
                *now = now.saturating_add(number);
                *most = (*most).max(*now);
            }
            EventKind::TaskEnded => {
                if let Some((now, _)) = live.get_mut(name) {
                    *now = now.saturating_sub(number);
                }
            }
            _ => {}
        }
    }
    let most = |name: &str| live.get(name).map_or(0, |(_, most)| *most);
    order
        .into_iter()
        .map(|name| (name.to_owned(), most(name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtasks_of_one_attempt_are_not_added_to_those_of_the_last() {
        let event = |event, name: &str, number| Event {
            event,
            message: Some(name.to_owned()),
            number: Some(number),
            ..Event::default()
        };
        let events = [
            event(EventKind::TaskStarted, "Source", 4),
            event(EventKind::TaskStarted, "Map", 3),
            event(EventKind::TaskStarted, "Source", 4),
            event(EventKind::TaskEnded, "Source", 8),
            event(EventKind::TaskStarted, "Source", 8),
        ];
        let expected = [("Source".to_owned(), 8), ("Map".to_owned(), 3)];
        assert_eq!(vertices(&events), expected);
    }
}

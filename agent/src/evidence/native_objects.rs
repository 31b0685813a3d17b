//! Evidence: Java objects that hold native memory.

use super::{Context, IncidentFacts, Signal};
use crate::agent::Coming;
use crate::{native_objects, stacks};
use flinkmem_trace::{
    NativeObjectClass, NativeObjectSite, NativeObjects as Written, Occasion, Record,
};
use std::time::Duration;

/// Most sites of one class.
const MOST_SITES: usize = 8;

#[derive(Default)]
pub(super) struct NativeObjects {
    /// Objects created and disposed of when it was last written.
    written: u64,
}

impl Signal for NativeObjects {
    fn interval(&self, near: bool) -> Option<Duration> {
        Some(Duration::from_secs(if near { 10 } else { 30 }))
    }

    fn wants(&self, _: &IncidentFacts) -> bool {
        true
    }

    /// As a matter of routine only what has changed is written.
    fn take(&mut self, context: &mut Context<'_, '_>) {
        let classes = native_objects::read();
        let moved = classes
            .iter()
            .map(|objects| objects.created.wrapping_add(objects.disposed))
            .fold(0, u64::wrapping_add);
        let is_asked_for = matches!(context.occasion, Occasion::Incident | Occasion::Demand);
        if classes.is_empty() || moved == self.written && !is_asked_for {
            return;
        }
        self.written = moved;
        let record = Written {
            classes: classes
                .into_iter()
                .map(|objects| class(objects, context.agent.coming))
                .collect(),
            dropped_methods: native_objects::losses().dropped_methods,
            taken: context.taken(),
        };
        context.write(Record::NativeObjects(Box::new(record)));
    }
}

fn class(objects: native_objects::Objects, coming: Coming) -> NativeObjectClass {
    let mut sites: Vec<_> = objects
        .sites
        .into_iter()
        .map(|(stack, (live, samples))| NativeObjectSite {
            id: stacks::site(stack),
            live,
            samples,
        })
        .collect();
    sites.sort_by_key(|site| std::cmp::Reverse(site.live));
    sites.truncate(MOST_SITES);
    NativeObjectClass {
        class: objects.class,
        created: objects.created,
        disposed: objects.disposed,
        // Objects of before the agent came are among those disposed of, not among those created.
        incomplete: objects.is_incomplete || coming == Coming::Late,
        sites,
    }
}

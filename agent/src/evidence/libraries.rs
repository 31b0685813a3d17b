//! `malloc` by library, where the option `native` is on.

use super::{Context, IncidentFacts, Signal};
use crate::{agent, malloc};
use flinkmem_trace::{Libraries, Record};
use std::time::Duration;

/// The signal.
pub(super) struct OfLibraries;

impl Signal for OfLibraries {
    fn interval(&self, near: bool) -> Option<Duration> {
        let is_on = agent::get().is_some_and(|agent| agent.options.native);
        is_on.then(|| Duration::from_secs(if near { 2 } else { 10 }))
    }

    fn wants(&self, _: &IncidentFacts) -> bool {
        true
    }

    fn take(&mut self, context: &mut Context<'_, '_>) {
        if let Some(libraries) = malloc::read() {
            let taken = context.taken();
            context.write(Record::Libraries(Box::new(Libraries {
                taken,
                ..libraries
            })));
        }
    }
}

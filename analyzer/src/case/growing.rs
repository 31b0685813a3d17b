//! A case whose process still runs: it takes in what is written, and stays within bounds.

use super::{Case, thinning};
use flinkmem_trace::{Damage, GrowingTrace, Growth, TraceError};

impl Case {
    /// Everything that was written until now, and what was skipped of the history before the trace was followed.
    ///
    /// # Errors
    /// [`TraceError`] when the trace cannot be read on.
    pub(crate) fn begin(trace: &mut GrowingTrace) -> Result<(Self, Damage), TraceError> {
        let mut case = Self::new(trace.history());
        // Facts come first: which of the older history is wanted depends on the incidents.
        trace.advance(|record| case.take(record))?;
        case.take_overview(trace.history());
        let history_damage = case.damage;
        case.damage.add(trace.damage());
        case.settle();
        Ok((case, history_damage))
    }

    /// Takes in what was written since. `history_damage` is what was skipped of the history before the trace was followed.
    ///
    /// # Errors
    /// [`TraceError`] when the trace cannot be read on; what was read of it is taken in.
    pub(crate) fn advance(
        &mut self,
        trace: &mut GrowingTrace,
        history_damage: Damage,
    ) -> Result<Growth, TraceError> {
        let growth = trace.advance(|record| self.take(record));
        self.damage = history_damage;
        self.damage.add(trace.damage());
        if !matches!(growth, Ok(Growth::None)) {
            self.settle();
        }
        growth
    }

    fn settle(&mut self) {
        self.sort();
        self.is_overview |= thinning::thin(self);
    }
}

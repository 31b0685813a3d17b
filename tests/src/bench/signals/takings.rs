//! From the records of a trace to what they cost.

use super::super::Series;
use flinkmem_trace::{Occasion, Record};

/// What all takings of one JVM cost, milliseconds unless the name says otherwise.
#[derive(Debug, Default)]
pub(super) struct Takings {
    pub(super) native_objects: Series,
    pub(super) libraries: Series,
    pub(super) threads: Series,
    pub(super) surroundings: Series,
    pub(super) ledger: Series,
    /// Part of `ledger`.
    pub(super) smaps: Series,
    pub(super) loaders: Series,
    /// All searches of a taking.
    pub(super) root_paths: Series,
    /// The longest stop of a taking's searches.
    pub(super) root_path_pause: Series,
    pub(super) histogram: Series,
    /// The walk over all objects.
    pub(super) histogram_pause: Series,
    /// The walk along all references.
    pub(super) holders_pause: Series,
}

impl Takings {
    /// Those on demand; what the agent takes by itself may find the machine busy with the JVM's start.
    pub(super) fn on_demand(evidence: &[Record]) -> Self {
        let asked = |record: &&Record| {
            let taken = record.taken();
            taken.is_some_and(|taken| taken.occasion == Occasion::Demand)
        };
        let mut takings = Self::default();
        let mut paths = None;
        for record in evidence.iter().filter(asked) {
            match record {
                Record::RootPath(path) => {
                    let (cost, pause) = paths.get_or_insert((0_u64, 0_u64));
                    *cost = (*cost).max(path.taken.cost_us);
                    *pause = (*pause).max(path.longest_pass_us);
                }
                // It comes after the paths, with nothing in between.
                Record::Histogram(_) => takings.searches(paths.take()),
                _ => {}
            }
            takings.add(record);
        }
        takings
    }

    fn add(&mut self, record: &Record) {
        let Some(cost) = record.taken().map(|taken| ms(taken.cost_us)) else {
            return;
        };
        match record {
            Record::NativeObjects(_) => self.native_objects.push(cost),
            Record::Libraries(_) => self.libraries.push(cost),
            Record::ThreadCensus(_) => self.threads.push(cost),
            Record::Surroundings(_) => self.surroundings.push(cost),
            Record::Loaders(_) => self.loaders.push(cost),
            Record::Ledger(ledger) => {
                self.ledger.push(cost);
                self.smaps.push(ms(ledger.smaps_us));
            }
            Record::Histogram(histogram) => {
                self.histogram.push(cost);
                // Nothing is counted where the time allowed would not have been enough.
                if histogram.count > 0 {
                    self.histogram_pause.push(ms(histogram.pause_us));
                }
                if let Some(search) = &histogram.holder_search {
                    self.holders_pause.push(ms(search.pause_us));
                }
            }
            _ => {}
        }
    }

    /// The clock of a search is that of the census of loaders which came before it.
    fn searches(&mut self, paths: Option<(u64, u64)>) {
        if let (Some((cost, pause)), Some(loaders)) = (paths, self.loaders.last()) {
            self.root_paths.push(ms(cost) - loaders);
            self.root_path_pause.push(ms(pause));
        }
    }
}

/// Milliseconds.
pub(super) fn ms(micros: u64) -> f64 {
    micros as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::{Histogram, Loaders, RootPath, Taken};

    fn taken(occasion: Occasion, cost_us: u64) -> Taken {
        Taken {
            occasion,
            cost_us,
            ..Taken::default()
        }
    }

    fn loaders(occasion: Occasion, cost_us: u64) -> Record {
        Record::Loaders(Box::new(Loaders {
            taken: taken(occasion, cost_us),
            ..Loaders::default()
        }))
    }

    fn path(cost_us: u64, longest_pass_us: u64) -> Record {
        Record::RootPath(Box::new(RootPath {
            taken: taken(Occasion::Demand, cost_us),
            longest_pass_us,
            ..RootPath::default()
        }))
    }

    #[test]
    fn a_search_costs_what_the_census_before_it_did_not() {
        let histogram = Record::Histogram(Box::new(Histogram {
            taken: taken(Occasion::Demand, 7000),
            count: 1,
            pause_us: 6000,
            ..Histogram::default()
        }));
        let takings = Takings::on_demand(&[
            loaders(Occasion::Routine, 100_000),
            loaders(Occasion::Demand, 2000),
            path(9000, 6500),
            path(12_000, 2500),
            histogram,
        ]);
        assert_eq!(takings.loaders.median(), Some(2.0), "on demand only");
        assert_eq!(takings.root_paths.median(), Some(10.0));
        assert_eq!(takings.root_path_pause.median(), Some(6.5));
        assert_eq!(takings.histogram_pause.median(), Some(6.0));
        assert_eq!(takings.holders_pause.median(), None);
    }
}

//! The ways on which collections are reached, each known once, with what was found at their ends.

use super::{HolderKind, MOST_TARGETS};
use std::collections::HashMap;

/// Trails that are told apart.
const TRAILS: usize = 8192;

/// Steps of one trail: a map of maps of lists has seven.
const DEPTH: u8 = 12;

/// Before the first step.
pub(super) const NO_TRAIL: u32 = u32::MAX;

/// The last step of a trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Step {
    /// The trail up to here, or [`NO_TRAIL`].
    pub(super) parent: u32,
    pub(super) kind: HolderKind,
    /// Tag of the class.
    pub(super) class: u32,
    /// Index of the field, or `jmethodID` of a local variable.
    pub(super) detail: u64,
}

/// The table. Made with all its room, for it must not grow while the world is stopped.
pub(super) struct Trails {
    steps: Vec<(Step, u8)>,
    found: HashMap<Step, u32>,
    counts: Vec<[u64; MOST_TARGETS]>,
    /// What sampled references have already counted for others, which come without their trail.
    counted: Vec<[u64; MOST_TARGETS]>,
}

impl Trails {
    pub(super) fn new() -> Self {
        Self {
            steps: Vec::with_capacity(TRAILS),
            found: HashMap::with_capacity(TRAILS),
            counts: Vec::with_capacity(TRAILS),
            counted: Vec::with_capacity(TRAILS),
        }
    }

    /// The trail that ends with `step`. `None` when there is no more room.
    pub(super) fn with(&mut self, step: Step) -> Option<u32> {
        if let Some(&known) = self.found.get(&step) {
            return Some(known);
        }
        let depth = self.depth(step.parent);
        if depth >= DEPTH {
            return Some(step.parent); // deeper ones are told as this one
        }
        if self.steps.len() >= TRAILS {
            return None;
        }
        let trail = u32::try_from(self.steps.len()).ok()?;
        self.steps.push((step, depth + 1));
        self.counts.push([0; MOST_TARGETS]);
        self.counted.push([0; MOST_TARGETS]);
        self.found.insert(step, trail);
        Some(trail)
    }

    pub(super) fn add(&mut self, trail: u32, target: u8, references: u64) {
        if let Some(count) = place(&mut self.counts, trail, target) {
            *count += references;
        }
    }

    /// That many references on this trail are counted on another one.
    pub(super) fn is_counted(&mut self, trail: u32, target: u8, references: u64) {
        if let Some(count) = place(&mut self.counted, trail, target) {
            *count += references;
        }
    }

    pub(super) fn step(&self, trail: u32) -> Option<Step> {
        let step = self.steps.get(usize::try_from(trail).ok()?)?;
        Some(step.0)
    }

    fn depth(&self, trail: u32) -> u8 {
        let step = usize::try_from(trail)
            .ok()
            .and_then(|trail| self.steps.get(trail));
        step.map_or(0, |step| step.1)
    }

    /// Trails that lead to a target, with the references at their ends.
    pub(super) fn counts(&self, target: usize) -> impl Iterator<Item = (u32, u64)> {
        let counts = (0..).zip(self.counts.iter().zip(&self.counted));
        counts.filter_map(move |(trail, (counts, counted))| {
            let of = |counts: &[u64]| counts.get(target).copied().unwrap_or(0);
            let references = of(counts).saturating_sub(of(counted));
            (references > 0).then_some((trail, references))
        })
    }
}

fn place(counts: &mut [[u64; MOST_TARGETS]], trail: u32, target: u8) -> Option<&mut u64> {
    let counts = counts.get_mut(usize::try_from(trail).ok()?)?;
    counts.get_mut(usize::from(target))
}

//! Which single object of a holder's class holds most.
//!
//! An object from which a trail begins gets the number of a slot as its tag, and the trail carries that number along. Slots
//! are few: when they are used up, the one that holds least of some gives way. Tags that were given cannot be taken back
//! during the walk, so their number is bounded, in all and for each class.

use super::MOST_TARGETS;

/// Slots, as many as their part of a trail's tag can number.
const SLOTS: usize = 4096;

/// Slots of which the one with the least is given up.
const COMPARED: usize = 8;

/// Objects tagged in one walk: some 4 MiB of the JVM's until it ends.
const TAGGED: u32 = 65_536;

/// Of one class. A leak is in one of few such objects, or spread over many, of which any will do.
const TAGGED_OF_CLASS: u16 = 2048;

/// No object.
pub(super) const NOBODY: u16 = 0;

/// Marks the tag of such an object. Classes have small tags, trails have the bit above.
const MARK: i64 = 1 << 61;
const SLOT_BITS: u32 = 12;
const GENERATION_SHIFT: u32 = 16;

/// What one object holds.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    class: u32,
    /// How many objects have had this slot.
    generation: u32,
    references: [u64; MOST_TARGETS],
}

impl Slot {
    fn total(&self) -> u64 {
        self.references.iter().sum()
    }

    /// What a trail carries: number and the last bits of the generation, 14 bits in all.
    fn key(&self, number: usize) -> u16 {
        let number = u16::try_from(number).unwrap_or(NOBODY);
        let generation = u16::try_from(self.generation & 3).unwrap_or(0);
        number | (generation << SLOT_BITS)
    }

    fn tag(&self, number: usize) -> i64 {
        MARK | (i64::from(self.generation) << GENERATION_SHIFT) | i64::try_from(number).unwrap_or(0)
    }
}

/// The slots. Made with all their room, for they must not grow while the world is stopped.
pub(super) struct Instances {
    /// The first stands for nobody.
    slots: Vec<Slot>,
    next: usize,
    tagged: u32,
    tagged_of_class: Vec<u16>,
}

impl Instances {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            slots: vec![Slot::default(); SLOTS],
            next: 1,
            tagged: 0,
            tagged_of_class: vec![0; classes],
        }
    }

    /// What a trail that begins at an object of `class` carries, and the tag that the object gets if it has none yet.
    pub(super) fn holder(&mut self, class: u32, tag: i64) -> (u16, Option<i64>) {
        if let Some((number, slot)) = self.slot_of(tag) {
            return (slot.key(number), None);
        }
        let is_free = tag == 0 || tag & (MARK | (MARK << 1)) == MARK;
        let place = usize::try_from(class).unwrap_or(usize::MAX);
        let Some(of_class) = self.tagged_of_class.get_mut(place).filter(|_| is_free) else {
            return (NOBODY, None);
        };
        if self.tagged >= TAGGED || *of_class >= TAGGED_OF_CLASS {
            return (NOBODY, None);
        }
        *of_class += 1;
        self.tagged += 1;
        let number = self.free();
        let Some(slot) = self.slots.get_mut(number) else {
            return (NOBODY, None);
        };
        *slot = Slot {
            class,
            generation: slot.generation + 1,
            references: [0; MOST_TARGETS],
        };
        (slot.key(number), Some(slot.tag(number)))
    }

    pub(super) fn add(&mut self, key: u16, target: u8, references: u64) {
        let number = usize::from(key) & (SLOTS - 1);
        let Some(slot) = self.slots.get_mut(number).filter(|_| key != NOBODY) else {
            return;
        };
        if slot.key(number) == key
            && let Some(count) = slot.references.get_mut(usize::from(target))
        {
            *count = count.saturating_add(references);
        }
    }

    /// Tag of the object of `class` that holds most of a target, and how many references of it.
    pub(super) fn foremost(&self, class: u32, target: usize) -> Option<(i64, u64)> {
        let of = |slot: &Slot| slot.references.get(target).copied().unwrap_or(0);
        let slots = self.slots.iter().enumerate().skip(1);
        slots
            .filter(|(_, slot)| slot.class == class && of(slot) > 0)
            .max_by_key(|(_, slot)| of(slot))
            .map(|(number, slot)| (slot.tag(number), of(slot)))
    }

    fn slot_of(&self, tag: i64) -> Option<(usize, &Slot)> {
        let number = usize::try_from(tag & 0xFFF).ok()?;
        let slot = self.slots.get(number).filter(|_| number > 0)?;
        (slot.tag(number) == tag).then_some((number, slot))
    }

    /// A slot that was never used, or the one that holds least of the next few.
    fn free(&mut self) -> usize {
        let first = self.next;
        if self
            .slots
            .get(first)
            .is_some_and(|slot| slot.generation == 0)
        {
            self.next = 1 + first % (SLOTS - 1);
            return first;
        }
        let candidates = (0..COMPARED).map(|offset| 1 + (first - 1 + offset) % (SLOTS - 1));
        let total = |number: &usize| self.slots.get(*number).map_or(u64::MAX, Slot::total);
        let least = candidates.min_by_key(total).unwrap_or(first);
        self.next = 1 + (first - 1 + COMPARED) % (SLOTS - 1);
        least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_its_slot() {
        let mut instances = Instances::new(3);
        let (key, tag) = instances.holder(1, 0);
        let tag = tag.unwrap();
        instances.add(key, 0, 5);
        let (again, none) = instances.holder(1, tag);
        assert_eq!((again, none), (key, None));
        instances.add(again, 0, 2);
        assert_eq!(instances.foremost(1, 0), Some((tag, 7)));
        assert_eq!(instances.foremost(2, 0), None);
        assert_eq!(instances.foremost(1, 1), None);
    }

    #[test]
    fn classes_and_what_carries_a_trail_get_none() {
        let mut instances = Instances::new(3);
        assert_eq!(instances.holder(1, 17), (NOBODY, None));
        assert_eq!(instances.holder(1, MARK << 1), (NOBODY, None));
        assert_eq!(instances.holder(99, 0), (NOBODY, None), "no such class");
    }

    #[test]
    fn the_one_that_holds_much_stays_when_slots_are_used_up() {
        let classes = 64;
        let mut instances = Instances::new(classes);
        let (much, tag) = instances.holder(1, 0);
        instances.add(much, 0, 1000);
        let mut given = 1;
        for class in 2..u32::try_from(classes).unwrap() {
            for _ in 0..3000 {
                let (key, tag) = instances.holder(class, 0);
                given += u32::from(tag.is_some());
                instances.add(key, 0, 1);
            }
        }
        assert_eq!(given, TAGGED);
        assert_eq!(instances.foremost(1, 0), Some((tag.unwrap(), 1000)));
    }

    #[test]
    fn a_trail_of_a_slot_that_was_given_up_counts_for_nobody() {
        let mut instances = Instances::new(8);
        let (old, tag) = instances.holder(1, 0);
        for class in 2..6 {
            for _ in 0..TAGGED_OF_CLASS {
                instances.holder(class, 0);
            }
        }
        instances.add(old, 0, 9);
        let (_, renewed) = instances.holder(1, tag.unwrap());
        assert!(renewed.is_some_and(|renewed| Some(renewed) != tag));
        assert_eq!(instances.foremost(1, 0), None);
    }
}

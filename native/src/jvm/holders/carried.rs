//! What the walk leaves on an object for the visit that is to come: a trail, in the object's tag.

use super::instances::NOBODY;
use super::trail::NO_TRAIL;

/// A trail as it is carried on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Carried {
    pub(super) trail: u32,
    /// Each reference from the object stands for 2 to this power.
    pub(super) weight: u8,
    /// Of the elements every 2 to this power is followed, if the object is an array.
    pub(super) stride: u8,
    /// The field that has put it there.
    pub(super) field: u16,
    /// The object at which the trail begins, 14 bits.
    pub(super) holder: u16,
}

impl Carried {
    /// Classes have small tags; what this bit marks is a trail.
    const MARK: i64 = 1 << 62;

    pub(super) fn tag(self) -> i64 {
        Self::MARK
            | i64::from(self.trail & 0xFFFF)
            | (i64::from(self.weight) << 16)
            | (i64::from(self.stride) << 24)
            | (i64::from(self.field) << 32)
            | (i64::from(self.holder & 0x3FFF) << 48)
    }

    pub(super) fn of(tag: i64) -> Option<Self> {
        let part = |shift: u32, mask: i64| (tag >> shift) & mask;
        (tag & Self::MARK != 0).then(|| Self {
            trail: u32::try_from(part(0, 0xFFFF)).unwrap_or(NO_TRAIL),
            weight: u8::try_from(part(16, 0xFF)).unwrap_or(0),
            stride: u8::try_from(part(24, 0xFF)).unwrap_or(0),
            field: u16::try_from(part(32, 0xFFFF)).unwrap_or(0),
            holder: u16::try_from(part(48, 0x3FFF)).unwrap_or(NOBODY),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_object_carries_fits_into_its_tag() {
        let carried = Carried {
            trail: 8191,
            weight: 41,
            stride: 21,
            field: 1023,
            holder: 0x3FFF,
        };
        assert!(carried.tag() > 0);
        assert_eq!(Carried::of(carried.tag()), Some(carried));
        assert_eq!(Carried::of(15_000), None, "a class");
    }
}

//! What a tag says of an object. Several things may be true of one object, so each has bits of its own:
//!
//! | bits | what |
//! | --- | --- |
//! | 0 to 23 | number in the walk, 0: not reached |
//! | 24 to 39 | a thread: its index + 1 |
//! | 40 | a class that is never unloaded |
//! | 41 to 56 | a subclass of `java.lang.ref.Reference`: index of the field `referent` + 1 |

use jni::sys::jlong;

const NODE_BITS: u32 = 24;
const THREAD_SHIFT: u32 = 24;
const PERMANENT: jlong = 1 << 40;
const REFERENT_SHIFT: u32 = 41;
const FIELD: jlong = 0xffff;

/// The highest number in a walk.
pub(super) const LAST_NODE: usize = (1 << NODE_BITS) - 1;

/// Stands for the thread that walks.
pub(super) const OWN_THREAD: usize = 0xfffe;

/// A tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tag(pub(super) jlong);

impl Tag {
    pub(super) fn thread(index: usize) -> Self {
        let number = jlong::try_from(index.min(OWN_THREAD) + 1).unwrap_or(FIELD);
        Self(number << THREAD_SHIFT)
    }

    pub(super) fn permanent() -> Self {
        Self(PERMANENT)
    }

    pub(super) fn reference_class(referent: u32) -> Self {
        Self((jlong::from(referent) + 1).min(FIELD) << REFERENT_SHIFT)
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn with_node(self, node: usize) -> Self {
        Self(self.0 | jlong::try_from(node.min(LAST_NODE)).unwrap_or(0))
    }

    /// Number in the walk, 0 when it was not reached.
    pub(super) fn node(self) -> usize {
        usize::try_from(self.0 & ((1 << NODE_BITS) - 1)).unwrap_or(0)
    }

    pub(super) fn thread_index(self) -> Option<usize> {
        let number = usize::try_from((self.0 >> THREAD_SHIFT) & FIELD).ok()?;
        number.checked_sub(1)
    }

    pub(super) fn is_permanent(self) -> bool {
        self.0 & PERMANENT != 0
    }

    /// Of a class tag: whether the field with this index is the referent.
    pub(super) fn has_referent_at(self, index: i32) -> bool {
        let number = (self.0 >> REFERENT_SHIFT) & FIELD;
        number != 0 && number - 1 == jlong::from(index)
    }
}

#[cfg(test)]
mod tests {
    use super::{OWN_THREAD, Tag};

    #[test]
    fn all_that_is_true_of_an_object_fits_into_one_tag() {
        let tag = Tag::permanent()
            .with(Tag::reference_class(3))
            .with(Tag::thread(OWN_THREAD))
            .with_node(200_000);
        assert_eq!(tag.node(), 200_000);
        assert_eq!(tag.thread_index(), Some(OWN_THREAD));
        assert!(tag.is_permanent());
        assert!(tag.has_referent_at(3) && !tag.has_referent_at(2));
        assert_eq!(Tag::default().thread_index(), None);
        assert!(!Tag::default().has_referent_at(0));
        assert!(tag.0 > 0);
    }
}

//! The JDK's collections, read through their fields while others change them.
//!
//! The fields have had these names since JDK 8 (`src/java.base/share/classes/java/util`). A walk is bounded, and tells when
//! it cannot have seen everything: a table that is being resized is empty for a moment.
//!
//! # Safety
//! See `fields.rs`. An array is one where the field that it comes from is declared as one.
#![allow(unsafe_code)]

use super::fields::{Field, ObjectReader, Path};
use jni::objects::JObject;

/// Reads `HashMap`, `LinkedHashMap` and `ConcurrentHashMap`.
pub struct Maps {
    table: Field,
    size: Field,
    key: Field,
    value: Path,
    next: Field,
    first: Field,
}

impl Default for Maps {
    fn default() -> Self {
        Self {
            table: Field::new("table"),
            size: Field::new("size"),
            key: Field::new("key"),
            value: Path::new(&["value", "val"]),
            next: Field::new("next"),
            first: Field::new("first"),
        }
    }
}

impl Maps {
    /// Calls `visit` with keys and values, with at most `limit` of them. How many there were; `None` when that is not all
    /// of them, or not a map of these.
    pub fn for_each(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        map: &JObject<'_>,
        limit: usize,
        mut visit: impl FnMut(&mut ObjectReader<'_, '_>, &JObject<'_>, &JObject<'_>),
    ) -> Option<usize> {
        // A concurrent map has no such field, and is not checked.
        let size = reader.integer(&mut self.size, map);
        let Some(table) = reader.object(&mut self.table, map) else {
            // Not allocated before the first entry.
            return (self.table.is_in(reader, map) && size.unwrap_or(0) == 0).then_some(0);
        };
        let mut seen = 0;
        // SAFETY: both classes of maps declare `table` as an array of nodes.
        for index in 0..unsafe { reader.length(&table) } {
            let bucket = reader.in_frame(|reader| {
                // SAFETY: as above, below its length.
                let node = unsafe { reader.element(&table, index) }?;
                let mut rest = limit.saturating_sub(seen);
                self.bucket(reader, node, &mut rest, &mut visit);
                Some(limit.saturating_sub(seen).saturating_sub(rest))
            });
            seen += bucket.unwrap_or(0);
            if seen >= limit {
                return None;
            }
        }
        let is_all = size.is_none_or(|size| usize::try_from(size) == Ok(seen));
        is_all.then_some(seen)
    }

    fn bucket<'local>(
        &mut self,
        reader: &mut ObjectReader<'_, 'local>,
        node: JObject<'local>,
        rest: &mut usize,
        visit: &mut impl FnMut(&mut ObjectReader<'_, '_>, &JObject<'_>, &JObject<'_>),
    ) {
        // A bucket of a concurrent map that has become a tree keeps its nodes in a list as well.
        let mut node = reader.object(&mut self.first, &node).or(Some(node));
        while let Some(this) = node {
            if *rest == 0 {
                return;
            }
            let visited = reader.in_frame(|reader| {
                let key = reader.object(&mut self.key, &this)?;
                let value = self.value.object(reader, &this)?;
                visit(reader, &key, &value);
                Some(())
            });
            *rest -= usize::from(visited.is_some());
            node = reader.object(&mut self.next, &this);
            reader.env().delete_local_ref(this);
        }
    }
}

/// Counts the elements of an `ArrayDeque`.
pub struct ArrayDeques {
    elements: Field,
    head: Field,
    tail: Field,
}

impl Default for ArrayDeques {
    fn default() -> Self {
        Self {
            elements: Field::new("elements"),
            head: Field::new("head"),
            tail: Field::new("tail"),
        }
    }
}

impl ArrayDeques {
    /// How many there are, give or take those that come and go meanwhile.
    pub fn len(&mut self, reader: &mut ObjectReader<'_, '_>, deque: &JObject<'_>) -> Option<u64> {
        let elements = reader.object(&mut self.elements, deque)?;
        let head = reader.integer(&mut self.head, deque)?;
        let tail = reader.integer(&mut self.tail, deque)?;
        // SAFETY: the class declares `elements` as an array of objects.
        let capacity = i64::try_from(unsafe { reader.length(&elements) }).ok()?;
        reader.env().delete_local_ref(elements);
        let len = tail - head;
        u64::try_from(if len < 0 { len + capacity } else { len }).ok()
    }
}

/// The keys of an `IdentityHashMap`, whose table holds keys and values in turn.
pub fn identity_map_keys<'local>(
    reader: &mut ObjectReader<'_, 'local>,
    map: &JObject<'_>,
    limit: usize,
) -> Vec<JObject<'local>> {
    let Some(table) = reader.object(&mut Field::new("table"), map) else {
        return Vec::new();
    };
    // SAFETY: the class declares `table` as an array of objects; the index is below its length.
    let keys = (0..unsafe { reader.length(&table) })
        .step_by(2)
        .filter_map(|index| unsafe { reader.element(&table, index) });
    keys.take(limit).collect()
}

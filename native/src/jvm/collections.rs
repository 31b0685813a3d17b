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
    /// Calls `visit` with the entries, with at most `limit` of them. How many there were; `None` when that is not all of
    /// them, or not a map of these.
    pub fn for_each(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        map: &JObject<'_>,
        limit: usize,
        mut visit: impl FnMut(&mut ObjectReader<'_, '_>, &mut Entry<'_, '_>),
    ) -> Option<usize> {
        // A concurrent map has no such field, and is not checked.
        let size = reader.integer(&mut self.size, map);
        let is_concurrent = size.is_none();
        let Some(table) = reader.object(&mut self.table, map) else {
            // Not allocated before the first entry.
            return (self.table.is_in(reader, map) && size.unwrap_or(0) == 0).then_some(0);
        };
        let mut seen = 0;
        // SAFETY: both classes of maps declare `table` as an array of nodes.
        for index in 0..unsafe { reader.length(&table) } {
            // SAFETY: as above, below its length.
            let Some(node) = (unsafe { reader.element(&table, index) }) else {
                continue;
            };
            let mut rest = limit.saturating_sub(seen);
            let node = if is_concurrent {
                self.first_of(reader, node)
            } else {
                node
            };
            self.bucket(reader, node, &mut rest, &mut visit);
            seen = limit.saturating_sub(rest);
            if rest == 0 {
                return None;
            }
        }
        let is_all = size.is_none_or(|size| usize::try_from(size) == Ok(seen));
        is_all.then_some(seen)
    }

    /// A bucket of a concurrent map that has become a tree keeps its nodes in a list as well, which begins in another place.
    fn first_of<'local>(
        &mut self,
        reader: &mut ObjectReader<'_, 'local>,
        node: JObject<'local>,
    ) -> JObject<'local> {
        match reader.object(&mut self.first, &node) {
            Some(first) => {
                reader.release(node);
                first
            }
            None => node,
        }
    }

    fn bucket<'local>(
        &mut self,
        reader: &mut ObjectReader<'_, 'local>,
        node: JObject<'local>,
        rest: &mut usize,
        visit: &mut impl FnMut(&mut ObjectReader<'_, '_>, &mut Entry<'_, '_>),
    ) {
        let mut node = Some(node);
        while let Some(this) = node {
            if *rest == 0 {
                return;
            }
            let entry = reader.in_frame(|reader| {
                let mut entry = Entry {
                    node: &this,
                    key: &mut self.key,
                    value: &mut self.value,
                };
                visit(reader, &mut entry);
                Some(())
            });
            *rest -= usize::from(entry.is_some());
            node = reader.object(&mut self.next, &this);
            reader.release(this);
        }
    }
}

/// An entry of a map.
pub struct Entry<'a, 'local> {
    node: &'a JObject<'local>,
    key: &'a mut Field,
    value: &'a mut Path,
}

impl Entry<'_, '_> {
    /// Its key.
    pub fn key<'other>(
        &mut self,
        reader: &mut ObjectReader<'_, 'other>,
    ) -> Option<JObject<'other>> {
        reader.object(self.key, self.node)
    }

    /// Its value.
    pub fn value<'other>(
        &mut self,
        reader: &mut ObjectReader<'_, 'other>,
    ) -> Option<JObject<'other>> {
        self.value.object(reader, self.node)
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
        reader.release(elements);
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

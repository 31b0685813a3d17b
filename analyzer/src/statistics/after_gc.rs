//! What is held after a collection.
//!
//! A direct buffer is freed when a collection has found it unreachable and its cleaner has run. Between collections
//! the curve therefore rises in any process that uses buffers, leak or not. The lowest value between one collection
//! and the next is what was still held: a trough.

use super::Point;

/// One reading of a series, with the collections that had run by then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// When, and how many bytes.
    pub point: Point,
    /// Collections so far; a count that falls back is taken as its highest value so far.
    pub collections: u64,
}

/// The lowest point after each collection (of several between two readings, the last), in the order of time. What
/// came before the first collection is left out: nothing had been cleaned then.
#[must_use]
pub fn troughs(readings: &[Reading]) -> Vec<Point> {
    let mut found: Vec<Point> = Vec::new();
    let Some(first) = readings.first() else {
        return found;
    };
    let mut seen = first.collections;
    for reading in readings {
        if reading.collections > seen {
            seen = reading.collections;
            found.push(reading.point);
        } else if let Some(lowest) = found.last_mut()
            && reading.point.bytes < lowest.bytes
        {
            *lowest = reading.point;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn readings(values: &[(u64, f64)]) -> Vec<Reading> {
        let reading = |(index, &(collections, bytes)): (usize, &(u64, f64))| Reading {
            point: Point::new(index as f64, bytes),
            collections,
        };
        values.iter().enumerate().map(reading).collect()
    }

    #[test]
    fn the_lowest_value_between_two_collections_counts() {
        // The cleaners take a moment: the first reading after the collection is still high.
        let found = troughs(&readings(&[
            (0, 1.0),
            (0, 9.0),
            (1, 8.0),
            (1, 3.0),
            (1, 7.0),
            (2, 4.0),
            (2, 9.0),
        ]));
        assert_eq!(found, [Point::new(3.0, 3.0), Point::new(5.0, 4.0)]);
    }

    #[test]
    fn without_a_collection_there_is_no_trough() {
        assert_eq!(troughs(&readings(&[(7, 1.0), (7, 2.0)])), []);
        assert_eq!(troughs(&[]), []);
    }

    proptest! {
        #[test]
        fn troughs_are_readings_and_never_more_than_collections(values in prop::collection::vec((0u64..20, 0.0..1e9f64), 0..100)) {
            let all = readings(&values);
            let found = troughs(&all);
            prop_assert!(found.len() <= 19);
            prop_assert!(found.iter().all(|trough| all.iter().any(|reading| reading.point == *trough)));
            prop_assert!(found.windows(2).all(|pair| pair[0].s < pair[1].s));
        }
    }
}

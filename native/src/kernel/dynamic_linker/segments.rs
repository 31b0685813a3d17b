//! The address ranges of loaded libraries, with the memory behind their files' end that has no name in `smaps` (`.bss`).

use super::object::for_each_object;
use super::symbols::base_of;
use std::ops::Range;

/// More segments than a process with hundreds of libraries has.
const MOST_SEGMENTS: usize = 8192;

/// The segments of every loaded object, in the order of addresses, to whole pages.
#[must_use]
pub fn segments(page_bytes: u64) -> Vec<Range<u64>> {
    let page = page_bytes.max(1);
    let mut segments = Vec::with_capacity(256);
    for_each_object(|object| {
        for segment in object.segments() {
            let (start, end) = (segment.start as u64, segment.end as u64);
            let whole_pages =
                start / page * page..end.checked_next_multiple_of(page).unwrap_or(end);
            if segments.len() < MOST_SEGMENTS {
                segments.push(whole_pages);
            }
        }
        true
    });
    segments.sort_by_key(|segment| segment.start);
    segments
}

/// Where the object that holds `address` lies, from its first to its last segment.
#[must_use]
pub fn object_at(segments: &[Range<u64>], address: u64) -> Option<Range<u64>> {
    let base_at = |address: u64| base_of(usize::try_from(address).ok()?);
    let base = base_at(address)?;
    let own: Vec<_> = segments
        .iter()
        .filter(|segment| segment.start >= base as u64)
        .take_while(|segment| base_at(segment.start) == Some(base))
        .collect();
    Some(own.first()?.start..own.last()?.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_zeroed_statics_of_this_test_lie_in_one_object() {
        static ZEROED: [std::sync::atomic::AtomicU64; 4096] =
            [const { std::sync::atomic::AtomicU64::new(0) }; 4096];
        let segments = segments(4096);
        let code =
            (code_and_zeroed_statics_of_this_test_lie_in_one_object as *const ()).addr() as u64;
        let object = object_at(&segments, code).unwrap();
        assert!(object.contains(&code));
        assert!(object.contains(&(ZEROED.as_ptr().addr() as u64)));
        let foreign = (libc::malloc as *const ()).addr() as u64;
        assert!(!object.contains(&foreign));
        assert!(segments.iter().any(|segment| segment.contains(&foreign)));
    }
}

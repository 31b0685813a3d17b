//! "Insufficient number of network buffers", taken apart.
//!
//! The line is easy to misread. "Required" is what one gate or one result asked for, not what the job needs; "available"
//! is what has not been guaranteed to anyone yet, not what is free.

use serde::Serialize;

/// The numbers of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shortage {
    /// What one pool asked for.
    pub required: u64,
    /// What is not guaranteed to anyone yet.
    pub available: u64,
    /// Buffers of the TaskManager.
    pub total: u64,
    /// Bytes of a buffer.
    pub segment_bytes: u64,
}

impl Shortage {
    /// The numbers in `line`, if it is such a line.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once("Insufficient number of network buffers: required ")?;
        let (required, rest) = rest.split_once(", but only ")?;
        let (available, rest) = rest.split_once(" available.")?;
        let (_, rest) = rest.split_once("currently set to ")?;
        let (total, rest) = rest.split_once(" of ")?;
        let (segment, _) = rest.split_once(" bytes each")?;
        Some(Self {
            required: required.trim().parse().ok()?,
            available: available.trim().parse().ok()?,
            total: total.trim().parse().ok()?,
            segment_bytes: segment.trim().parse().ok()?,
        })
    }

    /// Buffers that other gates and results had been guaranteed.
    #[must_use]
    pub fn promised(&self) -> u64 {
        self.total.saturating_sub(self.available)
    }

    /// Bytes of network memory with which this request would have been met. The next one may fail again.
    #[must_use]
    pub fn enough_for_this_request(&self) -> u64 {
        let buffers = self.promised().saturating_add(self.required);
        buffers.saturating_mul(self.segment_bytes)
    }

    /// Receivers of the result that asked, if it was a pipelined result: it requires one buffer each, and one more.
    #[must_use]
    pub fn receivers_if_result(&self) -> u64 {
        self.required.saturating_sub(1)
    }

    /// Senders to the gate that asked, if it was a gate; none if no number of senders gives that many buffers.
    #[must_use]
    pub fn senders_if_gate(&self, per_channel: u64) -> Option<u64> {
        let exclusive = self.required.checked_sub(1)?;
        let is_whole = per_channel > 0 && exclusive > 0 && exclusive % per_channel == 0;
        is_whole.then(|| exclusive / per_channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "java.io.IOException: Insufficient number of network buffers: required 5, but only 2 available. \
        The total number of network buffers is currently set to 64 of 32768 bytes each. You can increase this number by \
        setting the configuration keys 'taskmanager.memory.network.fraction', 'taskmanager.memory.network.min', and \
        'taskmanager.memory.network.max'.";

    #[test]
    fn reads_the_four_numbers() {
        let shortage = Shortage::parse(LINE).unwrap();
        assert_eq!(shortage.promised(), 62);
        assert_eq!(shortage.enough_for_this_request(), 67 * 32_768);
        assert_eq!(shortage.receivers_if_result(), 4);
        assert_eq!(shortage.senders_if_gate(2), Some(2));
    }

    #[test]
    fn absurd_numbers_neither_panic_nor_wrap() {
        let line = LINE.replace(
            "64 of 32768",
            "18446744073709551615 of 18446744073709551615",
        );
        assert_eq!(
            Shortage::parse(&line).unwrap().enough_for_this_request(),
            u64::MAX
        );
        assert_eq!(
            Shortage::parse("Insufficient number of network buffers: required x"),
            None
        );
    }
}

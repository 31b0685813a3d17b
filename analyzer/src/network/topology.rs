//! The part of a job graph that takes network buffers.

use std::str::FromStr;

/// Two operators and the data between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// Parallelism of the sender.
    pub upstream: u64,
    /// Parallelism of the receiver.
    pub downstream: u64,
    /// Who sends to whom.
    pub pattern: Pattern,
    /// How the data wait.
    pub shuffle: Shuffle,
}

/// Who sends to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// Everyone to everyone: `keyBy`, `rebalance`, `broadcast`.
    AllToAll,
    /// Each to its own share of the others: `forward` that could not be chained, `rescale`.
    Pointwise,
}

/// How data wait between sender and receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shuffle {
    /// In buffers only: streaming, and batch regions that run together.
    Pipelined,
    /// On disk until the sender is done.
    Blocking,
}

impl Exchange {
    /// Subpartitions of one sender's result.
    #[must_use]
    pub fn subpartitions(&self) -> u64 {
        match self.pattern {
            Pattern::AllToAll => self.downstream,
            Pattern::Pointwise => self.downstream.div_ceil(self.upstream.max(1)),
        }
    }

    /// Channels of one receiver's gate.
    #[must_use]
    pub fn channels(&self) -> u64 {
        match self.pattern {
            Pattern::AllToAll => self.upstream,
            Pattern::Pointwise => self.upstream.div_ceil(self.downstream.max(1)),
        }
    }
}

/// A text that is not an exchange.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an exchange; expected UPxDOWN such as 4x8, 4x8:blocking or 4x4:pointwise")]
pub struct NotAnExchange(String);

/// No job has more subtasks of one operator.
const MAX_PARALLELISM: u64 = 1 << 15;

impl FromStr for Exchange {
    type Err = NotAnExchange;

    fn from_str(text: &str) -> Result<Self, NotAnExchange> {
        let refuse = || NotAnExchange(text.to_owned());
        let mut words = text.split(':');
        let (upstream, downstream) = words
            .next()
            .and_then(|sizes| sizes.split_once('x'))
            .ok_or_else(refuse)?;
        let parallelism = |text: &str| {
            let number = text.trim().parse::<u64>().ok();
            number
                .filter(|number| (1..=MAX_PARALLELISM).contains(number))
                .ok_or_else(refuse)
        };
        let mut exchange = Self {
            upstream: parallelism(upstream)?,
            downstream: parallelism(downstream)?,
            pattern: Pattern::AllToAll,
            shuffle: Shuffle::Pipelined,
        };
        for word in words {
            match word {
                "pipelined" => exchange.shuffle = Shuffle::Pipelined,
                "blocking" => exchange.shuffle = Shuffle::Blocking,
                "pointwise" => exchange.pattern = Pattern::Pointwise,
                "all-to-all" => exchange.pattern = Pattern::AllToAll,
                _ => return Err(refuse()),
            }
        }
        Ok(exchange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_and_words() {
        let exchange: Exchange = "4x8:blocking:pointwise".parse().unwrap();
        assert_eq!((exchange.channels(), exchange.subpartitions()), (1, 2));
        for text in ["4", "0x1", "4x8:fast", "ax8", "99999x1"] {
            assert!(text.parse::<Exchange>().is_err(), "{text}");
        }
    }
}

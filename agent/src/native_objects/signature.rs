//! What a native method's signature says about its call: how many arguments of which kind, and what comes back.

/// A parsed signature such as `(JIZ)J`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signature {
    /// Arguments that travel in integer registers, without the environment and the object or class.
    pub(super) integers: usize,
    /// `float` and `double` arguments.
    pub(super) floats: usize,
    /// Whether the first and the second argument are of the kind of a handle, `long` or `int`.
    pub(super) handles: [bool; 2],
    /// Whether they are `int`.
    ints: [bool; 2],
    /// What comes back.
    pub(super) returns: Returns,
}

/// What comes back from a call, as far as the agent can make something of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Returns {
    /// Nothing.
    Void,
    /// `long`, a handle.
    Long,
    /// `int`.
    Int,
    /// `boolean`.
    Boolean,
    /// A reference.
    Object,
    /// `long[]`, handles.
    Longs,
}

impl Signature {
    /// `None` for what is not a signature, or one whose result cannot be looked at.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (arguments, returns) = text.strip_prefix('(')?.split_once(')')?;
        let returns = match returns.as_bytes() {
            b"V" => Returns::Void,
            b"J" => Returns::Long,
            b"I" => Returns::Int,
            b"Z" => Returns::Boolean,
            b"[J" => Returns::Longs,
            [b'L' | b'[', ..] => Returns::Object,
            _ => return None,
        };
        let mut signature = Self {
            integers: 0,
            floats: 0,
            handles: [false; 2],
            ints: [false; 2],
            returns,
        };
        let mut rest = arguments;
        let mut index = 0;
        while let Some(kind) = rest.chars().next() {
            if let (Some(handle), Some(int)) = (
                signature.handles.get_mut(index),
                signature.ints.get_mut(index),
            ) {
                *handle = matches!(kind, 'J' | 'I');
                *int = kind == 'I';
            }
            match kind {
                'F' | 'D' => signature.floats += 1,
                _ => signature.integers += 1,
            }
            rest = after_first(rest)?;
            index += 1;
        }
        Some(signature)
    }

    /// Whether the argument of that index, 0 or 1, is an `int`.
    pub(super) fn is_int(&self, index: u8) -> bool {
        self.ints
            .get(usize::from(index))
            .is_some_and(|&is_int| is_int)
    }
}

/// What follows the first type in `types`.
fn after_first(types: &str) -> Option<&str> {
    let element = types.trim_start_matches('[');
    match element.chars().next()? {
        'L' => element.split_once(';').map(|(_, rest)| rest),
        'Z' | 'B' | 'C' | 'S' | 'I' | 'J' | 'F' | 'D' => element.get(1..),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_counted_by_kind() {
        for (text, integers, floats, handles, returns) in [
            ("()J", 0, 0, [false, false], Returns::Long),
            ("(J)V", 1, 0, [true, false], Returns::Void),
            ("(JJ)V", 2, 0, [true, true], Returns::Void),
            ("(JIZDD)J", 3, 2, [true, true], Returns::Long),
            (
                "(JLjava/lang/String;[[B[J)[J",
                4,
                0,
                [true, false],
                Returns::Longs,
            ),
            (
                "([BII)Ljava/lang/Object;",
                3,
                0,
                [false, true],
                Returns::Object,
            ),
            ("(F[D)I", 1, 1, [false, false], Returns::Int),
        ] {
            let parsed = Signature::parse(text).unwrap();
            let found = (
                parsed.integers,
                parsed.floats,
                parsed.handles,
                parsed.returns,
            );
            assert_eq!(found, (integers, floats, handles, returns), "{text}");
        }
    }

    #[test]
    fn an_int_is_told_from_a_long() {
        let parsed = Signature::parse("(JI)V").unwrap();
        assert_eq!(
            [0, 1, 2].map(|index| parsed.is_int(index)),
            [false, true, false]
        );
    }

    #[test]
    fn what_cannot_be_looked_at_is_refused() {
        for text in ["", "J", "(J)D", "(J)", "(Ljava/lang/String)J", "(X)V", "(["] {
            assert_eq!(Signature::parse(text), None, "{text}");
        }
    }
}

//! What the JVM says when it cannot go on, on its console and in its hs_err file.

use super::fact::Fact;
use super::figures::{leading_number, number_after};

pub(super) const NEEDLES: &[&str] = &[
    "insufficient memory for the Java Runtime Environment",
    "Native memory allocation (",
    "commit_memory(0x",
    "Cannot create worker GC thread. Out of system resources",
    "syntax error: operand expected",
    "syntax error in expression",
];

pub(super) fn read(line: &str, facts: &mut Vec<Fact>) {
    if line.contains("insufficient memory for the Java Runtime Environment") {
        facts.push(Fact::JvmCannotContinue);
    }
    if line.contains("Native memory allocation (") && line.contains(" failed to ") {
        let bytes = number_after(line, "failed to map ")
            .or_else(|| number_after(line, "failed to allocate "));
        facts.push(Fact::NativeRefused { bytes, errno: None });
    } else if let Some((_, arguments)) = line.split_once("commit_memory(0x") {
        // The error's text is in the host's language; its number is not.
        let bytes = arguments
            .split_once(", ")
            .and_then(|(_, rest)| leading_number(rest));
        let errno = number_after(line, "errno=").and_then(|errno| u32::try_from(errno).ok());
        facts.push(Fact::NativeRefused { bytes, errno });
    }
    if line.contains("Cannot create worker GC thread. Out of system resources") {
        facts.push(Fact::ThreadRefused(None));
    }
    if line.contains("syntax error: operand expected")
        || line.contains("syntax error in expression")
    {
        facts.push(Fact::ShellError);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_failed_in_another_language() {
        let mut facts = Vec::new();
        read(
            "os::commit_memory(0x00007fb1b0689000, 12288, 0) failed; error='Nicht genügend Hauptspeicher verfügbar' (errno=12)",
            &mut facts,
        );
        let expected = Fact::NativeRefused {
            bytes: Some(12_288),
            errno: Some(12),
        };
        assert_eq!(facts, [expected]);
    }
}

//! One command to the attach listener and its answer.
//!
//! Version 1, of every JVM: `1`, the command and three arguments of at most 1024 bytes, each ended by NUL. Version 2, since
//! JDK 24: `2`, the length of what follows, then command and arguments of any length; asked for only when needed, by
//! `getversion`. The answer is the same: a number in a line of its own, then text, until the JVM closes the connection.

use super::AttachError;
use super::listener::Listener;
use std::io::{Read, Write};

/// Longest argument of version 1.
const LONGEST: usize = 1024;

/// More than any answer that is read here has.
const MOST_ANSWER: u64 = 1 << 20;

/// What the listener answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answer {
    /// 0: the command was carried out.
    pub(super) status: i32,
    /// What else it said.
    pub(super) text: String,
}

impl Answer {
    pub(super) fn parse(answer: &str) -> Option<Self> {
        let (status, text) = answer.split_once('\n').unwrap_or((answer, ""));
        Some(Self {
            status: status.trim().parse().ok()?,
            text: text.to_owned(),
        })
    }

    /// What the library's `Agent_OnAttach` returned: `return code: N`, before JDK 9 the bare number.
    pub(super) fn return_code(&self) -> Option<i32> {
        let code = |line: &str| {
            let line = line.trim();
            line.strip_prefix("return code:")
                .unwrap_or(line)
                .trim()
                .parse()
                .ok()
        };
        self.text.lines().find_map(code)
    }
}

/// Sends a command with its arguments.
pub(super) fn command(listener: &mut Listener, words: &[&str]) -> Result<Answer, AttachError> {
    let longest = words.iter().map(|word| word.len()).max().unwrap_or(0);
    let version_2 = longest > LONGEST;
    if version_2 && version(listener)? < 2 {
        return Err(AttachError::TooLong(longest));
    }
    exchange(listener, &request(words, version_2))
}

fn version(listener: &mut Listener) -> Result<u32, AttachError> {
    let answer = exchange(listener, &request(&["getversion"], false))?;
    let version = answer.text.trim().parse().ok();
    Ok(version.filter(|_| answer.status == 0).unwrap_or(1))
}

fn exchange(listener: &mut Listener, request: &[u8]) -> Result<Answer, AttachError> {
    let mut stream = listener.open()?;
    let mut answer = Vec::new();
    stream
        .write_all(request)
        .and_then(|()| (&mut stream).take(MOST_ANSWER).read_to_end(&mut answer))
        .map_err(AttachError::Silent)?;
    let answer = String::from_utf8_lossy(&answer);
    Answer::parse(&answer).ok_or_else(|| {
        let found = std::io::Error::other(format!("unexpected answer {answer:?}"));
        AttachError::Silent(found)
    })
}

fn request(words: &[&str], version_2: bool) -> Vec<u8> {
    /// Command and three arguments.
    const WORDS: usize = 4;
    let mut body = Vec::new();
    let missing = if version_2 {
        0
    } else {
        WORDS.saturating_sub(words.len())
    };
    for word in words.iter().chain(std::iter::repeat_n(&"", missing)) {
        body.extend(word.as_bytes());
        body.push(0);
    }
    let mut request = if version_2 {
        format!("2\0{}\0", body.len()).into_bytes()
    } else {
        b"1\0".to_vec()
    };
    request.append(&mut body);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_four_words_in_version_1_and_its_length_in_version_2() {
        let words = ["load", "/x.so", "true", "dir=/t"];
        assert_eq!(request(&words, false), b"1\0load\0/x.so\0true\0dir=/t\0");
        assert_eq!(request(&["getversion"], false), b"1\0getversion\0\0\0\0");
        assert_eq!(
            request(&words, true),
            b"2\x0023\0load\0/x.so\0true\0dir=/t\0"
        );
    }

    #[test]
    fn the_answers_of_all_releases_are_understood() {
        for (answer, status, code) in [
            ("0\nreturn code: 0\n", 0, Some(0)),
            ("0\n7001\n", 0, Some(7001)),
            ("0\nreturn code: -1\n", 0, Some(-1)),
            ("0\n/x.so was not loaded.\n/x.so: no such file\n", 0, None),
            ("-1\nDynamic agent loading is not enabled. ", -1, None),
            ("101\n", 101, None),
        ] {
            let parsed = Answer::parse(answer).unwrap();
            assert_eq!(
                (parsed.status, parsed.return_code()),
                (status, code),
                "{answer:?}"
            );
        }
        assert_eq!(Answer::parse(""), None);
        assert_eq!(Answer::parse("hello\n"), None);
    }
}

//! Names of the files of a trace.
//!
//! ```text
//! flinkmem-<host>-<pid>-<start>/       one JVM; <start> is the process's start, UTC, yyyymmddThhmmssZ
//!   facts.jsonl                        header, sites, incidents, end: kept whole, never rotated
//!   samples-000000.thin.jsonl.zst      closed segment: one sample in ten, and all other records
//!   samples-000000.rest.jsonl.zst      closed segment: the other samples; the first to go when room is needed
//!   samples-000001.jsonl               the segment being written
//! ```
//! Every file begins with the header again, so that each can be read alone. Who wants an overview of days leaves the rests out.

use std::path::Path;

/// Header, sites, incidents and end.
pub const FACTS: &str = "facts.jsonl";

/// What every trace directory's name begins with.
pub const DIRECTORY_PREFIX: &str = "flinkmem-";

/// The directory name of one JVM's trace.
///
/// `start` is the process's start as `yyyymmddThhmmssZ`. Characters of `host` that are not safe in a file name become `_`.
#[must_use]
pub fn directory_name(host: &str, pid: u32, start: &str) -> String {
    let host: String = host
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || ".-_".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let host = if host.is_empty() {
        "unknown".to_owned()
    } else {
        host
    };
    format!("{DIRECTORY_PREFIX}{host}-{pid}-{start}")
}

/// What a trace directory's name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryName {
    /// Host, with characters that are not safe in a file name replaced.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// Start of the process, `yyyymmddThhmmssZ`: in the order of time when sorted as text.
    pub start: String,
}

impl DirectoryName {
    /// Takes a name apart that [`directory_name`] made, with or without a number behind it (`….1`); `None` for any other.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(DIRECTORY_PREFIX)?;
        let (rest, start) = rest.rsplit_once('-')?;
        let (host, pid) = rest.rsplit_once('-')?;
        let (start, number) = start.split_once('.').unwrap_or((start, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let (day, time) = start.strip_suffix('Z')?.split_once('T')?;
        let is_time = day.len() == 8 && time.len() == 6 && digits(day) && digits(time);
        let is_ours = is_time && digits(pid) && number.len() == 1 && digits(number);
        (is_ours && !host.is_empty()).then_some(())?;
        Some(Self {
            host: host.to_owned(),
            pid: pid.parse().ok()?,
            start: start.to_owned(),
        })
    }
}

/// One file of samples and events, as its name tells. In the order of time, and of the forms of one segment the fuller first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// Position in the trace, from 0.
    pub index: u32,
    /// What of the segment is in the file.
    pub form: Form,
}

/// What of a segment is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// All of it, plain: the segment being written, or one that could not be compressed.
    Plain,
    /// All of it, compressed with zstd; written by agents of format 1.1 and before.
    Whole,
    /// One sample in ten and all records of other kinds, compressed.
    Thin,
    /// The samples that the thin form leaves out, compressed.
    Rest,
}

impl Form {
    const ALL: [Self; 4] = [Self::Plain, Self::Whole, Self::Thin, Self::Rest];

    fn extension(self) -> &'static str {
        match self {
            Self::Plain => "jsonl",
            Self::Whole => "jsonl.zst",
            Self::Thin => "thin.jsonl.zst",
            Self::Rest => "rest.jsonl.zst",
        }
    }
}

impl Segment {
    /// The segment being written at position `index`.
    #[must_use]
    pub fn open(index: u32) -> Self {
        Self {
            index,
            form: Form::Plain,
        }
    }

    /// Another form of the same segment.
    #[must_use]
    pub fn as_form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// File name, without the directory.
    #[must_use]
    pub fn file_name(self) -> String {
        format!("samples-{:06}.{}", self.index, self.form.extension())
    }

    /// What a file name says, or `None` for a file that is no segment.
    #[must_use]
    pub fn parse(file_name: &str) -> Option<Self> {
        let (digits, extension) = file_name.strip_prefix("samples-")?.split_once('.')?;
        let form = Form::ALL
            .into_iter()
            .find(|form| form.extension() == extension)?;
        let all_digits = digits.len() >= 6 && digits.bytes().all(|b| b.is_ascii_digit());
        let index = if all_digits {
            digits.parse().ok()?
        } else {
            return None;
        };
        Some(Self { index, form })
    }

    /// The files of all segments in a directory, oldest first, the fuller form of a segment before the others.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn list(directory: &Path) -> std::io::Result<Vec<Self>> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            segments.extend(entry?.file_name().to_str().and_then(Self::parse));
        }
        segments.sort_unstable();
        Ok(segments)
    }

    /// Of [`Self::list`] what holds each record once: a crash while a segment was compressed leaves its plain form beside the others.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn list_once(directory: &Path) -> std::io::Result<Vec<Self>> {
        let mut segments = Self::list(directory)?;
        let mut whole = None;
        segments.retain(|segment| {
            let is_again = whole == Some(segment.index);
            if matches!(segment.form, Form::Plain | Form::Whole) {
                whole = Some(segment.index);
            }
            !is_again
        });
        Ok(segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_names_survive_a_round_trip() {
        let name = directory_name("tm-0.acme/x", 17, "20261120T204300Z");
        let parsed = DirectoryName::parse(&name);
        let expected = DirectoryName {
            host: "tm-0.acme_x".to_owned(),
            pid: 17,
            start: "20261120T204300Z".to_owned(),
        };
        assert_eq!(parsed.as_ref(), Some(&expected));
        assert_eq!(DirectoryName::parse(&format!("{name}.3")), Some(expected));
        for other in [
            "flinkmem-tm-17-20261120T204300",
            "flinkmem-tm-17-20261120T2043Z",
            "flinkmem-tm-x-20261120T204300Z",
            "flinkmem-17-20261120T204300Z",
            "flinkmem--17-20261120T204300Z",
            "flinkmem-tm-17-20261120T204300Z.bak",
            "flinkmem-tm-17-20261120T204300Z.",
            "flinkmem-tm-17-20261120T204300Z.12",
            "my-flinkmem-tm-17-20261120T204300Z",
            "flinkmem-",
        ] {
            assert_eq!(DirectoryName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn segment_names_survive_a_round_trip() {
        for form in Form::ALL {
            let segment = Segment::open(1_234_567).as_form(form);
            assert_eq!(Segment::parse(&segment.file_name()), Some(segment));
        }
    }

    #[test]
    fn other_files_are_no_segments() {
        for name in [
            "facts.jsonl",
            "samples-.jsonl",
            "samples-1.jsonl",
            "samples-000001.jsonl.zst.tmp",
            "samples-000001.thin.jsonl",
            "samples-99999999999.jsonl",
            "samples-00000a.jsonl",
        ] {
            assert_eq!(Segment::parse(name), None, "{name}");
        }
    }

    #[test]
    fn each_record_of_a_segment_is_listed_once() {
        let kept = |forms: &[Form]| {
            let folder = tempfile::tempdir().unwrap();
            for &form in forms {
                let name = Segment::open(3).as_form(form).file_name();
                std::fs::write(folder.path().join(name), "").unwrap();
            }
            let segments = Segment::list_once(folder.path()).unwrap();
            segments
                .iter()
                .map(|segment| segment.form)
                .collect::<Vec<_>>()
        };
        use Form::{Plain, Rest, Thin, Whole};
        assert_eq!(kept(&[Thin, Rest]), [Thin, Rest]);
        assert_eq!(kept(&[Rest]), [Rest]);
        assert_eq!(kept(&[Thin, Plain]), [Plain]);
        assert_eq!(kept(&[Rest, Thin, Plain]), [Plain]);
        assert_eq!(kept(&[Thin, Whole]), [Whole]);
        assert_eq!(kept(&[Whole, Plain]), [Plain]);
    }

    #[test]
    fn a_host_name_cannot_leave_the_directory() {
        assert_eq!(
            directory_name("../a b", 7, "20260101T000000Z"),
            "flinkmem-.._a_b-7-20260101T000000Z"
        );
    }
}

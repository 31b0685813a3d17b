//! One file: unpacked, told by its first bytes, read line by line.

use super::{Foreign, InputError, STDIN};
use crate::case::{Source, SourceKind, SourceLines};
use crate::configuration::yaml_document;
use crate::lines::{Fact, Gathered, LineReader, read_pods};
use crate::log_line::begins_record;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Enough to tell what a file is.
const HEAD: usize = 64 << 10;
/// Status of pods is read whole; a larger document is none.
const LARGEST_DOCUMENT: u64 = 64 << 20;
/// A log of a gigabyte a day for a month. What unpacks to more is not meant well.
const LARGEST_LOG: u64 = 32 << 30;
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a file of lines, packed with gzip or not.
///
/// # Errors
/// [`InputError`] when it cannot be opened or holds no text. Damage further on is noted in the source.
pub fn read_file(path: &Path) -> Result<SourceLines, InputError> {
    let unreadable = |source| InputError::unreadable(path, source);
    let (shown, packed) = open(path).map_err(unreadable)?;
    let (head, packed) = with_head(packed).map_err(unreadable)?;
    let plain: Box<dyn Read> = match head.starts_with(&GZIP) {
        true => Box::new(MultiGzDecoder::new(packed)),
        false => Box::new(packed),
    };
    let (head, plain) = with_head(plain.take(LARGEST_LOG)).map_err(unreadable)?;
    if head.contains(&0) {
        return Err(InputError::Foreign {
            path: shown,
            is: Foreign::of(&head),
        });
    }
    let input = BufReader::with_capacity(HEAD, plain);
    let head = head.as_slice();
    let head = String::from_utf8_lossy(head).into_owned();
    let (kind, gathered, damage) = gathered(&head, input);
    let kind = kind.unwrap_or_else(|| kind_of(&head, &gathered));
    let mut source = Source::new(shown, kind, &gathered);
    source.damage = damage.map(|error| error.to_string());
    let counts = gathered
        .facts
        .iter()
        .map(|told| gathered.count(&told.fact))
        .collect();
    Ok(SourceLines {
        source,
        told: gathered.facts,
        counts,
    })
}

/// The file, or what comes in, and how it is called.
fn open(path: &Path) -> io::Result<(PathBuf, Box<dyn Read>)> {
    if path == Path::new(STDIN) {
        return Ok((PathBuf::from("stdin"), Box::new(io::stdin())));
    }
    Ok((path.to_owned(), Box::new(File::open(path)?)))
}

/// Enough of the begin to tell what it is, however little a pipe gives at a time; and all of it. What goes wrong behind some bytes is met again
/// by whoever reads on.
pub(super) fn with_head(mut input: impl Read) -> io::Result<(Vec<u8>, impl Read)> {
    let mut head = Vec::with_capacity(HEAD);
    let read = input.by_ref().take(HEAD as u64).read_to_end(&mut head);
    let damage = match read {
        Err(error) if head.is_empty() => return Err(error),
        read => read.err(),
    };
    let whole = io::Cursor::new(head.clone())
        .chain(Damaged(damage))
        .chain(input);
    Ok((head, whole))
}

/// Fails once, if there is something to fail with.
struct Damaged(Option<io::Error>);

impl Read for Damaged {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn gathered(
    head: &str,
    mut input: impl BufRead,
) -> (Option<SourceKind>, Gathered, Option<std::io::Error>) {
    if let Some(parse) = document_parser(head) {
        let mut text = String::new();
        let outcome = input
            .by_ref()
            .take(LARGEST_DOCUMENT)
            .read_to_string(&mut text);
        if let Some(document) = parse(&text) {
            return (
                Some(SourceKind::PodStatus),
                read_pods(&document, 0),
                outcome.err(),
            );
        }
        let (gathered, _) = LineReader::new(0).read(text.as_bytes());
        return (None, gathered, outcome.err());
    }
    let (gathered, outcome) = LineReader::new(0).read(input);
    (None, gathered, outcome.err())
}

type Parse = fn(&str) -> Option<serde_json::Value>;

fn document_parser(head: &str) -> Option<Parse> {
    let begin = head.trim_start();
    let names_a_pod = head.contains("containerStatuses")
        || head.contains("\"Pod\"")
        || head.contains("kind: Pod")
        || head.contains("\"List\"");
    let json: Parse = |text| serde_json::from_str(text).ok();
    let yaml: Parse = |text| yaml_document(text);
    if begin.starts_with('{') && names_a_pod {
        Some(json)
    } else if (begin.starts_with("apiVersion:") || begin.starts_with("---")) && names_a_pod {
        Some(yaml)
    } else {
        None
    }
}

/// What a file is, by what it begins with or tells of.
fn kind_of(head: &str, gathered: &Gathered) -> SourceKind {
    let tells = |wanted: fn(&Fact) -> bool| gathered.facts.iter().any(|told| wanted(&told.fact));
    let is_hs_err = head.starts_with("#\n# There is insufficient memory")
        || head.starts_with("#\n# A fatal error");
    if is_hs_err {
        SourceKind::HsErr
    } else if gathered.pauses > 0 && gathered.logged_lines == 0 {
        SourceKind::GcLog
    } else if gathered.logged_lines > 0 || head.lines().next().is_some_and(begins_record) {
        SourceKind::Log
    } else if tells(|fact| matches!(fact, Fact::ContainerLimit { .. })) {
        SourceKind::PodStatus
    } else if tells(|fact| {
        matches!(fact, Fact::HostKilled(_))
            || matches!(fact, Fact::ContainerKilled(kill) if kill.by == "kernel")
    }) {
        SourceKind::Kernel
    } else if tells(|fact| matches!(fact, Fact::ProcessInTree { .. })) {
        SourceKind::Yarn
    } else {
        SourceKind::Text
    }
}

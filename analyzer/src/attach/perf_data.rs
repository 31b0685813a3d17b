//! What a HotSpot JVM publishes about itself in `/tmp/hsperfdata_<user>/<pid>`, the file behind `jps` and `jstat`.
//!
//! Layout (all little-endian on the processors that we support): a header of 32 bytes with the magic `CA FE C0 C0`, the
//! offset of the first entry at 24 and the number of entries at 28. An entry begins with its length, the offset of its
//! name (4 bytes each), the length of its vector (4), type, flags, unit, variability (1 each), the offset of its data (4).

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// What a JVM published at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PerfData {
    entries: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Number(i64),
    Text(String),
}

/// More entries than any JVM has; a broken file may claim any number.
const MOST_ENTRIES: usize = 10_000;

impl PerfData {
    /// Of the JVM with that id in its own namespace, whose /tmp is given; `None` when it publishes nothing, as with `-XX:-UsePerfData`.
    pub(super) fn read(tmp: &Path, pid: i32) -> Option<Self> {
        let users = std::fs::read_dir(tmp).ok()?.flatten();
        let mut files = users
            .filter(|entry| {
                entry
                    .file_name()
                    .to_string_lossy()
                    .starts_with("hsperfdata_")
            })
            .map(|entry| entry.path().join(pid.to_string()));
        Self::parse(&files.find_map(|file| read(&file))?)
    }

    /// What the bytes of such a file say. Of a file that is cut, what is whole.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        const MAGIC: [u8; 4] = [0xCA, 0xFE, 0xC0, 0xC0];
        if data.get(..4)? != MAGIC {
            return None;
        }
        let mut entries = BTreeMap::new();
        let mut rest = data.get(number(data, 24)?..)?;
        for _ in 0..number(data, 28)?.min(MOST_ENTRIES) {
            let Some((name, value)) = entry(rest) else {
                break;
            };
            if let Some(value) = value {
                entries.insert(name, value);
            }
            let Some(next) = number(rest, 0).and_then(|length| rest.get(length.max(1)..)) else {
                break;
            };
            rest = next;
        }
        Some(Self { entries })
    }

    /// For tests of whoever reads them.
    #[cfg(test)]
    pub(crate) fn of(numbers: &[(&str, i64)], texts: &[(&str, &str)]) -> Self {
        let numbers = numbers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::Number(*value)));
        let texts = texts
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::Text((*value).to_owned())));
        Self {
            entries: numbers.chain(texts).collect(),
        }
    }

    /// The value of a text entry.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.entries.get(name)? {
            Value::Text(text) => Some(text),
            Value::Number(_) => None,
        }
    }

    /// The value of an entry that counts, if it is not negative.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.entries.get(name)? {
            Value::Number(number) => u64::try_from(*number).ok(),
            Value::Text(_) => None,
        }
    }

    /// Whether the JVM can be attached to, as it says itself; `None` when it does not say.
    pub(super) fn says_attachable(&self) -> Option<bool> {
        // One character for each ability; the first is attaching (`-XX:+DisableAttachMechanism` makes it 0).
        match self.text("sun.rt.jvmCapabilities")?.as_bytes().first()? {
            b'0' => Some(false),
            b'1' => Some(true),
            _ => None,
        }
    }
}

/// A file of the JVM's, which anybody in its container may have put there instead: neither followed, nor waited for, nor read without end.
fn read(path: &Path) -> Option<Vec<u8>> {
    /// Far more than `-XX:PerfDataMemorySize` has by default.
    const MOST_BYTES: u64 = 4 << 20;
    path.symlink_metadata()
        .ok()
        .filter(std::fs::Metadata::is_file)?;
    let mut data = Vec::new();
    std::fs::File::open(path)
        .ok()?
        .take(MOST_BYTES)
        .read_to_end(&mut data)
        .ok()?;
    Some(data)
}

/// The entry that `data` begins with; without a value where its type is not one of those that are read.
fn entry(data: &[u8]) -> Option<(String, Option<Value>)> {
    let name = data.get(number(data, 4)?..)?;
    let name = name.get(..name.iter().position(|&byte| byte == 0)?)?;
    let start = number(data, 16)?;
    let value = match (data.get(12)?, number(data, 8)?) {
        (b'J', 0) => {
            let bytes = data.get(start..start.checked_add(8)?)?;
            Some(Value::Number(i64::from_le_bytes(bytes.try_into().ok()?)))
        }
        (b'B', length) => {
            let text = data.get(start..start.checked_add(length)?)?;
            let end = text.iter().position(|&byte| byte == 0);
            let text = text.get(..end.unwrap_or(text.len()))?;
            Some(Value::Text(String::from_utf8_lossy(text).into_owned()))
        }
        _ => None,
    };
    Some((String::from_utf8_lossy(name).into_owned(), value))
}

fn number(data: &[u8], offset: usize) -> Option<usize> {
    let bytes = data.get(offset..offset.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file as a JVM writes it.
    fn file(entries: &[(&str, Value)]) -> Vec<u8> {
        let mut data = vec![0xCA, 0xFE, 0xC0, 0xC0, 1, 2, 0, 1];
        data.resize(24, 0);
        data.extend(32_u32.to_le_bytes());
        data.extend(u32::try_from(entries.len()).unwrap().to_le_bytes());
        for (name, value) in entries {
            let data_offset = (20 + name.len() + 1).next_multiple_of(8);
            let (kind, vector, value) = match value {
                Value::Number(number) => (b'J', 0, number.to_le_bytes().to_vec()),
                Value::Text(text) => (b'B', text.len(), text.as_bytes().to_vec()),
            };
            for word in [data_offset + value.len(), 20, vector] {
                data.extend(u32::try_from(word).unwrap().to_le_bytes());
            }
            data.extend([kind, 0, 1, 3]);
            data.extend(u32::try_from(data_offset).unwrap().to_le_bytes());
            data.extend(name.as_bytes());
            data.resize(data.len() + data_offset - 20 - name.len(), 0);
            data.extend(value);
        }
        data
    }

    fn word(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn entries_are_found_by_their_whole_name() {
        let data = file(&[
            ("java.ci", word("xy")),
            ("sun.gc.metaspace.used", Value::Number(81_296)),
            ("java.threads.live", Value::Number(-1)),
            ("sun.rt.jvmCapabilities", word("0100\0\0")),
        ]);
        let data = PerfData::parse(&data).unwrap();
        assert_eq!(data.text("sun.rt.jvmCapabilities"), Some("0100"));
        assert_eq!(data.says_attachable(), Some(false));
        assert_eq!(data.number("sun.gc.metaspace.used"), Some(81_296));
        assert_eq!(data.number("java.threads.live"), None);
        assert_eq!(data.number("sun.gc.metaspace"), None);
        assert_eq!(data.number("java.ci"), None);
        assert_eq!(data.text("sun.rt.other"), None);
    }

    #[test]
    fn garbage_is_no_answer() {
        let whole = file(&[("sun.rt.jvmCapabilities", word("1100"))]);
        for length in 0..whole.len() {
            let says = PerfData::parse(&whole[..length]).and_then(|data| data.says_attachable());
            assert_eq!(says, None);
        }
        assert_eq!(PerfData::parse(&[0xFF; 64]), None);
        let endless = [
            &[0xCA, 0xFE, 0xC0, 0xC0][..],
            &[0; 20],
            &[32, 0, 0, 0, 255, 255, 255, 255],
            &[0; 64],
        ]
        .concat();
        assert_eq!(PerfData::parse(&endless).unwrap().says_attachable(), None);
    }

    #[test]
    fn it_is_looked_for_in_every_users_directory() {
        let tmp = tempfile::tempdir().unwrap();
        assert_eq!(PerfData::read(tmp.path(), 7), None);
        for (user, capabilities) in [("nobody", None), ("flink", Some("0"))] {
            let directory = tmp.path().join(format!("hsperfdata_{user}"));
            std::fs::create_dir(&directory).unwrap();
            if let Some(value) = capabilities {
                std::fs::write(
                    directory.join("7"),
                    file(&[("sun.rt.jvmCapabilities", word(value))]),
                )
                .unwrap();
            }
        }
        let found = PerfData::read(tmp.path(), 7).unwrap();
        assert_eq!(found.says_attachable(), Some(false));
    }
}

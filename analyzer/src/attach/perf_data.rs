//! What a HotSpot JVM publishes about itself in `/tmp/hsperfdata_<user>/<pid>`, the file behind `jps` and `jstat`.
//!
//! Layout (all little-endian on the processors that we support): a header of 32 bytes with the magic `CA FE C0 C0`, the
//! offset of the first entry at 24 and the number of entries at 28. An entry begins with its length, the offset of its
//! name (4 bytes each), the length of its vector (4), type, flags, unit, variability (1 each), the offset of its data (4).

use std::path::Path;

/// Whether the JVM can be attached to, as it says itself; `None` when it says nothing.
pub(super) fn says_attachable(tmp: &Path, pid: i32) -> Option<bool> {
    let users = std::fs::read_dir(tmp).ok()?.flatten();
    let mut files = users
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with("hsperfdata_")
        })
        .map(|entry| entry.path().join(pid.to_string()));
    let data = files.find_map(|file| std::fs::read(file).ok())?;
    // One character for each ability; the first is attaching (`-XX:+DisableAttachMechanism` makes it 0).
    match text(&data, "sun.rt.jvmCapabilities")?.first()? {
        b'0' => Some(false),
        b'1' => Some(true),
        _ => None,
    }
}

/// The value of a text entry.
pub(super) fn text<'a>(data: &'a [u8], name: &str) -> Option<&'a [u8]> {
    const MAGIC: [u8; 4] = [0xCA, 0xFE, 0xC0, 0xC0];
    if data.get(..4)? != MAGIC {
        return None;
    }
    let mut entry = data.get(number(data, 24)?..)?;
    for _ in 0..number(data, 28)? {
        let length = number(entry, 0)?;
        let has_name = entry.get(number(entry, 4)?..)?.starts_with(name.as_bytes());
        if has_name {
            let start = number(entry, 16)?;
            return entry.get(start..start.checked_add(number(entry, 8)?)?);
        }
        entry = entry.get(length.max(1)..)?;
    }
    None
}

fn number(data: &[u8], offset: usize) -> Option<usize> {
    let bytes = data.get(offset..offset.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut data = vec![0xCA, 0xFE, 0xC0, 0xC0, 1, 2, 0, 1];
        data.resize(24, 0);
        data.extend(32_u32.to_le_bytes());
        data.extend(u32::try_from(entries.len()).unwrap().to_le_bytes());
        for (name, value) in entries {
            let data_offset = 20 + name.len() + 1;
            let words = [
                data_offset + value.len(),
                20,
                value.len(),
                0x42, // type, flags, unit, variability
                data_offset,
            ];
            for word in words {
                data.extend(u32::try_from(word).unwrap().to_le_bytes());
            }
            data.extend(name.as_bytes());
            data.push(0);
            data.extend(value.as_bytes());
        }
        data
    }

    #[test]
    fn the_entry_is_found_among_others() {
        let data = file(&[("java.ci", "xy"), ("sun.rt.jvmCapabilities", "0100")]);
        assert_eq!(text(&data, "sun.rt.jvmCapabilities"), Some(&b"0100"[..]));
        assert_eq!(text(&data, "sun.rt.other"), None);
    }

    #[test]
    fn garbage_is_no_answer() {
        let whole = file(&[("sun.rt.jvmCapabilities", "1100")]);
        for length in 0..whole.len() {
            assert_eq!(text(&whole[..length], "sun.rt.jvmCapabilities"), None);
        }
        assert_eq!(text(&[0xFF; 64], "sun.rt.jvmCapabilities"), None);
        let endless = [
            &[0xCA, 0xFE, 0xC0, 0xC0][..],
            &[0; 20],
            &[32, 0, 0, 0, 255, 255, 255, 255],
            &[0; 64],
        ]
        .concat();
        assert_eq!(text(&endless, "sun.rt.jvmCapabilities"), None);
    }

    #[test]
    fn it_is_looked_for_in_every_users_directory() {
        let tmp = tempfile::tempdir().unwrap();
        assert_eq!(says_attachable(tmp.path(), 7), None);
        for (user, capabilities) in [("nobody", None), ("flink", Some("0"))] {
            let directory = tmp.path().join(format!("hsperfdata_{user}"));
            std::fs::create_dir(&directory).unwrap();
            if let Some(value) = capabilities {
                std::fs::write(
                    directory.join("7"),
                    file(&[("sun.rt.jvmCapabilities", value)]),
                )
                .unwrap();
            }
        }
        assert_eq!(says_attachable(tmp.path(), 7), Some(false));
    }
}

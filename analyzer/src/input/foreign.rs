//! Files that are no text: what they are, and what to do instead.

/// What a file is that flinkmem does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// What it is.
    pub what: &'static str,
    /// What to do.
    pub next: &'static str,
}

const OF_THE_PROCESS: &str = "give the trace or the log of the process that left it";
const UNPACK: &str = "unpack it and give what is in it";

impl Foreign {
    /// Tells by the first bytes what a file without text is.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        let begins = |magic: &[u8]| head.starts_with(magic);
        let (what, next) = if begins(b"JAVA PROFILE ") {
            (
                "a heap dump, which flinkmem does not read",
                "give the trace or the log of the process that wrote it; the dump itself is for a heap analyzer such as Eclipse MAT",
            )
        } else if begins(b"\x7fELF") && is_core(head) {
            (
                "a core file, which flinkmem does not read",
                "give the hs_err_pid*.log that the JVM wrote when it died, or the trace of the process",
            )
        } else if begins(b"\x7fELF") {
            ("a program or a library", OF_THE_PROCESS)
        } else if begins(b"FLR\0") {
            (
                "a recording of JFR, which flinkmem does not read",
                OF_THE_PROCESS,
            )
        } else if begins(b"\x28\xb5\x2f\xfd") {
            (
                "packed with zstd",
                "give the directory of the trace that it belongs to; anything else unpack with zstd -d",
            )
        } else if begins(b"PK\x03\x04") || begins(b"\xfd7zXZ\0") || begins(b"BZh") {
            ("an archive of a kind that flinkmem does not unpack", UNPACK)
        } else {
            (
                "no text",
                "flinkmem reads traces, logs (also gzipped, also in a .tar.gz), GC logs, hs_err files, pod status, YARN diagnostics and kernel messages",
            )
        };
        Self { what, next }
    }
}

/// By the type in an ELF header, in the byte order of this machine's processes.
fn is_core(head: &[u8]) -> bool {
    const CORE: [u8; 2] = [4, 0];
    head.get(16..18) == Some(&CORE)
}

/// Whether the file is a tar archive: its first entry has this behind its name.
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar".as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_named() {
        let core = [
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0".as_slice(),
            &[0; 40],
        ]
        .concat();
        for (head, says) in [
            (b"JAVA PROFILE 1.0.2\0".as_slice(), "heap dump"),
            (&core, "core file"),
            (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0", "library"),
            (b"FLR\0\0\x02", "JFR"),
            (b"\x28\xb5\x2f\xfd\0", "zstd"),
            (b"PK\x03\x04\0", "archive"),
            (b"\0\0\0", "no text"),
            (b"", "no text"),
        ] {
            assert!(Foreign::of(head).what.contains(says), "{says}");
        }
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(Foreign::of(&program).what, "a program or a library");
    }
}

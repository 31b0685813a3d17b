//! Metaspace by class of class loader: what the JVM's own diagnostic command `VM.classloader_stats` counts.
//!
//! The command is asked for through HotSpot's management table, so it runs in this thread; it stops the application while
//! it adds up, and makes one Java string of about 110 bytes for each loader. Classes of the shared archive take no
//! metaspace and are not in its sums.
//!
//! # Safety
//! See `management.rs`, which proves the table.
#![allow(unsafe_code)]

use super::management::Table;
use jni::Env;
use jni::objects::{JObject, JString};
use jni::sys::{JNIEnv, jobject};
use std::collections::BTreeMap;
use std::ffi::c_void;

/// Metaspace of all loaders of one class, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoaderMetaspace {
    /// Loaders.
    pub loaders: u32,
    /// In use (`BlockSz`).
    pub used_bytes: u64,
    /// Set aside, used or not (`ChunkSz`).
    pub reserved_bytes: u64,
}

/// Asks the JVM. The key is the loaders' class, empty for the boot loader. `None` where the JVM cannot be asked.
///
/// The caller sees to it that the heap has room for the answer.
pub fn loader_metaspace(env: &mut Env<'_>) -> Option<BTreeMap<String, LoaderMetaspace>> {
    let slot = Table::find(env)?.execute_diagnostic_command_slot()?;
    let answer = env.with_local_frame(8, |env| {
        Ok::<_, jni::errors::Error>(execute(env, slot, "VM.classloader_stats"))
    });
    if env.exception_check() {
        env.exception_clear();
    }
    Some(sums(&answer.ok()??))
}

fn execute(env: &mut Env<'_>, slot: *const c_void, command: &str) -> Option<String> {
    type Execute = unsafe extern "system" fn(*mut JNIEnv, jobject) -> jobject;
    let command = env.new_string(command).ok()?;
    // SAFETY: ExecuteDiagnosticCommand, with a string. May throw.
    let answer = unsafe {
        std::mem::transmute::<*const c_void, Execute>(slot)(env.get_raw(), command.as_raw())
    };
    if env.exception_check() || answer.is_null() {
        return None;
    }
    // SAFETY: a fresh local reference to a string.
    let answer = unsafe { JObject::from_raw(env, answer) };
    let answer = env.cast_local::<JString>(answer).ok()?;
    answer.try_to_string(env).ok()
}

/// Sums by class. A loader's line is `loader parent CLD classes chunks blocks class`; a line of its hidden classes follows
/// it, without addresses.
fn sums(answer: &str) -> BTreeMap<String, LoaderMetaspace> {
    let mut sums: BTreeMap<String, LoaderMetaspace> = BTreeMap::new();
    let mut class = None;
    for line in answer.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (chunks, blocks) = match words.as_slice() {
            [loader, parent, data, _, chunks, blocks, rest @ ..]
                if [loader, parent, data]
                    .iter()
                    .all(|word| word.starts_with("0x")) =>
            {
                class = Some(name(rest));
                (chunks, blocks)
            }
            [_, chunks, blocks, "+", ..] => (chunks, blocks),
            _ => continue,
        };
        let is_loader = line.starts_with("0x");
        let (Some(class), Ok(chunks), Ok(blocks)) =
            (&class, chunks.parse::<u64>(), blocks.parse::<u64>())
        else {
            continue;
        };
        let sum = sums.entry(class.clone()).or_default();
        sum.loaders += u32::from(is_loader);
        sum.reserved_bytes += chunks;
        sum.used_bytes += blocks;
    }
    sums
}

fn name(words: &[&str]) -> String {
    match words {
        ["<boot", ..] | [] => String::new(),
        [class, ..] => (*class).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{LoaderMetaspace, sums};

    #[test]
    fn lines_of_a_class_add_up_with_their_hidden_classes() {
        let answer = "\
ClassLoader         Parent              CLD*               Classes   ChunkSz   BlockSz  Type
0x00007fa5cb07af08  0x00007fa5cb07d1e8  0x00007fa64810b2a0       3      1792      1508  com.acme.Loader
                                                               4      1024       512   + hidden classes
0x00007fa5cb07af10  0x00007fa5cb07d1e8  0x00007fa64810b2a8       2      1000       900  com.acme.Loader
0x0000000000000000  0x0000000000000000  0x00007fa6480da8c0     490    557056     11579  <boot class loader>
Total = 3                                                      493    558848     13087
ChunkSz: Total size of all allocated metaspace chunks
BlockSz: Total size of all allocated metaspace blocks (each chunk has several blocks)
";
        let sums = sums(answer);
        let acme = LoaderMetaspace {
            loaders: 2,
            used_bytes: 2920,
            reserved_bytes: 3816,
        };
        assert_eq!(sums.get("com.acme.Loader"), Some(&acme));
        assert_eq!(sums.get("").map(|boot| boot.used_bytes), Some(11_579));
        assert_eq!(sums.len(), 2);
    }
}

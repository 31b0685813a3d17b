//! Which native methods create and dispose of which objects.
//!
//! | library | created by | disposed of by |
//! | --- | --- | --- |
//! | `java.util.zip` Inflater, Deflater | `init` | `end` |
//! | RocksDB and ForSt | `new…`, `create…`, `copy…`, `open…`, and the methods of other classes in [`PRODUCTS`] | `disposeInternal…`, `releaseSnapshot` |
//! | zstd-jni | `create…Stream`, `init` of contexts and dictionaries | `free…` |
//! | classes given by the option | [`CREATES`] | [`DISPOSES`] |
//!
//! Left out of RocksDB is what Java code creates but the library owns and deletes, for its disposal is never seen: table and
//! memtable factories, and compaction filters (which a factory makes anew for every compaction).

use super::handles::Kind;
use super::signature::{Returns, Signature};

/// What a native method does to objects of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Class of the objects, with dots.
    pub(super) class: String,
    pub(super) action: Action,
}

/// What a native method does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Creates one object; its handle is the result, where that is a `long` or an `int`.
    Creates,
    /// Creates as many objects as the array that it returns has elements.
    CreatesEach,
    /// Creates one object, the first element of the array that it returns, and for each further element one of this class.
    CreatesFirst(String),
    /// Disposes of the object whose handle is that argument, 0 for the first; `None` when the object is `this`.
    Disposes(Option<u8>),
    /// Makes the object unusable whose handle is the first argument, but does not dispose of it.
    Closes,
}

/// Names of methods that create, of classes given by the option: these, or these followed by another word.
const CREATES: [&str; 7] = [
    "new",
    "create",
    "init",
    "initialize",
    "alloc",
    "allocate",
    "open",
];

/// Names of methods that dispose, likewise.
const DISPOSES: [&str; 7] = [
    "dispose", "close", "free", "end", "release", "destroy", "delete",
];

/// What RocksDB (or ForSt) can be asked about objects of a class, and the package as exported names contain it.
pub(super) fn asked(class: &str) -> Option<(Kind, &'static str)> {
    let (package, class) = class.rsplit_once('.')?;
    let package = match package {
        "org.rocksdb" => "org_rocksdb",
        "org.forstdb" => "org_forstdb",
        _ => return None,
    };
    let kind = match class {
        "LRUCache" | "ClockCache" | "HyperClockCache" => Kind::Cache,
        "WriteBufferManager" => Kind::WriteBufferManager,
        "RocksDB" => Kind::Database,
        _ => return None,
    };
    Some((kind, package))
}

/// Whether a method of this name may be in the catalogue; cheap, for most are not.
pub(super) fn is_candidate(name: &str, has_option: bool) -> bool {
    let begins = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
    begins(&[
        "new", "create", "copy", "init", "open", "dispose", "end", "free",
    ]) || PRODUCTS.iter().any(|(_, begin, _)| name.starts_with(begin))
        || name.ends_with("FromProps")
        || name == "closeDatabase"
        || has_option && (begins(&CREATES) || begins(&DISPOSES))
}

/// Whether a class, with dots, may have methods in the catalogue, so that it is worth looking at them.
pub(super) fn may_have(class: &str, given: &[String]) -> bool {
    const PACKAGES: [&str; 3] = ["org.rocksdb.", "org.forstdb.", "com.github.luben.zstd."];
    matches!(class, "java.util.zip.Inflater" | "java.util.zip.Deflater")
        || PACKAGES.iter().any(|package| class.starts_with(package))
        || given.iter().any(|given| given == class)
}

/// What `name` of `class`, with dots, does; `None` for a method that is not in the catalogue. `given` are the classes of the
/// option.
pub(super) fn find(
    class: &str,
    name: &str,
    signature: &Signature,
    given: &[String],
) -> Option<Entry> {
    let entry = |action| {
        Some(Entry {
            class: class.to_owned(),
            action,
        })
    };
    if given.iter().any(|given| given == class) {
        return entry(of_given_class(name, signature)?);
    }
    match class {
        "java.util.zip.Inflater" | "java.util.zip.Deflater" => match name {
            "init" => entry(Action::Creates),
            "end" => entry(disposes_argument(0, signature)?),
            _ => None,
        },
        _ => match class.rsplit_once('.')? {
            (package @ ("org.rocksdb" | "org.forstdb"), class) => {
                of_rocksdb(package, class, name, signature)
            }
            ("com.github.luben.zstd", _) => entry(of_zstd(name, signature)?),
            _ => None,
        },
    }
}

fn disposes_argument(index: u8, signature: &Signature) -> Option<Action> {
    let is_handle = signature
        .handles
        .get(usize::from(index))
        .is_some_and(|&handle| handle);
    is_handle.then_some(Action::Disposes(Some(index)))
}

fn of_given_class(name: &str, signature: &Signature) -> Option<Action> {
    let is_word_of = |words: &[&str]| words.iter().any(|word| begins_with_word(name, word));
    if is_word_of(&DISPOSES) {
        let handle = signature.handles.first().is_some_and(|&handle| handle);
        return Some(Action::Disposes(handle.then_some(0)));
    }
    // By custom what a class prepares its native side with, once.
    let creates = is_word_of(&CREATES) && name != "initIDs";
    creates.then_some(match signature.returns {
        Returns::Longs => Action::CreatesEach,
        _ => Action::Creates,
    })
}

/// Whether `name` is `word` or begins with it as a word: `newFoo` and `new_foo`, not `newline`.
fn begins_with_word(name: &str, word: &str) -> bool {
    name.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

fn of_zstd(name: &str, signature: &Signature) -> Option<Action> {
    let is_stream = name.contains("Stream");
    match name {
        // A dictionary keeps its handle in a field, so its result is nothing.
        "init" | "initDirect" => Some(Action::Creates),
        "free" if signature.integers == 0 => Some(Action::Disposes(None)),
        "free" => disposes_argument(0, signature),
        _ if is_stream && name.starts_with("create") => Some(Action::Creates),
        _ if is_stream && name.starts_with("free") => disposes_argument(0, signature),
        _ => None,
    }
}

/// Methods of RocksDB that create objects of another class than their own: class (empty for any), beginning of the name,
/// class of the objects. The class is the one that declares the disposing method.
const PRODUCTS: [(&str, &str, &str); 25] = [
    ("", "createColumnFamil", "ColumnFamilyHandle"),
    ("", "beginTransaction", "Transaction"),
    ("", "statistics", "Statistics"),
    ("RocksDB", "iterator", "RocksIterator"),
    ("RocksDB", "getSnapshot", "Snapshot"),
    ("RocksDB", "getUpdatesSince", "TransactionLogIterator"),
    ("Transaction", "getIterator", "RocksIterator"),
    ("SstFileReader", "newIterator", "SstFileReaderIterator"),
    ("WriteBatchWithIndex", "iterator0", "WBWIRocksIterator"),
    ("WriteBatchWithIndex", "iterator1", "WBWIRocksIterator"),
    (
        "Checkpoint",
        "exportColumnFamily",
        "ExportImportFilesMetaData",
    ),
    ("CompactionJobInfo", "stats", "CompactionJobStats"),
    ("BloomFilter", "create", "Filter"),
    ("Slice", "create", "AbstractSlice"),
    ("DirectSlice", "create", "AbstractSlice"),
    ("AbstractComparator", "create", "RocksCallbackObject"),
    ("AbstractTableFilter", "create", "RocksCallbackObject"),
    ("AbstractTraceWriter", "create", "RocksCallbackObject"),
    ("AbstractWalFilter", "create", "RocksCallbackObject"),
    ("WriteBatch$Handler", "create", "RocksCallbackObject"),
    (
        "FlinkCompactionFilter",
        "createNewFlinkCompactionFilterConfigHolder",
        CONFIG_HOLDER,
    ),
    (
        "FlinkCompactionFilter",
        "disposeFlinkCompactionFilterConfigHolder",
        CONFIG_HOLDER,
    ),
    ("RocksDB", "releaseSnapshot", "Snapshot"),
    ("TtlDB", "openCF", "TtlDB"),
    ("RocksDB", "openAsSecondary", "RocksDB"),
];

const CONFIG_HOLDER: &str = "FlinkCompactionFilter$ConfigHolder";

fn of_rocksdb(package: &str, class: &str, name: &str, signature: &Signature) -> Option<Entry> {
    let product = PRODUCTS
        .iter()
        .find(|(of, begin, _)| (of.is_empty() || *of == class) && name.starts_with(begin));
    let action = rocksdb_action(class, name, signature, product.is_some())?;
    let class = product.map_or(class, |(.., product)| product);
    let action = match action {
        Action::CreatesFirst(further) => Action::CreatesFirst(format!("{package}.{further}")),
        action => action,
    };
    Some(Entry {
        class: format!("{package}.{class}"),
        action,
    })
}

fn rocksdb_action(
    class: &str,
    name: &str,
    signature: &Signature,
    is_product: bool,
) -> Option<Action> {
    match name {
        "closeDatabase" => return disposes_argument(0, signature).map(|_| Action::Closes),
        "releaseSnapshot" => return disposes_argument(1, signature),
        // `Slice` frees its buffer first, under another name, and then itself.
        "disposeInternalBuf" => return None,
        _ if name.starts_with("dispose") => return disposes_argument(0, signature),
        _ => {}
    }
    // Gives the transaction back that it was given.
    let gives_no_new = name == "beginTransaction_withOld";
    let is_given_to_the_library = name.ends_with("FactoryHandle")
        || name.contains("FactoryHandle0")
        || owned_filter(class, name);
    if gives_no_new || is_given_to_the_library || class.ends_with("MetaData") {
        return None;
    }
    let of_own_class = ["new", "create", "copy", "open"]
        .iter()
        .any(|word| begins_with_word(name, word))
        || name.starts_with("get") && name.ends_with("FromProps")
        // `openROnly`, `openCF`: an abbreviation, but a word.
        || name.starts_with("open");
    match signature.returns {
        _ if !is_product && !of_own_class => None,
        Returns::Long => Some(Action::Creates),
        Returns::Longs if name.starts_with("open") => {
            Some(Action::CreatesFirst("ColumnFamilyHandle".to_owned()))
        }
        Returns::Longs => Some(Action::CreatesEach),
        _ => None,
    }
}

/// Compaction filters belong to the library once they are made, but for the holder of their configuration.
fn owned_filter(class: &str, name: &str) -> bool {
    class.ends_with("CompactionFilter") && !name.ends_with("ConfigHolder")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(class: &str, name: &str, signature: &str) -> Option<(String, Action)> {
        let parsed = Signature::parse(signature)?;
        let given = ["com.acme.Codec".to_owned()];
        let entry = find(class, name, &parsed, &given)?;
        assert!(is_candidate(name, true), "{name}");
        Some((entry.class, entry.action))
    }

    fn check(class: &str, name: &str, signature: &str, expected: (&str, Action)) {
        let expected = (expected.0.to_owned(), expected.1);
        assert_eq!(
            found(class, name, signature),
            Some(expected),
            "{class}.{name}{signature}"
        );
    }

    #[test]
    fn every_creation_has_the_class_of_its_disposal() {
        let rocksdb = |class: &str| format!("org.rocksdb.{class}");
        for (class, name, signature, product) in [
            ("ReadOptions", "newReadOptions", "()J", "ReadOptions"),
            ("ReadOptions", "copyReadOptions", "(J)J", "ReadOptions"),
            ("ReadOptions", "disposeInternalJni", "(J)V", "ReadOptions"),
            ("LRUCache", "newLRUCache", "(JIZD)J", "LRUCache"),
            ("RocksDB", "iteratorCF", "(JJJ)J", "RocksIterator"),
            ("RocksDB", "iterator", "(J)J", "RocksIterator"),
            ("RocksIterator", "disposeInternal", "(J)V", "RocksIterator"),
            ("RocksDB", "getSnapshot", "(J)J", "Snapshot"),
            (
                "RocksDB",
                "createColumnFamily",
                "(J[BIJ)J",
                "ColumnFamilyHandle",
            ),
            (
                "TtlDB",
                "createColumnFamilyWithTtl",
                "(J[BJI)J",
                "ColumnFamilyHandle",
            ),
            ("RocksDB", "openROnly", "(JLjava/lang/String;Z)J", "RocksDB"),
            ("TransactionDB", "beginTransaction", "(JJJ)J", "Transaction"),
            ("BloomFilter", "createNewBloomFilter", "(DZ)J", "Filter"),
            ("DBOptions", "statistics", "(J)J", "Statistics"),
            (
                "RateLimiter",
                "newRateLimiterHandle",
                "(JJIBZ)J",
                "RateLimiter",
            ),
            (
                "FlinkCompactionFilter",
                "createNewFlinkCompactionFilterConfigHolder",
                "()J",
                "FlinkCompactionFilter$ConfigHolder",
            ),
            (
                "FlinkCompactionFilter",
                "disposeFlinkCompactionFilterConfigHolder",
                "(J)V",
                "FlinkCompactionFilter$ConfigHolder",
            ),
        ] {
            let action = if name.starts_with("dispose") {
                Action::Disposes(Some(0))
            } else {
                Action::Creates
            };
            check(
                &rocksdb(class),
                name,
                signature,
                (&rocksdb(product), action),
            );
        }
    }

    #[test]
    fn arrays_of_handles_and_second_arguments_are_known() {
        let families = Action::CreatesFirst("org.forstdb.ColumnFamilyHandle".to_owned());
        check(
            "org.forstdb.RocksDB",
            "open",
            "(JLjava/lang/String;[[B[J)[J",
            ("org.forstdb.RocksDB", families),
        );
        check(
            "org.rocksdb.RocksDB",
            "iterators",
            "(J[JJ)[J",
            ("org.rocksdb.RocksIterator", Action::CreatesEach),
        );
        check(
            "org.rocksdb.RocksDB",
            "releaseSnapshot",
            "(JJ)V",
            ("org.rocksdb.Snapshot", Action::Disposes(Some(1))),
        );
    }

    #[test]
    fn what_the_library_can_be_asked_about_is_known() {
        let forst = Some((Kind::Cache, "org_forstdb"));
        assert_eq!(asked("org.forstdb.HyperClockCache"), forst);
        let database = Some((Kind::Database, "org_rocksdb"));
        assert_eq!(asked("org.rocksdb.RocksDB"), database);
        assert_eq!(asked("org.rocksdb.TransactionDB"), None);
        assert_eq!(asked("com.acme.RocksDB"), None);
        let class = "org.rocksdb.RocksDB";
        check(class, "closeDatabase", "(J)V", (class, Action::Closes));
    }

    #[test]
    fn what_the_library_owns_or_gives_back_is_left_out() {
        for (class, name, signature) in [
            ("VectorMemTableConfig", "newMemTableFactoryHandle", "(J)J"),
            (
                "SkipListMemTableConfig",
                "newMemTableFactoryHandle0",
                "(J)J",
            ),
            ("PlainTableConfig", "newTableFactoryHandle", "(IIDIIBZZ)J"),
            (
                "FlinkCompactionFilter",
                "createNewFlinkCompactionFilter0",
                "(JLorg/rocksdb/FlinkCompactionFilter$TimeProvider;J)J",
            ),
            ("TransactionDB", "beginTransaction_withOld", "(JJJ)J"),
            ("WriteBatchWithIndex", "iteratorWithBase", "(JJJJ)J"),
            ("RocksDB", "getDefaultColumnFamily", "(J)J"),
            ("RocksDB", "getLongProperty", "(JJLjava/lang/String;I)J"),
            ("Env", "getDefaultEnvInternal", "()J"),
            ("Slice", "disposeInternalBuf", "(JJ)V"),
            ("Options", "newTableReaderForCompactionInputs", "(J)Z"),
            ("Statistics", "getTickerCount", "(JB)J"),
            ("Transaction", "getSnapshot", "(J)J"),
        ] {
            assert_eq!(
                found(&format!("org.rocksdb.{class}"), name, signature),
                None,
                "{name}"
            );
        }
    }

    #[test]
    fn codecs_of_the_jdk_and_of_zstd_are_known() {
        let zip = "java.util.zip.Inflater";
        check(zip, "init", "(Z)J", (zip, Action::Creates));
        check(zip, "end", "(J)V", (zip, Action::Disposes(Some(0))));
        let stream = "com.github.luben.zstd.ZstdInputStreamNoFinalizer";
        check(stream, "createDStream", "()J", (stream, Action::Creates));
        check(
            stream,
            "freeDStream",
            "(J)I",
            (stream, Action::Disposes(Some(0))),
        );
        assert_eq!(found(stream, "initDStream", "(J)I"), None);
        let dictionary = "com.github.luben.zstd.ZstdDictCompress";
        check(
            dictionary,
            "init",
            "([BIII)V",
            (dictionary, Action::Creates),
        );
        check(
            dictionary,
            "free",
            "()V",
            (dictionary, Action::Disposes(None)),
        );
    }

    #[test]
    fn a_given_class_is_understood_by_its_words() {
        let codec = "com.acme.Codec";
        for (name, signature, action) in [
            ("newNative", "()J", Action::Creates),
            ("init", "([B)V", Action::Creates),
            ("allocate0", "(J)J", Action::Creates),
            ("openAll", "(I)[J", Action::CreatesEach),
            ("close0", "(J)V", Action::Disposes(Some(0))),
            ("free", "()V", Action::Disposes(None)),
            ("release", "(Ljava/lang/Object;J)V", Action::Disposes(None)),
        ] {
            check(codec, name, signature, (codec, action));
        }
        for name in ["newline", "endian", "initIDs", "opened", "process"] {
            assert_eq!(found(codec, name, "(J)J"), None, "{name}");
        }
        assert_eq!(found("com.acme.Other", "newNative", "()J"), None);
    }
}

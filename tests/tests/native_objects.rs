//! Java objects that hold native memory: how many of each class, and where they were made.

use anyhow::{Context, Result};
use flinkmem_tests::flink::Home;
use flinkmem_tests::{Jdk, Jvm, Running, Step, Trace, javac, native_library, on_every_jdk};
use flinkmem_trace::{NativeObjectClass, NativeObjects, Record, RocksDb};

/// At a short interval evidence is taken often.
const OFTEN: &str = "interval=10ms";

#[test]
fn inflaters_and_deflaters_are_counted_and_the_site_that_forgets_them_is_named() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "Codecs")
            .arguments(["4", "5000"])
            .options(["-Xcheck:jni"])
            .agent(OFTEN)
            .start()?;
        for name in ["before", "leaked", "clean", "stormed", "after"] {
            let step = jvm.step(name)?;
            let records = [("java.util.zip.Inflater", 0), ("java.util.zip.Deflater", 2)]
                .map(|(class, index)| counted(&mut jvm, class, &step, index));
            let [inflaters, deflaters] = records;
            let (inflaters, deflaters) = (inflaters?, deflaters?);
            if name == "leaked" || name == "clean" {
                let trace = jvm.trace()?;
                assert_eq!(live_through(&trace, &inflaters, "Codecs.forget"), 150);
                assert_eq!(live_through(&trace, &deflaters, "Codecs.cache"), 40);
                assert_eq!(live_through(&trace, &inflaters, "Codecs.end"), 0);
            }
            jvm.go_on()?;
        }
        let finished = jvm.finish()?;
        assert!(finished.status.success());
        check_jni_is_silent(&finished.stdout);
        Ok(())
    })
}

/// Waits until a record says of `class` what the step says: created, then disposed of, from the value at `index` on.
fn counted(jvm: &mut Running, class: &str, step: &Step, index: usize) -> Result<NativeObjectClass> {
    let expected = (step.number(index)?, step.number(index + 1)?);
    let mut last = None;
    let found = jvm.wait_for_trace(&format!("{expected:?} of {class}"), |trace| {
        let class = last_class(trace, class)?;
        last = Some((class.created, class.disposed));
        (last == Some(expected)).then_some(class)
    });
    found.with_context(|| format!("the last record says {last:?}, after {step:?}"))
}

fn last_class(trace: &Trace, name: &str) -> Option<NativeObjectClass> {
    let classes = last_record(trace)?.classes;
    classes.into_iter().find(|class| class.class == name)
}

fn last_record(trace: &Trace) -> Option<NativeObjects> {
    let records = trace.evidence.iter().rev();
    records
        .filter_map(|record| match record {
            Record::NativeObjects(objects) => Some((**objects).clone()),
            _ => None,
        })
        .next()
}

/// Live objects whose stack has a frame `class.method`.
fn live_through(trace: &Trace, class: &NativeObjectClass, qualified: &str) -> u64 {
    let ids = trace.sites_through(qualified);
    let sites = class.sites.iter().filter(|site| ids.contains(&site.id));
    sites.map(|site| site.live).sum()
}

/// What `RocksObjects` forgets: class, where, how many.
const FORGOTTEN: [(&str, &str, u64); 3] = [
    ("org.rocksdb.ReadOptions", "RocksObjects.leakOptions", 25),
    (
        "org.rocksdb.RocksIterator",
        "RocksObjects.leakIterators",
        35,
    ),
    ("org.rocksdb.Snapshot", "RocksObjects.leakSnapshots", 12),
];

#[test]
fn objects_of_rocksdb_are_counted_and_the_site_that_forgets_them_is_named() -> Result<()> {
    on_every_jdk(|jdk| {
        let version = if jdk.feature < 20 { "1.20.5" } else { "2.3.0" };
        let class_path = javac::rocksdb(&Home::fetch(version)?)?;
        rocksdb(jdk, &class_path).with_context(|| format!("with the RocksDB of Flink {version}"))
    })
}

fn rocksdb(jdk: &Jdk, class_path: &str) -> Result<()> {
    let mut jvm = Jvm::new(jdk, "RocksObjects")
        .class_path(class_path.to_owned())
        .options(["-Xcheck:jni"])
        .arguments(["4", "3000"])
        .agent(OFTEN)
        .start()?;
    for name in ["opened", "leaked", "clean", "stormed", "closed"] {
        let step = jvm.step(name)?;
        let expected = counts_said(&step)?;
        let mut last = Vec::new();
        let record = jvm.wait_for_trace("counts as the program says", |trace| {
            let record = last_record(trace)?;
            last = counts_recorded(&record);
            (last == expected).then_some(record)
        });
        let record = record.with_context(|| format!("{step:?}: recorded is {last:?}"))?;
        figures_are_rocksdbs_own(&mut jvm, &step)?;
        if matches!(name, "leaked" | "clean") {
            let trace = jvm.trace()?;
            for (class, site, live) in FORGOTTEN {
                let class = record.classes.iter().find(|found| found.class == class);
                let class = class.context("a forgotten class")?;
                assert_eq!(live_through(&trace, class, site), live, "{site}");
            }
        }
        jvm.go_on()?;
    }
    let finished = jvm.finish()?;
    assert!(finished.status.success(), "{}", finished.stdout);
    check_jni_is_silent(&finished.stdout);
    Ok(())
}

/// What `RocksObjects` makes its cache and its write buffer manager with.
const CACHE_BYTES: u64 = 16 << 20;
const WRITE_BUFFER_BYTES: u64 = 6 << 20;

/// In a sample after the step: what RocksDB's Java classes have told the program, which does nothing meanwhile.
fn figures_are_rocksdbs_own(jvm: &mut Running, step: &Step) -> Result<()> {
    let sample = jvm.wait_for_trace("a sample after the step", |trace| {
        let samples = trace.samples.iter();
        samples
            .rev()
            .find(|sample| sample.t_ms > step.t_ms)
            .cloned()
    })?;
    let is_closed = step.number(0)? == 0;
    let expected = (!is_closed).then_some(RocksDb {
        caches: 1,
        cache_capacity_bytes: CACHE_BYTES,
        cache_usage_bytes: Some(step.number(0)?),
        cache_pinned_bytes: Some(step.number(1)?),
        write_buffer_managers: 1,
        write_buffer_limit_bytes: WRITE_BUFFER_BYTES,
        databases: 1,
        memtables_bytes: Some(step.number(2)?),
        missed: 0,
    });
    assert_eq!(sample.rocksdb, expected, "{step:?}");
    Ok(())
}

/// Class, created, disposed of.
type Counts = Vec<(String, u64, u64)>;

fn counts_said(step: &Step) -> Result<Counts> {
    let triples = step.values.get(3..).unwrap_or_default().chunks(3);
    let count = |(index, triple): (usize, &[String])| {
        let class = format!("org.rocksdb.{}", triple[0]);
        let at = 3 + 3 * index;
        Ok((class, step.number(at + 1)?, step.number(at + 2)?))
    };
    triples.enumerate().map(count).collect()
}

fn counts_recorded(record: &NativeObjects) -> Counts {
    let of_rocksdb = record
        .classes
        .iter()
        .filter(|class| class.class.starts_with("org.rocksdb."));
    let mut counts: Counts = of_rocksdb
        .map(|class| (class.class.clone(), class.created, class.disposed))
        .collect();
    counts.sort();
    counts
}

/// But for the number of local references in the agent's own thread, where JVMTI hands over thousands at once: up to JDK 17 the
/// check has its opinion about that.
fn check_jni_is_silent(stdout: &str) {
    let complains = |line: &&str| {
        let about_references = line.contains("JNI local refs");
        (line.contains("WARNING") || line.contains("FATAL")) && !about_references
    };
    assert_eq!(stdout.lines().find(complains), None);
}

/// Class, created, disposed of, live with a known site, whether the counts are whole.
type Given = (&'static str, u64, u64, u64, bool);

const GIVEN: [Given; 6] = [
    ("Codec$Plain", 100, 30, 70, true),
    ("Codec$Wide", 20, 10, 10, true),
    ("Codec$Each", 70, 50, 20, true),
    ("Codec$Anonymous", 9, 3, 0, true),
    ("Codec$Small", 9, 4, 5, true),
    ("Codec$TooMany", 0, 1, 0, false),
];

/// The interpreter calls, and every call is checked.
const CHECKED: &[&str] = &["-Xcheck:jni"];

/// Compiled code calls from the first time on.
const COMPILED: &[&str] = &[
    "-Xcomp",
    "-XX:CompileCommand=quiet",
    "-XX:CompileCommand=compileonly,Codec*::*",
];

#[test]
fn classes_given_by_the_option_are_counted_and_their_arguments_arrive() -> Result<()> {
    let library = native_library::codec()?;
    let library = library.to_str().context("a path that is no text")?;
    let names = GIVEN.map(|(class, ..)| class).join("+");
    on_every_jdk(|jdk| {
        for options in [CHECKED, COMPILED] {
            given(jdk, options, library, &names).with_context(|| format!("{options:?}"))?;
        }
        Ok(())
    })
}

fn given(jdk: &Jdk, options: &[&'static str], library: &str, names: &str) -> Result<()> {
    let mut jvm = Jvm::new(jdk, "Codec")
        .arguments([library])
        .options(options.iter().copied())
        .agent(&format!("{OFTEN},native_objects={names}"))
        .start()?;
    let step = jvm.step("done")?;
    let is_after = |record: &NativeObjects| {
        let last = record
            .classes
            .iter()
            .find(|class| class.class == GIVEN[5].0);
        last.is_some_and(|class| class.disposed > 0)
    };
    let record = jvm.wait_for_trace("a record after the step", |trace| {
        last_record(trace).filter(is_after)
    })?;
    let trace = jvm.trace()?;
    for (name, created, disposed, live, whole) in GIVEN {
        let class = record.classes.iter().find(|class| class.class == name);
        let class = class.with_context(|| format!("no {name} in {record:?}"))?;
        assert_eq!(
            (class.created, class.disposed, class.incomplete),
            (created, disposed, !whole),
            "{name} {step:?}"
        );
        assert_eq!(live_through(&trace, class, "Codec.main"), live, "{name}");
    }
    jvm.go_on()?;
    let finished = jvm.finish()?;
    assert!(finished.status.success());
    check_jni_is_silent(&finished.stdout);
    Ok(())
}

//! What the JVM says to the commands that `jcmd` knows.

use crate::configuration::parse_jvm_size;
use flinkmem_trace::{Pool, PoolKind};
use std::collections::BTreeMap;

/// What the JVM said last, as far as it was asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    /// `VM.flags`: those that are not at their defaults.
    pub flags: BTreeMap<String, String>,
    /// `GC.heap_info`: the heap in use, garbage included. Published counters are brought up to date by collections.
    pub heap_used_bytes: Option<u64>,
    /// Metaspace, class space (`GC.heap_info`) and code cache (`Compiler.codecache`).
    pub pools: Vec<Pool>,
    /// `VM.native_memory`: committed bytes by category; empty where the JVM does not track it.
    pub native_memory: Vec<(String, u64)>,
    /// Why the JVM is not asked; absent where it answers.
    pub refusal: Option<String>,
}

/// `-XX:MaxHeapSize=209715200 -XX:+UseG1GC …`
pub(super) fn flags(text: &str) -> BTreeMap<String, String> {
    let flag = |word: &str| {
        let flag = word.strip_prefix("-XX:")?;
        let pair = match flag.split_once('=') {
            Some((name, value)) => (name, value),
            None => match flag.split_at_checked(1)? {
                ("+", name) => (name, "true"),
                ("-", name) => (name, "false"),
                _ => return None,
            },
        };
        Some((pair.0.to_owned(), pair.1.to_owned()))
    };
    text.split_ascii_whitespace().filter_map(flag).collect()
}

/// The heap in use, by the form that each collector gives `GC.heap_info`: G1 `garbage-first heap total 204800K, used 105301K`, Serial and Parallel
/// such a line for each generation, ZGC `ZHeap used 36M, capacity 200M`, Shenandoah `200M max, 200M soft max, 200M committed, 26403K used`.
pub(super) fn heap_used(text: &str) -> Option<u64> {
    let used = |line: &str| {
        let mut figures = line.split(',').map(str::trim);
        match line.split_once("used")? {
            (head, _) if head.contains(" total ") => {
                figures.find_map(|figure| size(figure.strip_prefix("used")?))
            }
            ("", _) => None,
            (head, tail) if head.trim() == "ZHeap" => size(tail.split(',').next()?),
            (head, "") if head.contains("soft max") => {
                size(figures.next_back()?.strip_suffix("used")?)
            }
            _ => None,
        }
    };
    let found: Vec<u64> = text.lines().map(str::trim).filter_map(used).collect();
    (!found.is_empty()).then(|| found.into_iter().fold(0, u64::saturating_add))
}

/// `204800K`, what follows left out.
fn size(text: &str) -> Option<u64> {
    parse_jvm_size(text.split_ascii_whitespace().next()?)
}

/// The lines ` Metaspace used 81K, committed 320K, reserved …` and ` class space used …` of `GC.heap_info`; before JDK 17 `capacity` stands
/// between, from 24 on there are none.
pub(super) fn metaspace(text: &str) -> Vec<Pool> {
    let kinds = [
        ("Metaspace", PoolKind::Metaspace, "Metaspace"),
        (
            "class space",
            PoolKind::ClassSpace,
            "Compressed Class Space",
        ),
    ];
    let pool = |line: &str| {
        let (begin, kind, name) = kinds
            .into_iter()
            .find(|(begin, ..)| line.starts_with(begin))?;
        let mut figures = line.strip_prefix(begin)?.split(',').map(str::trim);
        let kib = |figure: &str, of: &str| -> Option<u64> {
            let kib = figure.strip_prefix(of)?.trim().strip_suffix('K')?;
            kib.parse::<u64>().ok()?.checked_mul(1024)
        };
        let used_bytes = kib(figures.next()?, "used")?;
        let committed_bytes = figures.find_map(|figure| kib(figure, "committed"))?;
        Some(Pool {
            name: name.to_owned(),
            kind,
            used_bytes,
            committed_bytes,
            ..Pool::default()
        })
    };
    text.lines().map(str::trim).filter_map(pool).collect()
}

/// The segments of `Compiler.codecache`: `CodeHeap 'profiled nmethods': size=120036Kb used=14Kb …`, or `CodeCache: size=…` where there is one.
pub(super) fn code_cache(text: &str) -> Vec<Pool> {
    let pool = |line: &str| {
        let (name, figures) = line.split_once(": size=")?;
        let kib = |figure: &str| -> Option<u64> {
            let kib = figure.trim_end_matches(',').strip_suffix("Kb")?;
            kib.parse::<u64>().ok()?.checked_mul(1024)
        };
        let mut words = figures.split_ascii_whitespace();
        let max_bytes = Some(kib(words.next()?)?);
        let used_bytes = kib(words.next()?.strip_prefix("used=")?)?;
        Some(Pool {
            name: name.to_owned(),
            kind: PoolKind::CodeCache,
            used_bytes,
            committed_bytes: used_bytes,
            max_bytes,
            ..Pool::default()
        })
    };
    let all: Vec<Pool> = text.lines().map(str::trim).filter_map(pool).collect();
    // Newer JVMs tell the sum beside the segments.
    let (segments, whole): (Vec<Pool>, Vec<Pool>) = all
        .into_iter()
        .partition(|pool| pool.name.starts_with("CodeHeap"));
    if segments.is_empty() { whole } else { segments }
}

/// The categories of `VM.native_memory summary scale=B`: `-   Java Heap (reserved=…, committed=…)`, the largest first.
pub(super) fn native_memory(text: &str) -> Vec<(String, u64)> {
    let category = |line: &str| {
        let (name, figures) = line.strip_prefix('-')?.trim().split_once(" (reserved=")?;
        let (_, committed) = figures.split_once("committed=")?;
        let digits = committed.split(|c: char| !c.is_ascii_digit()).next()?;
        Some((name.to_owned(), digits.parse().ok()?))
    };
    let mut found: Vec<(String, u64)> = text.lines().filter_map(category).collect();
    found.sort_by_key(|(_, committed)| std::cmp::Reverse(*committed));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(pools: &[Pool]) -> Vec<(&str, u64, u64, Option<u64>)> {
        let figure = |pool: &Pool| (pool.used_bytes, pool.committed_bytes, pool.max_bytes);
        pools
            .iter()
            .map(|pool| {
                let (used, committed, max) = figure(pool);
                (pool.name.as_str(), used, committed, max)
            })
            .collect()
    }

    #[test]
    fn flags_are_read_as_the_jvm_prints_them() {
        let found = flags("-XX:MaxHeapSize=209715200 -XX:+UseG1GC -XX:-THPStackMitigation \n");
        let expected = [
            ("MaxHeapSize", "209715200"),
            ("THPStackMitigation", "false"),
            ("UseG1GC", "true"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(found, expected.into());
        assert!(flags("-Xmx1g -XX: -XX:x").is_empty());
    }

    #[test]
    fn the_heap_is_read_in_the_form_of_each_collector() {
        for (collector, text, kib) in [
            (
                "G1 of 17",
                " garbage-first heap   total 204800K, used 105301K [0x00000000f3800000, 0x0000000100000000)\n  region size 1024K, 89 young (91136K), 5 survivors (5120K)\n Metaspace       used 81K, committed 320K, reserved 131072K\n",
                105_301,
            ),
            (
                "G1 of 25",
                "garbage-first heap   total reserved 307200K, committed 307200K, used 66853K [0x00000000ed400000, 0x0000000100000000)\n region size 1024K, 53 young (54272K), 7 survivors (7168K)\n",
                66_853,
            ),
            (
                "Serial",
                " def new generation   total 61440K, used 3825K [0x00000000f3800000, 0x00000000f7aa0000, 0x00000000f7aa0000)\n  eden space 54656K,   4% used [0x00000000f3800000, 0x00000000f3a66520, 0x00000000f6d60000)\n tenured generation   total 136576K, used 1000K [0x0, 0x1, 0x2)\n   the space 136576K,   0% used [0x0, 0x1, 0x2, 0x3)\n",
                4825,
            ),
            (
                "Parallel",
                "PSYoungGen      total 59904K, used 54279K [0x00000000fbd80000, 0x0000000100000000, 0x0000000100000000)\n eden space 59392K, 90% used [0x00000000fbd80000,0x00000000ff207c50,0x00000000ff780000)\nParOldGen       total 136704K, used 721K [0x0, 0x1, 0x2)\n object space 136704K, 0% used [0x0,0x1,0x2)\n",
                55_000,
            ),
            (
                "ZGC",
                " ZHeap           used 36M, capacity 200M, max capacity 200M\n Metaspace       used 128K, committed 320K, reserved 1114112K\n",
                36 << 10,
            ),
            (
                "Shenandoah",
                "Shenandoah Heap\n 200M max, 200M soft max, 200M committed, 26403K used\n 800 x 256K regions\n",
                26_403,
            ),
        ] {
            assert_eq!(heap_used(text), Some(kib << 10), "{collector}");
        }
        assert_eq!(heap_used("class space used 3K, committed 128K\n"), None);
    }

    #[test]
    fn metaspace_is_read_in_the_form_of_each_release() {
        let jdk_17 = " garbage-first heap   total 204800K, used 105301K [0x0, 0x1)\n  region size 1024K, 89 young (91136K)\n \
            Metaspace       used 81K, committed 320K, reserved 131072K\n  class space    used 3K, committed 128K, reserved 65536K\n";
        let expected = [
            ("Metaspace", 81 << 10, 320 << 10, None),
            ("Compressed Class Space", 3 << 10, 128 << 10, None),
        ];
        assert_eq!(figures(&metaspace(jdk_17)), expected);
        let jdk_11 =
            " Metaspace       used 4100K, capacity 4600K, committed 4864K, reserved 1056768K\n";
        assert_eq!(
            figures(&metaspace(jdk_11)),
            [("Metaspace", 4100 << 10, 4864 << 10, None)]
        );
        assert_eq!(
            metaspace(
                "garbage-first heap   total reserved 307200K, committed 307200K, used 66853K\n"
            ),
            []
        );
    }

    #[test]
    fn the_code_cache_is_its_segments_or_one() {
        let segmented = "CodeHeap 'non-profiled nmethods': size=120036Kb used=4Kb max_used=4Kb free=120031Kb\n bounds [0x0, 0x1, 0x2]\n\
            CodeHeap 'non-nmethods': size=5692Kb used=1273Kb max_used=1273Kb free=4418Kb\n\
            CodeCache: size=245764Kb, used=1291Kb, max_used=1291Kb, free=244470Kb\n";
        let used: u64 = code_cache(segmented)
            .iter()
            .map(|pool| pool.used_bytes)
            .sum();
        assert_eq!(used, 1277 << 10);
        let whole = "CodeCache: size=49152Kb used=1300Kb max_used=1310Kb free=47851Kb\n bounds [0x0, 0x1, 0x2]\n";
        let expected = [("CodeCache", 1300 << 10, 1300 << 10, Some(49152 << 10))];
        assert_eq!(figures(&code_cache(whole)), expected);
    }

    #[test]
    fn native_memory_is_read_by_category() {
        let text = "Total: reserved=1798344704, committed=390352896\n\
            -                 Java Heap (reserved=314572800, committed=314572800)\n                            (mmap: reserved=1, committed=2)\n\
            -                     Other (reserved=5242880, committed=5242880)\n\
            -                    Thread (reserved=19986432, committed=960512)\n";
        let expected = [
            ("Java Heap", 314_572_800),
            ("Other", 5_242_880),
            ("Thread", 960_512),
        ];
        assert_eq!(
            native_memory(text),
            expected.map(|(name, bytes)| (name.to_owned(), bytes))
        );
        assert!(native_memory("Native memory tracking is not enabled\n").is_empty());
    }
}

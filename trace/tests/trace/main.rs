//! Traces as others see them: written, damaged, read back.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod budget;
mod damage;
mod growing;
mod round_trip;
#[cfg(feature = "schema")]
mod schema;

use flinkmem_trace::{Header, Record, Sample};

/// A sample whose size on disk is like a real one's, recognisable by `up_ms`.
fn sample(number: u64) -> Record {
    let pools = (0..8)
        .map(|pool| flinkmem_trace::Pool {
            name: format!("pool {pool}"),
            used_bytes: number * 4096 + pool,
            committed_bytes: 1 << 30,
            ..Default::default()
        })
        .collect();
    Record::Sample(Box::new(Sample {
        t_ms: i64::try_from(number).unwrap(),
        up_ms: number,
        pools,
        ..Default::default()
    }))
}

fn header() -> Header {
    Header {
        host: "tm-0".into(),
        pid: 4711,
        agent_version: "0.1.0".into(),
        ..Default::default()
    }
}

/// The numbers of the samples that can be read back.
fn sample_numbers(records: &[Record]) -> Vec<u64> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::Sample(sample) => Some(sample.up_ms),
            _ => None,
        })
        .collect()
}

/// Bytes of all files in a directory.
fn disk_bytes(directory: &std::path::Path) -> u64 {
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}

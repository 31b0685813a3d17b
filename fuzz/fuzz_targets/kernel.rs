//! Any bytes as the files of `/proc` and of cgroups that the agent reads: no panic.

#![no_main]

use flinkmem_native::kernel::fuzzing::parse_all;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| parse_all(data));

//! Batches as a scheduler's disk has them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (harness::target("segments").check)(bytes));

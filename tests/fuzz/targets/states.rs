//! States, checkpoints and their blobs.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (harness::target("states").check)(bytes));

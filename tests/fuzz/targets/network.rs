//! Frames of streams, and records of discovery.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (harness::target("network").check)(bytes));

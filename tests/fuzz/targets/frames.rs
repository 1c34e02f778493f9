//! What units say to each other.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (harness::target("frames").check)(bytes));

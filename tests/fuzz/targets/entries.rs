//! Entries of logs, and what is in them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (harness::target("entries").check)(bytes));

//! Self-describing values, JSON and identifiers.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (harness::target("values").check)(bytes));

//! The preparation of modules.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (harness::target("modules").check)(bytes));

//! The order of logs, against a model.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (harness::target("order").check)(bytes));

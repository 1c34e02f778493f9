//! What modules are told and say, and values of actors.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (harness::target("guest").check)(bytes));

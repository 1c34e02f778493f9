//! Statements that are believed for their proof.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (harness::target("proofs").check)(bytes));

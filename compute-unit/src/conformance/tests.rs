//! The committed suite is what its sources say, covers what it must, and notices what is wrong.
//!
//! After a deliberate change of the profile, `BLESS_CONFORMANCE=1 cargo test -p compute-unit
//! conformance` writes the modules and the expectations anew; the difference is for review.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use wasmtime::{Config, OptLevel};

use super::*;
use crate::fixture::on_stack;
use crate::memory::Tracking;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

fn is_blessing() -> bool {
    std::env::var_os("BLESS_CONFORMANCE").is_some()
}

/// Holds an engine that differs as said to the suite.
fn admitted(adjust: fn(&mut Config)) -> Result<(), Nonconformity> {
    let admit_one =
        move |tracking| on_stack(move || admit(&Engine::adjusted(tracking, adjust).unwrap()));
    Tracking::all().into_iter().try_for_each(admit_one)
}

#[test]
fn the_binaries_are_what_their_texts_say() {
    for name in suite::NAMES {
        let text = directory().join(format!("{name}.wat"));
        let wasm = wat::parse_file(text).unwrap();
        if is_blessing() {
            std::fs::write(directory().join(format!("{name}.wasm")), &wasm).unwrap();
        } else {
            assert!(wasm == suite::module(name), "{name}.wasm is not made of {name}.wat");
        }
    }
}

#[test]
fn the_expectations_are_what_the_engine_does() {
    let written: Vec<String> = on_stack(|| {
        let mut written = Vec::new();
        run(&Engine::new().unwrap(), |_, _, found| {
            let Expected { result, gas, memory, globals } = found;
            written.push(format!("-> {result} {gas} {memory} {globals}"));
            Ok(())
        })
        .unwrap();
        written
    });
    let mut written = written.into_iter();
    let line = |line: &str| match line.split_once("->") {
        Some((call, _)) if !line.starts_with('#') => {
            format!("{call}{}\n", written.next().unwrap())
        }
        _ => format!("{line}\n"),
    };
    let text: String = suite::TEXT.lines().map(line).collect();
    if is_blessing() {
        std::fs::write(directory().join("expected.txt"), &text).unwrap();
    } else {
        assert_eq!(text, suite::TEXT);
    }
}

#[test]
fn engines_that_compile_differently_are_admitted_alike() {
    let adjustments: [fn(&mut Config); 5] = [
        |_| (),
        |config| {
            config.cranelift_opt_level(OptLevel::None);
        },
        |config| {
            config.cranelift_opt_level(OptLevel::SpeedAndSize);
        },
        // Bounds checked by code instead of by the processor, in memories that move.
        |config| {
            config.memory_reservation(0).memory_guard_size(0).memory_may_move(true);
        },
        // No trap that the processor finds.
        |config| {
            config.signals_based_traps(false).memory_reservation(0).memory_guard_size(0);
            config.memory_may_move(true);
        },
    ];
    for adjust in adjustments {
        admitted(adjust).unwrap();
    }
}

#[test]
fn an_engine_whose_nans_differ_is_not_admitted() {
    let nonconformity = admitted(|config| {
        config.cranelift_nan_canonicalization(false);
    })
    .unwrap_err();
    let part = match nonconformity.what {
        Difference::Found { part, .. } => part,
        other => panic!("not admitted for another reason: {other}"),
    };
    assert_eq!((&*nonconformity.case, nonconformity.call), ("floats", 1));
    assert_eq!(part, "the digest of the memory");
}

#[test]
fn an_engine_without_a_feature_of_the_profile_is_not_admitted() {
    let nonconformity = admitted(|config| {
        config.wasm_simd(false).wasm_relaxed_simd(false);
    })
    .unwrap_err();
    assert!(matches!(nonconformity.what, Difference::Compile(CompileError::Engine { .. })));
}

#[test]
fn every_case_and_every_kind_of_end_is_in_the_suite() {
    let cases: BTreeSet<&str> = suite::calls().map(|(call, _)| call.case).collect();
    assert_eq!(cases, suite::NAMES.iter().copied().collect());
    let ends: BTreeSet<String> = suite::calls()
        .map(|(_, expected)| match expected.result.split_once(':') {
            Some((ok, _)) => ok.to_owned(),
            None => expected.result,
        })
        .collect();
    let all = [
        "bad-allocation",
        "bad-output",
        "ok",
        "out-of-gas",
        "out-of-memory",
        "output-too-large",
        "too-deep",
        "trap",
    ];
    assert_eq!(ends, all.map(str::to_owned).into());
}

#[test]
fn a_fault_leaves_the_state_as_it_was() {
    let mut before: Option<(&str, Expected)> = None;
    for (call, expected) in suite::calls() {
        let failed = !expected.result.starts_with("ok:");
        if let Some((case, before)) = &before
            && *case == call.case
            && (failed || call.export == Export::View)
        {
            let state = |of: &Expected| (of.memory.clone(), of.globals.clone());
            assert_eq!(state(&expected), state(before), "{} {}", call.case, call.number);
        }
        before = Some((call.case, expected));
    }
}

#[test]
fn the_first_difference_is_named() {
    let right = Expected {
        result: "ok:00".to_owned(),
        gas: "5".to_owned(),
        memory: "aa".to_owned(),
        globals: "bb".to_owned(),
    };
    assert_eq!(right.first_difference(&right), None);
    let wrong = Expected { gas: "6".to_owned(), globals: String::new(), ..right.clone() };
    let (call, _) = suite::calls().next().unwrap();
    let said = call.differs(right.first_difference(&wrong).unwrap()).to_string();
    assert_eq!(
        said,
        "the engine does not conform to the profile: integers, call 1: the gas used should be 5, \
         but is 6"
    );
}

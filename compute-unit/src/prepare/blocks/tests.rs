use wasmparser::{Parser, Payload};

use super::*;
use crate::fixture::wasm;

/// The charges of the only function of a module, as (operators before, gas).
fn charges_of(code: &str) -> Vec<(usize, u64)> {
    let module = wasm(&format!("(module (memory 1) (func (param i32) {code}))"));
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(&module) {
        if let Payload::CodeSectionEntry(body) = payload.unwrap() {
            found = charges(&body, 0).unwrap();
        }
    }
    found.iter().map(|charge| (charge.before, charge.gas)).collect()
}

#[test]
fn a_straight_line_is_one_run() {
    assert_eq!(charges_of("(drop (i32.add (local.get 0) (i32.const 1)))"), [(0, 4)]);
}

#[test]
fn an_untargeted_block_does_not_split_a_run() {
    assert_eq!(charges_of("(block (drop (local.get 0))) (drop (local.get 0))"), [(0, 4)]);
}

#[test]
fn both_arms_and_what_follows_are_apart() {
    // 0 local.get, 1 if, 2 local.get, 3 drop, 4 else, 5 nop, 6 end, 7 local.get, 8 drop
    let code = "(if (local.get 0) (then (drop (local.get 0))) (else (nop))) (drop (local.get 0))";
    assert_eq!(charges_of(code), [(0, 2), (2, 2), (7, 2)]);
}

#[test]
fn a_loop_pays_each_time_round() {
    // 0 loop, 1 local.get, 2 br_if, 3 local.get, 4 drop, 5 end
    let code = "(loop $l (br_if $l (local.get 0)) (drop (local.get 0)))";
    assert_eq!(charges_of(code), [(1, 2), (3, 2)]);
}

#[test]
fn a_branch_target_starts_a_run() {
    // 0 block, 1 local.get, 2 br_if, 3 end, 4 local.get, 5 drop
    let code = "(block $b (br_if $b (local.get 0))) (drop (local.get 0))";
    assert_eq!(charges_of(code), [(0, 2), (4, 2)]);
    let table = "(block $b (br_table $b $b (local.get 0))) (drop (local.get 0))";
    assert_eq!(charges_of(table), [(0, 3), (4, 2)]);
}

#[test]
fn no_cycle_is_free() {
    assert_eq!(charges_of("(loop $l (br $l))"), [(1, 1)]);
    assert_eq!(charges_of("(loop $l (block $b (br_table $l $l (i32.const 0))))"), [(1, 3)]);
}

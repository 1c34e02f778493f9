use protocol::Limits;

use super::*;
use crate::{
    Executed, Export, Fault, Instance,
    fixture::{Step, actor, fat_recursion, on_stack, script, steps},
};

fn on_both(wasm: &[u8], input: &[u8], gas: u64) -> Executed {
    let [fast, plain] = [OptLevel::Speed, OptLevel::None].map(|opt_level| {
        let module = Engine::with_opt_level(opt_level).unwrap().compile(wasm).unwrap();
        let (input, mut instance) =
            (input.to_vec(), Instance::genesis(&module, &Limits::DEFAULT).unwrap());
        on_stack(move || {
            let executed = instance.execute(Export::Handle, &input, gas).unwrap();
            let image = instance.state_image();
            (executed, image.memory.to_vec(), image.globals)
        })
    });
    assert_eq!(fast, plain);
    fast.0
}

#[test]
fn the_optimiser_changes_neither_gas_nor_state() {
    let input = steps(&[
        Step::Store(9, 1),
        Step::Mix(5),
        Step::Grow(2),
        Step::Fill(100, 7),
        Step::StoreEnd(3, 4),
    ]);
    let executed = on_both(&script(), &input, 1_000_000);
    assert_eq!(executed.result, Ok(input));
    let executed = on_both(&script(), &steps(&[Step::Mix(1), Step::Trap]), 1_000_000);
    assert_eq!(executed.result, Err(Fault::Trap));
    let spin = on_both(&script(), &steps(&[Step::Spin]), 1_000_000);
    assert_eq!(spin, Executed { result: Err(Fault::OutOfGas), gas_used: 1_000_000 });
}

#[test]
fn nans_are_canonical() {
    // 0/0 with a payload that the processor would pass on.
    let code = "(f64.store (i32.const 0) (f64.add
            (f64.reinterpret_i64 (i64.const 0xfff8_dead_beef_0001)) (f64.const 1)))
        (i64.const 8)";
    let executed = on_both(&actor("", code), &[], 1_000);
    assert_eq!(executed.result, Ok(0x7ff8_0000_0000_0000_u64.to_le_bytes().to_vec()));
}

#[test]
fn depth_ends_a_recursion_at_one_place() {
    let executed = on_both(&script(), &steps(&[Step::Recurse]), 1_000_000_000);
    assert_eq!(executed.result, Err(Fault::StackOverflow));
    assert!(executed.gas_used < 1_000_000, "{}", executed.gas_used);
}

#[test]
fn depth_ends_fat_recursions_before_the_native_stack_does() {
    for (ty, locals) in [("i64", 10), ("i64", 4_000), ("v128", 10), ("v128", 4_000)] {
        let first = if ty == "v128" { "(v128.const i64x2 1 1)" } else { "(i64.const 1)" };
        let handle = format!("(drop (call $deep {first})) (i64.const 0)");
        let wasm = actor(&fat_recursion(ty, locals), &handle);
        let executed = on_both(&wasm, &[], 1_000_000_000);
        assert_eq!(executed.result, Err(Fault::StackOverflow), "{ty} {locals}");
    }
}

/// Expressions computed before and after a call: an optimiser keeps their values instead of
/// computing them again, in far more slots than the function has locals and operands.
#[test]
fn depth_ends_recursions_whose_frames_the_optimiser_grew() {
    let sum: String = (1..2_000)
        .map(|k| format!("(local.set $s (v128.xor (local.get $s) (i64x2.mul (local.get $x) (i64x2.splat (i64.add (local.get $y) (i64.const {k}))))))"))
        .collect();
    let deep = format!(
        "(func $deep (param $x v128) (param $y i64) (result v128) (local $s v128)
            {sum}
            (local.set $s (v128.xor (local.get $s)
                (call $deep (v128.not (local.get $x)) (i64.add (local.get $y) (i64.const 1)))))
            {sum} (local.get $s))"
    );
    let handle = "(drop (call $deep (v128.const i64x2 1 1) (i64.const 1))) (i64.const 0)";
    let executed = on_both(&actor(&deep, handle), &[], 1_000_000_000);
    assert_eq!(executed.result, Err(Fault::StackOverflow));
}

#[test]
fn a_refused_module_is_told_apart_from_a_broken_engine() {
    let error = Engine::new().unwrap().compile(b"no module").unwrap_err();
    assert!(matches!(error, CompileError::Refused(PrepareError::NotWasm)));
}

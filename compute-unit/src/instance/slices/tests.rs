use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use protocol::Limits;

use super::*;
use crate::{
    CompiledModule, Executed, Export, GlobalValue, Instance,
    fixture::{Step, actor, compile, on_stack, script, steps},
};

const GAS: u64 = 10_000_000;
const SIZES: [i64; 4] = [1, 7, 1_000, SLICE_GAS];

type Seen = (Executed, Vec<u8>, Vec<GlobalValue>);

/// A new instance of few pages whose slices are so large.
fn sliced(module: &Arc<CompiledModule>, size: i64) -> Instance {
    let limits = Limits { memory_pages: 8, ..Limits::DEFAULT };
    let mut instance = Instance::genesis(module, &limits).unwrap();
    instance.machine.slices().set_size(size);
    instance
}

fn execute(instance: &mut Instance, input: &[u8], gas: u64) -> Seen {
    let executed = instance.execute(Export::Handle, input, gas).unwrap();
    let image = instance.state_image();
    (executed, image.memory.to_vec(), image.globals)
}

/// Bodies of a handler that end in different ways, behind items they all share.
const ITEMS: &str = r#"
    (type $unary (func (param i32) (result i32)))
    (table 2 funcref) (elem (i32.const 0) $double $sum)
    (global $calls (mut i32) (i32.const 0)) (data $d "passive")
    (func $double (param i32) (result i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (i32.mul (local.get 0) (i32.const 2)))
    (func $sum (param i32) (result i32)
        (if (result i32) (i32.eqz (local.get 0))
            (then (i32.const 0))
            (else (i32.add (local.get 0) (call $sum (i32.sub (local.get 0) (i32.const 1)))))))
    (func $choose (param i32) (result i32)
        (block $a (block $b (block $c
            (br_table $a $b $c (local.get 0)))
            (return (i32.const 3)))
            (return (call_indirect (type $unary) (i32.const 5) (i32.const 0))))
        (i32.load (i32.const 512)))"#;
const BODIES: [&str; 12] = [
    "i64.const 0",
    "(drop (call $sum (i32.const 20))) i64.const 8",
    "(drop (call $choose (i32.const 0))) (drop (call $choose (i32.const 1)))
        (drop (call $choose (i32.const 2))) (drop (call $choose (i32.const 9))) i64.const 4",
    "(local $i i32) (loop $l
        (i32.store (i32.mul (local.get $i) (i32.const 4)) (call $double (local.get $i)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 9)))) i64.const 36",
    "(memory.fill (i32.const 0) (i32.const 1) (i32.const 3000))
        (memory.copy (i32.const 100) (i32.const 0) (i32.const 500))
        (memory.init $d (i32.const 9) (i32.const 0) (i32.const 7)) i64.const 600",
    "(memory.fill (i32.const 0) (i32.const 1) (i32.const 90)) unreachable",
    "(memory.copy (i32.const 0) (i32.const 1) (i32.const -1)) i64.const 0",
    "(i64.extend_i32_u (i32.div_u (i32.const 1) (i32.load (i32.const 512))))",
    "(call_indirect (result i64) (i32.const 0))",
    "(i64.load (i32.const -1))",
    "i64.const -1",
    "(loop $l (br $l)) unreachable",
];

#[test]
fn a_call_gives_the_same_however_its_gas_is_cut() {
    on_stack(|| {
        for body in BODIES {
            let module = compile(&actor(ITEMS, body));
            let run = |size, gas| execute(&mut sliced(&module, size), b"input", gas);
            let all = run(i64::MAX, 5_000).0.gas_used;
            // Whatever it is given, it stops at the same place.
            for gas in (0..=all.min(150)).chain([all.saturating_sub(1), all, all + 1]) {
                let whole = run(i64::MAX, gas);
                for size in SIZES {
                    assert_eq!(run(size, gas), whole, "slices of {size}, {gas} gas: {body}");
                }
            }
        }
    });
}

#[test]
fn growth_gives_the_same_however_its_gas_is_cut() {
    let grow = "(drop (memory.grow (i32.const 2))) (drop (memory.grow (i32.const 70000)))
        (drop (memory.grow (i32.const 6))) i64.const 131072";
    on_stack(move || {
        for end in ["", "unreachable"] {
            let module = compile(&actor("", &format!("{grow} {end}")));
            let run = |size, gas| execute(&mut sliced(&module, size), b"", gas);
            let all = run(i64::MAX, GAS).0.gas_used;
            for gas in [131_000, 131_500, all - 1, all, GAS] {
                for size in [7, 1_000, 65_536, SLICE_GAS] {
                    assert_eq!(run(size, gas), run(i64::MAX, gas), "slices of {size}, {gas} gas");
                }
            }
        }
    });
}

#[test]
fn depth_ends_a_recursion_where_it_does_without_slices() {
    on_stack(|| {
        let module = compile(&script());
        let run = |size| execute(&mut sliced(&module, size), &steps(&[Step::Recurse]), GAS);
        let whole = run(i64::MAX);
        assert_eq!(whole.0.result, Err(Fault::StackOverflow));
        SIZES.iter().for_each(|size| assert_eq!(run(*size), whole));
    });
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<u16>(), any::<u8>()).prop_map(|(at, value)| Step::Store(at, value)),
        any::<u8>().prop_map(Step::Mix),
        (0..4_u8).prop_map(Step::Grow),
        (any::<u16>(), any::<u8>()).prop_map(|(at, value)| Step::Fill(at, value)),
        (any::<u16>(), any::<u8>()).prop_map(|(at, value)| Step::StoreEnd(at, value)),
        Just(Step::Trap),
    ]
}

#[test]
fn any_sequence_of_slots_and_views_gives_the_same_however_gas_is_cut() {
    let slot = (proptest::collection::vec(step(), 0..6), 0..300_000_u64, any::<bool>());
    let slots = proptest::collection::vec(slot, 1..20);
    let module = compile(&script());
    on_stack(move || {
        proptest!(ProptestConfig::with_cases(32), |(slots in slots, size in 1..5_000_i64)| {
            let mut whole = sliced(&module, i64::MAX);
            let mut cut = sliced(&module, size);
            for (slot, gas, is_view) in slots {
                let input = steps(&slot);
                if is_view {
                    prop_assert_eq!(whole.view(&input, gas), cut.view(&input, gas));
                }
                let expected = execute(&mut whole, &input, gas);
                prop_assert!(execute(&mut cut, &input, gas) == expected, "{slot:?}, {gas} gas");
            }
        });
    });
}

/// Counts the pauses, and ends the call at one of them.
struct Counting {
    pauses: AtomicUsize,
    last: usize,
}

impl Counting {
    fn up_to(last: usize) -> Arc<Self> {
        Arc::new(Self { pauses: AtomicUsize::new(0), last })
    }
}

impl Pause for Counting {
    fn pause(&self) -> Result<(), Stopped> {
        let before = self.pauses.fetch_add(1, Ordering::Relaxed);
        if before + 1 < self.last { Ok(()) } else { Err(Stopped) }
    }
}

#[test]
fn a_call_pauses_between_its_slices_and_not_when_its_gas_is_used_up() {
    on_stack(|| {
        let module = compile(&actor("", "(loop $l (br $l)) unreachable"));
        let pauses = |gas| {
            let (mut instance, pause) = (sliced(&module, 100), Counting::up_to(usize::MAX));
            instance.set_pause(Some(pause.clone()));
            let executed = instance.execute(Export::Handle, b"", gas).unwrap();
            assert_eq!(executed, Executed { result: Err(Fault::OutOfGas), gas_used: gas });
            pause.pauses.load(Ordering::Relaxed)
        };
        assert_eq!([pauses(100), pauses(101), pauses(200), pauses(1_000)], [0, 1, 1, 9]);
    });
}

#[test]
fn an_instance_keeps_its_pause_when_its_memory_is_made_anew() {
    on_stack(|| {
        let (mut instance, pause) = (sliced(&compile(&script()), 10), Counting::up_to(usize::MAX));
        instance.set_pause(Some(pause.clone()));
        let pauses = || pause.pauses.swap(0, Ordering::Relaxed);
        execute(&mut instance, &steps(&[Step::Grow(1), Step::Trap]), GAS);
        assert!(pauses() > 0);
        execute(&mut instance, &steps(&[Step::Mix(1)]), GAS);
        assert!(pauses() > 0);
    });
}

#[test]
fn a_call_that_is_stopped_has_no_outcome_and_gives_the_instance_up() {
    on_stack(|| {
        let mut instance = sliced(&compile(&script()), 100);
        instance.set_pause(Some(Counting::up_to(3)));
        let spin = steps(&[Step::Spin]);
        assert_eq!(instance.execute(Export::Handle, &spin, GAS), Err(HostFault::Stopped));
        assert_eq!(instance.view(&[], GAS), Err(HostFault::GivenUp));

        let mut instance = sliced(&compile(&script()), 100);
        instance.set_pause(Some(Counting::up_to(3)));
        assert_eq!(instance.view(&spin, GAS), Err(HostFault::Stopped));
    });
}

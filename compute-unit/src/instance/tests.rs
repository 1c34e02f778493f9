use proptest::prelude::*;

use wasmtime::OptLevel;

use super::*;
use crate::{
    Engine,
    fixture::{INPUT, Step, actor, compile, instance, on_stack, script, steps},
    memory::Tracking,
};

const GAS: u64 = 10_000_000;

fn image(instance: &mut Instance) -> (Vec<u8>, Vec<GlobalValue>) {
    let image = instance.state_image();
    (image.memory.to_vec(), image.globals)
}

/// Executes the handler of an actor with this body once.
fn handle(items: &str, body: &str) -> Executed {
    let wasm = actor(items, body);
    on_stack(move || instance(&wasm).execute(Export::Handle, b"input", GAS).unwrap())
}

const fn assert_send<T: Send>() {}
const _: () = assert_send::<Instance>();

#[test]
fn genesis_holds_the_data_and_the_first_globals() {
    let mut instance = instance(&script());
    let (memory, globals) = image(&mut instance);
    assert_eq!(memory.len(), 3 * PAGE_BYTES);
    assert_eq!(&memory[131_072..131_079], b"genesis");
    assert_eq!(globals, [GlobalValue::I64(7)]);
}

#[test]
fn passive_segments_keep_their_indices() {
    let items = r#"(data (i32.const 8) "active") (data $p "passive")"#;
    let code = "(memory.init $p (i32.const 0) (i32.const 0) (i32.const 7)) (i64.const 14)";
    assert_eq!(
        handle(items, code).result,
        Ok(b"passiveactive"[..].to_vec()).map(|mut bytes: Vec<u8>| {
            bytes.insert(7, 0);
            bytes
        })
    );
    let active = "(memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)) (i64.const 0)";
    assert_eq!(handle(items, active).result, Err(Fault::Trap));
}

#[test]
fn the_input_arrives_and_the_output_comes_back() {
    let echo = "(i64.or (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
        (i64.extend_i32_u (local.get $len)))";
    assert_eq!(handle("", echo).result, Ok(b"input".to_vec()));
}

#[test]
fn an_endless_loop_uses_all_gas() {
    let executed = handle("", "(loop $l (br $l)) unreachable");
    assert_eq!(executed, Executed { result: Err(Fault::OutOfGas), gas_used: GAS });
}

#[test]
fn gas_is_what_the_table_says() {
    // alloc: const 1. handle: const 1.
    assert_eq!(handle("", "i64.const 0").gas_used, 2);
    // A local 1, a call 5, the callee's drop and const 2.
    let items = "(func $f (local i32) (drop (i32.const 1)))";
    assert_eq!(handle(items, "(call $f) i64.const 0").gas_used, 10);
    // A trap has paid for its whole run.
    assert_eq!(handle("", "unreachable").gas_used, 2);
}

#[test]
fn every_exit_gives_its_depth_back() {
    let items = "(func $early (param i32) (result i32)
            (block $out (loop $l
                (br_if $out (local.get 0))
                (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
                (br $l)))
            (if (i32.eq (local.get 0) (i32.const 1)) (then (br 1 (call $nothing))))
            (call $nothing))
        (func $nothing (result i32) (i32.const 2))";
    // 100,000 times each of three exits: any leak would exceed the limit.
    let code = "(local $i i32)
        (loop $l
            (drop (call $early (i32.const 0)))
            (drop (call $early (i32.const 1)))
            (drop (call $early (i32.const 2)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 100000))))
        i64.const 0";
    assert_eq!(handle(items, code).result, Ok(Vec::new()));
}

#[test]
fn bulk_operators_cost_by_length() {
    let fill = |bytes: usize| {
        let code =
            format!("(memory.fill (i32.const 0) (i32.const 1) (i32.const {bytes})) i64.const 0");
        handle("", &code).gas_used
    };
    assert_eq!(fill(80_000) - fill(0), 10_000);
    let copy = "(memory.copy (i32.const 0) (i32.const 1) (i32.const -1)) i64.const 0";
    assert_eq!(handle("", copy), Executed { result: Err(Fault::OutOfGas), gas_used: GAS });
}

#[test]
fn growth_costs_by_page() {
    let grow = |pages: u32| {
        handle("", &format!("(drop (memory.grow (i32.const {pages}))) i64.const 0")).gas_used
    };
    assert_eq!(grow(3) - grow(0), 3 * 65_536);
    // More than a memory can ever have is refused for nothing.
    assert_eq!(grow(70_000), grow(0));
}

#[test]
fn outputs_outside_of_the_memory_are_faults() {
    let packed = |pointer: u64, length: u64| {
        handle("", &format!("i64.const {}", (pointer << 32 | length).cast_signed())).result
    };
    assert_eq!(packed(131_072, 0), Ok(Vec::new()));
    assert_eq!(packed(131_071, 1), Ok(vec![0]));
    assert_eq!(packed(131_072, 1), Err(Fault::BadOutput));
    assert_eq!(packed(0, 2 << 30), Err(Fault::BadOutput));
    assert_eq!(packed(u64::from(u32::MAX), u64::from(u32::MAX)), Err(Fault::BadOutput));
    assert_eq!(packed(0, 131_073), Err(Fault::BadOutput));
}

#[test]
fn an_output_above_the_limits_is_a_fault() {
    let limits = Limits { outbox_bytes: 0, outbox_items: 0, reply_bytes: 1, ..Limits::DEFAULT };
    let run = |length: u32| {
        let module = compile(&actor("", &format!("i64.const {length}")));
        let mut instance = Instance::genesis(&module, &limits).unwrap();
        on_stack(move || instance.execute(Export::Handle, b"", GAS).unwrap().result)
    };
    assert_eq!(run(4_098).unwrap().len(), 4_098);
    assert_eq!(run(4_099), Err(Fault::OutputTooLarge));
}

#[test]
fn a_place_outside_of_the_memory_is_no_allocation() {
    let run = |place: i32, input: &'static [u8]| {
        let text = format!(
            r#"(module (memory (export "memory") 1)
                (func (export "antiphon_alloc") (param i32) (result i32) i32.const {place})
                (func $f (param i32 i32) (result i64) i64.const 0)
                (export "antiphon_handle" (func $f)) (export "antiphon_view" (func $f))
                (export "antiphon_save" (func $f)))"#
        );
        let wasm = crate::fixture::wasm(&text);
        on_stack(move || instance(&wasm).execute(Export::Handle, input, GAS).unwrap().result)
    };
    assert_eq!(run(65_535, b"x"), Ok(Vec::new()));
    assert_eq!(run(65_536, b""), Ok(Vec::new()));
    assert_eq!(run(65_536, b"x"), Err(Fault::BadAllocation));
    assert_eq!(run(-1, b"x"), Err(Fault::BadAllocation));
}

#[test]
fn every_way_to_name_a_function_names_the_same_one() {
    let items = "(type $t (func (result i32)))
        (func $one (result i32) i32.const 1)
        (func $two (result i32) i32.const 2)
        (func $three (result i32) i32.const 3)
        (table 4 funcref)
        (elem (i32.const 0) func $three $one)
        (elem (i32.const 2) funcref (ref.func $two) (ref.null func))
        (elem declare func $two)
        (global $three_ref funcref (ref.func $three))";
    let calls: String = (0..3)
        .map(|index| {
            format!(
                "(i32.store8 (i32.const {index}) (call_indirect (type $t) (i32.const {index})))"
            )
        })
        .collect();
    let code = format!(
        "{calls}
        (i32.store8 (i32.const 3) (call $two))
        (i32.store8 (i32.const 4) (i32.add (ref.is_null (ref.func $two))
            (i32.add (ref.is_null (global.get $three_ref)) (ref.is_null (table.get (i32.const 3))))))
        i64.const 5"
    );
    assert_eq!(handle(items, &code).result, Ok(vec![3, 1, 2, 2, 1]));
    // An import does not take the place of the first function either.
    let text = r#"(module (memory (export "memory") 1)
        (func $handle (export "antiphon_handle") (param i32 i32) (result i64) i64.const 7)
        (func (export "antiphon_alloc") (param i32) (result i32) i32.const 8)
        (export "antiphon_view" (func $handle)) (export "antiphon_save" (func $handle)))"#;
    let wasm = crate::fixture::wasm(text);
    let executed = on_stack(move || instance(&wasm).execute(Export::Handle, b"", GAS).unwrap());
    assert_eq!(executed.result, Ok(vec![0; 7]));
}

#[test]
fn traps_are_traps() {
    let cases = [
        "unreachable",
        "(i64.load (i32.const -1))",
        "(i64.extend_i32_u (i32.div_u (i32.const 1) (i32.const 0)))",
        "(i64.extend_i32_u (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
        "(i64.trunc_f64_s (f64.const nan))",
        "(call_indirect (result i64) (i32.const 0))",
        "(call_indirect (result i64) (i32.const 9))",
        "(call_indirect (result i64) (i32.const 1))",
    ];
    for code in cases {
        let executed = handle("(table 2 funcref) (elem (i32.const 1) $view)", code);
        assert_eq!(executed.result, Err(Fault::Trap), "{code}");
    }
}

#[test]
fn a_memory_bomb_stops_at_the_limit_and_leaves_nothing() {
    let bomb = |end: &str| {
        let grow = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))";
        let module = compile(&actor("", &format!("{grow} {end}")));
        let limits = Limits { memory_pages: 10, ..Limits::DEFAULT };
        let mut instance = Instance::genesis(&module, &limits).unwrap();
        on_stack(move || {
            let before = image(&mut instance);
            let executed = instance.execute(Export::Handle, b"", GAS).unwrap();
            (executed.result, instance.state_image().memory.len(), before == image(&mut instance))
        })
    };
    assert_eq!(bomb("i64.const 0"), (Ok(Vec::new()), 10 * PAGE_BYTES, false));
    assert_eq!(bomb("unreachable"), (Err(Fault::OutOfMemory), 2 * PAGE_BYTES, true));
}

#[test]
fn memory_that_the_machine_has_not_is_no_outcome() {
    let grow = "(drop (memory.grow (i32.const 6))) i64.const 0";
    on_stack(move || {
        let engine = Engine::new().unwrap().with_memory(12 * PAGE_BYTES);
        let module = engine.compile(&actor("", grow)).unwrap();
        let new = || Instance::genesis(&module, &Limits::DEFAULT).unwrap();
        let (mut one, mut other) = (new(), new());
        assert_eq!(one.execute(Export::Handle, b"", GAS).unwrap().result, Ok(Vec::new()));
        // Ten of twelve pages are taken.
        assert_eq!(other.execute(Export::Handle, b"", GAS), Err(HostFault::Memory));
        assert_eq!(other.execute(Export::Handle, b"", GAS), Err(HostFault::GivenUp));
        drop((one, other));
        assert_eq!(new().execute(Export::Handle, b"", GAS).unwrap().result, Ok(Vec::new()));
    });
}

#[test]
fn a_module_larger_than_its_process_is_not_born() {
    let limits = Limits { memory_pages: 2, ..Limits::DEFAULT };
    let error = Instance::genesis(&compile(&script()), &limits).unwrap_err();
    assert_eq!(error, GenesisError::MemoryLimit { pages: 3, limit: 2 });
}

#[test]
fn a_trap_in_the_middle_takes_everything_back() {
    on_stack(|| {
        let mut instance = instance(&script());
        let good = steps(&[Step::Store(1, 9), Step::Mix(3), Step::Grow(1)]);
        instance.execute(Export::Handle, &good, GAS).unwrap().result.unwrap();
        let before = image(&mut instance);
        let writes = [Step::Store(1, 8), Step::Mix(4), Step::Fill(0, 5), Step::Grow(2)];
        for last in [Step::Trap, Step::Spin, Step::Recurse] {
            let bad = steps(&[&writes[..], &[last]].concat());
            instance.execute(Export::Handle, &bad, GAS).unwrap().result.unwrap_err();
            assert_eq!(image(&mut instance), before, "{last:?}");
        }
    });
}

#[test]
fn a_view_leaves_no_trace() {
    on_stack(|| {
        let mut instance = instance(&script());
        instance.execute(Export::Handle, &steps(&[Step::Store(1, 9)]), GAS).unwrap();
        let before = image(&mut instance);
        let input = steps(&[Step::Store(1, 8), Step::Mix(4), Step::Grow(2), Step::StoreEnd(1, 1)]);
        for _ in 0..3 {
            assert_eq!(instance.view(&input, GAS).unwrap().result, Ok(input.clone()));
            assert_eq!(image(&mut instance), before);
        }
        let trapped = instance.view(&steps(&[Step::Mix(4), Step::Trap]), GAS).unwrap();
        assert_eq!(trapped.result, Err(Fault::Trap));
        assert_eq!(image(&mut instance), before);
    });
}

#[test]
fn an_instance_survives_more_slots_than_a_mark_covers() {
    on_stack(|| {
        let mut instance = instance(&script());
        let mut expected = 7_i64;
        for round in 0..200_u8 {
            instance.execute(Export::Handle, &steps(&[Step::Mix(round)]), GAS).unwrap();
            expected = expected.wrapping_mul(31).wrapping_add(round.into());
            if round % 50 == 49 {
                instance.execute(Export::Handle, &steps(&[Step::Mix(1), Step::Trap]), GAS).unwrap();
            }
        }
        assert_eq!(instance.state_image().globals, [GlobalValue::I64(expected)]);
    });
}

#[test]
fn a_thousand_instances_live_at_once() {
    let module = compile(&script());
    let instances: Vec<_> =
        (0..1_000).map(|_| Instance::genesis(&module, &Limits::DEFAULT).unwrap()).collect();
    assert_eq!(instances.len(), 1_000);
}

/// What [`script`] does, without Wasm.
#[derive(Debug, Clone, PartialEq)]
struct Model {
    memory: Vec<u8>,
    global: i64,
}

const MODEL_PAGES: usize = 8;

impl Model {
    fn genesis() -> Self {
        let mut memory = vec![0; 3 * PAGE_BYTES];
        memory[131_072..131_079].copy_from_slice(b"genesis");
        Self { memory, global: 7 }
    }

    /// Executes a slot; false if it traps.
    fn slot(&mut self, slot: &[Step]) -> bool {
        let before = self.clone();
        let input = steps(slot);
        self.memory[INPUT..INPUT + input.len()].copy_from_slice(&input);
        let done = slot.iter().all(|step| self.step(*step));
        if !done {
            *self = before;
        }
        done
    }

    fn step(&mut self, step: Step) -> bool {
        match step {
            Step::Store(at, value) => self.memory[PAGE_BYTES + usize::from(at)] = value,
            Step::Mix(value) => {
                self.global = self.global.wrapping_mul(31).wrapping_add(value.into());
            }
            Step::Grow(pages) => {
                let bytes = self.memory.len() + usize::from(pages) * PAGE_BYTES;
                if bytes <= MODEL_PAGES * PAGE_BYTES {
                    self.memory.resize(bytes, 0);
                }
            }
            Step::Fill(at, value) => {
                let at = PAGE_BYTES + usize::from(at);
                self.memory[at..at + 300].fill(value);
            }
            Step::StoreEnd(at, value) => {
                let end = self.memory.len();
                self.memory[end - 1 - usize::from(at)] = value;
            }
            Step::Trap | Step::Spin | Step::Recurse => return false,
        }
        true
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<u16>(), any::<u8>()).prop_map(|(at, value)| Step::Store(at, value)),
        4 => any::<u8>().prop_map(Step::Mix),
        2 => (0..4_u8).prop_map(Step::Grow),
        4 => (any::<u16>(), any::<u8>()).prop_map(|(at, value)| Step::Fill(at, value)),
        4 => (any::<u16>(), any::<u8>()).prop_map(|(at, value)| Step::StoreEnd(at, value)),
        2 => Just(Step::Trap),
        1 => Just(Step::Spin),
        1 => Just(Step::Recurse),
    ]
}

/// What is done with the steps of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Execute,
    View,
    /// Executes, and asks for the root of the memory.
    Root,
    /// Executes, and asks for what changed.
    Snapshot,
}

fn slots() -> impl Strategy<Value = Vec<(Vec<Step>, Turn)>> {
    let slot = proptest::collection::vec(step(), 0..6);
    let turn = prop_oneof![
        12 => Just(Turn::Execute),
        2 => Just(Turn::View),
        2 => Just(Turn::Root),
        1 => Just(Turn::Snapshot),
    ];
    proptest::collection::vec((slot, turn), 1..60)
}

fn follows_the_model(
    module: &Arc<CompiledModule>,
    slots: &[(Vec<Step>, Turn)],
) -> Result<(), TestCaseError> {
    let limits = Limits { memory_pages: u32::try_from(MODEL_PAGES).unwrap(), ..Limits::DEFAULT };
    let mut model = Model::genesis();
    let mut saved = vec![0; model.memory.len()];
    let mut instance = Instance::genesis(module, &limits).unwrap();
    for (slot, turn) in slots {
        let input = steps(slot);
        let (executed, expected) = if *turn == Turn::View {
            (instance.view(&input, GAS).unwrap(), model.clone().slot(slot))
        } else {
            (instance.execute(Export::Handle, &input, GAS).unwrap(), model.slot(slot))
        };
        prop_assert_eq!(executed.result.is_ok(), expected);
        if *turn == Turn::Root {
            let root = Hash::of_blob(&model.memory);
            prop_assert_eq!(instance.memory_root().unwrap(), root);
        }
        if *turn == Turn::Snapshot {
            let snapshot = instance.snapshot(false).unwrap();
            saved.resize(snapshot.bytes, 0);
            for (page, bytes) in &snapshot.pages {
                let start = usize::try_from(*page).unwrap() * STATE_PAGE;
                prop_assert!(
                    saved[start..start + STATE_PAGE] != **bytes || start == INPUT / STATE_PAGE
                );
                saved[start..start + STATE_PAGE].copy_from_slice(bytes);
            }
            prop_assert!(saved == model.memory, "the snapshots miss a change");
            prop_assert_eq!(snapshot.tree.root(), Hash::of_blob(&saved));
        }
        let image = instance.state_image();
        prop_assert!(image.memory == model.memory, "memories differ after {slot:?}");
        prop_assert_eq!(image.globals, [GlobalValue::I64(model.global)]);
    }
    Ok(())
}

#[test]
fn any_sequence_of_slots_views_and_faults_follows_the_model() {
    for tracking in Tracking::all() {
        on_stack(move || {
            let engine = Engine::with(OptLevel::Speed, tracking).unwrap();
            let module = engine.compile(&script()).unwrap();
            proptest!(ProptestConfig::with_cases(64), |(slots in slots())| {
                follows_the_model(&module, &slots)?;
            });
        });
    }
}

#[test]
fn a_memory_that_is_written_as_a_whole_is_marked_rolled_back_and_hashed() {
    // Fills all of 40 pages with the first byte of its input; traps if that is odd.
    let fill = "(local $byte i32)
        (local.set $byte (i32.load8_u (local.get $ptr)))
        (drop (memory.grow (i32.sub (i32.const 40) (memory.size))))
        (memory.fill (i32.const 0) (local.get $byte) (i32.const 2621440))
        (if (i32.and (local.get $byte) (i32.const 1)) (then unreachable))
        i64.const 0";
    for tracking in Tracking::all() {
        on_stack(move || {
            let engine = Engine::with(OptLevel::Speed, tracking).unwrap();
            let module = engine.compile(&actor("", fill)).unwrap();
            let mut instance = Instance::genesis(&module, &Limits::DEFAULT).unwrap();
            for round in 1..20_u8 {
                let executed = instance.execute(Export::Handle, &[2 * round], GAS).unwrap();
                assert_eq!(executed.result, Ok(Vec::new()));
                if round % 3 == 0 {
                    let executed = instance.execute(Export::Handle, &[2 * round + 1], GAS);
                    assert_eq!(executed.unwrap().result, Err(Fault::Trap));
                }
                let expected = vec![2 * round; 40 * PAGE_BYTES];
                assert!(instance.state_image().memory == expected, "{tracking:?} {round}");
                if round % 4 == 0 {
                    assert_eq!(instance.memory_root().unwrap(), Hash::of_blob(&expected));
                }
            }
        });
    }
}

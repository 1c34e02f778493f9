//! The same logs under everything that must not show: the optimiser, how a unit knows what a message
//! touched, and whether an instance stays in memory or comes back from a checkpoint for each slot.

use std::fmt::Write as _;

use proptest::prelude::*;
use protocol::{
    Fault, FaultError, Kind, Limits, MerkleTree, Receipt, ReceiptBatch, SecretKey, Signed, Value,
};
use wasmtime::OptLevel;

use super::*;
use crate::{
    CompiledModule, Engine,
    checkpoint::{self, CheckpointStore},
    fixture::{on_stack, wasm},
    memory::Tracking,
    testing::{Log, NETWORK},
};

/// A way to execute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) opt_level: OptLevel,
    pub(super) tracking: Tracking,
    pub(super) cold: bool,
}

pub(super) fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for opt_level in [OptLevel::Speed, OptLevel::None] {
        for tracking in Tracking::all() {
            ways.extend([true, false].map(|cold| Way { opt_level, tracking, cold }));
        }
    }
    ways
}

/// A call: method and arguments.
type Call = (&'static str, Vec<u8>);

/// What of a slot anybody could see: the receipt's leaf, the outcome and the state root.
type Seen = (Hash, Outcome, Option<Hash>);

fn run(
    module: &Arc<CompiledModule>,
    wasm: &[u8],
    init: &[u8],
    calls: &[Call],
    cold: bool,
) -> Vec<Seen> {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(CheckpointStore::open(directory.path(), 2).unwrap());
    let limits = Limits { gas: 20_000_000, memory_pages: 40, ..Limits::DEFAULT };
    let mut log = Log::with_args(wasm, limits, init);
    let spawn = Entry::Spawn(log.spawn.clone());
    let calls = calls.iter().map(|(method, args)| log.message(method, args));
    let entries: Vec<Entry> = std::iter::once(spawn).chain(calls).collect();
    let unverified = log.spawn.unverified().clone();
    let mut process = Process::new(log.process, unverified, module).unwrap();
    let mut seen = Vec::new();
    for entry in entries {
        let assignment = log.assign(entry.id());
        let executed = process.execute(&assignment, &entry).unwrap();
        seen.push((executed.leaf.leaf(), executed.outcome, process.state_root().unwrap()));
        if cold {
            store.append(&[process.save(false).unwrap().unwrap()]).unwrap();
            let newest = store.newest(&log.process, Slot::new(u64::MAX)).unwrap().unwrap();
            let restored = checkpoint::restore(&store, newest).unwrap();
            process = Process::restore(restored, module).unwrap();
        }
    }
    seen
}

/// Runs a log in all ways; what it came to.
fn same_in_all_ways(wasm: Vec<u8>, init: Vec<u8>, calls: Vec<Call>) -> Vec<Seen> {
    on_stack(move || {
        let mut first: Option<Vec<Seen>> = None;
        for way in ways() {
            let engine = Engine::with(way.opt_level, way.tracking).unwrap();
            let module = engine.compile(&wasm).unwrap();
            let seen = run(&module, &wasm, &init, &calls, way.cold);
            if let Some(first) = &first {
                for (one, other) in first.iter().zip(&seen) {
                    assert_eq!(one, other, "{way:?}");
                }
                assert_eq!(first.len(), seen.len());
            } else {
                first = Some(seen);
            }
        }
        first.unwrap()
    })
}

fn args(entries: &[(&str, Value)]) -> Vec<u8> {
    let entry = |(name, value): &(&str, Value)| (Value::Text((*name).into()), value.clone());
    Value::Map(entries.iter().map(entry).collect()).encode().unwrap()
}

const HEAD: &str = r#"(memory (export "memory") 3)
    (func (export "antiphon_alloc") (param i32) (result i32) i32.const 1024)
    (func $null (param i32 i32) (result i64) i64.const 6)
    (export "antiphon_view" (func $null)) (export "antiphon_save" (func $null))
    ;; [[0, h'f6'], []]
    (data (i32.const 0) "\82\82\00\41\f6\80")
    (global $count (mut i32) (i32.const 0))"#;

/// 64-bit patterns: zeros, ones, infinities, NaNs with payloads of both kinds and signs, the
/// smallest, the largest, halves, and the edges of the integers.
const PATTERNS: [u64; 20] = [
    0,
    0x8000_0000_0000_0000,
    0x3ff0_0000_0000_0000,
    0xbff0_0000_0000_0000,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    0xfff8_dead_beef_0001,
    0x7ff0_0000_0000_0001,
    0xfff4_0000_1234_5678,
    1,
    0x7fef_ffff_ffff_ffff,
    0x3fe0_0000_0000_0000,
    0x3ff8_0000_0000_0000,
    0x4004_0000_0000_0000,
    0x41e0_0000_0000_0000,
    0xc3e0_0000_0000_0000,
    0x43f0_0000_0000_0000,
    // Two floats of 32 bits each: NaNs with payloads, infinities, denormals.
    0x7fc0_0001_7fa0_0001,
    0xff80_0000_0000_0001,
];

/// Code that applies every float and vector operator to the patterns at `$a` and `$b` and stores the
/// results at `$out`.
fn operators() -> String {
    let mut body = String::new();
    let mut out = 0;
    let mut store = |kind: &str, value: &str, body: &mut String| {
        let size = if kind == "v128" { 16 } else { 8 };
        write!(body, "({kind}.store offset={out} (local.get $out) {value})").unwrap();
        out += size;
    };
    for (f, get) in [("f64", "(f64.load (local.get P))"), ("f32", "(f32.load (local.get P))")] {
        let (a, b) = (get.replace('P', "$a"), get.replace('P', "$b"));
        for op in ["add", "sub", "mul", "div", "min", "max", "copysign"] {
            store(f, &format!("({f}.{op} {a} {b})"), &mut body);
        }
        for op in ["abs", "neg", "sqrt", "ceil", "floor", "trunc", "nearest"] {
            store(f, &format!("({f}.{op} {a})"), &mut body);
        }
        for (i, sign) in [("i32", "s"), ("i32", "u"), ("i64", "s"), ("i64", "u")] {
            store(i, &format!("({i}.trunc_sat_{f}_{sign} {a})"), &mut body);
            store(f, &format!("({f}.convert_{i}_{sign} ({i}.load (local.get $b)))"), &mut body);
        }
        for op in ["lt", "eq", "ge"] {
            store("i32", &format!("({f}.{op} {a} {b})"), &mut body);
        }
    }
    store("f32", "(f32.demote_f64 (f64.load (local.get $a)))", &mut body);
    store("f64", "(f64.promote_f32 (f32.load (local.get $a)))", &mut body);
    let (a, b) = ("(v128.load (local.get $a))", "(v128.load (local.get $b))");
    for shape in ["f32x4", "f64x2"] {
        for op in ["add", "sub", "mul", "div", "min", "max", "pmin", "pmax", "eq", "lt"] {
            store("v128", &format!("({shape}.{op} {a} {b})"), &mut body);
        }
        for op in ["abs", "neg", "sqrt", "ceil", "floor", "trunc", "nearest"] {
            store("v128", &format!("({shape}.{op} {a})"), &mut body);
        }
    }
    for op in [
        "i32x4.trunc_sat_f32x4_s",
        "i32x4.trunc_sat_f32x4_u",
        "i32x4.trunc_sat_f64x2_s_zero",
        "i32x4.trunc_sat_f64x2_u_zero",
        "f32x4.convert_i32x4_s",
        "f32x4.convert_i32x4_u",
        "f64x2.convert_low_i32x4_s",
        "f64x2.convert_low_i32x4_u",
        "f32x4.demote_f64x2_zero",
        "f64x2.promote_low_f32x4",
        "i8x16.popcnt",
        "i64x2.abs",
    ] {
        store("v128", &format!("({op} {a})"), &mut body);
    }
    for op in
        ["i8x16.swizzle", "i16x8.q15mulr_sat_s", "i32x4.dot_i16x8_s", "i64x2.extmul_high_i32x4_u"]
    {
        store("v128", &format!("({op} {a} {b})"), &mut body);
    }
    body
}

/// An actor that applies all of these to every pair of patterns, mixes the call's number in, and
/// keeps all results.
fn floats() -> Vec<u8> {
    let body = operators();
    let data: String = PATTERNS.iter().flat_map(|pattern| pattern.to_le_bytes()).fold(
        String::new(),
        |mut text, byte| {
            write!(text, "\\{byte:02x}").unwrap();
            text
        },
    );
    let end = 4_096 + 8 * (PATTERNS.len() - 1);
    wasm(&format!(
        r#"(module {HEAD}
            (data (i32.const 4096) "{data}")
            (global $last (mut f64) (f64.const nan:0x123))
            (global $vector (mut v128) (v128.const i64x2 1 2))
            (func $apply (param $a i32) (param $b i32) (param $out i32) {body})
            (func (export "antiphon_handle") (param i32 i32) (result i64)
                (local $a i32) (local $b i32)
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (local.set $a (i32.const 4096))
                (loop $as
                    (local.set $b (i32.const 4096))
                    (loop $bs
                        (call $apply (local.get $a) (local.get $b)
                            (i32.add (i32.const 16384)
                                (i32.mul (i32.const 16) (i32.add (global.get $count)
                                    (i32.add (local.get $a) (i32.mul (local.get $b) (i32.const 7)))))))
                        (local.set $b (i32.add (local.get $b) (i32.const 8)))
                        (br_if $bs (i32.lt_u (local.get $b) (i32.const {end}))))
                    (local.set $a (i32.add (local.get $a) (i32.const 8)))
                    (br_if $as (i32.lt_u (local.get $a) (i32.const {end}))))
                (global.set $last (f64.add (global.get $last) (f64.load (i32.const 4144))))
                (global.set $vector (f32x4.add (global.get $vector) (v128.load (i32.const 4240))))
                i64.const 6))"#
    )
    .replace("(memory (export \"memory\") 3)", "(memory (export \"memory\") 16)"))
}

#[test]
fn floats_and_vectors_are_the_same_bit_by_bit() {
    let calls = (0..4).map(|_| ("call", args(&[]))).collect();
    let seen = same_in_all_ways(floats(), args(&[]), calls);
    assert!(seen.iter().all(|(_, outcome, _)| is_value(&outcome.reply)), "{:?}", seen[0].1);
    let roots: std::collections::BTreeSet<_> = seen.iter().map(|(.., root)| *root).collect();
    assert_eq!(roots.len(), seen.len(), "every call changes the state");
}

/// An actor whose calls do what their lone argument says, the last byte but one of their input.
fn hostile() -> Vec<u8> {
    wasm(&format!(
        r#"(module {HEAD}
            (func $recurse (call $recurse))
            (func $dirty (memory.fill (i32.const 65536) (global.get $count) (i32.const 100000)))
            (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (if (i32.eqz (i32.load8_u offset=1 (local.get $ptr))) (then (return (i64.const 6))))
                (block $nonsense (block $bomb (block $recurse (block $spin (block $trap
                (block $grow (block $fill (block $count
                    (br_table $count $fill $trap $grow $count $spin $fill $recurse $bomb $nonsense
                        (i32.load8_u (i32.sub (i32.add (local.get $ptr) (local.get $len)) (i32.const 2)))))
                (return (i64.const 6)))
                (call $dirty) (return (i64.const 6)))
                (drop (memory.grow (i32.const 2)))
                (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8)) (i32.const 9))
                (return (i64.const 6)))
                (call $dirty) (drop (memory.grow (i32.const 1))) unreachable)
                (call $dirty) (loop $again (br $again)))
                (call $dirty) (call $recurse))
                (call $dirty)
                (loop $again (br_if $again (i32.ne (memory.grow (i32.const 3)) (i32.const -1))))
                unreachable)
                (call $dirty) (i64.const 9)))"#
    ))
}

#[test]
fn traps_growth_and_limits_are_the_same() {
    // Every kind follows every other kind.
    let calls = (0_u32..60).map(|n| call(u8::try_from((n * 7 + n / 10) % 10).unwrap())).collect();
    let seen = same_in_all_ways(hostile(), args(&[]), calls);
    let failed = |kind: FailureKind| {
        let is = |outcome: &Outcome| matches!(&outcome.reply, Reply::Failure(f) if f.kind == kind);
        seen.iter().filter(|(_, outcome, _)| is(outcome)).count()
    };
    let kinds = [
        FailureKind::Trapped,
        FailureKind::OutOfGas,
        FailureKind::OutOfMemory,
        FailureKind::TooDeep,
        FailureKind::BadOutput,
    ];
    assert!(kinds.into_iter().all(|kind| failed(kind) > 0), "{:?}", kinds.map(failed));
}

#[test]
fn actors_of_the_sdk_are_the_same() {
    let start = args(&[("start", Value::Integer(3))]);
    let add = |by: i128| ("add", args(&[("by", Value::Integer(by))]));
    let calls =
        (0..300).map(|n| if n % 7 == 0 { ("nothing", args(&[])) } else { add(n) }).collect();
    let seen = same_in_all_ways(example_modules::COUNTER.to_vec(), start, calls);
    assert!(is_value(&seen[2].1.reply), "{:?}", seen[2].1);
    // The 256th slot carries its root in the receipt.
    assert!(seen.len() > 256);
}

/// What an actor of [`hostile`] does with a call, by its argument: counts, fills memory, traps, grows,
/// counts, spins, fills, recurses, runs out of memory, answers nonsense.
fn call(kind: u8) -> Call {
    ("call", args(&[("n", Value::Integer(kind.into()))]))
}

/// The receipts of a unit that executes these calls in a way, and begins again from its checkpoint
/// or from slot 0 before some of them.
fn receipts(way: Way, unit: u8, calls: &[(u8, Start)]) -> Vec<Receipt> {
    let key = SecretKey::from_seed(&[unit; 32]);
    let engine = Engine::with(way.opt_level, way.tracking).unwrap();
    let wasm = hostile();
    let module = engine.compile(&wasm).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(CheckpointStore::open(directory.path(), 2).unwrap());
    let limits = Limits { gas: 2_000_000, memory_pages: 40, ..Limits::DEFAULT };
    let mut log = Log::new(&wasm, limits);
    let (id, unverified) = (log.process, log.spawn.unverified().clone());
    let unborn = || Process::new(id, unverified.clone(), &module).unwrap();
    let mut process = unborn();
    let mut history: Vec<(Assignment, Entry)> = Vec::new();
    let mut receipts = Vec::new();
    let spawn = Entry::Spawn(log.spawn.clone());
    let starts = std::iter::once(Start::Goes).chain(calls.iter().map(|(_, start)| *start));
    let mut entries = vec![spawn];
    for (kind, _) in calls {
        let (method, args) = call(*kind);
        entries.push(log.message(method, &args));
    }
    let assignments: Vec<Assignment> = entries.iter().map(|entry| log.assign(entry.id())).collect();
    for ((assignment, entry), start) in assignments.into_iter().zip(entries).zip(starts) {
        match start {
            Start::Goes => {}
            Start::FromCheckpoint if way.cold => {
                store.append(&[process.save(false).unwrap().unwrap()]).unwrap();
                let newest = store.newest(&log.process, Slot::new(u64::MAX)).unwrap().unwrap();
                let restored = checkpoint::restore(&store, newest).unwrap();
                process = Process::restore(restored, &module).unwrap();
            }
            Start::FromCheckpoint | Start::FromNothing => {
                process = unborn();
                for (assignment, entry) in &history {
                    process.execute(assignment, entry).unwrap();
                }
            }
        }
        let executed = process.execute(&assignment, &entry).unwrap();
        // A unit may state the root of any slot.
        let leaf = ReceiptLeaf { state_root: process.state_root().unwrap(), ..executed.leaf };
        let tree = MerkleTree::new(vec![leaf.leaf()]);
        let batch = ReceiptBatch {
            version: V1,
            kind: Kind,
            network: NETWORK,
            unit: key.public().unit(),
            count: 1,
            root: tree.root(),
            engine: String::new(),
        };
        let path = tree.path(0).unwrap();
        receipts.push(Receipt { leaf, path, batch: Signed::sign(batch, &key) });
        history.push((assignment, entry));
    }
    receipts
}

/// How a unit comes to a slot.
#[derive(Debug, Clone, Copy)]
enum Start {
    Goes,
    FromCheckpoint,
    FromNothing,
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![
        6 => Just(Start::Goes),
        2 => Just(Start::FromCheckpoint),
        1 => Just(Start::FromNothing),
    ]
}

#[test]
fn honest_units_never_contradict_each_other_whatever_they_are_fed() {
    let calls = proptest::collection::vec((0..10_u8, start(), start()), 1..25);
    let pair = (0..ways().len(), 0..ways().len());
    on_stack(move || {
        proptest!(ProptestConfig::with_cases(24), |(calls in calls, (a, b) in pair)| {
            let fed = |pick: fn(&(u8, Start, Start)) -> Start| -> Vec<(u8, Start)> {
                calls.iter().map(|call| (call.0, pick(call))).collect()
            };
            let all = ways();
            let ours = receipts(all[a], 1, &fed(|call| call.1));
            let theirs = receipts(all[b], 2, &fed(|call| call.2));
            for (one, other) in ours.into_iter().zip(theirs) {
                let fault = Fault::Receipts(Box::new(one), Box::new(other));
                prop_assert_eq!(fault.culprits(NETWORK), Err(FaultError::NoConflict));
            }
        });
    });
}

//! What modules are, what they are told and what they say.

use std::{collections::BTreeMap, sync::LazyLock};

use antiphon::{cbor, expansion::Arguments};
use protocol::{
    Principal, ProcessId, Spawn, Timestamp,
    abi::{GuestEffect, GuestResult, Input, Output, SavedState, pack, unpack},
    canonical, codec,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasmparser::{Validator, WasmFeatures};

use crate::{Family, choose, plain, seeds};

pub(crate) const GUEST: Family = &[
    ("Input", plain::<Input>),
    ("Output", output),
    ("SavedState", plain::<SavedState>),
    ("Value", typed),
    ("Packed", packed),
];

pub(crate) fn guest(bytes: &[u8]) {
    choose(GUEST, bytes);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::vectors(GUEST);
    let state = State {
        count: 7,
        shape: Shape::Box { width: -1, height: 2.5 },
        names: BTreeMap::from([("a".to_owned(), vec![Some(true), None])]),
        nested: Some(Box::default()),
        ..State::default()
    };
    seeds.push([vec![3], cbor::to_vec(&state).expect("it has a CBOR form")].concat());
    seeds.extend(outputs().iter().map(|output| [vec![1], codec::encode(output)].concat()));
    seeds
}

/// Outputs with every effect, and every way to end.
pub(crate) fn outputs() -> Vec<Output> {
    let (parent, spawn) = seeds::parent();
    let (method, args, target) = ("m".to_owned(), vec![0xa0], parent);
    let child = codec::encode(&Spawn { sender: Principal::Process(parent), ..spawn });
    let due = Timestamp::new(1);
    let effects = vec![
        GuestEffect::Log { level: 2, text: "l".to_owned() },
        GuestEffect::Event { name: "e".to_owned(), data: vec![0xf6] },
        GuestEffect::Tell { target, method: method.clone(), args: args.clone(), hint: None },
        GuestEffect::Ask {
            target,
            method: method.clone(),
            args: args.clone(),
            token: 1,
            patience: 9,
            hint: None,
            call: Some(1),
        },
        GuestEffect::Reply { call: 1, result: GuestResult::Reply(vec![0xf6]) },
        GuestEffect::SetTimer {
            token: 1,
            due,
            every: Some(5),
            catch_up: true,
            method,
            args,
            call: None,
        },
        GuestEffect::CancelTimer { token: 1 },
        GuestEffect::Spawn { spawn: child, token: 2, patience: 9, call: None },
    ];
    let mut outputs: Vec<_> = [GuestResult::Later, GuestResult::Held]
        .into_iter()
        .map(|result| Output { result, effects: effects.clone() })
        .collect();
    outputs.extend(effects.into_iter().map(|effect| {
        let result = GuestResult::Reply(vec![0xf6]);
        Output { result, effects: vec![effect] }
    }));
    outputs
}

/// What a compute unit makes of it, too.
fn output(bytes: &[u8]) {
    static PARENT: LazyLock<(ProcessId, Spawn)> = LazyLock::new(seeds::parent);
    plain::<Output>(bytes);
    let (id, spawn) = &*PARENT;
    let _ = compute_unit::fuzzing::output(bytes, id, spawn);
}

/// A state as actors have them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    count: u64,
    balance: i64,
    ratio: f64,
    small: f32,
    letter: Option<char>,
    shape: Shape,
    names: BTreeMap<String, Vec<Option<bool>>>,
    ids: BTreeMap<u16, ProcessId>,
    pair: (u8, String),
    nested: Option<Box<Self>>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    #[default]
    Point,
    Circle(f64),
    Line(i8, i8),
    Box {
        width: i32,
        height: f64,
    },
}

/// Bytes as values of some types, and as the arguments of a call.
fn typed(bytes: &[u8]) {
    stable::<State>(bytes);
    stable::<Shape>(bytes);
    stable::<Vec<Option<u64>>>(bytes);
    stable::<BTreeMap<String, Shape>>(bytes);
    stable::<String>(bytes);
    stable::<f64>(bytes);
    stable::<i128>(bytes);
    if let Ok(mut arguments) = Arguments::read(bytes) {
        let _ = arguments.take::<u64>("by");
        let _ = arguments.take::<Option<String>>("name");
        let _ = arguments.finish();
    }
}

/// What can be read is written canonically, and reads the same from then on.
fn stable<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    let Ok(value) = cbor::from_slice::<T>(bytes) else { return };
    let spelled = cbor::to_vec(&value).expect("what was read can be written");
    assert_eq!(canonical(&spelled).as_ref(), Ok(&spelled));
    let again: T = cbor::from_slice(&spelled).expect("what was written can be read");
    assert_eq!(cbor::to_vec(&again).as_ref(), Ok(&spelled));
}

fn packed(bytes: &[u8]) {
    if let Some((packed, _)) = bytes.split_first_chunk() {
        let packed = i64::from_le_bytes(*packed);
        let (pointer, length) = unpack(packed);
        assert_eq!(pack(pointer, length), packed);
    }
}

/// A module: what preparation lets through is the same each time, and valid.
pub(crate) fn modules(wasm: &[u8]) {
    let prepared = compute_unit::prepare(wasm);
    assert_eq!(compute_unit::prepare(wasm), prepared);
    if let Ok(prepared) = prepared {
        let mut validator = Validator::new_with_features(WasmFeatures::default());
        let invalid = validator.validate_all(&prepared.wasm).err();
        assert!(invalid.is_none(), "{invalid:?}");
        assert!(prepared.initial_pages <= prepared.maximum_pages);
    }
}

pub(crate) fn module_seeds() -> Vec<Vec<u8>> {
    let texts = [CONTRACT, BUSY];
    texts.iter().map(|text| wat::parse_str(text).expect("the seeds are modules")).collect()
}

/// The least that a module exports.
const CONTRACT: &str = r#"(module
    (memory (export "memory") 1 4)
    (func (export "antiphon_alloc") (param i32) (result i32) i32.const 0)
    (func (export "antiphon_handle") (param i32 i32) (result i64) i64.const 0)
    (func (export "antiphon_view") (param i32 i32) (result i64) i64.const 0)
    (func (export "antiphon_save") (param i32 i32) (result i64) i64.const 0)
)"#;

/// Data, globals, a table, loops, calls, branches, vectors and bulk memory.
const BUSY: &str = r#"(module
    (type $op (func (param i32) (result i32)))
    (memory (export "memory") 2)
    (global $count (mut i64) (i64.const 1))
    (global $ratio (mut f64) (f64.const 1.5))
    (global $lanes (mut v128) (v128.const i64x2 1 2))
    (table 2 2 funcref)
    (elem (i32.const 0) func $one $two)
    (data (i32.const 16) "a\00b")
    (data (i32.const 65534) "end")
    (func $one (type $op) local.get 0 i32.const 1 i32.add)
    (func $two (type $op) (local i64 f32)
        (block $out (result i32)
            (loop $again
                local.get 0 i32.eqz
                if i32.const 3 br $out end
                local.get 0 i32.const 1 i32.sub local.set 0
                local.get 0 i32.const 7 i32.and
                br_table 1 0 1 $again)
            unreachable))
    (func (export "antiphon_alloc") (param i32) (result i32)
        local.get 0 local.get 0 i32.const 1 i32.and call_indirect (type $op))
    (func (export "antiphon_handle") (param i32 i32) (result i64)
        i32.const 1 memory.grow drop
        i32.const 0 i32.const 8 i32.const 16 memory.copy
        i32.const 0 i32.const 8 local.get 1 memory.fill
        global.get $count i64.const 1 i64.add global.set $count
        global.get $lanes global.get $lanes i64x2.add global.set $lanes
        local.get 0 call $two i64.extend_i32_s)
    (func (export "antiphon_view") (param i32 i32) (result i64)
        global.get $ratio i64.trunc_sat_f64_s)
    (func (export "antiphon_save") (param i32 i32) (result i64) i64.const 0)
)"#;

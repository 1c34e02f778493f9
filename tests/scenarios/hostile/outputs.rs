//! Answers that break the guest contract in every way there is, each contained at its slot.

use antiphon_client::{Client, SpawnOptions};
use protocol::{ProcessId, Value};
use serde_json::json;

use super::{EXPORTS, Resident};
use crate::support::{Cluster, PATIENCE, directory, integer, process};

/// An actor that counts its good calls from 24 on, and answers others with what stands in their arguments: the
/// bytes `out` as they are, or the eight bytes `raw` as where its output is. Long inputs get places
/// where they cannot be. Its views trap if they have such arguments.
fn mirror() -> Vec<u8> {
    let text = r#"(module
        (memory (export "memory") 4)
        (global $count (mut i32) (i32.const 24))
        ;; [[0, h'f6'], []], and [[0, h'18nn'], []] with a number from 24 to 255.
        (data (i32.const 131072) "\82\82\00\41\f6\80")
        (data (i32.const 131088) "\82\82\00\42\18\00\80")
        (func (export "antiphon_alloc") (param $len i32) (result i32)
            (if (i32.gt_u (local.get $len) (i32.const 7000))
                ;; Over its own data.
                (then (return (i32.const 131072))))
            (if (i32.gt_u (local.get $len) (i32.const 6000))
                ;; Past the end.
                (then (return (i32.const 262144))))
            (if (i32.gt_u (local.get $len) (i32.const 5000))
                (then (return (i32.const -1))))
            (i32.const 1024))
        (func (export "antiphon_save") (param i32 i32) (result i64) (i64.const 0))
        (func $answer (param $at i32) (param $len i32) (result i64)
            (i64.or
                (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
                (i64.extend_i32_u (local.get $len))))
        (func $counted (result i64)
            (i32.store8 (i32.const 131093) (global.get $count))
            (call $answer (i32.const 131088) (i32.const 7)))
        ;; Where the four bytes stand in the input, or 0.
        (func $find (param $ptr i32) (param $len i32) (param $word i32) (result i32)
            (loop $next
                (if (i32.eq (i32.load (local.get $ptr)) (local.get $word))
                    (then (return (local.get $ptr))))
                (local.set $ptr (i32.add (local.get $ptr) (i32.const 1)))
                (br_if $next (local.tee $len (i32.sub (local.get $len) (i32.const 1)))))
            (i32.const 0))
        (func $dirty
            (global.set $count (i32.const 200))
            (memory.fill (i32.const 131072) (i32.const 0xff) (i32.const 131072)))
        (func (export "antiphon_view") (param $ptr i32) (param $len i32) (result i64)
            ;; The text "raw" in CBOR.
            (if (call $find (local.get $ptr) (local.get $len) (i32.const 0x77617263))
                (then (call $dirty) unreachable))
            (call $counted))
        (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
            (local $at i32)
            (if (i32.eqz (i32.load8_u offset=1 (local.get $ptr)))
                (then (return (call $answer (i32.const 131072) (i32.const 6)))))
            (if (local.tee $at (call $find (local.get $ptr) (local.get $len)
                    (i32.const 0x77617263)))
                (then (call $dirty) (return (i64.load offset=5 (local.get $at)))))
            ;; The text "out", then the head of a byte string of one byte or two.
            (if (local.tee $at (call $find (local.get $ptr) (local.get $len)
                    (i32.const 0x74756f63)))
                (then (call $dirty)
                    (if (i32.eq (i32.load8_u offset=4 (local.get $at)) (i32.const 0x58))
                        (then (return (call $answer
                            (i32.add (local.get $at) (i32.const 6))
                            (i32.load8_u offset=5 (local.get $at))))))
                    (return (call $answer
                        (i32.add (local.get $at) (i32.const 5))
                        (i32.sub (i32.load8_u offset=4 (local.get $at)) (i32.const 0x40))))))
            (global.set $count (i32.add (global.get $count) (i32.const 1)))
            (call $counted)))"#;
    wat::parse_str(text).unwrap()
}

const BAD: &str = "bad-output";
const UNSUPPORTED: &str = "unsupported-effect";

/// Outputs in hexadecimal digits, where `[[0, h'f6'], []]` is right, and what each is called.
const OUTPUTS: &[(&str, &str, &str)] = &[
    ("nothing", "", BAD),
    ("no array", "6568656c6c6f", BAD),
    ("a map", "a0", BAD),
    ("one field", "81820041f6", BAD),
    ("a result that is a number", "820080", BAD),
    ("a result of a kind that is none", "82820941f680", BAD),
    ("a reply that is no bytes", "828200f680", BAD),
    ("a number longer than it must be", "8282180041f680", BAD),
    ("a length longer than it must be", "8282005801f680", BAD),
    ("an array without a length", "9f820041f680ff", BAD),
    ("bytes without a length", "8282005f41f6ff80", BAD),
    ("a byte behind it", "82820041f68000", BAD),
    ("a byte missing", "82820041f6", BAD),
    ("a tag", "c082820041f680", BAD),
    ("a tag in the reply", "82820042c0f680", BAD),
    ("a reply of two values", "82820042f6f680", BAD),
    ("a reply longer than it must be", "828200421801f680", BAD),
    ("a reply in no UTF-8", "8282004261ff80", BAD),
    ("a reply with a key twice", "82820047a261610061610180", BAD),
    ("a reply with keys out of order", "82820047a261620061610180", BAD),
    ("bytes of 2^64 - 1", "8282005bffffffffffffffff", BAD),
    ("an array of 2^32 effects", "82820041f69b0000000100000000", BAD),
    ("an effect of a kind that is none", "82820041f681820900", BAD),
    ("a log of a level that is none", "82820041f681830005617880", BAD),
    ("an event without a name", "82820041f68183016041f6", BAD),
    ("an error without a code", "828301606080", BAD),
    ("a reply to a call that is to come", "82820041f681830418ff820041f6", BAD),
    ("a timer without a pause", "82820041f6818706010100f462676f41a0", BAD),
    ("a child that is no spawn", "82820041f681840841a00101", BAD),
    (
        "a child without an id",
        "82820041f6818505582007070707070707070707070707070707070707070707070707070707070707074\
         1a0616301",
        UNSUPPORTED,
    ),
];

/// Outputs by their places: pointer and length.
const PLACES: &[(u32, u32)] = &[
    (0, 0x8000_0000),
    (0, u32::MAX),
    (u32::MAX, 0),
    (u32::MAX, u32::MAX),
    (262_144, 1),
    (262_143, 2),
    (0, 262_144),
    (0, 262_145),
];

/// A mirror and somebody who shares its compute unit.
struct Neighbours {
    client: Client,
    mirror: ProcessId,
    neighbour: ProcessId,
    good: i128,
}

impl Neighbours {
    /// Sends a call that must fail with this code, and checks that nothing is left of it.
    async fn worst(&mut self, what: &str, args: &Value, code: &str) {
        let sent = self.client.send(self.mirror, "go", args, PATIENCE).await.unwrap();
        let failure = sent.failure().unwrap_or_else(|| panic!("{what}: no failure"));
        assert_eq!(failure.kind.code(), code, "{what}");
        assert!(sent.outcome.outbox.is_empty() && sent.outcome.logs.is_empty(), "{what}");
        let none = Value::Map(vec![]);
        let viewed = self.client.view(self.mirror, "any", &none, Some(sent.slot())).await.unwrap();
        assert_eq!(viewed.reply, Value::Integer(self.good), "{what}");
        self.good += 1;
        for (process, method, args) in
            [(self.mirror, "go", none), (self.neighbour, "add", integer("by", 1))]
        {
            let sent = self.client.send(process, method, &args, PATIENCE).await.unwrap();
            assert_eq!(sent.reply().unwrap(), Value::Integer(self.good), "{what}");
        }
    }
}

fn bytes(name: &str, bytes: Vec<u8>) -> Value {
    Value::Map(vec![(Value::Text(name.to_owned()), Value::Bytes(bytes))])
}

fn unhex(digits: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.as_bytes().chunks(2).map(pair).collect()
}

#[test]
fn whatever_an_actor_answers_is_contained_at_its_slot() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let neighbour = process(&cluster.spawn(example_modules::COUNTER, r#"{"start":24}"#));
    let mirror_id = cluster.spawn(&mirror(), "{}");
    let resident = Resident::of(&cluster);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.client().await;
        let mirror = process(&mirror_id);
        let mut both = Neighbours { client, mirror, neighbour, good: 24 };
        for (what, output, code) in OUTPUTS {
            both.worst(what, &bytes("out", unhex(output)), code).await;
        }
        // Arrays in arrays, one deeper than a value may be.
        let deep = [[0x82, 0x82, 0x00, 0x58, 66].as_slice(), &[0x81; 65], &[0xf6, 0x80]].concat();
        both.worst("nesting", &bytes("out", deep), BAD).await;
        for (pointer, length) in PLACES {
            let raw = u64::from(*pointer) << 32 | u64::from(*length);
            let what = format!("{length} bytes at {pointer}");
            both.worst(&what, &bytes("raw", raw.to_le_bytes().to_vec()), BAD).await;
        }
        for length in [5_000, 6_000, 7_000] {
            let what = format!("an input of {length} bytes in a bad place");
            both.worst(&what, &bytes("pad", vec![0; length]), BAD).await;
        }
        resident.check("outputs");
        // Views trap without a trace.
        let raw = json!({ "raw": { "$bytes": "AAAAAAAAAAA=" } }).to_string();
        cluster.run(&["view", &mirror_id, "any", &raw]).failed(4, "trapped");
        both.worst("after a view", &bytes("out", vec![]), BAD).await;
    });
    cluster.stop();
}

#[test]
fn a_trap_in_init_is_told_and_nothing_is_born() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let module = EXPORTS.replace("(i64.const 0x8_0000_0006)", "unreachable");
    let module = wat::parse_str(format!("(module {module})")).unwrap();
    let file = data.path().join("module.wasm");
    std::fs::write(&file, &module).unwrap();
    cluster.run(&["spawn", &file.to_string_lossy()]).failed(4, "trapped");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let process = runtime.block_on(async {
        let client = cluster.client().await;
        let spawned = client.spawn(SpawnOptions::new(module)).await.unwrap();
        assert_eq!(spawned.birth.failure().unwrap().kind.code(), "trapped");
        spawned.process.to_string()
    });
    for _ in 0..2 {
        cluster.run(&["send", &process, "go"]).failed(4, "not-born");
        cluster.run(&["view", &process, "go"]).failed(4, "view-failed");
    }
    cluster.stop();
}

//! Modules that do their worst: each is stopped at its slot, and whoever shares its compute unit
//! goes on.

#[path = "hostile/modules.rs"]
mod modules;
#[path = "hostile/outputs.rs"]
mod outputs;

use protocol::{Entry, Value};
use serde_json::{Value as Json, json};

use crate::{
    basics::{exchanged, pair},
    support::{Cluster, PATIENCE, directory, integer, process},
};

/// The guest contract in one page of memory: every call is answered with null.
const EXPORTS: &str = r#"(memory (export "memory") 1)
    (data (i32.const 8) "\82\82\00\41\f6\80")
    (func $null (param i32 i32) (result i64) (i64.const 0x8_0000_0006))
    (export "antiphon_handle" (func $null)) (export "antiphon_view" (func $null))
    (export "antiphon_save" (func $null))
    (func (export "antiphon_alloc") (param i32) (result i32) (i32.const 1024))"#;

/// The memory of a cluster's compute unit, which nothing that it executes may make grow for good.
struct Resident {
    pid: u64,
    before: Option<u64>,
}

impl Resident {
    /// More than compiling leaves behind in an allocator, less than any bomb would take.
    const GROWTH_MAX: u64 = 256 << 20;

    fn of(cluster: &Cluster) -> Self {
        let pid = cluster.units("compute")[0]["pid"].as_u64().expect("pids are numbers");
        Self { pid, before: resident_bytes(pid) }
    }

    #[track_caller]
    fn check(&self, what: &str) {
        if let (Some(before), Some(now)) = (self.before, resident_bytes(self.pid)) {
            let limit = before + Self::GROWTH_MAX;
            assert!(now < limit, "{what}: {now} bytes resident, {before} before");
        }
    }
}

/// What a program has in memory, where the system tells.
fn resident_bytes(pid: u64) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// What [`hostile`] does with a call, by the lone argument's value.
const COUNT: u8 = 0;
const SPIN: u8 = 1;
const GROW: u8 = 2;
const WRITE_AND_TRAP: u8 = 3;
const FLOOD: u8 = 4;
const GIANT_REPLY: u8 = 5;
const OUT_OF_BOUNDS: u8 = 6;
const RECURSE: u8 = 7;
const GARBAGE: u8 = 8;
const NEGATIVE_LENGTH: u8 = 9;

/// An actor that counts its good calls, written against `docs/abi.md` alone. The argument `n` of a
/// call, the last byte but one of its input while slots are below 24, tells what it does; it answers
/// with the count.
fn hostile() -> Vec<u8> {
    let text = r#"(module
        (memory (export "memory") 4)
        (global $count (mut i32) (i32.const 0))
        ;; [[0, h'f6'], []], and [[0, h'nn'], []] with a number below 24.
        (data (i32.const 131072) "\82\82\00\41\f6\80")
        (data (i32.const 131088) "\82\82\00\41\00\80")
        (func (export "antiphon_alloc") (param i32) (result i32) i32.const 1024)
        (func (export "antiphon_save") (param i32 i32) (result i64) i64.const 0)
        (func $answer (param $at i32) (param $len i32) (result i64)
            (i64.or
                (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
                (i64.extend_i32_u (local.get $len))))
        (func $counted (result i64)
            (i32.store8 (i32.const 131092) (global.get $count))
            (call $answer (i32.const 131088) (i32.const 6)))
        (func (export "antiphon_view") (param i32 i32) (result i64) (call $counted))
        (func $recurse (call $recurse))
        (func $dirty
            (global.set $count (i32.const 20))
            (memory.fill (i32.const 131072) (i32.const 0xff) (i32.const 131072)))
        ;; 2,000 tells to nobody: [[0, h'f6'], [[2, h'11..', "m", h'a0'], ...]]
        (func $flood (result i64) (local $at i32) (local $left i32)
            (memory.fill (i32.const 131078) (i32.const 0x11) (i32.const 131000))
            (i32.store (i32.const 131077) (i32.const 0x00d00799))
            (local.set $at (i32.const 131080))
            (local.set $left (i32.const 2000))
            (loop $more
                ;; 84 02 58 20 <32 bytes> 61 6d 41 a0
                (i32.store (local.get $at) (i32.const 0x20580284))
                (i32.store (i32.add (local.get $at) (i32.const 36)) (i32.const 0xa0416d61))
                (local.set $at (i32.add (local.get $at) (i32.const 40)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (br_if $more (local.get $left)))
            (call $answer (i32.const 131072) (i32.sub (local.get $at) (i32.const 131072))))
        (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
            (if (i32.eqz (i32.load8_u offset=1 (local.get $ptr)))
                (then (return (call $answer (i32.const 131072) (i32.const 6)))))
            (block $negative (block $garbage (block $recurse (block $bounds (block $giant
            (block $flood (block $trap (block $grow (block $spin (block $count
                (br_table $count $spin $grow $trap $flood $giant $bounds $recurse $garbage $negative
                    (i32.load8_u (i32.sub (i32.add (local.get $ptr) (local.get $len))
                        (i32.const 2)))))
            (global.set $count (i32.add (global.get $count) (i32.const 1)))
            (return (call $counted)))
            (call $dirty) (loop $again (br $again)) unreachable)
            (call $dirty)
            (loop $again (br_if $again
                (i32.ne (memory.grow (i32.const 64)) (i32.const -1))))
            unreachable)
            (call $dirty) unreachable)
            (return (call $flood)))
            (call $dirty)
            (drop (memory.grow (i32.const 400)))
            (return (call $answer (i32.const 131072) (i32.const 0x1800000))))
            (call $dirty) (return (call $answer (i32.const 262140) (i32.const 400))))
            (call $dirty) (call $recurse) unreachable)
            (call $dirty) (return (call $answer (i32.const 131072) (i32.const 4000))))
            (return (call $answer (i32.const -8) (i32.const -8)))))"#;
    wat::parse_str(text).unwrap()
}

#[test]
fn whatever_a_module_does_is_contained_at_its_slot() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let neighbour = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    let hostile = cluster.spawn(&hostile(), "{}");
    let resident = Resident::of(&cluster);
    let call = |n: u8| cluster.run(&["send", &hostile, "go", &json!({ "n": n }).to_string()]);
    let count = |sent: Json, number: u64| assert_eq!(sent["reply"], number, "{sent}");

    let mut good = 1;
    count(call(COUNT).done(), good);
    let worst = [
        (SPIN, "out-of-gas"),
        (GROW, "out-of-memory"),
        (WRITE_AND_TRAP, "trapped"),
        (FLOOD, "output-too-large"),
        (GIANT_REPLY, "output-too-large"),
        (OUT_OF_BOUNDS, "bad-output"),
        (RECURSE, "too-deep"),
        (GARBAGE, "bad-output"),
        (NEGATIVE_LENGTH, "bad-output"),
    ];
    for (number, (n, code)) in (1..).zip(worst) {
        call(n).failed(4, code);
        let viewed = cluster.run(&["view", &hostile, "any"]).done();
        count(viewed, good);
        good += 1;
        count(call(COUNT).done(), good);
        let sent = cluster.run(&["send", &neighbour, "add", "1"]).done();
        assert_eq!(sent["reply"], number);
        resident.check(code);
    }
    cluster.stop();
}

#[test]
fn many_endless_messages_do_not_keep_a_neighbour_waiting() {
    // More hostile processes than the compute unit can have threads that are free.
    const HOSTILE: usize = 12;
    const EACH: usize = 3;
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let neighbour = process(&cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#));
    let module = hostile();
    let hostile: Vec<String> = (0..HOSTILE).map(|_| cluster.spawn(&module, "{}")).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.client().await;
        let mut last = Vec::new();
        for _ in 0..EACH {
            last.clear();
            for hostile in &hostile {
                let args = integer("n", SPIN.into());
                let message = client.prepare_message(process(hostile), "go", &args).unwrap();
                let mut ticket = client.submit(Entry::Message(message)).await.unwrap();
                ticket.assigned().await.unwrap();
                last.push(ticket);
            }
        }
        let sent = client.send(neighbour, "add", &integer("by", 1), PATIENCE).await.unwrap();
        assert_eq!(sent.reply().unwrap(), Value::Integer(1));
        let executed = tokio::time::timeout(
            std::time::Duration::ZERO,
            futures::future::select_all(last.iter_mut().map(|last| Box::pin(last.executed()))),
        );
        assert!(executed.await.is_err(), "the neighbour waited for all that the others wanted");
    });
    // Nor do they keep the cluster from stopping.
    cluster.stop();
}

/// An actor that at every call tells something to a thousand processes that never were.
fn noise() -> Vec<u8> {
    let text = r#"(module
        (memory (export "memory") 4)
        (global $told (mut i32) (i32.const 0))
        (data (i32.const 4096) "\82\82\00\41\f6\80")
        ;; [[0, h'f6'], [...1,000 items]]
        (data (i32.const 131072) "\82\82\00\41\f6\99\03\e8")
        (func (export "antiphon_alloc") (param i32) (result i32) i32.const 8192)
        (func $null (param i32 i32) (result i64)
            (i64.or (i64.shl (i64.const 4096) (i64.const 32)) (i64.const 6)))
        (export "antiphon_view" (func $null))
        (export "antiphon_save" (func $null))
        (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
            (local $at i32) (local $left i32)
            (if (i32.eqz (i32.load8_u offset=1 (local.get $ptr)))
                (then (return (call $null (i32.const 0) (i32.const 0)))))
            (local.set $at (i32.const 131080))
            (local.set $left (i32.const 1000))
            (loop $more
                ;; 84 02 58 20 <32 bytes> 61 6d 41 a0
                (global.set $told (i32.add (global.get $told) (i32.const 1)))
                (i32.store (local.get $at) (i32.const 0x20580284))
                (i32.store offset=4 (local.get $at) (global.get $told))
                (i32.store offset=36 (local.get $at) (i32.const 0xa0416d61))
                (local.set $at (i32.add (local.get $at) (i32.const 40)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (br_if $more (local.get $left)))
            (i64.or (i64.shl (i64.const 131072) (i64.const 32)) (i64.const 40008))))"#;
    wat::parse_str(text).unwrap()
}

#[test]
fn tells_to_nobody_hold_up_nobody() {
    const CALLS: usize = 40;
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let noise = process(&cluster.spawn(&noise(), "{}"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.client().await;
        let mut tickets = Vec::new();
        for _ in 0..CALLS {
            let message = client.prepare_message(noise, "go", &Value::Map(vec![])).unwrap();
            tickets.push(client.submit(Entry::Message(message)).await.unwrap());
        }
        for mut ticket in tickets {
            ticket.assigned().await.unwrap();
            let executed = ticket.executed().await.unwrap();
            assert_eq!(executed.outcome.outbox.len(), 1_000, "{:?}", executed.outcome.reply);
        }
        let (ping, pong) = pair(&cluster);
        let args = format!(r#"{{"peer":"{pong}","rounds":100}}"#);
        cluster.run(&["send", &ping, "start", &args]).done();
        assert_eq!(exchanged(&client, &ping, &pong, 100).await, 100);
    });
    cluster.stop();
}

//! Modules that are refused, or that are all a module may be: neither costs a unit more than it has.

use antiphon_client::{Client, SpawnOptions};
use protocol::{Limits, Value};

use super::{EXPORTS, Resident};
use crate::support::{Cluster, PATIENCE, directory, integer, process, text};

/// A module of the guest contract with further items, which answers every call with null.
fn with(items: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {items} {EXPORTS})")).unwrap()
}

/// Lengthens a module by a custom section, to this many bytes.
fn lengthened(mut module: Vec<u8>, bytes: usize) -> Vec<u8> {
    // A section of id 0: its size in five LEB128 bytes, then an empty name.
    let size = bytes - module.len() - 6;
    module.push(0);
    module.extend((0..5).map(|at| {
        let more = if at < 4 { 0x80 } else { 0 };
        u8::try_from((size >> (7 * at)) & 0x7f).unwrap() | more
    }));
    module.resize(bytes, 0);
    module
}

/// What no unit takes, with a word of the reason.
fn refused() -> Vec<(Vec<u8>, &'static str)> {
    let items = [
        (r#"(import "env" "clock" (func))"#, "imports env.clock"),
        (
            r#"(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))"#,
            "wasi",
        ),
        (r#"(import "env" "g" (global i32))"#, "imports env.g"),
        (r#"(import "env" "t" (table 1 funcref))"#, "imports env.t"),
        ("(func $s) (start $s)", "start function"),
        ("(table 65537 funcref)", "elements in the table"),
        ("(table 0xffffffff funcref)", "elements in the table"),
        ("(table 1 funcref) (table 1 funcref)", "tables"),
        ("(table 1 externref)", "gc-types"),
        (
            "(func (param v128) (result v128) (i16x8.relaxed_laneselect (local.get 0) (local.get 0) (local.get 0)))",
            "relaxed-simd",
        ),
        (r#"(func (export "antiphon$gas"))"#, "reserved"),
        ("(func $f (return_call $f))", "tail-call"),
        (r#"(data (i32.const 65535) "xy")"#, "data segment"),
    ];
    let mut all: Vec<_> = items.map(|(items, reason)| (with(items), reason)).into();
    let many = |item: &str, count| with(&item.repeat(count));
    all.push((many("(global (mut i64) (i64.const 1))", 4_097), "globals"));
    all.push((many("(func)", 65_536), "functions"));
    all.push((with(&format!("(func (local {}))", "v128 ".repeat(4_097))), "locals"));
    all.push((with("")[..40].to_vec(), "not valid"));
    all
}

/// What every unit takes, though it is as large as it can be.
fn extremes() -> Vec<(&'static str, Vec<u8>)> {
    let many = |item: &str, count| with(&item.repeat(count));
    vec![
        ("globals", many("(global (mut i64) (i64.const 1))", 4_096)),
        ("a table", with("(table 65536 funcref)")),
        ("bytes", lengthened(many("(func (result i32) (i32.const 7))", 20_000), 16 << 20)),
    ]
}

async fn refusal(client: &Client, module: Vec<u8>) -> (String, String) {
    let error = client.spawn(SpawnOptions::new(module)).await.expect_err("it is refused");
    (error.code().to_owned(), error.to_string())
}

async fn birth(client: &Client, module: Vec<u8>, limits: Limits) -> Option<&'static str> {
    let options = SpawnOptions { limits, timeout: PATIENCE, ..SpawnOptions::new(module) };
    let spawned = client.spawn(options).await.unwrap();
    spawned.birth.failure().map(|failure| failure.kind.code())
}

#[test]
fn modules_are_refused_or_taken_in_bounded_memory() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let neighbour = process(&cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#));
    let resident = Resident::of(&cluster);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.client().await;
        let mut added = 0;
        for (module, reason) in refused() {
            // The second time the unit knows it.
            for _ in 0..2 {
                let (code, said) = refusal(&client, module.clone()).await;
                assert_eq!(code, "module-refused", "{said}");
                assert!(said.contains(reason), "{reason}: {said}");
            }
            added += 1;
            let sent = client.send(neighbour, "add", &integer("by", 1), PATIENCE).await.unwrap();
            assert_eq!(sent.reply().unwrap(), Value::Integer(added));
        }
        let (code, said) = refusal(&client, lengthened(with(""), (16 << 20) + 1)).await;
        assert!(["module-refused", "too-large", "bad-request"].contains(&&*code), "{code}: {said}");
        for (what, module) in extremes() {
            assert_eq!(birth(&client, module, Limits::DEFAULT).await, None, "{what}");
            resident.check(what);
        }
        // A memory bomb: what its process may not have is not even reserved.
        let bomb = |pages: u32| {
            let memory = format!(r#"(memory (export "memory") {pages})"#);
            let text =
                format!("(module {})", EXPORTS.replace(r#"(memory (export "memory") 1)"#, &memory));
            wat::parse_str(text).unwrap()
        };
        for pages in [1_025, 65_536] {
            let born = birth(&client, bomb(pages), Limits::DEFAULT).await;
            assert_eq!(born, Some("out-of-memory"), "{pages} pages");
        }
        assert_eq!(birth(&client, bomb(1_024), Limits::DEFAULT).await, None);
        resident.check("memory bombs");
        let sent = client.send(neighbour, "add", &integer("by", 1), PATIENCE).await.unwrap();
        assert_eq!(sent.reply().unwrap(), Value::Integer(added + 1));
    });
    cluster.stop();
}

#[test]
fn a_refusal_says_why_on_the_command_line() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let file = data.path().join("module.wasm");
    let spawn = |module: &[u8]| {
        std::fs::write(&file, module).unwrap();
        cluster.run(&["spawn", &file.to_string_lossy()])
    };
    let imports = spawn(&with(r#"(import "env" "clock" (func))"#));
    imports.failed(3, "module-refused");
    let detail = text(&imports.json["error"]["detail"]);
    assert!(detail.contains("imports env.clock"), "{detail}");
    // A module that is taken but answers nothing is not born.
    let silent = EXPORTS.replace("(i64.const 0x8_0000_0006)", "(i64.const 0)");
    spawn(&wat::parse_str(format!("(module {silent})")).unwrap()).failed(4, "bad-output");
    cluster.stop();
}

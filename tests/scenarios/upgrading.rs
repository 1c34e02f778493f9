//! Processes go on with other modules, while messages come and units are killed.

use example_modules::{COUNTER, COUNTER2};
use protocol::{Entry, ModuleId};
use serde_json::Value as Json;

use crate::support::{Cluster, Lone, PATIENCE, Ran, directory, integer, process, text};

/// Messages that are under way while a process is upgraded.
const MESSAGES: u64 = 60;

/// Runs the command on a module.
pub(crate) fn upgrade(cluster: &Cluster, process: &str, module: &[u8], options: &[&str]) -> Ran {
    let directory = directory();
    let file = directory.path().join("next.wasm");
    std::fs::write(&file, module).unwrap();
    let command = ["upgrade", process, &file.to_string_lossy()];
    cluster.run(&[&command, options].concat())
}

/// An actor with so many pages of memory that counts how often it is called, by so many, and views
/// that. It saves and loads as the code given says; the count that it is given is at `$at`, behind the
/// eight bytes `CELLCELL`.
fn cell(pages: u32, by: u32, save: &str, load: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module
            (memory (export "memory") {pages})
            (data (i32.const 0) "\82\82\00\41\00\80")
            (data (i32.const 8) "\82\82\00\41\f6\80")
            (data (i32.const 4088) "CELLCELL")
            (func (export "antiphon_alloc") (param i32) (result i32) i32.const 65536)
            (func $find (param $ptr i32) (result i32)
                (loop $search
                    (if (i64.eq (i64.load (local.get $ptr)) (i64.load (i32.const 4088)))
                        (then (return (i32.add (local.get $ptr) (i32.const 8)))))
                    (local.set $ptr (i32.add (local.get $ptr) (i32.const 1)))
                    (br $search))
                unreachable)
            (func $null (result i64) i64.const 0x0000_0008_0000_0006)
            (func $count (result i64)
                (i32.store8 (i32.const 4) (i32.load (i32.const 4096)))
                i64.const 6)
            (func (export "antiphon_handle") (param $ptr i32) (param i32) (result i64)
                (local $kind i32) (local $at i32)
                (local.set $kind (i32.load8_u offset=1 (local.get $ptr)))
                (if (i32.eqz (local.get $kind)) (then (return (call $null))))
                (if (i32.eq (local.get $kind) (i32.const 4)) (then
                    (local.set $at (call $find (local.get $ptr)))
                    {load}
                    (return (call $null))))
                (i32.store (i32.const 4096) (i32.add (i32.load (i32.const 4096)) (i32.const {by})))
                (call $count))
            (func (export "antiphon_view") (param i32 i32) (result i64) (call $count))
            (func (export "antiphon_save") (param i32 i32) (result i64) {save}))"#
    ))
    .unwrap()
}

/// Saves the eight bytes and the count, as `[1, [h'...']]`.
const SAVES: &str = "(i32.store (i32.const 4084) (i32.const 0x4c810182))
    (i64.const 0x0000_0ff4_0000_0010)";
const LOADS: &str = "(i32.store (i32.const 4096) (i32.load (local.get $at)))";

fn verified(cluster: &Cluster, process: &str) -> Json {
    let verified = cluster.run(&["verify", process]).done();
    assert_eq!(verified["ok"], true, "{verified}");
    verified
}

fn view(cluster: &Cluster, process: &str, method: &str) -> Json {
    cluster.run(&["view", process, method]).done()["reply"].clone()
}

#[test]
fn a_counter_goes_on_with_its_second_version() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--checkpoint-slots", "2"]);
    let counter = cluster.spawn(COUNTER, r#"{"start":3}"#);
    cluster.run(&["send", &counter, "add", r#"{"by":4}"#]).done();
    cluster.run(&["view", &counter, "resets"]).failed(4, "unknown-method");

    let upgraded = upgrade(&cluster, &counter, COUNTER2, &[]).done();
    let module = ModuleId::of(COUNTER2).to_string();
    assert_eq!((&upgraded["slot"], text(&upgraded["module"])), (&Json::from(2), &*module));
    assert!(upgraded["gas"].as_u64().unwrap() > 0);
    assert_eq!(view(&cluster, &counter, "get"), 7);
    cluster.run(&["send", &counter, "reset"]).done();
    assert_eq!(view(&cluster, &counter, "resets"), 1);
    // What the new schema says of arguments counts.
    assert_eq!(cluster.run(&["send", &counter, "add", "5"]).done()["reply"], 5);

    upgrade(&cluster, &counter, COUNTER, &[]).failed(2, "breaking-upgrade");
    let back = upgrade(&cluster, &counter, COUNTER, &["--force"]);
    assert_eq!(
        (back.code, &back.json["error"]["code"]),
        (4, &Json::from("state-version")),
        "{back:?}"
    );
    assert_eq!(view(&cluster, &counter, "resets"), 1);

    let at = |slot: &str, option: &[&str]| {
        cluster.run(&[&["state", &counter, "--at", slot], option].concat()).done()
    };
    assert_eq!(text(&at("1", &[])["module"]), ModuleId::of(COUNTER).to_string());
    for slot in ["2", "5"] {
        let (checkpoint, replayed) = (at(slot, &[]), at(slot, &["--no-checkpoint"]));
        assert_eq!((text(&checkpoint["module"]), text(&replayed["module"])), (&*module, &*module));
        assert_eq!(checkpoint["state_root"], replayed["state_root"]);
    }
    assert_eq!(verified(&cluster, &counter)["slots"], 6);
    cluster.stop();
}

#[test]
fn what_cannot_be_saved_is_recovered_from_its_memory() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let broken = cell(2, 1, "unreachable", "unreachable");
    let process = cluster.spawn(&broken, "{}");
    let add = || cluster.run(&["send", &process, "add"]).done()["reply"].clone();
    assert_eq!((add(), add()), (Json::from(1), Json::from(2)));
    let failed = |ran: Ran| {
        assert_eq!((ran.code, &ran.json["error"]["code"]), (4, &Json::from("trapped")), "{ran:?}");
        assert!(ran.json["gas"].as_u64().unwrap() > 0);
    };
    let second = cell(4, 10, SAVES, LOADS);
    failed(upgrade(&cluster, &process, &second, &[]));
    assert_eq!(add(), 3);
    upgrade(&cluster, &process, &second, &["--raw"]).done();
    assert_eq!((view(&cluster, &process, "get"), add()), (Json::from(3), Json::from(13)));
    failed(upgrade(&cluster, &process, &cell(4, 5, SAVES, "unreachable"), &[]));
    assert_eq!(add(), 23);
    upgrade(&cluster, &process, &cell(4, 0, SAVES, LOADS), &[]).done();
    assert_eq!(add(), 23);
    verified(&cluster, &process);
    cluster.stop();
}

#[test]
fn an_upgrade_loses_nothing_while_units_are_killed() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1", "--checkpoint-slots", "20"]);
    let counter = cluster.spawn(COUNTER, r#"{"start":0}"#);
    let compute = cluster.units("compute")[0].clone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let again: Lone = runtime.block_on(async {
        let client = cluster.client().await;
        let mut tickets = Vec::new();
        let mut again = None;
        for number in 0..MESSAGES {
            let by = integer("by", 1);
            let message = client.prepare_message(process(&counter), "add", &by).unwrap();
            tickets.push(client.submit(Entry::Message(message)).await.unwrap());
            if number == MESSAGES / 3 {
                Cluster::kill(&compute);
                again = Some(cluster.start_again("compute", 1));
            } else if number == MESSAGES / 2 {
                let upgrade = antiphon_client::Upgrade {
                    timeout: PATIENCE,
                    ..antiphon_client::Upgrade::new(COUNTER2.to_vec())
                };
                let upgraded = client.upgrade(process(&counter), upgrade).await.unwrap();
                assert!(upgraded.failure().is_none(), "{upgraded:?}");
            }
        }
        for mut ticket in tickets {
            let executed = tokio::time::timeout(PATIENCE, ticket.executed());
            executed.await.expect("a reply in time").unwrap();
        }
        again.unwrap()
    });
    assert_eq!(view(&cluster, &counter, "get"), MESSAGES);
    drop(again);
    let again = cluster.start_again("compute", 1);
    assert_eq!(
        (view(&cluster, &counter, "get"), view(&cluster, &counter, "resets")),
        (Json::from(MESSAGES), Json::from(0))
    );
    cluster.run(&["send", &counter, "reset"]).done();
    assert_eq!(verified(&cluster, &counter)["slots"], MESSAGES + 3);
    again.stop();
    cluster.stop();
}

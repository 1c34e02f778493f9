//! The Savina benchmarks, in small, on Wasm: each checks its own result, and replies it.
//!
//! Ping-pong is among the basic scenarios; fork-join, the thread ring and bank transactions are among
//! those of processes that wait.

use std::f64::consts::PI;

use serde_json::{Value as Json, json};

use crate::support::{Cluster, directory};

/// A module, the arguments of its first process, those of `run`, and the reply.
type Run = (&'static str, &'static [u8], Json, Json, Json);

fn runs() -> [Run; 11] {
    use example_modules::*;
    [
        ("counting", COUNTING, json!({}), json!({"messages": 1_200}), json!(1_200)),
        ("chameneos", CHAMENEOS, json!({}), json!({"creatures": 5, "meetings": 50}), json!(50)),
        ("big", BIG, json!({}), json!({"actors": 8, "pings": 10}), json!(80)),
        (
            "dictionary",
            DICTIONARY,
            json!({}),
            json!({"workers": 5, "steps": 20, "writes": 10}),
            json!(100),
        ),
        (
            "philosophers",
            PHILOSOPHERS,
            json!({}),
            json!({"philosophers": 5, "rounds": 10}),
            json!(50),
        ),
        ("barber", BARBER, json!({}), json!({"customers": 12, "chairs": 3}), json!(12)),
        (
            "buffer",
            BUFFER,
            json!({}),
            json!({"producers": 4, "consumers": 4, "items": 10, "room": 5}),
            json!(40),
        ),
        (
            "radix",
            RADIX,
            json!({"stage": null, "all": 0}),
            json!({"values": 100, "bits": 8, "seed": 1}),
            json!(100),
        ),
        ("trapezoid", TRAPEZOID, json!({}), json!({"workers": 8, "pieces": 100}), json!(PI)),
        (
            "sieve",
            SIEVE,
            json!({"room": 0, "actors": 0}),
            json!({"limit": 1_000, "room": 40}),
            json!(168),
        ),
        ("queens", QUEENS, json!({}), json!({"size": 7, "workers": 4, "placed": 2}), json!(40)),
    ]
}

#[test]
fn every_benchmark_finds_its_own_result_right() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    for (name, module, init, args, wanted) in runs() {
        let first = cluster.spawn(module, &init.to_string());
        let ran = cluster.run(&["send", &first, "run", &args.to_string()]).done();
        let [reply, wanted] = [&ran["reply"], &wanted].map(|value| value.as_f64().unwrap());
        assert!((reply - wanted).abs() < 1e-6, "{name}: {ran}");
        cluster.run(&["verify", &first]).done();
    }
    cluster.stop();
}

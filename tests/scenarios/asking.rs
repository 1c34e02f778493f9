//! Processes that wait: asks, children, timers and calls that are answered later.

use antiphon_client::Client;
use protocol::{
    Entry, EntryId, FailureKind, ItemBody, ProcessId, Reply, Role, Slot, Value,
    api::{Executed, LogRecord},
};
use serde_json::json;

use crate::support::{Cluster, PATIENCE, directory, process, text};

#[test]
fn money_moves_between_accounts_and_comes_back_from_one_that_was_stopped() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let account = || cluster.spawn(example_modules::BANK, r#"{"balance":100}"#);
    let (rich, poor) = (account(), account());
    let transfer = json!({"to": poor, "amount": 30}).to_string();
    let moved = cluster.run(&["send", &rich, "transfer", &transfer]).done();
    assert_eq!(moved["reply"], 70, "{moved}");
    assert_eq!(cluster.run(&["view", &poor, "balance"]).done()["reply"], 130);

    cluster.run(&["stop", &poor]).done();
    let refused = cluster.run(&["send", &rich, "transfer", &transfer]);
    refused.failed(4, "refused");
    assert_eq!(cluster.run(&["view", &rich, "balance"]).done()["reply"], 70, "it is certain");
    assert_eq!(cluster.run(&["view", &rich, "doubts"]).done()["reply"], json!([]));
    cluster.run(&["verify", &rich]).done();
    cluster.stop();
}

#[test]
fn a_supervisor_splits_a_job_among_workers_that_it_spawns() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &[]);
    let supervisor = process(&cluster.spawn(example_modules::SUPERVISOR, "{}"));
    runtime.block_on(async {
        let client = cluster.client().await;
        let module = module_ref(&client, supervisor, example_modules::WORKER).await;
        let job = map([
            ("module", module),
            ("workers", Value::Integer(20)),
            ("len", Value::Integer(1_000)),
        ]);
        for job_number in 1..=2 {
            let sum = client.call(supervisor, "sum", &job, PATIENCE).await.unwrap();
            assert_eq!(sum.reply().unwrap(), Value::Integer(19_999 * 20_000 / 2), "{sum:?}");
            let done = client.view(supervisor, "done", &map([]), None).await.unwrap();
            assert_eq!(done.reply, Value::Integer(job_number));
        }
        let processes = client.processes().await.unwrap();
        assert_eq!(processes.len(), 41, "each worker was born");
    });
    cluster.run(&["verify", &supervisor.to_string()]).done();
    cluster.stop();
}

#[test]
fn a_thousand_processes_are_born_of_one_and_pass_tokens_round() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &[]);
    let head = process(&cluster.spawn(example_modules::TOKENRING, "{}"));
    runtime.block_on(async {
        let client = cluster.client().await;
        let nodes = map([("nodes", Value::Integer(999))]);
        let built = client.call(head, "build", &nodes, 4 * PATIENCE).await.unwrap();
        assert_eq!(built.reply().unwrap(), Value::Integer(1_000), "{:?}", built.failure());
        let start = map([
            ("first", Value::Integer(0)),
            ("tokens", Value::Integer(5)),
            ("hops", Value::Integer(1_000)),
        ]);
        client.send(head, "start", &start, PATIENCE).await.unwrap().reply().unwrap();
        let arrived = Value::Array((0..5).map(Value::Integer).collect());
        until_view(&client, head, "arrived", &arrived).await;
    });
    cluster.stop();
}

#[test]
fn an_alarm_rings_once_and_again_and_again_until_it_is_cancelled() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &[]);
    let alarm = cluster.spawn(example_modules::ALARM, "{}");
    cluster.run(&["send", &alarm, "once", "50"]).done();
    runtime.block_on(async {
        let client = cluster.client().await;
        until_view(&client, process(&alarm), "rings", &Value::Integer(1)).await;
    });
    for catch_up in [true, false] {
        let every = json!({"period": 50, "catch_up": catch_up}).to_string();
        cluster.run(&["send", &alarm, "every", &every]).done();
        // The call is open until the next ring.
        let before = cluster.run(&["send", &alarm, "wait"]).done();
        let after = cluster.run(&["send", &alarm, "wait"]).done();
        let rings = |waited: &serde_json::Value| waited["reply"].as_u64().expect("a number");
        assert!(1 < rings(&before) && rings(&before) < rings(&after), "{before} {after}");
    }
    cluster.run(&["send", &alarm, "cancel"]).done();
    runtime.block_on(async {
        let client = cluster.client().await;
        let log = log(&client, process(&alarm)).await;
        let occurrences = |record: &LogRecord| match &record.entry {
            Entry::Timer(timer) => Some((timer.slot, timer.index, timer.occurrence)),
            _ => None,
        };
        let mut seen: Vec<_> = log.iter().filter_map(|(record, _)| occurrences(record)).collect();
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all, "each occurrence once");
    });
    cluster.run(&["verify", &alarm]).done();
    cluster.stop();
}

#[test]
fn a_reply_may_come_in_a_later_slot_and_wakes_whoever_asked() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let alarm = || cluster.spawn(example_modules::ALARM, "{}");
    let (alarm, sleeper) = (alarm(), alarm());
    cluster.run(&["send", &alarm, "once", "500"]).done();
    let listen = json!({"to": alarm, "patience": 30_000}).to_string();
    let woken = cluster.run(&["send", &sleeper, "listen", &listen]).done();
    assert_eq!(woken["reply"], 1, "{woken}");
    cluster.run(&["verify", &sleeper]).done();
    cluster.stop();
}

#[test]
fn an_ask_that_nobody_answers_ends_and_is_told_what_became_of_it() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &[]);
    let alarm = || cluster.spawn(example_modules::ALARM, "{}");
    let (alarm, sleeper) = (alarm(), alarm());
    let nobody = ProcessId::of_spawn(EntryId::from_bytes([7; 32])).to_string();
    let listen = |to: &str, patience: u64| {
        let args = json!({"to": to, "patience": patience}).to_string();
        let listened = cluster.run(&["send", &sleeper, "listen", &args]);
        assert_ne!(listened.code, 0, "{listened:?}");
        let error = &listened.json["error"];
        let effect = text(&error["detail"]).split(':').next().map(str::to_owned);
        (text(&error["code"]).to_owned(), effect.unwrap())
    };
    let nowhere = ("no-such-process".to_owned(), "Unknown".to_owned());
    assert_eq!(listen(&nobody, 120_000), nowhere);
    assert_eq!(listen(&nobody, 120_000), nowhere, "a second time, too");
    // It never rings, but it does take note.
    assert_eq!(listen(&alarm, 1_000), ("expired".to_owned(), "Unknown".to_owned()));
    runtime.block_on(async {
        let client = cluster.client().await;
        // The scheduler of the alarm says that the alarm took note.
        let told = map([("effect", Value::Text("yes".to_owned()))]);
        let log =
            until_answered(&client, process(&sleeper), &Reply::Value(told.encode().unwrap())).await;
        let skips = log.iter().flat_map(|(_, executed)| &executed.outcome.outbox);
        let skips = skips.filter(|item| matches!(item.body, ItemBody::Skip(_)));
        assert_eq!(skips.count(), 3, "each ask that was given up is skipped");
        assert!(log.iter().all(|(_, executed)| !broken(executed)), "{log:?}");
    });

    cluster.run(&["stop", &alarm]).done();
    assert_eq!(listen(&alarm, 30_000), ("refused".to_owned(), "No".to_owned()));
    cluster.run(&["verify", &sleeper]).done();
    cluster.stop();
}

/// Whether a slot failed otherwise than by an error of the actor's own.
fn broken(executed: &Executed) -> bool {
    matches!(&executed.outcome.reply, Reply::Failure(failure) if failure.kind != FailureKind::Actor)
}

/// Every slot of a process with its outcome, once all are executed.
async fn log(client: &Client, process: ProcessId) -> Vec<(LogRecord, Executed)> {
    let mut reader = client.log(process, Slot::ZERO);
    let mut log = Vec::new();
    loop {
        let page = reader.page(1_000).await.unwrap();
        if page.records.is_empty() {
            return log;
        }
        for record in page.records {
            let executed = client.await_outcome(process, record.assignment.slot).await.unwrap();
            log.push((record, executed));
        }
    }
}

/// Waits until a process is told what became of an ask; gives its log.
async fn until_answered(
    client: &Client,
    process: ProcessId,
    wanted: &Reply,
) -> Vec<(LogRecord, Executed)> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let log = log(client, process).await;
        let mut answers = log.iter().filter(|(record, _)| matches!(record.entry, Entry::Answer(_)));
        if answers.any(|(_, executed)| executed.outcome.reply == *wanted) {
            return log;
        }
        assert!(tokio::time::Instant::now() < deadline, "nobody tells: {log:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Waits until a view without arguments answers a value.
async fn until_view(client: &Client, process: ProcessId, view: &str, wanted: &Value) {
    let deadline = tokio::time::Instant::now() + 4 * PATIENCE;
    loop {
        let seen = client.view(process, view, &map([]), None).await.map(|viewed| viewed.reply);
        if seen.as_ref().is_ok_and(|seen| seen == wanted) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{view} is {seen:?}, not {wanted:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Stores a module where a process's children are ordered, and names it as actors do.
async fn module_ref(client: &Client, process: ProcessId, wasm: &[u8]) -> Value {
    let described = client.describe(process).await.unwrap();
    let module = client.put_module(described.source.scheduler(), wasm).await.unwrap();
    let unit = client.directory().units(Role::Compute)[0];
    let acceptance = client.accept(unit, wasm).await.unwrap();
    map([
        ("module", Value::Text(module.to_string())),
        ("unit", Value::Text(acceptance.unit.to_string())),
        ("signature", Value::Bytes(acceptance.signature.as_bytes().to_vec())),
    ])
}

/// Named values.
fn map<const N: usize>(values: [(&str, Value); N]) -> Value {
    Value::Map(values.map(|(name, value)| (Value::Text(name.to_owned()), value)).to_vec())
}

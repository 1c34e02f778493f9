//! The gateway over a real cluster: its key for development, events that are resumed, requests that
//! are hostile, pages of other sites, rates, and numbers that are all known.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use protocol::{EntryId, TraceId};
use serde_json::{Value as Json, json};

use crate::support::{ANTIPHON, Cluster, Lone, PATIENCE, directory, run_in, signal, text};

/// An answer: its status, and its body.
type Answer = (u16, String);

fn connect(cluster: &Cluster) -> TcpStream {
    connect_to(&cluster.ready)
}

/// Connects to the gateway that a ready line names.
fn connect_to(ready: &Json) -> TcpStream {
    let address = text(&ready["gateway"]).strip_prefix("http://").unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Writes a request as it is, and reads the answer to its end.
fn raw(cluster: &Cluster, request: &[u8]) -> String {
    raw_to(&cluster.ready, request)
}

fn raw_to(ready: &Json, request: &[u8]) -> String {
    let mut stream = connect_to(ready);
    // The gateway may answer, and close, before all of it is written.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn ask(cluster: &Cluster, head: &str, body: &str) -> Answer {
    ask_of(&cluster.ready, head, body)
}

fn ask_of(ready: &Json, head: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    read(&raw_to(ready, request.as_bytes()))
}

fn read(answer: &str) -> Answer {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

fn get(cluster: &Cluster, path: &str) -> (u16, Json) {
    let (status, body) = ask(cluster, &format!("GET /api/v1/{path}"), "");
    (status, serde_json::from_str(&body).unwrap())
}

fn post(cluster: &Cluster, path: &str, body: &Json) -> (u16, Json) {
    let (status, body) = ask(cluster, &format!("POST /api/v1/{path}"), &body.to_string());
    (status, serde_json::from_str(&body).unwrap())
}

fn code(answer: &(u16, Json)) -> (u16, &str) {
    (answer.0, text(&answer.1["error"]["code"]))
}

/// Events as they come: their kinds, their ids and their data.
fn events(
    cluster: &Cluster,
    path: &str,
    last: Option<u64>,
) -> impl Iterator<Item = (String, Option<u64>, Json)> + use<> {
    let mut stream = connect(cluster);
    let last = last.map(|last| format!("Last-Event-ID: {last}\r\n")).unwrap_or_default();
    write!(stream, "GET /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\n{last}\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    std::iter::from_fn(move || {
        let (mut kind, mut id) = (String::new(), None);
        loop {
            let line = lines.next()?.ok()?;
            if let Some(found) = line.strip_prefix("event: ") {
                found.clone_into(&mut kind);
            } else if let Some(found) = line.strip_prefix("id: ") {
                id = found.parse().ok();
            } else if let Some(data) = line.strip_prefix("data: ") {
                // The id may stand behind the data.
                for line in lines.by_ref().map_while(Result::ok) {
                    match line.strip_prefix("id: ") {
                        Some(found) => id = found.parse().ok(),
                        None if line.is_empty() => break,
                        None => {}
                    }
                }
                return Some((kind, id, serde_json::from_str(data).unwrap()));
            }
        }
    })
}

fn counter(cluster: &Cluster) -> String {
    cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#)
}

#[test]
fn a_key_for_development_signs_calls_and_a_signed_message_takes_effect_once() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--dev-key", "default"]);
    let counter = counter(&cluster);
    let calls = format!("process/{counter}/calls");
    let (status, called) = post(&cluster, &calls, &json!({"method": "add", "args": {"by": 3}}));
    assert_eq!((status, &called["reply"], &called["slot"]), (200, &json!(3), &json!(1)));
    let path = format!("process/{counter}/view");
    let viewed = post(&cluster, &path, &json!({"method": "get"}));
    assert_eq!(viewed, (200, json!({"reply": 3, "slot": 1})));
    let failed = post(&cluster, &calls, &json!({"method": "nope"}));
    assert_eq!((failed.0, &failed.1["error"]["code"]), (200, &json!("unknown-method")));
    let message = text(&called["message"]);
    let signed = get(&cluster, &format!("message/{message}")).1["signed"].clone();
    let again = post(&cluster, "messages", &json!({ "message": signed }));
    assert_eq!(again, (200, called.clone()), "the same bytes are the same message");
    assert_eq!(get(&cluster, &format!("message/{message}/reply")), (200, called.clone()));
    assert_eq!(cluster.calls(&counter, "add"), 1);
    let later = post(&cluster, &format!("{calls}?wait=0"), &json!({"method": "add", "args": 1}));
    let reply = get(&cluster, &format!("message/{}/reply?wait=60000", text(&later.1["message"])));
    assert_eq!((reply.0, &reply.1["reply"]), (200, &json!(4)));
    cluster.stop();
}

#[test]
fn a_key_for_development_is_off_by_default_and_refused_where_others_could_use_it() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let path = format!("process/{}/calls", counter(&cluster));
    let refused = post(&cluster, &path, &json!({"method": "add", "args": 1}));
    assert_eq!(code(&refused), (403, "no-dev-key"));
    assert!(get(&cluster, "network").1["account"].is_null());
    cluster.stop();
    let up = ["up", "--gateway", "0.0.0.0:0", "--dev-key", "default"];
    run_in(data.path(), &up).failed(2, "usage");
    run_in(data.path(), &["up", "--dev-key", "nobody"]).failed(2, "no-key");
}

#[test]
fn a_message_is_told_of_to_its_reply_and_no_further() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--dev-key", "default"]);
    let counter = counter(&cluster);
    let calls = format!("process/{counter}/calls?wait=0");
    let sent = post(&cluster, &calls, &json!({"method": "add", "args": 2})).1;
    let path = format!("message/{}/events", text(&sent["message"]));
    let told: Vec<_> = events(&cluster, &path, None).take(2).collect();
    let [(first, None, assigned), (second, Some(1), reply)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!((first.as_str(), second.as_str()), ("assigned", "reply"));
    assert_eq!((&assigned["slot"], &reply["reply"]), (&json!(1), &json!(2)));
    let over = raw(
        &cluster,
        format!(
            "GET /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Last-Event-ID: 1\r\n\r\n"
        )
        .as_bytes(),
    );
    assert!(over.starts_with("HTTP/1.1 204"), "{over}");
    cluster.stop();
}

#[test]
fn a_reply_that_comes_later_is_told_of_when_it_comes_and_once() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--dev-key", "default"]);
    let alarm = cluster.spawn(example_modules::ALARM, "{}");
    let calls = format!("process/{alarm}/calls?wait=0");
    let schema = get(&cluster, &format!("process/{alarm}/schema")).1;
    assert_eq!(schema["name"], "Alarm", "{schema}");
    let sent = post(&cluster, &calls, &json!({"method": "wait"})).1;
    let message = text(&sent["message"]);
    let path = format!("message/{message}/events");
    let mut told = events(&cluster, &path, None);
    assert_eq!(told.next().unwrap().0, "assigned");
    let (kind, slot, _) = told.next().unwrap();
    assert_eq!((kind.as_str(), slot), ("outcome", Some(1)));
    let waits = get(&cluster, &format!("message/{message}/reply?wait=0"));
    assert_eq!((waits.0, text(&waits.1["state"])), (202, "executed"));
    let mut again = events(&cluster, &path, slot);
    post(&cluster, &calls, &json!({"method": "once", "args": {"after": 1}}));
    for reply in [told.next().unwrap(), again.next().unwrap()] {
        assert_eq!((reply.0.as_str(), &reply.2["reply"]), ("reply", &json!(1)), "{reply:?}");
        assert!(reply.1 > slot, "{reply:?}");
    }
    cluster.stop();
}

#[test]
fn many_who_follow_a_process_get_every_event_by_one_stream_of_a_messenger() {
    const FOLLOWERS: usize = 40;
    const CALLS: u64 = 10;
    let data = directory();
    let room = (FOLLOWERS + 1).to_string();
    let cluster = Cluster::up(data.path(), &["--dev-key", "default", "--gateway-streams", &room]);
    let counter = counter(&cluster);
    let path = format!("process/{counter}/events");
    let call = || {
        let calls = format!("process/{counter}/calls");
        assert_eq!(post(&cluster, &calls, &json!({"method": "add", "args": 1})).0, 200);
    };
    (0..CALLS / 2).for_each(|_| call());
    let mut followers: Vec<_> = (0..FOLLOWERS).map(|_| events(&cluster, &path, None)).collect();
    for follower in &mut followers {
        assert_eq!(follower.next().unwrap().1, Some(0));
    }
    (0..CALLS / 2).for_each(|_| call());
    for follower in &mut followers {
        let slots = follower.take(10).map(|(_, id, _)| id.unwrap());
        assert_eq!(slots.collect::<Vec<_>>(), (1..=CALLS).collect::<Vec<_>>());
    }
    let units = get(&cluster, "units").1;
    let mut units = units["units"].as_array().unwrap().iter();
    let messenger = units.find(|unit| unit["kind"] == "messenger").unwrap();
    assert_eq!(messenger["counters"]["subscribers"], 1, "{messenger}");
    let late = events(&cluster, &path, Some(CALLS - 1)).next().unwrap();
    assert_eq!(late.1, Some(CALLS), "it comes to what is kept");
    cluster.stop();
}

#[test]
fn whoever_begins_before_what_is_kept_catches_up_and_shares_a_stream_again() {
    // More than is kept.
    const SLOTS: u64 = 1_100;
    const LENGTH: usize = 1_101;
    const CALLERS: u64 = 20;
    let data = directory();
    let up = ["--dev-key", "default", "--gateway-rate", "1000000"];
    let cluster = Cluster::up(data.path(), &up);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    let calls = format!("process/{counter}/calls?wait=0");
    let call = || {
        let called = post(&cluster, &calls, &json!({"method": "add", "args": 1}));
        assert!(matches!(called.0, 200 | 202), "{called:?}");
    };
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| (0..SLOTS / CALLERS).for_each(|_| call()));
        }
    });
    let path = format!("process/{counter}/events");
    let mut first = events(&cluster, &path, None);
    let all = |follower: &mut dyn Iterator<Item = (String, Option<u64>, Json)>| {
        let slots: Vec<u64> = follower.take(LENGTH).map(|(_, id, _)| id.unwrap()).collect();
        assert_eq!(slots, (0..=SLOTS).collect::<Vec<_>>());
    };
    all(&mut first);
    // The first slot is no longer kept for this one.
    let mut second = events(&cluster, &path, None);
    all(&mut second);
    call();
    for follower in [&mut first, &mut second] {
        assert_eq!(follower.next().unwrap().1, Some(SLOTS + 1));
    }
    cluster.stop();
}

#[test]
fn one_stream_too_many_is_refused() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--gateway-streams", "1"]);
    let path = format!("process/{}/events", counter(&cluster));
    let mut first = events(&cluster, &path, None);
    assert!(first.next().is_some());
    assert_eq!(code(&get(&cluster, &path)), (503, "overloaded"));
    cluster.stop();
}

#[test]
fn events_go_on_behind_the_last_one_when_connection_and_messenger_are_cut() {
    const BEFORE: u64 = 20;
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--dev-key", "default"]);
    let counter = counter(&cluster);
    let calls = format!("process/{counter}/calls");
    let call = || assert_eq!(post(&cluster, &calls, &json!({"method": "add", "args": 1})).0, 200);
    (0..BEFORE).for_each(|_| call());
    let path = format!("process/{counter}/events");
    let before: Vec<u64> =
        events(&cluster, &path, None).take(8).map(|(_, id, _)| id.unwrap()).collect();
    assert_eq!(before, (0..8).collect::<Vec<_>>());
    Cluster::kill(&cluster.units("messenger")[0]);
    let _again = cluster.start_again("messenger", 1);
    call();
    let after = events(&cluster, &path, Some(7)).take(14).map(|(_, id, _)| id.unwrap());
    assert_eq!(after.collect::<Vec<_>>(), (8..=BEFORE + 1).collect::<Vec<_>>());
}

#[test]
fn a_gateway_of_its_own_serves_a_network_that_runs_elsewhere() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = counter(&cluster);
    let (unit, network) = (cluster.address("scheduler"), cluster.network().to_string());
    let elsewhere = directory();
    let own = elsewhere.path().to_string_lossy();
    let far = Lone::run(&["gateway", "--network", &network, "--bootstrap", &unit, "--data", &own]);
    let near =
        Lone::run(&["gateway", "--data", &data.path().to_string_lossy(), "--dev-key", "default"]);
    let named = json!({"event": "ready", "kind": "gateway", "network": network});
    for gateway in [&far, &near] {
        let ready = &gateway.ready;
        assert!(text(&ready["gateway"]).starts_with("http://127.0.0.1:"), "{ready}");
        for (key, value) in named.as_object().unwrap() {
            assert_eq!(&ready[key], value, "{ready}");
        }
        assert_eq!(ask_of(ready, "GET /healthz", ""), (200, "ok\n".to_owned()));
    }
    let call = format!("POST /api/v1/process/{counter}/calls");
    let body = json!({"method": "add", "args": {"by": 3}}).to_string();
    let called = ask_of(&near.ready, &call, &body);
    assert_eq!(called.0, 200, "{called:?}");
    assert_eq!(ask_of(&far.ready, &call, &body).0, 403, "it has no key");
    let view = format!("POST /api/v1/process/{counter}/view");
    let (status, viewed) = ask_of(&far.ready, &view, &json!({"method": "get"}).to_string());
    let viewed: Json = serde_json::from_str(&viewed).unwrap();
    assert_eq!((status, &viewed["reply"]), (200, &json!(3)), "{viewed}");
    far.stop();
    near.stop();
    cluster.stop();
    let args = ["gateway", "--gateway", "0.0.0.0:0", "--dev-key", "default"];
    run_in(data.path(), &args).failed(2, "usage");
    run_in(data.path(), &["gateway"]).failed(1, "no-cluster");
}

#[test]
fn hostile_requests_are_refused_and_harm_nobody() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let post = |host: &str, kind: &str, length: usize, body: &[u8]| {
        let head = format!(
            "POST /api/v1/messages HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut stream = connect(&cluster);
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(body);
        // What is missing never comes.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let fails = |answer: &str, status: u16, code: &str| {
        let (found, body) = read(answer);
        let body: Json = serde_json::from_str(&body).unwrap();
        assert_eq!((found, text(&body["error"]["code"])), (status, code), "{answer}");
    };
    let cbor = "application/cbor";
    fails(&post("localhost", cbor, 7 << 20, b""), 413, "too-long");
    fails(&post("localhost", cbor, 3, &[0x82, 0xff, 0x00]), 422, "malformed");
    fails(&post("localhost", "text/plain", 1, b"x"), 415, "wrong-content-type");
    fails(&post("evil.example", cbor, 1, b"x"), 421, "wrong-host");
    let half = post("localhost", cbor, 1_000, &[0; 10]);
    assert!(half.is_empty() || half.starts_with("HTTP/1.1 400"), "{half}");
    for nonsense in [&b"\x16\x03\x01\x02\x00"[..], b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0"]
    {
        let mut stream = connect(&cluster);
        let _ = stream.write_all(nonsense);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
    }
    // Some that never finish asking, and one that is served meanwhile.
    let slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = connect(&cluster);
            stream.write_all(b"POST /api/v1/messages HTTP/1.1\r\nHost: loc").unwrap();
            stream
        })
        .collect();
    assert_eq!(get(&cluster, "units").0, 200);
    drop(slow);
    cluster.stop();
}

#[test]
fn sites_and_rates_are_as_the_operator_says() {
    let data = directory();
    let app = "https://app.example";
    let cluster = Cluster::up(data.path(), &["--cors", app, "--gateway-rate", "5"]);
    let from = |origin: &str| {
        let request = format!(
            "GET /api/v1/network HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Origin: {origin}\r\n\r\n"
        );
        raw(&cluster, request.as_bytes())
    };
    let allowed = from(app).to_lowercase();
    assert!(allowed.starts_with("http/1.1 200"), "{allowed}");
    assert!(allowed.contains(&format!("access-control-allow-origin: {app}")), "{allowed}");
    assert!(from("https://evil.example").starts_with("HTTP/1.1 403"));
    let mut refused = None;
    for _ in 0..1_000 {
        let answer = from(app);
        if !answer.starts_with("HTTP/1.1 200") {
            refused = Some(answer.to_lowercase());
            break;
        }
    }
    let refused = refused.expect("a thousand requests are too many");
    assert!(refused.starts_with("http/1.1 429") && refused.contains("retry-after"), "{refused}");
    cluster.stop();
}

#[test]
fn the_way_of_a_message_through_all_units_is_logged_under_one_trace() {
    let data = directory();
    let log = data.path().join("log");
    let mut up = Command::new(ANTIPHON)
        .args(["up", "--isolated", "--json", "--data"])
        .arg(data.path())
        .env("ANTIPHON_LOG", "warn,message=debug")
        .env("ANTIPHON_LOG_FORMAT", "json")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(up.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
    let module = data.path().join("counter.wasm");
    std::fs::write(&module, example_modules::COUNTER).unwrap();
    let spawn = ["spawn", &module.to_string_lossy(), "--args", r#"{"start":0}"#];
    let process = run_in(data.path(), &spawn).done()["process"].clone();
    let sent = run_in(data.path(), &["send", text(&process), "add", "1"]).done();
    let id: EntryId = text(&sent["message"]).parse().unwrap();
    signal("-TERM", u64::from(up.id()));
    assert!(up.wait().unwrap().success());
    let lines = std::fs::read_to_string(&log).unwrap();
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let trace = TraceId::from(&id).to_string();
    let of_message: Vec<Json> = lines.filter(|line| line["trace"] == trace.as_str()).collect();
    for (word, slot) in [("taken", None), ("assigned", Some("1")), ("executed", Some("1"))] {
        let found = of_message.iter().find(|line| line["message"] == word);
        let found = found.unwrap_or_else(|| panic!("not {word}: {of_message:?}"));
        assert_eq!((&found["entry"], found["slot"].as_str()), (&sent["message"], slot), "{found}");
    }
}

#[test]
fn every_number_of_every_unit_is_a_metric() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    counter(&cluster);
    let (status, metrics) = ask(&cluster, "GET /metrics", "");
    assert_eq!(status, 200);
    let units = get(&cluster, "units").1;
    for unit in units["units"].as_array().unwrap() {
        let role = text(&unit["kind"]);
        for name in unit["counters"].as_object().unwrap().keys() {
            let base = name.split(':').next().unwrap();
            let base = ["_le_micros", "_micros", "_millis"]
                .iter()
                .find_map(|end| base.strip_suffix(end))
                .unwrap_or(base);
            let family = format!("# TYPE antiphon_{role}_{base}");
            assert!(metrics.contains(&family), "{role} counts {name}, which is no metric");
        }
    }
    let hosted = metrics.lines().find(|line| line.starts_with("antiphon_scheduler_processes{"));
    assert!(hosted.is_some_and(|line| line.ends_with(" 1")), "{hosted:?}");
    cluster.stop();
}

#[test]
fn a_timer_stands_on_the_page_of_its_process_until_it_is_cancelled() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let alarm = cluster.spawn(example_modules::ALARM, "{}");
    let page = || ask(&cluster, &format!("GET /process/{alarm}"), "").1;
    assert!(!page().contains("Timers and deadlines"), "{}", page());
    cluster.run(&["send", &alarm, "once", "3600000"]).done();
    assert!(page().contains("Timers and deadlines") && page().contains("slot 1</a>, effect 0"));
    cluster.run(&["send", &alarm, "cancel"]).done();
    assert!(!page().contains("Timers and deadlines"), "{}", page());
    cluster.stop();
}

use antiphon_client::{ClientError, Handover};
use protocol::{
    AccountId, Assignment, Control, ControlAction, Entry, EntryId, Epoch, Event, Failure,
    FailureKind, Gas, GlobalValue, Hash, ItemBody, Kind, LogLine as Logged, Message, ModuleId,
    NetworkId, OutboxItem, Outcome, PairNumber, PairPosition, Principal, ProcessId, ProfileId,
    Refusal, RefusalCode, Reply, SecretKey, Signed, Slot, State, Timestamp, UnitId, V1, Value,
    api::LogRecord,
};

use super::*;
use crate::replay::Difference;

fn json(object: &impl Serialize) -> String {
    serde_json::to_string(object).unwrap()
}

fn process() -> ProcessId {
    ProcessId::from_bytes([1; 32])
}

fn entry() -> EntryId {
    EntryId::from_bytes([2; 32])
}

fn outcome(reply: Reply) -> Outcome {
    let args = Value::Map(vec![(Value::Text("by".to_owned()), Value::Integer(3))]);
    Outcome {
        version: V1,
        process: process(),
        slot: Slot::new(7),
        entry: entry(),
        reply,
        gas: Gas::new(12),
        logs: vec![Logged { level: 2, text: "hello".to_owned() }],
        events: Vec::new(),
        outbox: vec![OutboxItem {
            index: 0,
            target: process(),
            pair: Some(PairPosition { number: PairNumber::ZERO, previous: None }),
            body: ItemBody::Tell { method: "add".to_owned(), args: args.encode().unwrap() },
            hint: None,
        }],
    }
}

fn value(value: &Value) -> Reply {
    Reply::Value(value.encode().unwrap())
}

fn failure() -> Reply {
    Reply::Failure(Failure {
        kind: FailureKind::Actor,
        code: "too-much".to_owned(),
        detail: "no more".to_owned(),
    })
}

#[test]
fn a_sent_message_has_its_shape() {
    let sent = Sent::of(entry(), &outcome(value(&Value::Integer(3))));
    let id = entry();
    assert_eq!(json(&sent), format!(r#"{{"message":"{id}","slot":7,"reply":3,"gas":12}}"#));
    let sent = Sent::of(entry(), &outcome(value(&Value::Null)));
    assert_eq!(json(&sent), format!(r#"{{"message":"{id}","slot":7,"reply":null,"gas":12}}"#));
    let sent = Sent::of(entry(), &outcome(failure()));
    let error = r#"{"code":"too-much","detail":"no more"}"#;
    assert_eq!(json(&sent), format!(r#"{{"message":"{id}","slot":7,"error":{error}}}"#));
}

#[test]
fn an_outcome_has_reply_or_error_then_gas_logs_outbox() {
    let target = process();
    let rest = format!(
        r#""gas":12,"logs":[{{"level":"info","text":"hello"}}],"outbox":[{{"index":0,"kind":"tell","target":"{target}","method":"add","args":{{"by":3}}}}]}}"#
    );
    let shape = OutcomeShape::of(&outcome(value(&Value::Bool(true))));
    assert_eq!(json(&shape), format!(r#"{{"reply":true,{rest}"#));
    let shape = OutcomeShape::of(&outcome(failure()));
    let error = r#""error":{"code":"too-much","detail":"no more"}"#;
    assert_eq!(json(&shape), format!("{{{error},{rest}"));
    let mut eventful = outcome(value(&Value::Bool(true)));
    let data = Value::Integer(4).encode().unwrap();
    eventful.events.push(Event { name: "added".to_owned(), data });
    let (shape, rest) = (OutcomeShape::of(&eventful), rest.strip_suffix('}').unwrap());
    let events = r#""events":[{"name":"added","data":4}]"#;
    assert_eq!(json(&shape), format!(r#"{{"reply":true,{rest},{events}}}"#));
    assert_eq!(shape.events[0].to_string(), "event added 4");
}

#[test]
fn a_log_line_has_its_shape_before_and_after_execution() {
    let key = SecretKey::from_seed(&[3; 32]);
    let account: AccountId = key.public().account();
    let message = Message {
        version: V1,
        kind: Kind,
        network: NetworkId::from_bytes([0; 32]),
        sender: Principal::Account(account),
        target: process(),
        method: "get".to_owned(),
        args: vec![0xa0],
        nonce: 0,
        expiry: Timestamp::ZERO,
        tags: Vec::new(),
        reply_to: None,
        credit: None,
        trace_parent: None,
        evidence: None,
    };
    let entry = Entry::Message(Signed::sign(message, &key));
    let id = entry.id();
    let assignment = Assignment {
        process: process(),
        epoch: Epoch::ZERO,
        slot: Slot::new(7),
        time: Timestamp::new(99),
        entry: id,
        chain: Hash::ZERO,
    };
    let record = LogRecord { assignment, entry };
    let start = format!(
        r#"{{"slot":7,"time":99,"message":"{id}","from":"{account}","method":"get","args":{{}},"outcome":"#
    );
    assert_eq!(json(&LogLine::of(&record, None)), format!("{start}null}}"));
    let mut executed = outcome(value(&Value::Integer(1)));
    executed.logs.clear();
    executed.outbox.clear();
    let line = json(&LogLine::of(&record, Some(&executed)));
    assert_eq!(line, format!(r#"{start}{{"reply":1,"gas":12,"logs":[],"outbox":[]}}}}"#));
}

#[test]
fn what_a_controller_orders_has_its_shape() {
    let (one, other) = (UnitId::from_bytes([4; 32]), UnitId::from_bytes([5; 32]));
    let (epoch, slot) = (Epoch::new(1), Slot::new(9));
    let shape = HandoverShape::of(process(), Handover { from: one, to: other, epoch, slot });
    let id = process();
    let end = r#""epoch":1,"slot":9}"#;
    let expected = format!(r#"{{"process":"{id}","from":"{one}","to":"{other}",{end}"#);
    assert_eq!(json(&shape), expected);
    let time = Timestamp::ZERO;
    let ordered = Assignment { process: id, epoch, slot, time, entry: entry(), chain: Hash::ZERO };
    let start = format!(r#"{{"process":"{id}","message":"{}","slot":9,"epoch":"#, entry());
    assert_eq!(json(&ControlShape::of(&ordered, false)), format!("{start}1}}"));
    assert_eq!(json(&ControlShape::of(&ordered, true)), format!("{start}2}}"));
}

#[test]
fn a_control_in_a_log_shows_what_was_ordered_and_its_epoch() {
    let key = SecretKey::from_seed(&[3; 32]);
    let account = key.public().account();
    let scheduler = UnitId::from_bytes([4; 32]);
    let control = Control {
        version: V1,
        kind: Kind,
        network: NetworkId::from_bytes([0; 32]),
        sender: Principal::Account(account),
        target: process(),
        nonce: 0,
        expiry: Timestamp::ZERO,
        action: ControlAction::Move(scheduler),
    };
    let entry = Entry::Control(Signed::sign(control, &key));
    let id = entry.id();
    let (epoch, slot, time) = (Epoch::new(2), Slot::new(7), Timestamp::new(99));
    let assignment =
        Assignment { process: process(), epoch, slot, time, entry: id, chain: Hash::ZERO };
    let line = json(&LogLine::of(&LogRecord { assignment, entry }, None));
    let args = format!(r#"{{"scheduler":"{scheduler}"}}"#);
    let start = format!(r#"{{"slot":7,"time":99,"message":"{id}","from":"{account}","#);
    let end = format!(r#""method":"move","args":{args},"outcome":null,"epoch":2}}"#);
    assert_eq!(line, format!("{start}{end}"));
}

#[test]
fn a_check_has_its_shape_and_adds_what_it_found() {
    let process = process();
    let shape = AuditShape {
        process,
        slots: 3,
        ok: true,
        state_root: Some("ab".to_owned()),
        first_difference: None,
        executed: 2,
        epochs: None,
        fault: None,
    };
    let start = format!(r#"{{"process":"{process}","slots":3,"ok":"#);
    let end = r#"true,"state_root":"ab","first_difference":null,"executed":2}"#;
    assert_eq!(json(&shape), format!("{start}{end}"));
    let difference = Difference::at(Slot::new(3), "it is another one");
    let first_difference = Some(DifferenceShape::from(&difference));
    let (state_root, fault) = (None, Some("f".to_owned()));
    let shape = AuditShape { ok: false, state_root, first_difference, fault, ..shape };
    let found = r#"{"slot":3,"what":"it is another one"}"#;
    let end =
        format!(r#"false,"state_root":null,"first_difference":{found},"executed":2,"fault":"f"}}"#);
    assert_eq!(json(&shape), format!("{start}{end}"));
}

#[test]
fn globals_show_integers_as_values_and_everything_else_as_bits() {
    let state = State {
        memory: Hash::ZERO,
        globals: vec![
            GlobalValue::I32(-2),
            GlobalValue::I64(i64::MIN),
            GlobalValue::F32(0x7fc0_0001),
            GlobalValue::F64(1),
            GlobalValue::V128(1),
        ],
        host_table: Hash::ZERO,
        profile: ProfileId::from_bytes([0; 32]),
        module: ModuleId::of(b""),
    };
    let shown = json(&StateShape::globals(&state));
    let expected = [
        r#"{"type":"i32","value":-2}"#,
        r#"{"type":"i64","value":"-9223372036854775808"}"#,
        r#"{"bits":"7fc00001","type":"f32"}"#,
        r#"{"bits":"0000000000000001","type":"f64"}"#,
        r#"{"bits":"01000000000000000000000000000000","type":"v128"}"#,
    ];
    assert_eq!(shown, format!("[{}]", expected.join(",")));
}

#[test]
fn a_failure_prints_code_number_and_detail() {
    let refusal = Refusal::new(RefusalCode::Expired, "sign it again");
    let error = NodeError::Client(refusal.into());
    let expected = r#"{"error":{"code":"expired","number":5,"detail":"sign it again"}}"#;
    assert_eq!(json(&ErrorShape::of(&error)), expected);
    assert_eq!(error.exit_code(), 3);
}

#[test]
fn exit_codes_follow_the_contract() {
    let failure = Failure::of(FailureKind::Trapped);
    let cases = [
        (NodeError::NoCluster("x".into()), 1),
        (NodeError::Client(ClientError::NoAnswerYet { message: entry(), reason: None }), 1),
        (NodeError::usage("what"), 2),
        (NodeError::Client(ClientError::Actor(failure)), 4),
        (NodeError::Client(ClientError::Unverified { what: String::new() }), 5),
        (NodeError::Client(ClientError::Broken { slot: Slot::ZERO, what: "" }), 5),
        (NodeError::Verification(String::new()), 5),
        (NodeError::Disproven(String::new()), 5),
    ];
    for (error, code) in cases {
        assert_eq!(error.exit_code(), code, "{error:?}");
    }
}

#[test]
fn a_message_without_answer_yet_is_named_beside_its_error() {
    let error = NodeError::Client(ClientError::NoAnswerYet { message: entry(), reason: None });
    let shown = json(&ErrorShape::of(&error));
    let start =
        format!(r#"{{"message":"{}","error":{{"code":"no-answer-yet","number":100,"#, entry());
    assert!(shown.starts_with(&start), "{shown}");
}

#[test]
fn times_and_counts_read_well() {
    let now = Timestamp::new(1_000_000_000);
    let shown = |seconds: u64| ago(now, now.get() - seconds * 1_000);
    assert_eq!(
        [0, 119, 120, 7_200, 172_800].map(shown),
        ["0 s", "119 s", "2 min", "2 h", "2 days"]
    );
    assert_eq!(ago(Timestamp::ZERO, 5), "0 s", "clocks differ");
    assert_eq!(count(1, "process"), "1 process");
    assert_eq!(count(0, "process"), "0 processes");
    assert_eq!(count(2, "reply"), "2 replies");
    assert_eq!(count(2, "slot"), "2 slots");
}

#[test]
fn tables_align_their_columns() {
    let rows = [["a", "bcd"], ["efg", "h"]].map(|row| row.map(str::to_owned).to_vec());
    assert_eq!(table(&rows), "a    bcd\nefg  h");
}

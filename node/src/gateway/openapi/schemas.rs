//! The schemas of what the API takes and gives, written as shapes.
//!
//! A shape is a list of `field: type`, of which those with `field?` may be left out; an object has no
//! others. A type is `any`, `text`, `count`, `bool`, the prefix of an identifier, the name of another
//! schema, words as `this|that`, a list as `[type]`, or null as well with `type?`.

use serde_json::{Map, Value, json};

use super::{id, number, reference};

/// The prefixes of identifiers.
const IDS: [&str; 6] = ["proc", "msg", "unit", "oper", "net", "mod"];

const SHAPES: &[(&str, &str)] = &[
    ("Failure", "error: Error"),
    ("Error", "code: text, number: count, detail: text"),
    ("ActorError", "code: text, detail: text"),
    ("Network", "network: net, software: text, account: text?, time: count"),
    (
        "Unit",
        "unit: unit, kind: scheduler|messenger|compute, operator: oper, addresses: [text], \
         reachable: bool, software?: text, started?: count, counters?: Counters",
    ),
    ("Units", "units: [Unit]"),
    (
        "Pair",
        "source: proc, target: proc, number: count, slot: count?, waiting: count, \
         state: moving|retrying|blocked, reason: text?, retry_in: count?, messenger: unit",
    ),
    ("Waiting", "pairs: [Pair], total: count, timers: count, missing: [unit]"),
    (
        "ProcessRow",
        "process: proc, name: text, module: mod, controller: text, scheduler: unit, slots: count, \
         time: count",
    ),
    ("Processes", "processes: [ProcessRow], offset: count, total: count, missing: [unit]"),
    ("Tag", "name: text, value: text"),
    ("Policy", "units: [unit], quorum: count, version: count"),
    (
        "Limits",
        "gas: count, memory_pages: count, outbox_items: count, outbox_bytes: count, \
         message_bytes: count, reply_bytes: count, open_asks: count, timers: count, \
         pending: count, children: count?",
    ),
    ("Head", "slot: count, chain: text, time: count"),
    (
        "Process",
        "process: proc, name: text, sender: text, controller: text, module: mod, profile: text, \
         args: any, tags: [Tag], scheduler: unit, epoch: count, policy: Policy, limits: Limits, \
         changes: [msg], head: Head",
    ),
    (
        "State",
        "process: proc, slot: count, chain: text, state_root: text?, unit: unit, checkpoint: bool",
    ),
    (
        "Schema",
        "name: text, docs: text, state_version: count, methods: [Method], events: [EventType]",
    ),
    (
        "Method",
        "name: text, docs: text, kind: init|view|message, returns: Type, params: [Param], \
         errors: [ErrorType]",
    ),
    ("Param", "name: text, type: Type"),
    ("ErrorType", "code: text, docs: text"),
    ("EventType", "name: text, docs: text, fields: [Field]"),
    ("Field", "name: text, type: Type, optional: bool"),
    ("LogLine", "level: text, text: text"),
    ("Item", "index: count, kind: text, target: proc, method?: text, args: any"),
    ("Emitted", "name: text, data: any"),
    (
        "Effect",
        "reply?: any, error?: ActorError, gas: count, logs: [LogLine], outbox: [Item], \
         events?: [Emitted]",
    ),
    (
        "Slot",
        "slot: count, time: count, message: msg, kind: text, from: text, method: text?, args: any, \
         outcome: Effect?",
    ),
    ("Log", "slots: [Slot], next: count, outcomes_known: bool"),
    ("Outcome", "process: proc, slot: count, message: msg, unit: unit, outcome: Effect"),
    ("Outcomes", "outcomes: [Outcome], next: count"),
    ("Origin", "process: proc, slot: count, index: count, message: msg?"),
    ("Caused", "kind: text, target: proc, method: text?, args: any, message: msg?, slot: count?"),
    ("Receipt", "unit: unit, verified: bool"),
    (
        "Message",
        "message: msg, process: proc, slot: count, time: count, epoch: count, chain: text, \
         kind: text, from: text, method: text?, args: any, assignment_verified: bool, \
         receipt: Receipt?, outcome: Effect?, signed: text?, origin: Origin?, caused_from: count, \
         caused: [Caused]",
    ),
    ("SignedMessage", "message: Base64"),
    ("Call", "method: MethodName, args?: Args"),
    ("View", "method: MethodName, args?: Args, at_least?: count?"),
    ("Viewed", "reply: any, slot: count"),
    (
        "Replied",
        "process: proc, message: msg, slot: count, reply?: any, gas?: count, error?: ActorError",
    ),
    ("UnderWay", "process: proc, message: msg, slot: count?, state: sent|assigned|executed"),
    ("NewsEvent", "event: outcome|missed, data: EventData"),
    ("OutcomeEvent", "event: outcome|cut, data: EventData, id?: EventId"),
    ("MessageEvent", "event: assigned|outcome|reply, data: EventData, id?: EventId"),
];

/// All schemas, by name.
pub(super) fn all() -> Value {
    let shapes = SHAPES.iter().map(|(name, shape)| ((*name).to_owned(), object(shape)));
    let others = others().into_iter().map(|(name, schema)| (name.to_owned(), schema));
    Value::Object(shapes.chain(others).collect())
}

/// What is no object with fields that are known.
fn others() -> [(&'static str, Value); 10] {
    let signed = "A signed message in the encoding of docs/protocol.md.";
    let args = "An object from parameter name to value, or a lone value for a lone parameter.";
    let kinds = "null|bool|integer|float|text|bytes|option|list|map|id|named|record|choice|tuple";
    [
        ("Any", json!({})),
        ("Text", ty("text")),
        ("Args", json!({ "description": args })),
        ("Bytes", json!({ "type": "string", "format": "binary", "description": signed })),
        (
            "Base64",
            json!({
                "type": "string", "format": "antiphon-signed", "contentEncoding": "base64",
                "description": signed,
            }),
        ),
        (
            "MethodName",
            json!({
                "type": "string", "minLength": 1, "maxLength": protocol::Message::METHOD_MAX,
            }),
        ),
        ("Counters", json!({ "type": "object", "additionalProperties": ty("count") })),
        (
            "Type",
            json!({
                "type": "object", "required": ["kind"], "properties": { "kind": ty(kinds) },
                "description": "What kind of type it is, and whatever else makes it that type.",
            }),
        ),
        ("EventData", json!({ "type": "string", "contentMediaType": "application/json" })),
        ("EventId", json!({ "type": "string", "pattern": "^[0-9]+$" })),
    ]
}

fn object(shape: &str) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, of) in shape.split(", ").filter_map(|field| field.split_once(": ")) {
        let (name, optional) = name.strip_suffix('?').map_or((name, false), |name| (name, true));
        properties.insert(name.to_owned(), ty(of));
        if !optional {
            required.push(name);
        }
    }
    json!({
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": false,
    })
}

fn ty(of: &str) -> Value {
    if let Some(of) = of.strip_suffix('?') {
        return json!({ "anyOf": [ty(of), { "type": "null" }] });
    }
    if let Some(item) = of.strip_prefix('[').and_then(|of| of.strip_suffix(']')) {
        return json!({ "type": "array", "items": ty(item) });
    }
    match of {
        "any" => json!({}),
        "text" => json!({ "type": "string" }),
        "bool" => json!({ "type": "boolean" }),
        "count" => number(0, u64::MAX),
        words if words.contains('|') => {
            json!({ "type": "string", "enum": words.split('|').collect::<Vec<_>>() })
        }
        prefix if IDS.contains(&prefix) => id(prefix),
        name => reference(name),
    }
}

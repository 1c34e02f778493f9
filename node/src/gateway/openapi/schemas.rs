//! The schemas of what the API takes and gives.

use serde_json::{Map, Value, json};

use super::{id, number, reference};

/// All schemas, by name.
pub(super) fn all() -> Value {
    let groups = [of_failures(), of_units(), of_processes(), of_logs(), of_messages(), of_events()];
    let schemas = groups.into_iter().flatten().map(|(name, schema)| (name.to_owned(), schema));
    Value::Object(schemas.collect())
}

type Group = Vec<(&'static str, Value)>;

fn of_failures() -> Group {
    vec![
        ("Any", json!({})),
        (
            "Bytes",
            json!({
                "type": "string", "format": "binary",
                "description": "A signed message in the encoding of docs/protocol.md.",
            }),
        ),
        (
            "Failure",
            object(
                &[(
                    "error",
                    object(
                        &[("code", text()), ("number", number(0, 999)), ("detail", text())],
                        &[],
                    ),
                )],
                &[],
            ),
        ),
        ("ActorError", object(&[("code", text()), ("detail", text())], &[])),
    ]
}

fn of_units() -> Group {
    let counters = json!({ "type": "object", "additionalProperties": count() });
    vec![
        (
            "Network",
            object(
                &[
                    ("network", id("net")),
                    ("software", text()),
                    ("account", maybe(text())),
                    ("time", count()),
                ],
                &[],
            ),
        ),
        (
            "Unit",
            object(
                &[
                    ("unit", id("unit")),
                    ("kind", word(&["scheduler", "messenger", "compute"])),
                    ("operator", id("oper")),
                    ("addresses", list(text())),
                    ("reachable", boolean()),
                ],
                &[("software", text()), ("started", count()), ("counters", counters)],
            ),
        ),
        ("Units", object(&[("units", list(reference("Unit")))], &[])),
        (
            "Pair",
            object(
                &[
                    ("source", id("proc")),
                    ("target", id("proc")),
                    ("number", count()),
                    ("slot", maybe(count())),
                    ("waiting", count()),
                    ("state", word(&["moving", "retrying", "blocked"])),
                    ("reason", maybe(text())),
                    ("retry_in", maybe(count())),
                    ("messenger", id("unit")),
                ],
                &[],
            ),
        ),
        (
            "Waiting",
            object(
                &[
                    ("pairs", list(reference("Pair"))),
                    ("total", count()),
                    ("timers", count()),
                    ("missing", list(id("unit"))),
                ],
                &[],
            ),
        ),
    ]
}

fn of_processes() -> Group {
    let tag = object(&[("name", text()), ("value", text())], &[]);
    let policy =
        object(&[("units", list(id("unit"))), ("quorum", count()), ("version", count())], &[]);
    let limits = object(
        &[
            ("gas", count()),
            ("memory_pages", count()),
            ("outbox_items", count()),
            ("outbox_bytes", count()),
            ("message_bytes", count()),
            ("reply_bytes", count()),
            ("open_asks", count()),
            ("timers", count()),
            ("pending", count()),
            ("children", maybe(count())),
        ],
        &[],
    );
    let head = object(&[("slot", count()), ("chain", text()), ("time", count())], &[]);
    let row = object(
        &[
            ("process", id("proc")),
            ("name", text()),
            ("module", id("mod")),
            ("controller", text()),
            ("scheduler", id("unit")),
            ("slots", count()),
            ("time", count()),
        ],
        &[],
    );
    vec![
        (
            "Processes",
            object(
                &[
                    ("processes", list(row)),
                    ("offset", count()),
                    ("total", count()),
                    ("missing", list(id("unit"))),
                ],
                &[],
            ),
        ),
        (
            "Process",
            object(
                &[
                    ("process", id("proc")),
                    ("name", text()),
                    ("sender", text()),
                    ("controller", text()),
                    ("module", id("mod")),
                    ("profile", text()),
                    ("args", json!({})),
                    ("tags", list(tag)),
                    ("scheduler", id("unit")),
                    ("epoch", count()),
                    ("policy", policy),
                    ("limits", limits),
                    ("changes", list(id("msg"))),
                    ("head", head),
                ],
                &[],
            ),
        ),
        (
            "State",
            object(
                &[
                    ("process", id("proc")),
                    ("slot", count()),
                    ("chain", text()),
                    ("state_root", maybe(text())),
                    ("unit", id("unit")),
                    ("checkpoint", boolean()),
                ],
                &[],
            ),
        ),
        ("Schema", schema()),
        (
            "Type",
            json!({
                "type": "object", "required": ["kind"],
                "properties": { "kind": word(&[
                    "null", "bool", "integer", "float", "text", "bytes", "option", "list", "map", "id",
                    "named", "record", "choice", "tuple",
                ]) },
            }),
        ),
    ]
}

fn schema() -> Value {
    let named = |more: &[(&'static str, Value)]| {
        let mut fields = vec![("name", text()), ("docs", text())];
        fields.extend_from_slice(more);
        object(&fields, &[])
    };
    let ty = || reference("Type");
    let param = object(&[("name", text()), ("type", ty())], &[]);
    let error = object(&[("code", text()), ("docs", text())], &[]);
    let field = object(&[("name", text()), ("type", ty()), ("optional", boolean())], &[]);
    let method = named(&[
        ("kind", word(&["init", "view", "message"])),
        ("returns", ty()),
        ("params", list(param)),
        ("errors", list(error)),
    ]);
    let event = named(&[("fields", list(field))]);
    named(&[("state_version", count()), ("methods", list(method)), ("events", list(event))])
}

fn of_logs() -> Group {
    let line = object(&[("level", text()), ("text", text())], &[]);
    let item = object(
        &[("index", count()), ("kind", text()), ("target", id("proc")), ("args", json!({}))],
        &[("method", text())],
    );
    let event = object(&[("name", text()), ("data", json!({}))], &[]);
    let outcome = object(
        &[("gas", count()), ("logs", list(line)), ("outbox", list(item))],
        &[("reply", json!({})), ("error", reference("ActorError")), ("events", list(event))],
    );
    let slot = object(
        &[
            ("slot", count()),
            ("time", count()),
            ("message", id("msg")),
            ("kind", text()),
            ("from", text()),
            ("method", maybe(text())),
            ("args", json!({})),
            ("outcome", maybe(reference("Effect"))),
        ],
        &[],
    );
    vec![
        ("Effect", outcome),
        (
            "Log",
            object(&[("slots", list(slot)), ("next", count()), ("outcomes_known", boolean())], &[]),
        ),
        (
            "Outcome",
            object(
                &[
                    ("process", id("proc")),
                    ("slot", count()),
                    ("message", id("msg")),
                    ("unit", id("unit")),
                    ("outcome", reference("Effect")),
                ],
                &[],
            ),
        ),
        ("Outcomes", object(&[("outcomes", list(reference("Outcome"))), ("next", count())], &[])),
    ]
}

fn of_messages() -> Group {
    let origin = object(
        &[
            ("process", id("proc")),
            ("slot", count()),
            ("index", count()),
            ("message", maybe(id("msg"))),
        ],
        &[],
    );
    let caused = object(
        &[
            ("kind", text()),
            ("target", id("proc")),
            ("method", maybe(text())),
            ("args", json!({})),
            ("message", maybe(id("msg"))),
            ("slot", maybe(count())),
        ],
        &[],
    );
    let receipt = object(&[("unit", id("unit")), ("verified", boolean())], &[]);
    let call = [("method", method())];
    let args = (
        "args",
        json!({
            "description": "An object from parameter name to value, or a lone value for a lone parameter.",
        }),
    );
    vec![
        (
            "Message",
            object(
                &[
                    ("message", id("msg")),
                    ("process", id("proc")),
                    ("slot", count()),
                    ("time", count()),
                    ("epoch", count()),
                    ("chain", text()),
                    ("kind", text()),
                    ("from", text()),
                    ("method", maybe(text())),
                    ("args", json!({})),
                    ("assignment_verified", boolean()),
                    ("receipt", maybe(receipt)),
                    ("outcome", maybe(reference("Effect"))),
                    ("origin", maybe(origin)),
                    ("caused_from", count()),
                    ("caused", list(caused)),
                ],
                &[],
            ),
        ),
        (
            "SignedMessage",
            object(
                &[(
                    "message",
                    json!({
                        "type": "string", "contentEncoding": "base64",
                        "description": "A signed message in the encoding of docs/protocol.md.",
                    }),
                )],
                &[],
            ),
        ),
        ("Call", object(&call, std::slice::from_ref(&args))),
        (
            "View",
            object(
                &call,
                &[
                    args,
                    (
                        "at_least",
                        json!({
                            "anyOf": [number(0, u64::MAX), { "type": "null" }],
                            "description": "The slot that must be executed; the last that is acknowledged if left out.",
                        }),
                    ),
                ],
            ),
        ),
        ("Viewed", object(&[("reply", json!({})), ("slot", count())], &[])),
        (
            "Replied",
            object(
                &[("process", id("proc")), ("message", id("msg")), ("slot", count())],
                &[("reply", json!({})), ("gas", count()), ("error", reference("ActorError"))],
            ),
        ),
        (
            "UnderWay",
            object(
                &[
                    ("process", id("proc")),
                    ("message", id("msg")),
                    ("slot", maybe(count())),
                    ("state", word(&["sent", "assigned", "executed"])),
                ],
                &[],
            ),
        ),
    ]
}

fn of_events() -> Group {
    let event = |words: &[&str]| {
        let data = json!({ "type": "string", "contentMediaType": "application/json" });
        object(
            &[("event", word(words)), ("data", data)],
            &[("id", json!({ "type": "string", "pattern": "^[0-9]+$" }))],
        )
    };
    vec![
        ("NewsEvent", event(&["outcome", "missed"])),
        ("OutcomeEvent", event(&["outcome", "cut"])),
        ("MessageEvent", event(&["assigned", "outcome", "reply"])),
    ]
}

/// An object with these fields, of which the second may be left out, and no others.
fn object(fields: &[(&'static str, Value)], optional: &[(&'static str, Value)]) -> Value {
    let required: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let all = fields.iter().chain(optional);
    let properties: Map<String, Value> =
        all.map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": false,
    })
}

fn list(of: Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn maybe(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

fn word(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn method() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": protocol::Message::METHOD_MAX })
}

fn boolean() -> Value {
    json!({ "type": "boolean" })
}

fn count() -> Value {
    number(0, u64::MAX)
}

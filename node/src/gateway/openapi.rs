//! The description of the API for programs, OpenAPI 3.1, made of the table of its operations.

mod page;
mod schemas;

use axum::Json;
use serde_json::{Map, Value, json};

pub(super) use page::page;

use super::api::{Operation, Parameter, Takes, operations};

/// The statuses that any request can fail with.
const ANY: &[u16] = &[403, 421, 429, 503, 504];

/// `/api/v1/openapi.json`
pub(super) async fn description() -> Json<Value> {
    Json(document())
}

/// The whole description.
pub(super) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(operation.method.to_owned(), described(&operation));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Antiphon gateway", "version": env!("CARGO_PKG_VERSION"),
            "description": "Processes, their logs and their messages over HTTP. A message takes \
                            effect once, whoever submits it how often. Numbers of errors are those of \
                            docs/errors.md.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "responses": {
                "Failed": {
                    "description": "The request was not done.",
                    "content": { "application/json": { "schema": reference("Failure") } },
                },
                "Later": {
                    "description": "Not now: try again.",
                    "headers": { "Retry-After": {
                        "description": "In how many seconds.", "required": true,
                        "schema": { "type": "integer", "minimum": 0 },
                    } },
                    "content": { "application/json": { "schema": reference("Failure") } },
                },
            },
        },
    })
}

fn described(operation: &Operation) -> Value {
    let mut parameters: Vec<Value> = operation.path_parameters().map(in_path).collect();
    parameters.extend(operation.parameters.iter().map(parameter));
    let mut answers: Map<String, Value> = operation
        .answers
        .iter()
        .map(|content| {
            if content.schema.is_empty() {
                return (content.status.to_string(), json!({ "description": content.says }));
            }
            let schema = reference(content.schema);
            (
                content.status.to_string(),
                json!({
                    "description": content.says, "content": { content.media: { "schema": schema } },
                }),
            )
        })
        .collect();
    let unreadable: &[u16] =
        if parameters.is_empty() && operation.body.is_empty() { &[] } else { &[400] };
    for status in unreadable.iter().chain(operation.fails).chain(ANY) {
        let answer = if matches!(status, 429 | 503) { "Later" } else { "Failed" };
        let answer = json!({ "$ref": format!("#/components/responses/{answer}") });
        answers.insert(status.to_string(), answer);
    }
    let mut described = json!({
        "operationId": operation.id, "summary": operation.says, "parameters": parameters,
        "responses": answers,
    });
    if let Value::Object(described) = &mut described
        && !operation.body.is_empty()
    {
        let content: Map<String, Value> = operation
            .body
            .iter()
            .map(|(media, schema)| ((*media).to_owned(), json!({ "schema": reference(schema) })))
            .collect();
        described.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    described
}

fn in_path(name: &str) -> Value {
    let (says, schema) = match name {
        "process" => ("The process.", id("proc")),
        "message" => ("The message.", id("msg")),
        "unit" => ("The unit.", id("unit")),
        _ => ("The slot.", number(0, u64::MAX)),
    };
    json!({ "name": name, "in": "path", "required": true, "description": says, "schema": schema })
}

fn parameter(parameter: &Parameter) -> Value {
    let Parameter { name, place, says, takes } = *parameter;
    let mut schema = match takes {
        Takes::Number(least, most, _) => number(least, most),
        Takes::Id(prefix) => id(prefix),
    };
    if let (Value::Object(schema), Takes::Number(_, _, Some(usual))) = (&mut schema, takes) {
        schema.insert("default".to_owned(), usual.into());
    }
    json!({ "name": name, "in": place, "required": false, "description": says, "schema": schema })
}

fn number(least: u64, most: u64) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

/// An identifier. Its checksum is more than a pattern can tell.
fn id(prefix: &str) -> Value {
    let says = format!("`{prefix}1`, and 58 letters of Bech32m.");
    json!({ "type": "string", "format": format!("antiphon-{prefix}"), "description": says })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

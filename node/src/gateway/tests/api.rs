//! The API of a network without units: every failure has one shape and the right status.

use axum::http::{Method, Request, header::CONTENT_TYPE};
use data_encoding::BASE64;
use protocol::{Body as _, Kind, Message, Principal, Signed, Timestamp, V1, codec};
use serde_json::{Value, json};

use super::*;
use crate::gateway::openapi::document;

/// The status of an answer, and what the number of its error is.
async fn fails(site: &Router, request: Request<Body>) -> (u16, u16) {
    let response = site.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let error = &body["error"];
    assert!(error["code"].is_string() && error["detail"].is_string(), "{body}");
    (status, error["number"].as_u64().unwrap().try_into().unwrap())
}

fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(HOST, "localhost")
}

fn post(path: &str, kind: &str, body: impl Into<Body>) -> Request<Body> {
    request("POST", path).header(CONTENT_TYPE, kind).body(body.into()).unwrap()
}

fn process() -> ProcessId {
    ProcessId::from_bytes([1; 32])
}

fn message(network: NetworkId) -> Vec<u8> {
    let key = SecretKey::from_seed(&[1; 32]);
    let message = Message {
        version: V1,
        kind: Kind,
        network,
        sender: Principal::Account(key.public().account()),
        target: process(),
        method: "add".to_owned(),
        args: vec![0xa0],
        nonce: 1,
        expiry: Timestamp::new(1),
        tags: Vec::new(),
        reply_to: None,
        credit: None,
        trace_parent: None,
        evidence: None,
    };
    message.check().unwrap();
    codec::encode(&Signed::sign(message, &key))
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_taken_are_json() {
    let site = site().await;
    for path in ["/api/v1", "/api/v1/", "/api/v1/nowhere", "/api/v2/units", "/api/units"] {
        let request = request("GET", path).body(Body::empty()).unwrap();
        assert_eq!(fails(&site, request).await, (404, 404), "{path}");
    }
    for (method, path, allowed) in [
        ("POST", "/api/v1/units", "GET,HEAD"),
        ("GET", "/api/v1/messages", "POST"),
        ("TRACE", "/api/v1/messages", "POST"),
        ("OPTIONS", "/api/v1/units", "GET,HEAD"),
    ] {
        let request = || request(method, path).body(Body::empty()).unwrap();
        assert_eq!(fails(&site, request()).await, (405, 405), "{method} {path}");
        let response = site.clone().oneshot(request()).await.unwrap();
        assert_eq!(response.headers()["allow"], allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_signed_message_is_refused_with_the_reason() {
    let site = site().await;
    let to = "/api/v1/messages";
    let whole = message(NETWORK);
    let cut = whole[..whole.len() - 1].to_vec();
    let with_more = [whole.as_slice(), &[0]].concat();
    for bytes in [vec![], vec![0xff; 100], cut, with_more, vec![0x9b; 9]] {
        let in_json = json!({ "message": BASE64.encode(&bytes) }).to_string();
        assert_eq!(fails(&site, post(to, "application/cbor", bytes)).await, (422, 1));
        assert_eq!(fails(&site, post(to, "application/json", in_json)).await, (422, 1));
    }
    let other = message(NetworkId::from_bytes([8; 32]));
    assert_eq!(fails(&site, post(to, "application/cbor", other)).await, (422, 2));
    for body in [
        json!({ "message": "%" }),
        json!({ "message": 1 }),
        json!({}),
        json!([]),
        json!({ "message": "", "x": 1 }),
    ] {
        let refused = fails(&site, post(to, "application/json", body.to_string())).await;
        assert_eq!(refused, (422, 422), "{body}");
    }
    assert_eq!(fails(&site, post(to, "application/json", "{")).await, (400, 460));
    assert_eq!(fails(&site, post(to, "text/plain", "x")).await, (415, 415));
    let long = vec![0; (6 << 20) + 1];
    assert_eq!(fails(&site, post(to, "application/cbor", long)).await, (413, 413));
    let nobody = fails(&site, post(to, "application/cbor", whole)).await;
    assert_eq!(nobody, (502, 30), "there is no unit to hand it to");
}

#[tokio::test]
async fn without_a_key_nothing_is_signed() {
    let path = format!("/api/v1/process/{}/calls", process());
    let call = || post(&path, "application/json", json!({ "method": "add" }).to_string());
    assert_eq!(fails(&site().await, call()).await, (403, 463));
    let key = SecretKey::from_seed(&[7; 32]);
    let account = key.public().account().to_string();
    let holds = site_with(client_with(Some(key)).await, &Serving::default());
    assert_eq!(fails(&holds, call()).await, (502, 30), "it would sign, if there were units");
    let says = |text: String| serde_json::from_str::<Value>(&text).unwrap()["account"].clone();
    assert_eq!(says(get(&holds, "/api/v1/network").await.1), account);
    assert!(says(get(&site().await, "/api/v1/network").await.1).is_null());
}

#[tokio::test]
async fn parameters_outside_of_their_limits_are_refused() {
    let site = site().await;
    let of_process = format!("/api/v1/process/{}", process());
    let paths = [
        "/api/v1/unit/x".to_owned(),
        "/api/v1/processes?limit=0".to_owned(),
        "/api/v1/processes?limit=501".to_owned(),
        "/api/v1/processes?limits=1".to_owned(),
        "/api/v1/outbox?process=".to_owned(),
        format!("{of_process}/log?from=-1"),
        format!("{of_process}/log?from=18446744073709551616"),
        format!("{of_process}/outcome/x"),
        format!("{of_process}/outcome/1?wait=60001"),
        format!("{of_process}/state?slot=1.5"),
        format!("/api/v1/message/{}/reply", process()),
    ];
    for path in paths {
        let request = request("GET", &path).body(Body::empty()).unwrap();
        assert_eq!(fails(&site, request).await, (400, 400), "{path}");
    }
}

/// Everything a description refers to within itself.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").map(|to| to.as_str().unwrap()[1..].to_owned()));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_description_holds_together_and_every_operation_is_routed() {
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 30);
    for reference in found {
        assert!(document.pointer(&reference).is_some(), "{reference}");
    }
    let site = site().await;
    let mut ids = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{process}", &process().to_string())
            .replace("{message}", &EntryId::from_bytes([1; 32]).to_string())
            .replace("{unit}", &UnitId::from_bytes([1; 32]).to_string())
            .replace("{slot}", "0");
        for (method, operation) in methods.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()));
            let method: Method = method.to_uppercase().parse().unwrap();
            let request = request(method.as_str(), &path).body(Body::empty()).unwrap();
            let response = site.clone().oneshot(request).await.unwrap();
            let status = response.status();
            assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.contains_key(status.as_str()), "{method} {path}: {status}");
        }
    }
    let served = get(&site, "/api/v1/openapi.json").await.1;
    assert_eq!(serde_json::from_str::<Value>(&served).unwrap(), document);
}

#[tokio::test]
async fn people_find_every_operation_on_a_page() {
    let (status, page) = get(&site().await, "/api").await;
    assert_eq!(status, StatusCode::OK);
    for (path, methods) in document()["paths"].as_object().unwrap() {
        assert!(page.contains(path.as_str()), "{path}");
        for method in methods.as_object().unwrap().keys() {
            assert!(page.contains(&format!("{} {path}", method.to_uppercase())), "{path}");
        }
    }
    assert!(page.contains("signs nothing") && !page.contains("http://"));
}

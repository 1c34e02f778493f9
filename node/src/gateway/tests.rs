//! The gateway of a network without units: what it serves, what it refuses, how it stops.

use std::net::{Ipv4Addr, SocketAddr};

use antiphon_client::{Client, ClientOptions, Units};
use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode, header::HOST},
};
use http_body_util::BodyExt;
use protocol::{EntryId, ModuleId, NetworkId, ProcessId, SecretKey, UnitId};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use transport::Directory;

use super::{
    Feed, Gateway, GatewayConfig, GatewayError, Guard, Own, Room, Serving, Shared, Tails, Travels,
    router, start,
};
use crate::explorer::Reader;

mod api;
mod forms;
mod sites;

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);

async fn client() -> Client {
    client_with(None).await
}

async fn client_with(key: Option<SecretKey>) -> Client {
    let units = Units::Directory(Directory::new(NETWORK));
    Client::connect(ClientOptions { network: NETWORK, key, units }).await.unwrap()
}

async fn site() -> Router {
    site_with(client().await, &Serving::default())
}

fn site_with(client: Client, serving: &Serving) -> Router {
    let feed = Feed::new(serving.gateway_streams, CancellationToken::new());
    let (tails, travels) = (Tails::new(), Travels::new(CancellationToken::new()));
    let (reader, room, own) = (Reader::new(client), Room::new(), Own::default());
    let shared = Shared { reader, feed, tails, room, own, travels };
    router(shared, Guard::new(LOCAL, serving))
}

async fn ask(site: &Router, host: &str, path: &str) -> Response<Body> {
    let request = Request::get(path).header(HOST, host).body(Body::empty()).unwrap();
    site.clone().oneshot(request).await.unwrap()
}

async fn get(site: &Router, path: &str) -> (StatusCode, String) {
    let response = ask(site, "127.0.0.1:1", path).await;
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_network_without_units_has_a_page() {
    let site = site().await;
    let (status, page) = get(&site, "/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("No unit is known"));
    assert_eq!(get(&site, "/healthz").await, (StatusCode::OK, "ok\n".to_owned()));
    assert_eq!(get(&site, "/processes?offset=18446744073709551615").await.0, StatusCode::OK);
    assert_eq!(get(&site, "/api/v1/units").await.1, r#"{"units":[]}"#);
}

#[tokio::test]
async fn modules_accounts_and_units_have_pages_that_say_what_is_not_known() {
    let site = site().await;
    let account = SecretKey::from_seed(&[1; 32]).public().account();
    for (path, found, says) in [
        ("/units".to_owned(), true, "No unit is known"),
        (format!("/account/{account}"), true, "None was found"),
        (format!("/module/{}", ModuleId::of(b"module")), false, "Problem"),
        ("/module/x".to_owned(), false, "Problem"),
        ("/account/x".to_owned(), false, "Problem"),
        ("/search?q=mod1".to_owned(), false, "Nothing fits"),
    ] {
        let (status, page) = get(&site, &path).await;
        assert_eq!(
            (status == StatusCode::OK, page.contains(says)),
            (found, true),
            "{path}: {page}"
        );
    }
    let found = ask(&site, "127.0.0.1:1", &format!("/search?q={account}")).await;
    assert_eq!(found.headers()["location"], format!("/account/{account}").as_str());
}

#[tokio::test]
async fn what_nobody_can_tell_is_a_page_with_a_code() {
    let site = site().await;
    let process = ProcessId::from_bytes([1; 32]);
    let message = EntryId::from_bytes([1; 32]);
    let unit = UnitId::from_bytes([1; 32]);
    let outbox = "/outbox".to_owned();
    let graph = format!("/message/{message}/graph");
    let state = format!("/process/{process}/state?at=3");
    let pages = [format!("/process/{process}"), format!("/message/{message}")];
    for path in pages.into_iter().chain([state, graph, outbox]) {
        let (status, page) = get(&site, &path).await;
        assert_eq!(status, StatusCode::BAD_GATEWAY, "{path}");
        assert!(page.contains("unreachable"), "{page}");
    }
    assert_eq!(get(&site, &format!("/unit/{unit}")).await.0, StatusCode::NOT_FOUND);
    let (status, json) = get(&site, &format!("/api/v1/message/{message}")).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(json.contains(r#""code":"unreachable""#), "{json}");
}

#[tokio::test]
async fn addresses_that_name_nothing_are_refused_with_a_page() {
    let site = site().await;
    let process = ProcessId::from_bytes([1; 32]);
    for path in [
        "/process/proc1typo",
        "/message/%3Cscript%3E",
        "/message/x/graph",
        "/unit/x",
        "/processes?offset=-1",
    ] {
        let (status, page) = get(&site, path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert!(page.contains("bad-parameter") && !page.contains("<script>"), "{page}");
    }
    let path = format!("/api/v1/process/{process}/log?from=x");
    assert_eq!(get(&site, &path).await.0, StatusCode::BAD_REQUEST);
    for query in ["?outcome=never", "?sender=x", "?upto=x", "?before=-1", "/state?at=x"] {
        let (status, page) = get(&site, &format!("/process/{process}{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert!(page.contains("bad-parameter"), "{page}");
    }
    assert_eq!(get(&site, "/api/v1/events?process=x").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(get(&site, "/api/v1/outbox?process=x").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(get(&site, "/api/v1/process/x/events").await.0, StatusCode::BAD_REQUEST);
    let process = ProcessId::from_bytes([1; 32]);
    let path = format!("/api/v1/process/{process}/events");
    assert_eq!(get(&site, &format!("{path}?from=x")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(get(&site, &path).await.0, StatusCode::BAD_GATEWAY, "nobody knows of it");
    assert_eq!(get(&site, "/nowhere").await.0, StatusCode::NOT_FOUND);
    let request = Request::post("/").header(HOST, "localhost").body(Body::empty()).unwrap();
    let refused = site.oneshot(request).await.unwrap();
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_search_leads_to_what_an_identifier_names() {
    let site = site().await;
    let process = ProcessId::from_bytes([1; 32]);
    let response = ask(&site, "localhost", &format!("/search?q=+{process}+")).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()["location"], format!("/process/{process}"));
    assert_eq!(get(&site, "/search?q=nobody").await.0, StatusCode::NOT_FOUND);
    let long = format!("/search?q={}", "x".repeat(129));
    assert_eq!(get(&site, &long).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn only_names_of_this_machine_are_served_on_loopback() {
    let site = site().await;
    for host in ["evil.example", "127.0.0.1.evil.example:80", ""] {
        let refused = ask(&site, host, "/api/v1/units").await;
        assert_eq!(refused.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    let request = Request::get("http://evil.example/").header(HOST, "localhost");
    let refused = site.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(refused.status(), StatusCode::MISDIRECTED_REQUEST);
    let nameless = Request::get("/").body(Body::empty()).unwrap();
    let refused = site.oneshot(nameless).await.unwrap();
    assert_eq!(refused.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn every_answer_forbids_what_is_not_the_gateways_own() {
    let site = site().await;
    for (host, path) in [
        ("localhost", "/"),
        ("localhost", "/nowhere"),
        ("evil", "/"),
        ("localhost", "/api/v1/events"),
    ] {
        let response = ask(&site, host, path).await;
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "same-origin", "{path}");
    }
    let page = get(&site, "/").await.1;
    for outside in ["http://", "https://", "style=", " onclick", "<style"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

async fn running() -> Gateway {
    let config = GatewayConfig { listen: LOCAL, serving: Serving::default() };
    start(config, client().await).await.unwrap()
}

#[tokio::test]
async fn a_gateway_answers_over_tcp_and_stops_with_watchers_open() {
    let gateway = running().await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    stream.write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut head = vec![0; 15];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head, b"HTTP/1.1 200 OK");
    gateway.shutdown().await;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(String::from_utf8_lossy(&rest).contains("text/event-stream"));
}

#[tokio::test]
async fn a_request_with_a_huge_head_is_refused() {
    let gateway = running().await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let request = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(64 * 1_024));
    // The gateway may close before all of it is written.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    gateway.shutdown().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let gateway = running().await;
    let config = GatewayConfig { listen: gateway.address(), serving: Serving::default() };
    let refused = start(config, client().await).await.unwrap_err();
    let GatewayError::Listen { address, .. } = &refused;
    assert_eq!(*address, gateway.address());
    assert!(refused.is_taken() && refused.to_string().contains("choose another address"));
    gateway.shutdown().await;
}

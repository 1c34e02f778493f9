//! Which pages of which sites may use a gateway, and how often anybody may.

use std::net::IpAddr;

use axum::http::{Request, header::ORIGIN};

use super::*;
use crate::gateway::guard::Peer;

const APP: &str = "https://app.example";

async fn asked(site: &Router, method: &str, host: &str, origin: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri("/api/v1/units").header(HOST, host);
    let request = request.header(ORIGIN, origin).body(Body::empty()).unwrap();
    site.clone().oneshot(request).await.unwrap()
}

async fn open() -> Router {
    let serving = Serving {
        cors: vec![APP.parse().unwrap()],
        gateway_host: vec!["gateway.example".to_owned()],
        ..Serving::default()
    };
    site_with(client().await, &serving)
}

#[tokio::test]
async fn pages_of_other_sites_are_refused_unless_they_are_allowed() {
    let (closed, open) = (site().await, open().await);
    for origin in ["null", "https://evil.example", "http://localhost:9", APP] {
        let refused = asked(&closed, "GET", "localhost:80", origin).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{origin}");
        assert!(!refused.headers().contains_key("access-control-allow-origin"));
    }
    assert_eq!(asked(&closed, "GET", "localhost:80", "http://localhost:80").await.status(), 200);
    let allowed = asked(&open, "GET", "localhost:80", APP).await;
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()["access-control-allow-origin"], APP);
    assert_eq!(allowed.headers()["vary"], "origin");
    let refused = asked(&open, "GET", "localhost:80", "https://evil.example").await;
    assert_eq!(refused.status(), 403);
    assert!(!refused.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_browser_that_asks_before_is_told_what_an_allowed_page_may() {
    let open = open().await;
    let ask = async |origin: &str| {
        let request = Request::options("/api/v1/messages").header(HOST, "localhost");
        let request =
            request.header(ORIGIN, origin).header("access-control-request-method", "POST");
        open.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    };
    let allowed = ask(APP).await;
    assert_eq!(allowed.status(), StatusCode::NO_CONTENT);
    assert_eq!(allowed.headers()["access-control-allow-methods"], "GET, POST");
    assert_eq!(allowed.headers()["access-control-allow-origin"], APP);
    assert_eq!(ask("https://evil.example").await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_name_that_was_given_is_served() {
    let open = open().await;
    assert_eq!(ask(&open, "gateway.example", "/").await.status(), 200);
    assert_eq!(ask(&open, "evil.example", "/").await.status(), StatusCode::MISDIRECTED_REQUEST);
    let own = asked(&open, "GET", "gateway.example", "https://gateway.example").await;
    assert_eq!(own.status(), 200);
}

#[tokio::test]
async fn who_asks_too_often_is_told_to_wait_and_nobody_else_is() {
    let rate = std::num::NonZeroU32::new(2).unwrap();
    let site = site_with(client().await, &Serving { gateway_rate: rate, ..Serving::default() });
    let ask = async |from: [u8; 4]| {
        let request = Request::get("/healthz").header(HOST, "localhost");
        let request = request.extension(Peer(IpAddr::from(from))).body(Body::empty()).unwrap();
        site.clone().oneshot(request).await.unwrap()
    };
    let mut taken = 0;
    let refused = loop {
        let answer = ask([10, 0, 0, 1]).await;
        if answer.status() != 200 {
            break answer;
        }
        taken += 1;
    };
    assert!(taken >= 4, "{taken}");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(ask([10, 0, 0, 2]).await.status(), 200);
}

//! Forms of methods: which are taken at all. What becomes of those that are is for a network.

use axum::http::{
    Request,
    header::{CONTENT_TYPE, ORIGIN},
};

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

const OWN: (&str, &str) = ("origin", "http://localhost");

fn path() -> String {
    format!("/process/{}/call?method=add", ProcessId::from_bytes([1; 32]))
}

/// The status of a form's answer, and the answer.
async fn submit(headers: &[(&str, &str)], kind: &str, body: impl Into<Body>) -> (u16, String) {
    let mut request = Request::post(path()).header(HOST, "localhost").header(CONTENT_TYPE, kind);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = site().await.oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_form_of_another_site_or_of_nobody_is_refused() {
    let same = ("sec-fetch-site", "same-origin");
    for headers in [
        &[][..],
        &[("origin", "null")],
        &[("origin", "https://evil.example")],
        &[("origin", "http://localhost:9")],
        &[("origin", "https://evil.example"), same],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[OWN, ("sec-fetch-site", "cross-site")],
        &[OWN, ("sec-fetch-site", "same-site")],
    ] {
        let (status, answer) = submit(headers, FORM, "p0=3").await;
        assert_eq!(status, 403, "{headers:?}");
        assert!(answer.contains("wrong-origin"), "{answer}");
    }
    for headers in [&[OWN][..], &[OWN, same], &[same], &[OWN, ("sec-fetch-site", "none")]] {
        let (status, answer) = submit(headers, FORM, "p0=3").await;
        assert_eq!(status, 502, "nobody knows of the process: {answer}");
    }
}

#[tokio::test]
async fn a_site_that_may_use_the_api_may_not_send_forms() {
    let cors = vec!["https://app.example".parse().unwrap()];
    let open = site_with(client().await, &Serving { cors, ..Serving::default() });
    for (path, kind, status) in [
        (path(), FORM, 403),
        (path().replace("/process", "/api/v1/process"), FORM, 404),
        ("/api/v1/messages".to_owned(), "application/json", 400),
    ] {
        let request = Request::post(&path).header(HOST, "localhost").header(CONTENT_TYPE, kind);
        let request = request.header(ORIGIN, "https://app.example").body(Body::from("p0=3"));
        let answer = open.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
}

#[tokio::test]
async fn a_form_that_is_none_or_too_long_is_refused() {
    for kind in ["text/plain", "multipart/form-data", "application/json", ""] {
        assert_eq!(submit(&[OWN], kind, "p0=3").await.0, 415, "{kind}");
    }
    let charset = format!("{FORM}; charset=UTF-8");
    assert_eq!(submit(&[OWN], &charset, "p0=3").await.0, 502);
    assert_eq!(submit(&[OWN], FORM, vec![b'x'; (1 << 20) + 1]).await.0, 413);
    assert_eq!(submit(&[OWN], FORM, vec![b'x'; (6 << 20) + 1]).await.0, 413);
    assert_eq!(submit(&[OWN], FORM, vec![b'x'; 1 << 20]).await.0, 502);
    for body in [&b""[..], b"%", b"%ff", b"\xff=&&==", b"p0=1&p0=2"] {
        let (status, _) = submit(&[OWN], FORM, body.to_vec()).await;
        assert!(matches!(status, 400 | 502), "{status}");
    }
}

#[tokio::test]
async fn no_other_address_takes_forms() {
    let process = ProcessId::from_bytes([1; 32]);
    let api = ["messages".to_owned(), format!("process/{process}/calls")];
    for path in api.into_iter().chain([format!("process/{process}/view")]) {
        let request = Request::post(format!("/api/v1/{path}")).header(HOST, "localhost");
        let request = request.header(CONTENT_TYPE, FORM).header(ORIGIN, OWN.1);
        let answer = site().await.oneshot(request.body(Body::from("p0=3")).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 415, "{path}");
    }
}

use axum::http::Request;
use serde::Deserialize;

use super::*;

fn request(kind: &str, body: Body) -> Request<Body> {
    Request::post("/").header(CONTENT_TYPE, kind).body(body).unwrap()
}

async fn fault(room: &Room, request: Request<Body>) -> Option<u16> {
    room.receive(request, &[Kind::Json]).await.err().map(|problem| problem.number)
}

#[tokio::test]
async fn a_body_is_of_a_kind_that_is_taken() {
    let room = Room::new();
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        assert_eq!(fault(&room, request(kind, Body::empty())).await, None, "{kind}");
    }
    for kind in ["", "text/plain", "application/cbor", "application/jsonx"] {
        assert_eq!(fault(&room, request(kind, Body::empty())).await, Some(415), "{kind}");
    }
    assert_eq!(fault(&room, Request::new(Body::empty())).await, Some(415));
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_announced_or_not() {
    let room = Room::new();
    let mut announced = request("application/json", Body::empty());
    let length = (BODY_MAX + 1).to_string().parse().unwrap();
    announced.headers_mut().insert("content-length", length);
    assert_eq!(fault(&room, announced).await, Some(413));
    let chunk = || Ok::<_, std::io::Error>(vec![b' '; BODY_MAX / 2 + 1]);
    let body = Body::from_stream(futures::stream::iter([chunk(), chunk()]));
    assert_eq!(fault(&room, request("application/json", body)).await, Some(413));
    assert_eq!(room.bytes.available_permits(), ROOM, "nothing is kept of what is refused");
}

#[tokio::test]
async fn bodies_have_room_until_they_are_dropped() {
    let room = Room::new();
    let body = || request("application/json", Body::from(vec![b' '; BODY_MAX]));
    let mut kept = Vec::new();
    let fault = loop {
        match room.receive(body(), &[Kind::Json]).await {
            Ok(received) => kept.push(received),
            Err(problem) => break problem.number,
        }
    };
    assert_eq!((fault, kept.len()), (503, ROOM / BODY_MAX));
    kept.pop();
    assert!(room.receive(body(), &[Kind::Json]).await.is_ok());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_unreadable() {
    let broken = std::io::Error::other("gone");
    let body = Body::from_stream(futures::stream::iter([Ok(vec![b'{']), Err(broken)]));
    assert_eq!(fault(&Room::new(), request("application/json", body)).await, Some(460));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let body = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let room = Room { time: Duration::from_millis(1), ..Room::new() };
    assert_eq!(fault(&room, request("application/json", body)).await, Some(408));
}

#[derive(Debug, Deserialize)]
struct Wanted {
    _method: String,
}

#[tokio::test]
async fn what_is_no_json_is_unreadable_and_what_is_another_json_does_not_fit() {
    let room = Room::new();
    for (text, number) in [("", 460), ("{", 460), ("x", 460), ("{}", 422), ("[1]", 422)] {
        let received = room.receive(request("application/json", Body::from(text)), &[Kind::Json]);
        let read = received.await.unwrap().json::<Wanted>();
        assert_eq!(read.unwrap_err().number, number, "{text}");
    }
}

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use quinn::ReadError;
use tokio::{task::JoinHandle, time::timeout};

use super::{Incoming, REQUEST, STREAM};
use crate::{
    Connection, Error, Limits, StreamCode,
    testing::{assert_echoes, noise, pair},
};

const LONG: Duration = Duration::from_secs(20);

/// Echoes requests one after another.
fn echo(connection: Connection) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Some(incoming) = connection.accept_exchange().await {
            if let Incoming::Request { body, responder } = incoming {
                let _ = responder.respond(body).await;
            }
        }
    })
}

/// Sends raw bytes as the beginning of an exchange and returns how the peer ended it.
async fn provoke(connection: &Connection, bytes: &[u8]) -> Result<Vec<u8>, ReadError> {
    let (mut send, mut recv) = connection.quic().open_bi().await.unwrap();
    send.write_all(bytes).await.unwrap();
    let mut answer = [0; 1];
    match timeout(LONG, recv.read(&mut answer)).await.expect("the peer reacts") {
        Ok(_) => Ok(answer.to_vec()),
        Err(error) => Err(error),
    }
}

fn reset(code: StreamCode) -> Result<Vec<u8>, ReadError> {
    Err(ReadError::Reset(code.number()))
}

#[tokio::test]
async fn a_request_is_answered_in_both_directions() {
    let (dialed, accepted) = pair(Limits::default()).await;
    let (one, other) = (echo(dialed.clone()), echo(accepted.clone()));
    assert_echoes(&dialed).await.unwrap();
    assert_echoes(&accepted).await.unwrap();
    assert_eq!(dialed.request(Bytes::new()).await.unwrap(), Bytes::new());
    dialed.close();
    one.await.unwrap();
    other.await.unwrap();
    assert!(matches!(assert_echoes(&dialed).await, Err(Error::Lost { .. })));
}

#[tokio::test]
async fn ten_mebibytes_travel_both_ways() {
    let (dialed, accepted) = pair(Limits::default()).await;
    echo(accepted);
    let body = Bytes::from(noise(1, 10 << 20));
    let answer = dialed.request(body.clone()).await.unwrap();
    assert!(answer == body);
}

#[tokio::test]
async fn an_announced_oversize_body_is_refused_and_others_are_served() {
    let (dialed, accepted) = pair(Limits::default()).await;
    echo(accepted);
    let limits = Limits::default();
    for (kind, limit) in [(REQUEST, limits.bulk), (STREAM, limits.frame)] {
        let length = u32::try_from(limit + 1).unwrap().to_le_bytes();
        let opening = [&[kind], &length[..]].concat();
        assert_eq!(provoke(&dialed, &opening).await, reset(StreamCode::TooLarge));
    }
    let refused = dialed.request(vec![0; limits.bulk + 1]).await;
    assert_eq!(
        refused,
        Err(Error::TooLarge { length: limits.bulk + 1, limit: limits.bulk }),
        "the own one is not even sent"
    );
    assert_echoes(&dialed).await.unwrap();
}

#[tokio::test]
async fn an_unknown_kind_and_an_empty_stream_are_refused() {
    let (dialed, accepted) = pair(Limits::default()).await;
    echo(accepted);
    assert_eq!(provoke(&dialed, &[9]).await, reset(StreamCode::UnknownKind));
    let (mut send, mut recv) = dialed.quic().open_bi().await.unwrap();
    send.finish().unwrap();
    let ended = timeout(LONG, recv.read(&mut [0])).await.unwrap();
    assert_eq!(ended, Err(ReadError::Reset(StreamCode::Dropped.number())));
    assert_echoes(&dialed).await.unwrap();
}

#[tokio::test]
async fn half_open_streams_hold_up_nobody() {
    let (dialed, accepted) = pair(Limits::default()).await;
    echo(accepted);
    let mut half_open = Vec::new();
    for bytes in [&[REQUEST][..], &[STREAM, 1], &[REQUEST, 5, 0, 0, 0, b'h']] {
        for _ in 0..80 {
            let (mut send, recv) = dialed.quic().open_bi().await.unwrap();
            send.write_all(bytes).await.unwrap();
            half_open.push((send, recv));
        }
    }
    timeout(LONG, assert_echoes(&dialed)).await.unwrap().unwrap();
}

#[tokio::test]
async fn half_open_streams_are_dropped_after_a_while() {
    let opening_timeout = Duration::from_millis(50);
    let (dialed, accepted) = pair(Limits { opening_timeout, ..Limits::default() }).await;
    echo(accepted);
    for bytes in [&[REQUEST][..], &[STREAM, 1], &[REQUEST, 5, 0, 0, 0, b'h']] {
        assert_eq!(provoke(&dialed, bytes).await, reset(StreamCode::TooSlow));
    }
}

#[tokio::test]
async fn a_request_dropped_by_the_peer_fails_at_once() {
    let (dialed, accepted) = pair(Limits::default()).await;
    let dropping = tokio::spawn(async move { drop(accepted.accept_exchange().await) });
    let answer = timeout(LONG, dialed.request(&b"hello"[..])).await.unwrap();
    // Dropping the last handle closes the connection, which may be noticed first.
    assert!(matches!(answer, Err(Error::Abandoned(StreamCode::Dropped) | Error::Lost { .. })));
    dropping.await.unwrap();
}

#[tokio::test]
async fn an_answer_above_the_limit_is_refused_on_both_sides() {
    let (dialed, accepted) = pair(Limits { bulk: 100, ..Limits::default() }).await;
    let answering = tokio::spawn(async move {
        let Some(Incoming::Request { responder, .. }) = accepted.accept_exchange().await else {
            panic!("a request was sent");
        };
        (responder.respond(vec![0; 101]).await, accepted)
    });
    let answer = dialed.request(&b"hello"[..]).await;
    assert_eq!(answer, Err(Error::Abandoned(StreamCode::TooLarge)));
    let (answered, _accepted) = answering.await.unwrap();
    assert_eq!(answered, Err(Error::TooLarge { length: 101, limit: 100 }));
}

#[tokio::test]
async fn long_bodies_take_turns_when_memory_is_short() {
    let limits = Limits { bulk: 1 << 20, inbound: 1 << 20, ..Limits::default() };
    let (dialed, accepted) = pair(limits).await;
    echo(accepted);
    let bodies = (0..8).map(|seed| {
        let body = Bytes::from(noise(seed, 1 << 20));
        let dialed = dialed.clone();
        async move { dialed.request(body.clone()).await.unwrap() == body }
    });
    assert_eq!(timeout(LONG, join_all(bodies)).await.unwrap(), [true; 8]);
}

#[tokio::test]
async fn a_connection_outlives_its_handles_only_while_streams_are_open() {
    let (dialed, accepted) = pair(Limits::default()).await;
    let (mut sender, receiver) = dialed.open_stream(b"opening").await.unwrap();
    let Some(Incoming::Stream { receiver: mut frames, .. }) = accepted.accept_exchange().await
    else {
        panic!("a stream was opened");
    };
    drop(dialed);
    sender.send(b"still here").await.unwrap();
    assert_eq!(frames.recv().await.unwrap().unwrap().as_ref(), b"still here");
    drop((sender, receiver));
    timeout(LONG, accepted.closed()).await.expect("the last handle closes");
}

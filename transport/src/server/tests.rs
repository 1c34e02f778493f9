use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::{join_all, pending};
use protocol::UnitId;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Handler, serve};
use crate::{
    Error, FrameReceiver, FrameSender, Limits, StreamCode,
    testing::{Echo, assert_echoes, endpoint, unit},
};

const LONG: Duration = Duration::from_secs(20);

/// Never comes to an end with anything.
struct Stuck;

impl Handler for Stuck {
    async fn request(&self, _: UnitId, _: Bytes) -> Bytes {
        pending().await
    }

    async fn stream(&self, _: UnitId, _: Bytes, mut to: FrameSender, _from: FrameReceiver) {
        to.send(b"ready").await.unwrap();
        pending::<()>().await;
    }
}

#[tokio::test]
async fn many_units_are_served_at_once() {
    let server = endpoint(9, Limits::default());
    tokio::spawn(serve(server.clone(), Arc::new(Echo), CancellationToken::new()));
    let clients = (1..9).map(|seed| {
        let address = server.local_address();
        async move {
            let connection = endpoint(seed, Limits::default()).connect(unit(9), address).await?;
            for _ in 0..20 {
                assert_echoes(&connection).await?;
            }
            let (mut to, mut from) = connection.open_stream(b"echo").await?;
            to.send_all((0..100).map(|n| Bytes::from(vec![n; 10]))).await?;
            for n in 0..100 {
                assert_eq!(from.recv().await?.unwrap().as_ref(), [n; 10]);
            }
            to.finish().await?;
            from.recv().await
        }
    });
    assert_eq!(join_all(clients).await, vec![Ok(None); 8]);
}

#[tokio::test]
async fn a_handler_that_panics_fails_only_its_own_request() {
    let server = endpoint(9, Limits::default());
    tokio::spawn(serve(server.clone(), Arc::new(Echo), CancellationToken::new()));
    let client = endpoint(1, Limits::default());
    let connection = client.connect(unit(9), server.local_address()).await.unwrap();
    let failed = connection.request(&b"panic"[..]).await;
    assert_eq!(failed, Err(Error::Abandoned(StreamCode::Dropped)));
    assert_echoes(&connection).await.unwrap();
}

#[tokio::test]
async fn shutting_down_ends_what_is_stuck() {
    let server = endpoint(9, Limits::default());
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve(server.clone(), Arc::new(Stuck), shutdown.clone()));
    let client = endpoint(1, Limits::default());
    let connection = client.connect(unit(9), server.local_address()).await.unwrap();
    let (_to, mut from) = connection.open_stream(b"").await.unwrap();
    assert_eq!(from.recv().await.unwrap().unwrap().as_ref(), b"ready");
    shutdown.cancel();
    timeout(LONG, serving).await.expect("serving ends").unwrap();
    assert!(timeout(LONG, from.recv()).await.expect("the stream ends").is_err());
}

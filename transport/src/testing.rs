//! Units for tests: real QUIC on free ports of 127.0.0.1.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use protocol::{NetworkId, SecretKey, UnitId};
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;

use crate::{Connection, Endpoint, Error, FrameReceiver, FrameSender, Handler, Limits, serve};

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

pub(crate) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

pub(crate) fn unit(seed: u8) -> UnitId {
    key(seed).public().unit()
}

pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

pub(crate) fn endpoint(seed: u8, limits: Limits) -> Endpoint {
    Endpoint::bind(&key(seed), NETWORK, loopback(0), limits).unwrap()
}

/// A connection as its dialer (unit 1) and its acceptor (unit 2) see it.
pub(crate) async fn pair(limits: Limits) -> (Connection, Connection) {
    let (dialer, acceptor) = (endpoint(1, limits), endpoint(2, limits));
    let (dialed, accepted) =
        tokio::join!(dialer.connect(unit(2), acceptor.local_address()), acceptor.accept());
    (dialed.unwrap(), accepted.unwrap())
}

/// Answers requests and frames with what was asked.
#[derive(Debug)]
pub(crate) struct Echo;

impl Handler for Echo {
    async fn request(&self, _: UnitId, body: Bytes) -> Bytes {
        assert_ne!(body.as_ref(), b"panic", "the handler was asked to");
        body
    }

    async fn stream(&self, _: UnitId, _: Bytes, mut to: FrameSender, mut from: FrameReceiver) {
        while let Ok(Some(frame)) = from.recv().await {
            if to.send(&frame).await.is_err() {
                return;
            }
        }
        let _ = to.finish().await;
    }
}

/// An echoing unit that can die without a word, as a killed process does.
#[derive(Debug)]
pub(crate) struct Mortal {
    runtime: Runtime,
    pub(crate) address: SocketAddr,
}

impl Mortal {
    pub(crate) async fn start(seed: u8, port: u16) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (bound, address) = oneshot::channel();
        runtime.spawn(async move {
            let endpoint =
                Endpoint::bind(&key(seed), NETWORK, loopback(port), Limits::default()).unwrap();
            bound.send(endpoint.local_address()).unwrap();
            serve(endpoint, Arc::new(Echo), CancellationToken::new()).await;
        });
        Self { runtime, address: address.await.unwrap() }
    }

    /// Takes away every task and socket at once; nothing is sent.
    pub(crate) async fn kill(self) {
        tokio::task::spawn_blocking(move || drop(self.runtime)).await.unwrap();
    }
}

pub(crate) async fn assert_echoes(connection: &Connection) -> Result<(), Error> {
    let answer = connection.request(&b"hello"[..]).await?;
    assert_eq!(answer.as_ref(), b"hello");
    Ok(())
}

/// Bytes without a pattern, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

use std::{net::UdpSocket, sync::Arc, time::Duration};

use protocol::NetworkId;
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Endpoint, Error, Limits, serve,
    testing::{Echo, NETWORK, assert_echoes, endpoint, key, loopback, noise, unit},
};

const LONG: Duration = Duration::from_secs(20);

fn serving(seed: u8, limits: Limits) -> Endpoint {
    let endpoint = endpoint(seed, limits);
    tokio::spawn(serve(endpoint.clone(), Arc::new(Echo), CancellationToken::new()));
    endpoint
}

#[tokio::test]
async fn both_ends_know_each_other() {
    let (dialer, acceptor) = (endpoint(1, Limits::default()), endpoint(2, Limits::default()));
    let (dialed, accepted) =
        tokio::join!(dialer.connect(unit(2), acceptor.local_address()), acceptor.accept());
    let (dialed, accepted) = (dialed.unwrap(), accepted.unwrap());
    assert_eq!((dialed.peer(), accepted.peer()), (unit(2), unit(1)));
    assert_eq!(dialed.remote_address(), acceptor.local_address());
    assert_eq!(accepted.remote_address(), dialer.local_address());
    acceptor.close().await;
    timeout(LONG, dialed.closed()).await.expect("a closed endpoint says goodbye");
    assert!(acceptor.accept().await.is_none());
}

#[tokio::test]
async fn a_client_needs_no_address_of_its_own() {
    let server = serving(2, Limits::default());
    let client = Endpoint::client(&key(1), NETWORK, Limits::default()).unwrap();
    let connection = client.connect(unit(2), server.local_address()).await.unwrap();
    assert_eq!(connection.remote_address(), server.local_address());
    assert_echoes(&connection).await.unwrap();
}

#[tokio::test]
async fn another_key_than_the_one_asked_for_is_refused() {
    let server = serving(2, Limits::default());
    let address = server.local_address();
    let refused = endpoint(1, Limits::default()).connect(unit(3), address).await;
    assert_eq!(refused.unwrap_err(), Error::WrongUnit { unit: unit(3), address });
}

#[tokio::test]
async fn another_network_is_refused() {
    let server = serving(2, Limits::default());
    let address = server.local_address();
    let elsewhere = NetworkId::from_bytes([8; 32]);
    let stranger = Endpoint::client(&key(1), elsewhere, Limits::default()).unwrap();
    let refused = stranger.connect(unit(2), address).await;
    assert_eq!(refused.unwrap_err(), Error::WrongNetwork { address });
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = endpoint(1, Limits::default());
    let address = first.local_address();
    let refused = Endpoint::bind(&key(2), NETWORK, address, Limits::default());
    assert_eq!(refused.unwrap_err(), Error::AddressTaken { address });
}

#[tokio::test]
async fn silence_is_unreachable() {
    let silent = UdpSocket::bind(loopback(0)).unwrap();
    let address = silent.local_addr().unwrap();
    let limits = Limits { handshake_timeout: Duration::from_millis(100), ..Limits::default() };
    let refused = endpoint(1, limits).connect(unit(2), address).await;
    assert_eq!(refused.unwrap_err(), Error::Unreachable { unit: unit(2), address });
}

#[tokio::test]
async fn connections_of_one_host_are_bounded() {
    let server = serving(2, Limits { connections_per_host: 1, ..Limits::default() });
    let address = server.local_address();
    let client = endpoint(1, Limits::default());
    let first = client.connect(unit(2), address).await.unwrap();
    assert_eq!(client.connect(unit(2), address).await.unwrap_err(), Error::Busy { address });
    first.close();
    let again = async {
        loop {
            match client.connect(unit(2), address).await {
                Err(Error::Busy { .. }) => tokio::task::yield_now().await,
                other => return other,
            }
        }
    };
    let again = timeout(LONG, again).await.expect("the place becomes free").unwrap();
    assert_echoes(&again).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_mebibytes_of_garbage_change_nothing() {
    let server = serving(2, Limits::default());
    let address = server.local_address();
    let client = endpoint(1, Limits::default());
    let before = client.connect(unit(2), address).await.unwrap();
    let flood = tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind(loopback(0)).unwrap();
        let garbage = noise(1, 10 << 20);
        let mut rest = garbage.as_slice();
        for length in (1..=1_400).cycle() {
            let (datagram, after) = rest.split_at(length.min(rest.len()));
            // A full buffer of the kernel is as good as a lost datagram.
            let _ = socket.send_to(datagram, address);
            rest = after;
            if rest.is_empty() {
                return;
            }
        }
    });
    flood.await.unwrap();
    timeout(LONG, assert_echoes(&before)).await.unwrap().unwrap();
    let after = timeout(LONG, client.connect(unit(2), address)).await.unwrap().unwrap();
    assert_echoes(&after).await.unwrap();
}

/// Passes the first datagram of each handshake on and nothing ever back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_go_nowhere_delay_no_honest_one() {
    let server = serving(2, Limits { handshakes: 16, ..Limits::default() });
    let address = server.local_address();
    let hole = tokio::net::UdpSocket::bind(loopback(0)).await.unwrap();
    let nowhere = hole.local_addr().unwrap();
    let half = endpoint(3, Limits::default());
    let mut stuck = JoinSet::new();
    for _ in 0..200 {
        let half = half.clone();
        stuck.spawn(async move { half.connect(unit(2), nowhere).await });
    }
    let mut datagram = [0; 2_000];
    for _ in 0..200 {
        let (length, _) = hole.recv_from(&mut datagram).await.unwrap();
        hole.send_to(&datagram[..length], address).await.unwrap();
    }
    let client = endpoint(1, Limits::default());
    let honest = timeout(Duration::from_secs(4), client.connect(unit(2), address)).await;
    assert_echoes(&honest.expect("long before the others time out").unwrap()).await.unwrap();
}

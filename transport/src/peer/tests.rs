use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use tokio::{sync::watch, time::timeout};

use super::{BACKOFF_MAX, BACKOFF_MIN, Peer, backoff};
use crate::{
    Error, Limits,
    testing::{Mortal, endpoint, unit},
};

const LONG: Duration = Duration::from_secs(20);

fn peer_at(address: Option<SocketAddr>) -> (Peer, watch::Sender<Option<SocketAddr>>) {
    let (announce, addresses) = watch::channel(address);
    (Peer::new(endpoint(1, Limits::default()), unit(2), addresses), announce)
}

/// Asks until an answer comes, as a client does whose requests may be repeated.
async fn ask(peer: &Peer) {
    let asked = async {
        while peer.request(&b"hello"[..], LONG).await != Ok(Bytes::from_static(b"hello")) {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, asked).await.expect("the peer answers again");
}

#[tokio::test]
async fn a_peer_killed_and_restarted_on_the_same_port_is_found_again() {
    let first = Mortal::start(2, 0).await;
    let address = first.address;
    let (peer, _announce) = peer_at(Some(address));
    ask(&peer).await;
    let lost = peer.connection().await;
    first.kill().await;
    let second = Mortal::start(2, address.port()).await;
    // The successor resets the old connection, well before it would have timed out.
    let limit = Limits::default().idle_timeout / 2;
    timeout(limit, lost.closed()).await.expect("the old connection is reset");
    ask(&peer).await;
    second.kill().await;
}

#[tokio::test]
async fn a_peer_restarted_on_another_port_is_found_again() {
    let first = Mortal::start(2, 0).await;
    let (peer, announce) = peer_at(Some(first.address));
    ask(&peer).await;
    first.kill().await;
    let second = Mortal::start(2, 0).await;
    announce.send(Some(second.address)).unwrap();
    let arrived = async {
        while peer.connection().await.remote_address() != second.address {
            tokio::task::yield_now().await;
        }
    };
    let limit = Limits::default().idle_timeout / 2;
    timeout(limit, arrived).await.expect("the news is enough, no timeout is needed");
    ask(&peer).await;
    second.kill().await;
}

#[tokio::test]
async fn a_peer_that_comes_up_late_is_found() {
    let (peer, announce) = peer_at(None);
    assert!(peer.current().is_none());
    let none = peer.connection_within(Duration::from_millis(10)).await;
    assert_eq!(none.unwrap_err(), Error::NotConnected { unit: unit(2) });
    let late = Mortal::start(2, 0).await;
    announce.send(Some(late.address)).unwrap();
    ask(&peer).await;
    drop(announce);
    ask(&peer).await;
    assert!(peer.current().is_some());
    late.kill().await;
}

#[tokio::test]
async fn the_old_connection_serves_until_the_new_address_answers() {
    let unit_there = Mortal::start(2, 0).await;
    let (peer, announce) = peer_at(Some(unit_there.address));
    ask(&peer).await;
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    announce.send(Some(silent.local_addr().unwrap())).unwrap();
    ask(&peer).await;
    announce.send(None).unwrap();
    ask(&peer).await;
    unit_there.kill().await;
}

#[tokio::test]
async fn waiting_in_vain_tells_why() {
    let stranger = Mortal::start(3, 0).await;
    let address = stranger.address;
    let (peer, _announce) = peer_at(Some(address));
    let refused = peer.request(&b"hello"[..], Duration::from_secs(1)).await;
    assert_eq!(refused, Err(Error::WrongUnit { unit: unit(2), address }));
    stranger.kill().await;
}

#[test]
fn the_back_off_grows_to_a_bound_and_differs_between_units() {
    let mut bound = BACKOFF_MIN;
    for failures in 1..100 {
        let delay = backoff((unit(1), unit(2)), failures);
        assert!(bound / 2 <= delay && delay <= bound, "{failures}: {delay:?}");
        assert_eq!(delay, backoff((unit(1), unit(2)), failures), "it is a function");
        bound = (bound * 2).min(BACKOFF_MAX);
    }
    assert_ne!(backoff((unit(1), unit(2)), 9), backoff((unit(3), unit(2)), 9));
}

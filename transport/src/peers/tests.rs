use std::{future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use protocol::{
    ProcessId, Refusal, RefusalCode, Role, Slot, UnitId,
    api::{Records, Request, Response, Stored},
    codec,
};
use tokio_util::sync::CancellationToken;

use super::{Peers, RequestError, bootstrap};
use crate::{
    Directory, Endpoint, Error, FrameReceiver, FrameSender, Handler, Limits, UnitAddress,
    directory::{testing::signer, wall_clock},
    serve,
    testing::{NETWORK, endpoint, loopback, unit},
};

const GENEROUS: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

/// Tells whom it knows, refuses status, answers about heads with garbage and to `Await` never.
struct Unit {
    records: Records,
}

impl Handler for Unit {
    async fn request(&self, _: UnitId, body: Bytes) -> Bytes {
        match codec::decode(&body).unwrap() {
            Request::Records => Response::done(&self.records).into(),
            Request::Status => {
                Response::refused(Refusal::new(RefusalCode::Busy, "come back later")).into()
            }
            Request::Await { .. } => pending().await,
            _ => Bytes::from_static(b"garbage"),
        }
    }

    async fn stream(&self, _: UnitId, _: Bytes, _: FrameSender, _: FrameReceiver) {}
}

/// A serving unit 2, and its address.
fn start(records: Records) -> (Endpoint, UnitAddress) {
    let endpoint = endpoint(2, Limits::default());
    let address = UnitAddress { unit: unit(2), address: endpoint.local_address() };
    let serving = serve(endpoint.clone(), Arc::new(Unit { records }), CancellationToken::new());
    tokio::spawn(serving);
    (endpoint, address)
}

/// Peers of unit 1, who knows unit 2 and, at an address where nobody is, unit 3.
fn peers(two: UnitAddress) -> Peers {
    let (directory, now) = (Directory::new(NETWORK), wall_clock());
    directory.insert(signer(2, Role::Compute, &[two.address]).sign(now), now).unwrap();
    directory.insert(signer(3, Role::Compute, &[loopback(1)]).sign(now), now).unwrap();
    Peers::new(endpoint(1, Limits::default()), directory)
}

const NONE: Records = Records { records: vec![] };

fn never() -> Request {
    Request::Await { process: ProcessId::from_bytes([0; 32]), slot: Slot::ZERO }
}

#[tokio::test]
async fn a_typed_request_brings_the_object() {
    let records = Records { records: vec![signer(5, Role::Messenger, &[]).sign(wall_clock())] };
    let (_endpoint, two) = start(records.clone());
    let peers = peers(two);
    let answer = peers.ask_within::<Records>(two.unit, &Request::Records, GENEROUS).await;
    assert_eq!(answer, Ok(records));
    assert_eq!(peers.peer(two.unit).unit(), two.unit);
}

#[tokio::test]
async fn a_refusal_is_told_apart_from_a_bad_answer() {
    let (_endpoint, two) = start(NONE);
    let peers = peers(two);
    let refused = peers.request_within(two.unit, &Request::Status, GENEROUS).await;
    let busy = Refusal::new(RefusalCode::Busy, "come back later");
    assert_eq!(refused, Err(RequestError::Refused(busy)));
    let describe = Request::Describe(ProcessId::from_bytes([0; 32]));
    let garbage = peers.request_within(two.unit, &describe, GENEROUS).await;
    assert!(matches!(garbage, Err(RequestError::Malformed { .. })), "{garbage:?}");
    let other = peers.ask_within::<Stored>(two.unit, &Request::Records, GENEROUS).await;
    assert!(matches!(other, Err(RequestError::Malformed { .. })), "{other:?}");
}

#[tokio::test]
async fn a_deadline_tells_whether_the_request_was_sent() {
    let (_endpoint, two) = start(NONE);
    let peers = peers(two);
    peers.peer(two.unit).connection().await;
    let slow = peers.request_within(two.unit, &never(), SHORT).await.unwrap_err();
    assert_eq!(slow, RequestError::Timeout { unit: two.unit });
    assert!(slow.was_sent());
    for absent in [unit(3), unit(4)] {
        let error = peers.request_within(absent, &never(), SHORT).await.unwrap_err();
        assert_eq!(error, RequestError::Transport(Error::NotConnected { unit: absent }));
        assert!(!error.was_sent());
    }
}

#[tokio::test]
async fn a_unit_that_becomes_known_is_reached() {
    let (_endpoint, two) = start(NONE);
    let directory = Directory::new(NETWORK);
    let peers = Peers::new(endpoint(1, Limits::default()), directory.clone());
    let peer = peers.peer(two.unit);
    let now = wall_clock();
    directory.insert(signer(2, Role::Compute, &[two.address]).sign(now), now).unwrap();
    assert_eq!(peer.connection().await.peer(), two.unit);
}

#[tokio::test]
async fn one_address_leads_to_all_units_whose_records_hold() {
    let now = wall_clock();
    let (two, five) = (signer(2, Role::Compute, &[]), signer(5, Role::Messenger, &[]));
    let expired = signer(6, Role::Messenger, &[]).sign(protocol::Timestamp::ZERO);
    let records = vec![two.sign(now), expired, five.sign(now)];
    let (_endpoint, address) = start(Records { records });
    let client = Endpoint::client(&crate::testing::key(9), NETWORK, Limits::default()).unwrap();
    let directory = bootstrap(&client, NETWORK, address).await.unwrap();
    assert_eq!(directory.units(Role::Compute), [unit(2)]);
    assert_eq!(directory.units(Role::Messenger), [unit(5)]);
    let elsewhere = UnitAddress { unit: unit(3), ..address };
    let wrong = bootstrap(&client, NETWORK, elsewhere).await.unwrap_err();
    assert!(matches!(wrong, RequestError::Transport(Error::WrongUnit { .. })), "{wrong:?}");
}

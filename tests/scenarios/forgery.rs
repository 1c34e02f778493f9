//! Messages and deliveries that were forged, signed again, altered or replayed.

use protocol::{
    AssignmentProof, BatchHeader, Delivery, Entry, Hash, ItemBody, Kind, Message, NetworkId,
    OriginProof, OutboxItem, PairNumber, PairPosition, Principal, ProcessId, Receipt, RefusalCode,
    Role, SecretKey, Signed, Slot, Timestamp, V1, Value,
    api::{Opening, Submission, SubmitEvent, SubmitFrame},
    codec,
};
use transport::{Endpoint, Limits, Peers};

use crate::{
    basics::{exchanged, pair},
    support::{Cluster, directory, integer, process},
};

/// A stream of submissions straight to the scheduler, without a client that would refuse to help.
pub(crate) struct Attacker {
    sender: transport::FrameSender,
    receiver: transport::FrameReceiver,
    next: u64,
}

impl Attacker {
    /// Opens a stream to the first unit of a role.
    pub(crate) async fn new(
        client: &antiphon_client::Client,
        network: NetworkId,
        role: Role,
    ) -> Self {
        let key = SecretKey::from_seed(&[66; 32]);
        let endpoint = Endpoint::client(&key, network, Limits::default()).unwrap();
        let unit = client.directory().units(role)[0];
        let peers = Peers::new(endpoint, client.directory().clone());
        let connection = peers.peer(unit).connection().await;
        let opening = codec::encode(&Opening::Submit);
        let (sender, receiver) = connection.open_stream(&opening).await.unwrap();
        Self { sender, receiver, next: 0 }
    }

    /// Submits an entry and returns its slot, or why it was refused.
    pub(crate) async fn submit(
        &mut self,
        entry: Entry,
        origin: Option<OriginProof>,
    ) -> Result<Slot, RefusalCode> {
        let tag = self.next;
        self.next += 1;
        let submission =
            Submission { origin: origin.map(Box::new), ..Submission::bare(tag, entry) };
        let frame = codec::encode(&SubmitFrame { submissions: vec![submission], basis: None });
        self.sender.send(&frame).await.unwrap();
        loop {
            let frame = self.receiver.recv().await.unwrap().expect("the stream stays open");
            match codec::decode::<SubmitEvent>(&frame).unwrap() {
                SubmitEvent::Assigned { entries, .. } => {
                    if let Some(entry) = entries.iter().find(|entry| entry.tag == tag) {
                        return Ok(entry.assignment.slot);
                    }
                }
                SubmitEvent::Refused { tag: refused, refusal } if refused == tag => {
                    return Err(refusal.code);
                }
                SubmitEvent::Final { entries, .. } => {
                    if let Some(entry) = entries.iter().find(|entry| entry.tag == tag) {
                        return Err(entry.refusal.code);
                    }
                }
                _ => {}
            }
        }
    }
}

fn unsigned(network: NetworkId, sender: Principal, target: ProcessId, expiry: u64) -> Message {
    Message {
        version: V1,
        kind: Kind,
        network,
        sender,
        target,
        method: "add".to_owned(),
        args: integer("by", 1).encode().unwrap(),
        nonce: 1,
        expiry: Timestamp::new(expiry),
        tags: vec![],
        reply_to: None,
        credit: None,
        trace_parent: None,
        evidence: None,
    }
}

#[expect(clippy::disallowed_methods, reason = "an attacker has a clock")]
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

#[test]
fn forged_altered_and_replayed_messages_are_refused() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = process(&cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#));
    let network = cluster.network();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.client().await;
        let mut attacker = Attacker::new(&client, network, Role::Scheduler).await;
        let mine = SecretKey::from_seed(&[67; 32]);
        let me = Principal::Account(mine.public().account());
        let theirs = client.principal();
        let soon = now() + 60_000;

        let stolen = Signed::sign(unsigned(network, theirs, counter, soon), &mine);
        let answer = attacker.submit(Entry::Message(stolen), None).await;
        assert_eq!(answer, Err(RefusalCode::WrongSigner), "another's message under one's own key");

        let genuine = client.prepare_message(counter, "add", &integer("by", 1)).unwrap();
        let mut bytes = genuine.body_bytes().to_vec();
        let last = bytes.len() - 20;
        let altered = (0..bytes.len()).rev().skip(20).find_map(|_| {
            bytes[last] ^= 1;
            Signed::<Message>::from_parts(bytes.clone(), *genuine.authority()).ok()
        });
        let answer = attacker.submit(Entry::Message(altered.expect("one decodes")), None).await;
        assert!(
            matches!(
                answer,
                Err(RefusalCode::BadSignature | RefusalCode::ExpiryTooFar | RefusalCode::Expired)
            ),
            "{answer:?}"
        );

        let foreign =
            Signed::sign(unsigned(NetworkId::from_bytes([1; 32]), me, counter, soon), &mine);
        let answer = attacker.submit(Entry::Message(foreign), None).await;
        assert_eq!(answer, Err(RefusalCode::WrongNetwork));

        let expired = Signed::sign(unsigned(network, me, counter, now() - 1_000), &mine);
        let answer = attacker.submit(Entry::Message(expired), None).await;
        assert_eq!(answer, Err(RefusalCode::Expired));
        let eternal = Signed::sign(unsigned(network, me, counter, now() + 3_600_000), &mine);
        let answer = attacker.submit(Entry::Message(eternal), None).await;
        assert_eq!(answer, Err(RefusalCode::ExpiryTooFar));

        let anonymous = Signed::sign(unsigned(network, Principal::Anonymous, counter, soon), &mine);
        let answer = attacker.submit(Entry::Message(anonymous), None).await;
        assert_eq!(answer, Err(RefusalCode::WrongSigner));
        let posing =
            Signed::sign(unsigned(network, Principal::Process(counter), counter, soon), &mine);
        let answer = attacker.submit(Entry::Message(posing), None).await;
        assert_eq!(answer, Err(RefusalCode::WrongSigner), "an account cannot act for a process");

        let first = attacker.submit(Entry::Message(genuine.clone()), None).await;
        let replayed = attacker.submit(Entry::Message(genuine), None).await;
        assert!(first.is_ok());
        assert_eq!(first, replayed, "a replay has the place of the original");
    });
    let viewed = cluster.run(&["view", &counter.to_string(), "get"]).done();
    assert_eq!(viewed["reply"], 1, "only the genuine message counts, once");
    cluster.stop();
}

/// Everything that proves the first delivery of `source` to `target`.
async fn genuine(client: &antiphon_client::Client, source: ProcessId) -> (Delivery, OriginProof) {
    let executed = client.outcomes(source, Slot::ZERO, 100).await.unwrap();
    let executed =
        executed.executed.into_iter().find(|executed| !executed.outcome.outbox.is_empty());
    let executed = executed.expect("the game has begun");
    let slot = executed.outcome.slot;
    let mut log = client.log(source, slot);
    let page = log.page(1).await.unwrap();
    let assignment = client.proof(&page.records[0].assignment).await.unwrap();
    let item = executed.outcome.outbox[0].clone();
    let origin = OriginProof {
        item: executed.outcome.item_path(0).unwrap(),
        receipts: vec![executed.receipt],
        assignment,
        introduction: None,
        emitted: None,
    };
    (Delivery { source, slot, item }, origin)
}

fn signed_by_attacker(proof: &AssignmentProof) -> Signed<BatchHeader> {
    Signed::sign(proof.batch.unverified().clone(), &SecretKey::from_seed(&[67; 32]))
}

fn forged_receipt(receipt: &Receipt) -> Receipt {
    let batch = receipt.batch.unverified().clone();
    Receipt {
        leaf: receipt.leaf.clone(),
        path: receipt.path.clone(),
        batch: Signed::sign(batch, &SecretKey::from_seed(&[67; 32])),
    }
}

#[test]
fn forged_altered_and_replayed_deliveries_are_refused() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let (ping, pong) = pair(&cluster);
    let args = format!(r#"{{"peer":"{pong}","rounds":10}}"#);
    cluster.run(&["send", &ping, "start", &args]).done();
    let network = cluster.network();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.client().await;
        assert_eq!(exchanged(&client, &ping, &pong, 10).await, 10);
        let mut attacker = Attacker::new(&client, network, Role::Scheduler).await;
        let (delivery, origin) = genuine(&client, process(&ping)).await;
        let refused = Err(RefusalCode::BadOrigin);

        let replayed =
            attacker.submit(Entry::Delivery(delivery.clone()), Some(origin.clone())).await;
        assert_eq!(replayed, Ok(Slot::new(1)), "a replay has the place of the original");

        // A ball that was never thrown, as the next of the pair.
        let next = PairPosition { number: PairNumber::new(5), previous: None };
        let body = ItemBody::Tell {
            method: "ball".to_owned(),
            args: Value::Map(vec![(Value::Text("left".into()), Value::Integer(9))])
                .encode()
                .unwrap(),
        };
        let item = OutboxItem { pair: Some(next), body, ..delivery.item.clone() };
        let invented = Delivery { item, ..delivery.clone() };
        let answer = attacker.submit(Entry::Delivery(invented.clone()), Some(origin.clone())).await;
        assert_eq!(answer, refused, "an item that is not in the outcome");
        let answer = attacker.submit(Entry::Delivery(invented.clone()), None).await;
        assert_eq!(answer, refused, "no proof at all");

        let mut forged = origin.clone();
        forged.receipts = forged.receipts.iter().map(forged_receipt).collect();
        let answer = attacker.submit(Entry::Delivery(delivery.clone()), Some(forged)).await;
        assert_ne!(answer.err(), None, "a receipt signed by a stranger");
        let mut forged = origin.clone();
        forged.assignment.batch = signed_by_attacker(&origin.assignment);
        let answer = attacker.submit(Entry::Delivery(delivery.clone()), Some(forged)).await;
        assert_ne!(answer.err(), None, "an assignment signed by a stranger");
        let mut forged = origin.clone();
        forged.assignment.assignment.chain = Hash::ZERO;
        let answer = attacker.submit(Entry::Delivery(delivery.clone()), Some(forged)).await;
        assert_ne!(answer.err(), None, "an altered assignment");
        let mut forged = origin.clone();
        forged.receipts.clear();
        let answer = attacker.submit(Entry::Delivery(delivery), Some(forged)).await;
        assert_ne!(answer.err(), None, "fewer receipts than the policy demands");
        assert_eq!(exchanged(&client, &ping, &pong, 10).await, 10, "no ball more");
    });
    cluster.stop();
}

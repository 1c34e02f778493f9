//! Deliveries whose proofs are links to what their frame has in common.

use protocol::{Hash, OriginProof, OriginProofError, PublicKey, Signed};

use super::*;
use crate::fixture::linked;

/// A server with a process, and one elsewhere that has told it three times.
async fn world(data: &Path) -> (Server, Client, Teller) {
    let (server, now) = (Server::start(data), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    client.submit(vec![submission(0, spawn(1, now))]).await;
    (server, client, Teller::new(process(1, now), 3))
}

fn deliveries(teller: &Teller) -> SubmitFrame {
    linked((0..3).map(|index| teller.delivery(u64::from(index), index)).collect())
}

/// Introduces the source by its first item.
async fn introduce(client: &Client, teller: &Teller) {
    assert_eq!(client.submit(vec![teller.delivery(9, 0)]).await.assigned.len(), 1);
}

#[tokio::test]
async fn what_comes_with_links_is_assigned_and_kept_with_its_proof() {
    let data = tempfile::tempdir().unwrap();
    let (server, client, teller) = world(data.path()).await;
    let strange = client.send(deliveries(&teller)).await;
    assert_eq!(strange.refused[&0], RefusalCode::IntroductionNeeded);
    introduce(&client, &teller).await;
    let told = client.send(deliveries(&teller)).await;
    assert_eq!(told.assigned.keys().copied().collect::<Vec<_>>(), [0], "it came before");
    assert_eq!(told.delivered, BTreeSet::from([1, 2]));
    server.stop().await;

    let server = Server::start(data.path());
    let client = server.connect(&crate::fixture::client()).await;
    let again = client.send(deliveries(&teller)).await;
    assert_eq!(again.assigned.len(), 3, "each has a place from before");
    let executor = server.connect(&compute()).await;
    let tail = executor.connection.open_stream(&codec::encode(&tail_of_all())).await;
    let (_sender, mut tail) = tail.unwrap();
    let mut linked = 0;
    while linked < 2 {
        let frame: TailFrame = codec::decode(&tail.recv().await.unwrap().unwrap()).unwrap();
        for record in frame.records.iter().filter(|record| record.link.is_some()) {
            let entry: Entry = codec::decode(&record.entry).unwrap();
            let basis = frame.basis.clone().unwrap().open().unwrap();
            let proof = record.proof(&entry, Some(&basis)).unwrap().unwrap();
            assert_eq!(check(&teller, &entry, &proof), Ok(()));
            linked += 1;
        }
    }
    server.stop().await;
}

fn check(teller: &Teller, entry: &Entry, proof: &OriginProof) -> Result<(), OriginProofError> {
    let Entry::Delivery(delivery) = entry else { panic!("it is one") };
    let source = teller.provenance.source(&teller.id, NETWORK).unwrap();
    proof.verify(NETWORK, delivery.into(), Some(&source), false, PublicKey::verifies)
}

#[tokio::test]
async fn a_forged_link_is_refused_among_good_ones() {
    let data = tempfile::tempdir().unwrap();
    let (server, client, teller) = world(data.path()).await;
    introduce(&client, &teller).await;
    let mut forged = deliveries(&teller);
    forged.submissions.remove(0);
    forged.submissions[1].link.as_mut().unwrap().assignment.chain = Hash::ZERO;
    let told = client.send(forged).await;
    assert_eq!(told.delivered, BTreeSet::from([1]));
    assert_eq!(told.refused, BTreeMap::from([(2, RefusalCode::BadOrigin)]));
    server.stop().await;
}

#[tokio::test]
async fn links_to_a_basis_that_does_not_hold_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let (server, client, teller) = world(data.path()).await;
    introduce(&client, &teller).await;
    let break_it: [fn(&mut SubmitFrame); 4] = [
        |frame| frame.basis = None,
        |frame| frame.basis.as_mut().unwrap().assignments.clear(),
        |frame| frame.basis.as_mut().unwrap().receipts[0].tree.digests[0] ^= 1,
        |frame| {
            let basis = frame.basis.as_mut().unwrap();
            let body = basis.receipts[0].batch.unverified().clone();
            basis.receipts[0].batch = Signed::sign(body, &key(8));
        },
    ];
    for broken in break_it {
        let mut frame = deliveries(&teller);
        broken(&mut frame);
        let told = client.send(frame).await;
        assert_eq!(told.refused.len(), 3, "{:?}", told.refused);
        assert!(told.refused.values().all(|code| *code == RefusalCode::BadOrigin));
    }
    server.stop().await;
}

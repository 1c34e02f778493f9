use protocol::{Kind, NetworkId, ReceiptBatch, SecretKey, Signed, V1};

use super::*;

fn frame() -> FollowFrame {
    let key = SecretKey::from_seed(&[1; 32]);
    let batch = ReceiptBatch {
        version: V1,
        kind: Kind,
        network: NetworkId::from_bytes([0; 32]),
        unit: key.public().unit(),
        count: 0,
        root: protocol::Hash::ZERO,
        engine: String::new(),
    };
    FollowFrame { batch: Signed::sign(batch, &key), slots: vec![] }
}

#[test]
fn a_frame_stays_in_memory_until_it_is_on_disk() {
    let feed = Feed::resume(5);
    feed.publish(frame(), Bytes::from(vec![0; KEPT_BYTES + 1]));
    feed.publish(frame(), Bytes::from(vec![0; 10]));
    feed.mark_stored(5);
    assert!(matches!(feed.find(5), Found::Here(_)));
    assert_eq!(feed.unstored(usize::MAX).len(), 2);
    feed.mark_stored(6);
    assert!(matches!(feed.find(5), Found::Stored));
    assert!(matches!(feed.find(6), Found::Here(found) if found.number == 6));
    assert!(matches!(feed.find(7), Found::Future));
    assert!(matches!(feed.find(4), Found::Stored));
}

#[test]
fn followers_are_woken_by_every_frame() {
    let feed = Feed::resume(0);
    let latest = feed.subscribe();
    feed.publish(frame(), Bytes::new());
    assert_eq!(*latest.borrow(), 1);
}

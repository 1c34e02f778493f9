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
    FollowFrame { batch: Signed::sign(batch, &key), slots: vec![], assignments: None }
}

#[test]
fn a_frame_stays_in_memory_until_it_is_on_disk() {
    let feed = Feed::resume(5);
    feed.publish(frame(), Bytes::from(vec![0; KEPT_BYTES + 1]), vec![]);
    feed.publish(frame(), Bytes::from(vec![0; 10]), vec![]);
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
    feed.publish(frame(), Bytes::new(), vec![]);
    assert_eq!(*latest.borrow(), 1);
}

#[test]
fn publishing_waits_for_a_disk_that_takes_nothing_and_loses_nothing() {
    let feed = Arc::new(Feed::resume(0));
    feed.publish(frame(), Bytes::from(vec![0; UNSTORED_BYTES_MAX]), vec![]);
    let (publisher, (told, tell)) = (Arc::clone(&feed), std::sync::mpsc::channel());
    let publishing = std::thread::spawn(move || {
        publisher.publish(frame(), Bytes::from(vec![0; 10]), vec![]);
        told.send(()).unwrap();
    });
    assert!(tell.try_recv().is_err());
    assert!(matches!(feed.find(1), Found::Future));
    feed.mark_stored(1);
    publishing.join().unwrap();
    assert_eq!(feed.unstored_bytes(), 10);
    assert!(matches!(feed.find(1), Found::Here(_)));
}

#[test]
fn a_feed_that_closes_lets_its_publisher_go() {
    let feed = Arc::new(Feed::resume(0));
    feed.publish(frame(), Bytes::from(vec![0; UNSTORED_BYTES_MAX]), vec![]);
    let publisher = Arc::clone(&feed);
    let publishing = std::thread::spawn(move || publisher.publish(frame(), Bytes::new(), vec![]));
    feed.close();
    publishing.join().unwrap();
    feed.mark_stored(1);
    feed.publish(frame(), Bytes::new(), vec![]);
    assert!(matches!(feed.find(1), Found::Future), "nothing is published after a gap");
}

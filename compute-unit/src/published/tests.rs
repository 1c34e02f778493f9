use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::testing::receipts::{self, outcome};

const PROCESS: ProcessId = ProcessId::from_bytes([1; 32]);
const OTHER: ProcessId = ProcessId::from_bytes([2; 32]);

/// A frame of slots of [`PROCESS`], all with the same chain hash, and slot 0 of another process.
fn frame(chain: u8, slots: std::ops::RangeInclusive<u64>) -> FollowFrame {
    let chain = Hash::from_bytes([chain; 32]);
    let other = std::iter::once(outcome(OTHER, 0, chain));
    receipts::frame(other.chain(slots.map(|slot| outcome(PROCESS, slot, chain))).collect())
}

fn published() -> (TempDir, Published) {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(directory.path()).unwrap());
    (directory, Published { store, feed: Arc::new(Feed::resume(0)) })
}

impl Published {
    fn publish(&self, frame: FollowFrame) {
        let bytes = Bytes::from(codec::encode(&frame));
        self.feed.publish(frame, bytes, vec![]);
    }

    /// Stores what is in memory, where it stays as well.
    fn keep(&self) {
        let frames = self.feed.unstored(usize::MAX);
        self.store.append(&[], &frames).unwrap();
        self.feed.mark_stored(frames.last().unwrap().number + 1);
    }

    /// Slots from one on, at most so many, each with the byte of its chain hash.
    fn read(&self, from: u64, limit: usize) -> Vec<(u64, u8)> {
        let page = self.page(&PROCESS, Slot::new(from), limit).unwrap();
        let leaves = page.executed.iter().map(|executed| &executed.receipt.leaf);
        leaves.map(|leaf| (leaf.slot.get(), leaf.chain.as_bytes()[0])).collect()
    }

    fn chain_byte(&self, slot: u64) -> Option<u8> {
        self.chain(&PROCESS, Slot::new(slot)).map(|chain| chain.as_bytes()[0])
    }
}

/// Publishes slots 0 to 9, then others in the place of those from 4 on: 4 and 5.
fn with_void_slots(store_after: &[usize]) -> (TempDir, Published) {
    let (directory, published) = published();
    for (at, frame) in [frame(1, 0..=3), frame(1, 4..=9), frame(2, 4..=5)].into_iter().enumerate() {
        published.publish(frame);
        if store_after.contains(&at) {
            published.keep();
        }
    }
    (directory, published)
}

#[test]
fn void_slots_are_not_served_once_others_have_their_place_wherever_those_are() {
    for store_after in [&[][..], &[0], &[1], &[2], &[0, 1], &[0, 1, 2]] {
        let (_directory, published) = with_void_slots(store_after);
        let whole = [(0, 1), (1, 1), (2, 1), (3, 1), (4, 2), (5, 2)];
        for from in 0..=9 {
            let wanted = whole.get(from..).unwrap_or_default();
            let from = u64::try_from(from).unwrap();
            assert_eq!(published.read(from, 100), wanted, "from {from}, stored {store_after:?}");
            let chain = wanted.first().map(|(_, chain)| *chain);
            assert_eq!(published.chain_byte(from), chain, "slot {from}, stored {store_after:?}");
        }
        assert_eq!(published.read(3, 2), [(3, 1), (4, 2)]);
    }
}

#[test]
fn slots_are_served_that_follow_those_in_the_place_of_void_ones() {
    let (_directory, published) = with_void_slots(&[1]);
    published.publish(frame(2, 6..=7));
    assert_eq!(published.read(5, 100), [(5, 2), (6, 2), (7, 2)]);
    published.keep();
    published.publish(frame(2, 8..=8));
    assert_eq!(published.read(7, 100), [(7, 2), (8, 2)]);
    assert_eq!(published.chain_byte(9), None);
}

#[test]
fn what_is_void_a_second_time_is_not_served_either() {
    let (_directory, published) = with_void_slots(&[2]);
    published.publish(frame(3, 2..=2));
    assert_eq!(published.read(0, 100), [(0, 1), (1, 1), (2, 3)]);
    assert_eq!(published.read(3, 100), []);
    published.publish(frame(3, 3..=6));
    assert_eq!(published.read(4, 100), [(4, 3), (5, 3), (6, 3)]);
}

#[test]
fn void_slots_are_served_until_others_have_their_place() {
    let (_directory, published) = published();
    published.publish(frame(1, 0..=9));
    assert_eq!(published.chain_byte(7), Some(1));
}

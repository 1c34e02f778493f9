use std::sync::Arc;

use bytes::Bytes;
use protocol::SecretKey;
use tempfile::TempDir;

use super::*;
use crate::{
    feed::Feed,
    given::{Given, Run},
    published::Published,
    testing::receipts::{self, outcome},
};

fn process(seed: u8) -> ProcessId {
    ProcessId::from_bytes([seed; 32])
}

fn frame(number: u64, slots: &[(u8, u64)]) -> Arc<Frame> {
    let parts = slots.iter().map(|(seed, slot)| outcome(process(*seed), *slot, Hash::ZERO));
    let frame = receipts::frame(parts.collect());
    let bytes = Bytes::from(codec::encode(&frame));
    Arc::new(Frame { number, bytes, frame, agenda: vec![] })
}

fn store() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let frames = [frame(0, &[(1, 0), (2, 0)]), frame(1, &[(1, 1), (1, 2)]), frame(2, &[(2, 1)])];
    store.append(&[], &frames).unwrap();
    (directory, store)
}

fn cursor(seed: u8, slot: u64) -> Cursor {
    Cursor { process: process(seed), slot: Slot::new(slot) }
}

#[test]
fn followers_start_at_the_oldest_frame_they_lack() {
    let (_directory, store) = store();
    let first = |cursors: &[Cursor]| store.first_needed(cursors).unwrap();
    assert_eq!(first(&[]), Some(0));
    assert_eq!(first(&[cursor(1, 2), cursor(2, 1)]), Some(1));
    assert_eq!(first(&[cursor(1, 3), cursor(2, 1)]), Some(2));
    assert_eq!(first(&[cursor(1, 3), cursor(2, 2)]), None);
}

#[test]
fn heads_and_numbers_go_on_after_what_is_stored() {
    let (_directory, store) = store();
    assert_eq!(store.next_frame().unwrap(), 3);
    let (_, leaf) = outcome(process(1), 2, Hash::ZERO);
    let head = Head { next: Slot::new(3), leaf: leaf.digest() };
    assert_eq!(store.heads().unwrap().get(&process(1)), Some(&head));
}

#[test]
fn frames_of_a_process_are_found_from_any_slot() {
    let (_directory, store) = store();
    let frames = |from| store.frames_of(&process(1), Slot::new(from), 10).unwrap();
    assert_eq!(frames(0), vec![(Slot::ZERO, 0), (Slot::new(1), 1)]);
    assert_eq!(frames(2), vec![(Slot::new(1), 1)]);
    assert_eq!(store.frames_of(&process(3), Slot::ZERO, 10).unwrap(), vec![]);
}

#[test]
fn what_is_published_again_takes_the_place_of_what_was_void() {
    let (_directory, store) = store();
    store.append(&[], &[frame(3, &[(1, 3), (1, 4)])]).unwrap();
    store.append(&[], &[frame(4, &[(1, 2)])]).unwrap();
    let frames = store.frames_of(&process(1), Slot::ZERO, 10).unwrap();
    let firsts: Vec<_> = frames.iter().map(|(first, number)| (first.get(), *number)).collect();
    assert_eq!(firsts, [(0, 0), (1, 1), (2, 4)]);
    assert_eq!(store.heads().unwrap().get(&process(1)).unwrap().next, Slot::new(3));
}

#[test]
fn what_takes_the_place_of_void_slots_may_begin_anywhere_in_what_was_stored_together() {
    let (_directory, store) = store();
    let together = [frame(3, &[(1, 3)]), frame(4, &[(1, 4)]), frame(5, &[(1, 5)])];
    store.append(&[], &together).unwrap();
    store.append(&[], &[frame(6, &[(1, 4)]), frame(7, &[(1, 5)]), frame(8, &[(1, 5)])]).unwrap();
    let frames = store.frames_of(&process(1), Slot::new(2), 10).unwrap();
    let firsts: Vec<_> = frames.iter().map(|(first, number)| (first.get(), *number)).collect();
    assert_eq!(firsts, [(1, 1), (3, 3), (4, 6), (5, 8)]);
    assert_eq!(store.frames_of(&process(1), Slot::new(4), 1).unwrap().len(), 2);
}

#[test]
fn a_damaged_frame_is_an_error_and_not_a_panic() {
    let (_directory, store) = store();
    let damaged = Arc::new(Frame {
        number: 3,
        bytes: Bytes::from_static(&[0xff]),
        frame: frame(3, &[]).frame.clone(),
        agenda: vec![],
    });
    store.append(&[], &[damaged]).unwrap();
    assert!(matches!(store.decoded(3), Err(StoreError::Damaged(3))));
}

/// Stores frames in a file, closes it, damages it, and opens it again.
fn reopened(damage: impl FnOnce(&Path)) -> Result<Store, StoreError> {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let frames: Vec<_> = (0..50).map(|number| frame(number, &[(1, number)])).collect();
    store.append(&[], &frames).unwrap();
    drop(store);
    damage(&directory.path().join(FILE));
    let store = Store::open(directory.path());
    if store.as_ref().is_ok_and(|store| store.next_frame().unwrap() == 0) {
        assert!(
            directory.path().join(format!("{FILE}.damaged")).exists(),
            "it is put aside, not deleted"
        );
    }
    store
}

#[test]
fn a_file_that_cannot_be_read_is_put_aside_and_everything_derived_again() {
    assert_eq!(reopened(|_| ()).unwrap().next_frame().unwrap(), 50);
    let noise = |path: &Path| std::fs::write(path, [0x5a; 100_000]).unwrap();
    assert_eq!(reopened(noise).unwrap().next_frame().unwrap(), 0);
    let half = |path: &Path| {
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    };
    assert_eq!(reopened(half).unwrap().next_frame().unwrap(), 0);
}

#[test]
fn a_database_can_be_opened_again_after_the_disk_failed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    store.append(&[], &[frame(0, &[(1, 0)])]).unwrap();
    let reader = store.file.begin_read().unwrap();
    store.file.reopen().unwrap();
    drop(reader);
    store.append(&[], &[frame(1, &[(1, 1)])]).unwrap();
    assert_eq!(store.next_frame().unwrap(), 2);
}

#[tokio::test]
async fn heads_are_told_before_they_are_on_disk() {
    let (_directory, store) = store();
    let scheduler = SecretKey::from_seed(&[2; 32]).public().unit();
    let run =
        |seed| Run { process: process(seed), first: Slot::ZERO, last: Slot::ZERO, opens: true };
    let given = |number, seed| GivenFrame::new(number, scheduler, Bytes::new(), vec![run(seed)]);
    store.append(&[Arc::new(given(0, 1)), Arc::new(given(1, 4))], &[]).unwrap();
    let (store, feed) = (Arc::new(store), Arc::new(Feed::resume(3)));
    let noted = Given::resume(2);
    noted.note(scheduler, Bytes::new(), vec![run(3)], vec![]).await;
    // Processes 2 and 5 are another scheduler's.
    for slots in [&[(1, 3), (4, 0)], &[(1, 4), (3, 0)], &[(3, 1), (5, 0)]] {
        let Frame { frame, bytes, .. } = Arc::into_inner(frame(0, slots)).unwrap();
        feed.publish(frame, bytes, vec![]);
    }
    let published = Published { store, feed };
    let page = |after: Option<u8>, most| {
        let page = published.heads_of(&noted, &scheduler, (after.map(process), most)).unwrap();
        let heads = page.heads.into_iter();
        (heads.map(|head| (head.process, head.slot.get())).collect::<Vec<_>>(), page.more)
    };
    let all = [(process(1), 4), (process(3), 1), (process(4), 0)];
    assert_eq!(page(None, 9), (all.to_vec(), false));
    assert_eq!(page(None, 1), (vec![all[0]], true));
    assert_eq!(page(Some(1), 1), (vec![all[1]], true));
    assert_eq!(page(Some(3), 1), (vec![all[2]], false));
}

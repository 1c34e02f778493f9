use std::collections::BTreeMap;

use minicbor::bytes::ByteVec;
use protocol::{Kind, Message, Principal, SecretKey, Timestamp, V1, merkle_root};

use super::*;
use crate::{
    fixture::{
        NETWORK, NOW, Teller, client, key, message, message_body, opened, process, scheduler,
        spawn, submission,
    },
    sequencer::testing::Bench,
    store::testing::FaultDisk,
};

/// Knows these processes.
#[derive(Default)]
struct Known(BTreeMap<ProcessId, Arc<Source>>);

impl Knowledge for Known {
    fn source(&self, process: &ProcessId) -> Option<Arc<Source>> {
        self.0.get(process).cloned()
    }

    fn holds(&self, key: &PublicKey, digest: &Hash, signature: &Signature) -> bool {
        key.verifies(digest, signature)
    }

    fn is_refused(&self, _: &ProcessId, _: &EntryId) -> bool {
        false
    }
}

fn target() -> ProcessId {
    process(1, NOW)
}

fn move_to(next: &SecretKey, controller: &SecretKey) -> Entry {
    let body = Control {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: Principal::Account(controller.public().account()),
        target: target(),
        nonce: 0,
        expiry: NOW.saturating_add(60_000),
        action: ControlAction::Move(next.public().unit()),
    };
    Entry::Control(Signed::sign(body, controller))
}

/// The frames of a log of a spawn, messages, a delivery and a move.
fn frames() -> Vec<TailFrame> {
    let mut bench = Bench::new(opened(&FaultDisk::new()));
    let delivery = Teller::new(target(), 1).delivery(0, 0);
    let batches = [
        vec![submission(0, spawn(1, NOW)), submission(1, message(target(), 1, NOW))],
        vec![submission(0, message(target(), 2, NOW)), delivery],
        vec![submission(0, message(target(), 3, NOW))],
        vec![submission(0, move_to(&key(11), &client()))],
    ];
    for batch in batches {
        bench.submit(batch);
    }
    let log = &bench.archive().log;
    (0..4).map(|number| codec::decode(&log.segment(number).unwrap()).unwrap()).collect()
}

fn reader() -> Reader {
    Reader::new(NETWORK, target(), None, None)
}

/// Reads frames until one is not believed.
fn read_all(frames: &[TailFrame]) -> Result<Reader, ReadError> {
    let mut reader = reader();
    for frame in frames {
        reader.read(&codec::encode(frame), &Known::default())?;
    }
    Ok(reader)
}

/// Signs the records of a frame again, as they are now.
fn sign_again(frame: &mut TailFrame, key: &SecretKey) {
    frame.leaves = frame.records.iter().map(|record| record.assignment.leaf()).collect();
    let mut header = frame.batch.unverified().clone();
    header.root = merkle_root(frame.leaves.clone());
    header.count = u32::try_from(frame.leaves.len()).unwrap();
    header.scheduler = key.public().unit();
    frame.batch = Signed::sign(header, key);
}

/// Puts another entry into a record, and chains it.
fn replace(frames: &mut [TailFrame], at: usize, entry: &Entry) {
    let before = frames[at - 1].records.last().unwrap().assignment;
    let record = &mut frames[at].records[0];
    record.entry = codec::encode(entry);
    let Assignment { epoch, slot, time, .. } = record.assignment;
    let id = entry.id();
    record.assignment.entry = id;
    record.assignment.chain = protocol::chain_hash(&before.chain, epoch, slot, time, &id);
    sign_again(&mut frames[at], &scheduler());
}

#[test]
fn a_log_is_read_to_its_end_and_once() {
    let frames = frames();
    let read = read_all(&frames).unwrap();
    assert_eq!(read.next(), Slot::new(6));
    assert_eq!(read.source.as_ref().unwrap().scheduler(), key(11).public().unit());
    let mut reader = read;
    let again = reader.read(&codec::encode(&frames[1]), &Known::default());
    assert!(again.unwrap().is_none(), "nothing new");
}

#[test]
fn reading_ends_at_the_slot_that_is_wanted() {
    let frames = frames();
    let mut reader = Reader { last: Some(Slot::new(2)), ..reader() };
    for frame in &frames {
        if let Some(read) = reader.read(&codec::encode(frame), &Known::default()).unwrap() {
            let kept: TailFrame = codec::decode(&read.segment).unwrap();
            assert_eq!(kept.records.len(), read.slots.len());
        }
    }
    assert!(reader.is_done());
    assert_eq!(reader.next(), Slot::new(3));
}

#[test]
fn nothing_is_believed_that_the_scheduler_has_not_signed() {
    type Change = fn(&mut Vec<TailFrame>);
    let forgeries: [Change; 11] = [
        |frames| drop(frames.remove(0)),
        |frames| drop(frames.remove(1)),
        |frames| frames.swap(1, 2),
        |frames| frames[1].leaves.reverse(),
        |frames| frames[2].records[0].index = 7,
        |frames| frames[2].records[0].assignment.time = Timestamp::new(1),
        |frames| {
            frames[2].records[0].assignment.time = Timestamp::new(1);
            sign_again(&mut frames[2], &scheduler());
        },
        |frames| sign_again(&mut frames[2], &key(11)),
        |frames| {
            frames[2].batch = frames[1].batch.clone();
        },
        |frames| frames[2].records[0].entry = codec::encode(&message(target(), 9, NOW)),
        |frames| frames[0].records[1].assignment.process = process(2, NOW),
    ];
    for (number, forge) in forgeries.into_iter().enumerate() {
        let mut frames = frames();
        forge(&mut frames);
        assert!(matches!(read_all(&frames), Err(ReadError::Wrong(_))), "forgery {number}");
    }
}

#[test]
fn nothing_is_believed_that_no_principal_or_process_has_said() {
    let expiry = NOW.saturating_add(60_000);
    let body: Message = message_body(target(), 9, expiry);
    let other = message_body(process(2, NOW), 9, expiry);
    let entries = [
        Entry::Message(Signed::sign(body, &key(8))),
        Entry::Message(Signed::sign(other, &client())),
        move_to(&key(11), &key(8)),
        Teller::new(target(), 2).delivery(0, 1).entry,
    ];
    for (number, entry) in entries.into_iter().enumerate() {
        let mut frames = frames();
        replace(&mut frames, 2, &entry);
        assert!(matches!(read_all(&frames), Err(ReadError::Wrong(_))), "entry {number}");
    }
    // Neither is a message with a proof, nor a delivery whose proof is another's or unreadable.
    for origin in [b"garbage".to_vec(), codec::encode(&Teller::new(target(), 2).delivery(0, 1))] {
        for (frame, record) in [(1, 1), (2, 0)] {
            let mut frames = frames();
            frames[frame].records[record].origin = Some(ByteVec::from(origin.clone()));
            assert!(matches!(read_all(&frames), Err(ReadError::Wrong(_))));
        }
    }
}

#[test]
fn a_slot_behind_the_move_is_the_next_schedulers() {
    let mut frames = frames();
    let mut late = frames[2].clone();
    let last = frames[3].records[0].assignment;
    for (epoch, signer, believed) in
        [(1, key(11), true), (0, key(11), false), (1, scheduler(), false), (0, scheduler(), false)]
    {
        let assignment = &mut late.records[0].assignment;
        assignment.epoch = protocol::Epoch::new(epoch);
        assignment.slot = Slot::new(6);
        let Assignment { epoch, slot, time, entry, .. } = *assignment;
        assignment.chain = protocol::chain_hash(&last.chain, epoch, slot, time, &entry);
        sign_again(&mut late, &signer);
        frames.push(late.clone());
        assert_eq!(read_all(&frames).is_ok(), believed, "{epoch}");
        frames.pop();
    }
}

#[test]
fn a_source_that_is_not_known_is_asked_for() {
    let mut frames = frames();
    let teller = Teller::new(target(), 1);
    let mut proof = *teller.delivery(0, 0).origin.unwrap();
    let introduction = proof.introduction.take().unwrap();
    frames[1].records[1].origin = Some(ByteVec::from(codec::encode(&proof)));
    assert_eq!(read_all(&frames).unwrap_err(), ReadError::Unknown(teller.id));
    let mut reader = reader();
    let known = Arc::new(introduction.source(&teller.id, NETWORK).unwrap());
    let known = Known(BTreeMap::from([(teller.id, known)]));
    for frame in &frames {
        reader.read(&codec::encode(frame), &known).unwrap();
    }
    assert_eq!(reader.next(), Slot::new(6));
}

#[test]
fn arbitrary_bytes_are_refused() {
    let frame = codec::encode(&frames()[1]);
    for cut in 0..frame.len() {
        assert!(reader().read(&frame[..cut], &Known::default()).is_err());
    }
}

//! What a unit has stored is altered behind its back, or by itself: whoever checks finds it, and says
//! at which slot.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use protocol::{
    Checkpoint, CheckpointState, Entry, Fault, Gas, Hash, Kind, MemoryIndex, MerkleTree, Message,
    NetworkId, ProcessId, Receipt, ReceiptBatch, Reply, SecretKey, Signed, V1,
    api::{FollowFrame, FollowSlot, TailFrame, TailRecord},
    codec,
};
use redb::{Database, ReadableTable, ReadableTableMetadata, TableDefinition};
use serde_json::Value as Json;

use crate::{
    audit::count,
    support::{Cluster, directory, key, process, run_in, text},
};

type Place = (u32, u64, u32);
const FRAMES: TableDefinition<'_, u64, Place> = TableDefinition::new("frames");
const FRAMES_FILE: &str = "frames/0000000000.frames";
const SLOTS: TableDefinition<'_, (&[u8; 32], u64), &[u8]> = TableDefinition::new("slots");
const SEGMENTS: TableDefinition<'_, u64, (u32, &[u8])> = TableDefinition::new("segments");
const PIECES: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("pieces");
const CHECKPOINTS: TableDefinition<'_, (&[u8; 32], u64), &[u8]> =
    TableDefinition::new("checkpoints");
const BLOBS: TableDefinition<'_, (u8, &[u8; 32]), &[u8]> = TableDefinition::new("blobs");

/// Messages to each counter.
const MESSAGES: u64 = 30;

#[test]
fn what_was_altered_is_found_with_its_slot() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--checkpoint-slots", "10"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let counters: Vec<String> =
        (0..5).map(|_| cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#)).collect();
    let [outcome, entry, chain, blob, lied] =
        <[String; 5]>::try_from(counters).expect("there are five");
    runtime.block_on(async {
        let client = cluster.client().await;
        for counter in [&outcome, &entry, &chain, &blob, &lied] {
            count(&client, process(counter), MESSAGES).await;
        }
    });
    let network = cluster.network();
    cluster.stop();

    let (units, scheduler) = (computes(data.path()), data.path().join("units/scheduler-1/data"));
    alter_outcome(&units, process(&outcome), 7);
    alter_log(&scheduler, process(&entry), 8, |record| {
        let Entry::Message(message) = codec::decode(&record.entry).unwrap() else {
            panic!("slot 8 is a message");
        };
        let body = Message { nonce: 1, ..message.unverified().clone() };
        let altered = Signed::from_parts(codec::encode(&body), *message.authority()).unwrap();
        record.entry = codec::encode(&Entry::Message(altered));
    });
    alter_log(&scheduler, process(&chain), 9, |record| record.assignment.chain = Hash::ZERO);
    let checkpoints = alter_checkpoints(&units, process(&blob));
    lie(&units, network, process(&lied), 11);

    let cluster = Cluster::up(data.path(), &["--checkpoint-slots", "10"]);
    let what = difference(&cluster, data.path(), &outcome, 7);
    assert!(text(&what["what"]).contains("states another outcome"), "{what}");
    let what = difference(&cluster, data.path(), &entry, 8);
    assert_eq!(what["what"], "the entry is not the one that was assigned");
    let what = difference(&cluster, data.path(), &chain, 9);
    assert_eq!(what["what"], "the chain hash does not follow");
    let what = difference(&cluster, data.path(), &lied, 11);
    assert!(text(&what["what"]).starts_with("the outcome that unit1"), "{what}");
    check_fault(&data.path().join(format!("{lied}-11.fault")), network);

    check_states(&cluster, &blob, checkpoints);
    let sent = cluster.run(&["send", &blob, "add", "1"]).done();
    assert_eq!(sent["reply"], MESSAGES + 1, "the unit goes on from what it has");
    assert_eq!(cluster.run(&["verify", &blob]).done()["ok"], true);
    cluster.stop();
}

/// The first difference that `verify` finds, at the slot where it must be.
#[track_caller]
fn difference(cluster: &Cluster, faults: &Path, process: &str, slot: u64) -> Json {
    let ran = cluster.run(&["verify", process, "--faults", &faults.to_string_lossy()]);
    assert_eq!((ran.code, &ran.json["ok"]), (5, &false.into()), "{ran:?}");
    let found = &ran.json["first_difference"];
    assert_eq!(found["slot"], slot, "{ran:?}");
    found.clone()
}

/// States are right whatever is damaged, and what is whole is used: the first checkpoint is not, the
/// second is.
fn check_states(cluster: &Cluster, process: &str, (first, second): (u64, u64)) {
    let state = |slot: u64, options: &[&str]| {
        let slot = slot.to_string();
        cluster.run(&[&["state", process, "--at", &slot], options].concat())
    };
    let damaged = state(second - 1, &[]);
    let warning = String::from_utf8_lossy(&damaged.output.stderr).into_owned();
    assert!(warning.contains(&format!("after slot {first} is not used")), "{warning}");
    for (slot, checkpoint) in [(second - 1, None), (second + 1, Some(second)), (MESSAGES, None)] {
        let (found, genuine) = (state(slot, &[]).done(), state(slot, &["--no-checkpoint"]).done());
        assert_eq!(found["state_root"], genuine["state_root"], "{found}");
        let used = found["checkpoint"]["slot"].as_u64();
        assert!(checkpoint.is_none() || used == checkpoint, "{found}");
    }
}

/// A unit of a data directory: where it stores, and its key.
struct Home {
    store: PathBuf,
    key: SecretKey,
}

fn computes(data: &Path) -> Vec<Home> {
    let home = |number| {
        let unit = data.join(format!("units/compute-{number}"));
        Home { store: unit.join("data"), key: key(&unit.join("key")) }
    };
    [1, 2].map(home).into()
}

/// The frames that a unit has published.
fn frames(store: &Path) -> Vec<(u64, FollowFrame)> {
    let read = Database::open(store.join("outcomes.redb")).unwrap().begin_write().unwrap();
    let table = read.open_table(FRAMES).unwrap();
    let row = |row: Result<(redb::AccessGuard<'_, u64>, redb::AccessGuard<'_, Place>), _>| {
        let (number, place) = row.unwrap();
        let (_, offset, length) = place.value();
        let from = usize::try_from(offset).unwrap();
        let bytes = fs::read(store.join(FRAMES_FILE)).unwrap();
        let bytes = &bytes[from..from + usize::try_from(length).unwrap()];
        (number.value(), codec::decode(bytes).unwrap())
    };
    table.iter().unwrap().map(row).collect()
}

/// Has a unit keep a frame under a number.
fn put(store: &Path, number: u64, frame: &FollowFrame) {
    let bytes = codec::encode(frame);
    let path = store.join(FRAMES_FILE);
    // A unit that executed nothing has no frames yet.
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    let offset = file.metadata().unwrap().len();
    file.write_all(&bytes).unwrap();
    let write = Database::open(store.join("outcomes.redb")).unwrap().begin_write().unwrap();
    let place = (0, offset, u32::try_from(bytes.len()).unwrap());
    write.open_table(FRAMES).unwrap().insert(number, place).unwrap();
    write.commit().unwrap();
}

/// Has the unit that executed a slot keep another outcome beside the receipt.
fn alter_outcome(units: &[Home], process: ProcessId, slot: u64) {
    let mut altered = 0;
    for unit in units {
        for (number, mut frame) in frames(&unit.store) {
            let before = altered;
            for item in &mut frame.slots {
                if (item.leaf.process, item.leaf.slot.get()) == (process, slot) {
                    item.outcome.reply = Reply::Later;
                    altered += 1;
                }
            }
            if altered > before {
                put(&unit.store, number, &frame);
            }
        }
    }
    assert_ne!(altered, 0, "somebody executed it");
}

/// Alters a slot in a scheduler's log.
fn alter_log(store: &Path, process: ProcessId, slot: u64, alter: impl Fn(&mut TailRecord)) {
    let file = store.join("shard-0/log/00000000000000000000.redb");
    let write = Database::open(file).unwrap().begin_write().unwrap();
    let mut segments = write.open_table(SEGMENTS).unwrap();
    let pieces = write.open_table(PIECES).unwrap();
    let numbers = 0..segments.len().unwrap();
    for number in numbers {
        let parts = pieces.range((number, 0)..=(number, u32::MAX)).unwrap();
        let mut bytes: Vec<u8> = parts.flat_map(|part| part.unwrap().1.value().to_vec()).collect();
        bytes.extend_from_slice(segments.get(number).unwrap().unwrap().value().1);
        let mut segment: TailFrame = codec::decode(&bytes).unwrap();
        let found = segment.records.iter_mut().find(|record| {
            (record.assignment.process, record.assignment.slot.get()) == (process, slot)
        });
        if let Some(record) = found {
            alter(record);
            let bytes = codec::encode(&segment);
            // In one piece it is as good.
            let length = u32::try_from(bytes.len()).unwrap();
            segments.insert(number, (length, bytes.as_slice())).unwrap();
            drop((segments, pieces));
            return write.commit().unwrap();
        }
    }
    panic!("the slot is in the log");
}

/// Damages what only the first and the newest checkpoint of a process lead to; gives the slots of
/// the first and the second.
fn alter_checkpoints(units: &[Home], process: ProcessId) -> (u64, u64) {
    let mut altered = None;
    for unit in units {
        let write = Database::open(unit.store.join("state.redb")).unwrap().begin_write().unwrap();
        {
            let checkpoints = write.open_table(CHECKPOINTS).unwrap();
            let key = process.as_bytes();
            let rows = checkpoints.range((key, 0)..=(key, u64::MAX)).unwrap();
            let top = |bytes: &[u8]| match codec::decode::<Checkpoint>(bytes).unwrap().state {
                CheckpointState::Live { memory, .. } => memory,
                CheckpointState::Dead(..) => panic!("it lives"),
            };
            let rows: Vec<(u64, MemoryIndex)> = rows
                .map(|row| row.map(|(key, bytes)| (key.value().1, top(bytes.value()))).unwrap())
                .collect();
            let [(first_at, first), whole @ .., (_, newest)] = rows.as_slice() else { continue };
            let mut blobs = write.open_table(BLOBS).unwrap();
            for entry in first.root.iter().chain(&newest.root) {
                if whole.iter().all(|(_, memory)| !memory.root.contains(entry)) {
                    let kind = u8::from(newest.height > 0);
                    blobs.insert((kind, entry.address.as_bytes()), &[0, 1, 2, 3][..]).unwrap();
                }
            }
            altered = Some((*first_at, whole.first().expect("there were three at least").0));
        }
        write.commit().unwrap();
    }
    altered.expect("there were checkpoints")
}

/// Has the unit that did not execute a process sign another outcome for one of its slots.
fn lie(units: &[Home], network: NetworkId, process: ProcessId, slot: u64) {
    let slots_of = |unit: &Home| -> Vec<FollowSlot> {
        let slots = frames(&unit.store).into_iter().flat_map(|(_, frame)| frame.slots);
        slots.filter(|item| item.leaf.process == process).collect()
    };
    let [one, two] = units else { panic!("there are two") };
    let (honest, liar) = if slots_of(two).is_empty() { (one, two) } else { (two, one) };
    let mut slots = slots_of(honest);
    assert!(slots_of(liar).is_empty(), "one unit executed it");
    slots.truncate(usize::try_from(slot).unwrap() + 1);
    let last = slots.last_mut().expect("it was executed");
    last.outcome.reply = Reply::Later;
    last.leaf.outcome = last.outcome.digest();
    let frame = sealed(slots, network, &liar.key);
    let number = frames(&liar.store).last().map_or(0, |(number, _)| number + 1);
    put(&liar.store, number, &frame);
    let write = Database::open(liar.store.join("outcomes.redb")).unwrap().begin_write().unwrap();
    let place = [0, number].map(u64::to_le_bytes).concat();
    write.open_table(SLOTS).unwrap().insert((process.as_bytes(), 0), place.as_slice()).unwrap();
    write.commit().unwrap();
}

/// Slots as a unit publishes them.
fn sealed(mut slots: Vec<FollowSlot>, network: NetworkId, key: &SecretKey) -> FollowFrame {
    let tree = MerkleTree::new(slots.iter().map(|slot| slot.leaf.leaf()).collect());
    for (slot, index) in slots.iter_mut().zip(0..) {
        slot.path = tree.path(index);
    }
    let batch = ReceiptBatch {
        version: V1,
        kind: Kind,
        network,
        unit: key.public().unit(),
        count: u32::try_from(slots.len()).unwrap(),
        root: tree.root(),
        engine: "another one".to_owned(),
    };
    FollowFrame { batch: Signed::sign(batch, key), slots, assignments: None }
}

/// Checks a fault file that `verify` wrote, then one of a single unit, then altered ones.
fn check_fault(file: &Path, network: NetworkId) {
    let path = file.to_string_lossy().into_owned();
    let net = network.to_string();
    // Where no network is known.
    let nowhere = directory();
    let prove = |network: &[&str]| run_in(nowhere.path(), &[&["proof", &path], network].concat());
    let proven = prove(&["--network", &net]).done();
    assert_eq!((&proven["kind"], &proven["holds"]), (&"fault".into(), &true.into()), "{proven}");
    assert_eq!(proven["culprits"].as_array().unwrap().len(), 2, "{proven}");

    let Fault::Receipts(one, _) = codec::decode(&fs::read(file).unwrap()).unwrap() else {
        panic!("it is one of receipts");
    };
    let mine = SecretKey::from_seed(&[7; 32]);
    let receipt = |gas| {
        let leaf = protocol::ReceiptLeaf { gas: Gas::new(gas), ..one.leaf.clone() };
        let tree = MerkleTree::new(vec![leaf.leaf()]);
        let unit = mine.public().unit();
        let (count, root) = (1, tree.root());
        let batch = ReceiptBatch { unit, count, root, ..one.batch.unverified().clone() };
        Box::new(Receipt { leaf, path: tree.path(0).unwrap(), batch: Signed::sign(batch, &mine) })
    };
    let bytes = codec::encode(&Fault::Receipts(receipt(1), receipt(2)));
    fs::write(file, &bytes).unwrap();
    let proven = prove(&[]).done();
    assert_eq!(proven["culprits"], serde_json::json!([mine.public().unit()]), "{proven}");
    let wrong = NetworkId::from_bytes([1; 32]).to_string();
    assert_eq!(prove(&["--network", &wrong]).code, 5);
    for index in [0, 1, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
        let mut altered = bytes.clone();
        altered[index] ^= 1;
        fs::write(file, &altered).unwrap();
        let refuted = prove(&[]);
        assert_eq!(
            (refuted.code, &refuted.json["holds"]),
            (5, &false.into()),
            "{index}: {refuted:?}"
        );
    }
}

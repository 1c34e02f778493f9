use minicbor::bytes::ByteVec;
use protocol::{Control, Epoch, Hash, Kind, MerklePath, Signed, Timestamp, UnitId, V1};

use super::*;
use crate::testing::{NETWORK, World};

/// A frame of one entry, as the scheduler of an epoch assigned it.
fn frame(
    world: &World,
    epoch: u64,
    slot: u64,
    entry: &Entry,
    origin: Option<ByteVec>,
) -> TailFrame {
    let proof = world.assign_in(Epoch::new(epoch), entry.id(), slot);
    let leaves = vec![Hash::ZERO, proof.assignment.leaf()];
    let entry = codec::encode(entry);
    let record = TailRecord { index: 1, assignment: proof.assignment, entry, origin, link: None };
    TailFrame { batch: proof.batch, leaves, records: vec![record], refusals: None, basis: None }
}

fn spawn(world: &World) -> TailFrame {
    let spawn = Entry::Spawn(Signed::sign(world.spawn.clone(), &world.account));
    frame(world, 0, 0, &spawn, None)
}

/// Who the process is by these frames, as everybody checks it.
fn read(world: &World, frames: Vec<TailFrame>) -> Result<Described, ClientError> {
    let mut gathered = Gathered::default();
    for frame in frames {
        gathered.take(world.process, frame)?;
    }
    let provenance = Provenance { spawn: gathered.spawn.unwrap(), changes: gathered.changes };
    Described::read(NETWORK, world.process, provenance)
}

fn control(world: &World, action: ControlAction) -> Signed<Control> {
    let control = Control {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: world.spawn.sender,
        target: world.process,
        nonce: 1,
        expiry: Timestamp::new(1),
        action,
    };
    Signed::sign(control, &world.account)
}

#[test]
fn a_log_with_a_move_tells_what_a_scheduler_would() {
    let world = World::new();
    let expected = world.provenance(true);
    let moved = Entry::Control(expected.changes[0].control.clone());
    let frames = vec![spawn(&world), frame(&world, 0, 9, &moved, None)];
    let described = read(&world, frames).unwrap();
    assert_eq!(described.provenance, expected);
    assert_eq!(described.source.scheduler(), world.next.public().unit());
}

#[test]
fn a_takeover_hangs_on_the_slot_before_it_and_on_the_receipts_that_came_with_it() {
    let world = World::new();
    let message = Entry::Message(world.message(1));
    let last = frame(&world, 0, 9, &message, None);
    let assigned = last.records[0].assignment;
    let action = ControlAction::Takeover {
        scheduler: world.next.public().unit(),
        slot: assigned.slot,
        chain: assigned.chain,
    };
    let taken = Entry::Control(control(&world, action));
    let origin = OriginProof {
        item: MerklePath { index: 0, count: 1, siblings: Vec::new() },
        receipts: vec![world.execute(&assigned).receipt],
        assignment: world.assign(message.id(), 9),
        introduction: None,
        emitted: None,
    };
    let with = |origin| vec![spawn(&world), last.clone(), frame(&world, 1, 10, &taken, origin)];
    let described = read(&world, with(Some(codec::encode(&origin).into()))).unwrap();
    let handover = described.last_handover().unwrap();
    assert_eq!((handover.slot.get(), handover.epoch), (10, Epoch::new(1)));
    let units: [UnitId; 2] = [&world.scheduler, &world.next].map(|key| key.public().unit());
    assert_eq!([handover.from, handover.to], units);
    assert!(read(&world, with(None)).is_err(), "nobody attests it");
}

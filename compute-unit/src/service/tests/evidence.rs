//! What a unit says and keeps of schedulers that go on with what is not theirs, or contradict
//! themselves.

use protocol::{Change, ControlAction, Entry, Fault, Provenance};

use super::*;

/// Waits for a fault file of a unit, and reads it.
async fn fault(data: &Path) -> Fault {
    loop {
        let files = std::fs::read_dir(data.join("faults")).into_iter().flatten();
        let mut paths = files.map(|file| file.unwrap().path());
        if let Some(path) = paths.find(|path| path.extension().is_some_and(|ext| ext == "fault")) {
            let bytes = std::fs::read(&path).unwrap();
            let digest = protocol::Hash::of_blob(&bytes).to_string();
            assert_eq!(path.file_stem().unwrap().to_str(), Some(&*digest));
            return codec::decode(&bytes).unwrap();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_that_signed_a_slot_twice_is_found_out_and_the_evidence_kept() {
    let mut world = World::new().await;
    let (process, head) = (world.log.process, world.log.head());
    let before = slots(&world.frames)[2];
    world.log.back_to((Slot::new(before.0), before.1));
    let entry = world.log.message("another", &[0xa0]);
    let other = world.log.frame(&[entry]);
    assert_ne!(slots(std::slice::from_ref(&other))[0].1, head.1);
    world.scheduler.send(&[other]);
    let fault = fault(world.data.path()).await;
    assert_eq!(fault.culprits(NETWORK), Ok(vec![world.log.scheduler.public().unit()]));
    assert!(matches!(&fault, Fault::Assignments(one, _) if one.assignment.slot == Slot::new(3)));
    // The log goes on as it was first known.
    world.log.back_to(head);
    let more = messages(&mut world.log, 1);
    world.scheduler.send(&[more]);
    world.scheduler.executed(process, 5).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_that_goes_on_behind_its_own_seal_is_found_out() {
    let mut world = World::new().await;
    let control = world.log.control(ControlAction::Move(key(8).public().unit()));
    let seal = world.log.frame(&[control]);
    let past = messages(&mut world.log, 1);
    world.scheduler.send(&[seal, past]);
    let fault = fault(world.data.path()).await;
    assert_eq!(fault.culprits(NETWORK), Ok(vec![world.log.scheduler.public().unit()]));
    assert!(matches!(fault, Fault::PastSeal { .. }));
    world.stop().await;
}

/// Who a process is after a takeover behind slot 3, by what its compute unit shows.
async fn provenance(world: &World, takeover: &TailFrame) -> Provenance {
    let (process, slot) = (world.log.process, Slot::new(3));
    let sealed = world.unit.ask(&Request::Proof { process, slot }).await.unwrap();
    let receipt = world.unit.outcomes(process, 3, 1).await.remove(0).receipt;
    let Entry::Control(control) = codec::decode(&takeover.records[0].entry).unwrap() else {
        panic!("a takeover is a control");
    };
    let attested = Some(vec![receipt]);
    let spawn = world.log.spawn.body_bytes().to_vec();
    Provenance { spawn, changes: vec![Change { control, sealed, attested }] }
}

/// A world whose log another scheduler has taken over behind slot 3, in this frame; and a frame that
/// the lost one has signed in its place.
async fn taken_over() -> (World, Fake, [TailFrame; 2], Provenance) {
    let mut world = World::new().await;
    let process = world.log.process;
    let (slot, chain) = world.log.head();
    let void = messages(&mut world.log, 2);
    world.log.back_to((slot, chain));
    let scheduler = key(8).public().unit();
    let takeover = world.log.control(ControlAction::Takeover { scheduler, slot, chain });
    world.log.turn(Some(&key(8)));
    let takeover = world.log.frame(&[takeover]);
    let provenance = provenance(&world, &takeover).await;
    let source = provenance.source(&process, NETWORK).unwrap();
    assert_eq!(source.scheduler(), scheduler);
    let mut next = Fake::start(&key(8), &world.directory, &world.wasm);
    next.describe(process, provenance.clone());
    next.send(&world.frames);
    next.send(std::slice::from_ref(&takeover));
    next.executed(process, 5).await;
    (world, next, [takeover, void], provenance)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_scheduler_that_comes_back_is_told_who_has_taken_over() {
    let (mut world, next, [takeover, void], provenance) = taken_over().await;
    world.scheduler.send(&[void]);
    let report = world.scheduler.report(|report| !report.superseded.is_empty()).await;
    assert_eq!(report.superseded, [provenance]);
    // The log is shown as it counts, and nobody is at fault.
    let mut counts = world.frames.clone();
    counts.push(takeover);
    assert_eq!(slots(&world.unit.log(world.log.process, 0).await), slots(&counts));
    assert!(!world.data.path().join("faults").exists());
    world.stop().await;
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_was_started_again_still_tells_a_lost_scheduler() {
    let (mut world, next, [_, void], provenance) = taken_over().await;
    world.unit.running.shutdown().await;
    let compute = world.log.compute.clone();
    world.unit = Unit::start(&compute, world.data.path(), &world.directory).await;
    world.scheduler.send(&[void]);
    let report = world.scheduler.report(|report| !report.superseded.is_empty()).await;
    assert_eq!(report.superseded, [provenance]);
    assert!(!world.data.path().join("faults").exists());
    world.stop().await;
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn void_slots_are_executed_and_shown_as_they_are_now() {
    let mut world = World::new().await;
    let process = world.log.process;
    let (slot, chain) = world.log.head();
    let void = messages(&mut world.log, 3);
    world.scheduler.send(&[void]);
    world.scheduler.executed(process, 7).await;
    world.log.back_to((slot, chain));
    let scheduler = key(8).public().unit();
    let takeover = world.log.control(ControlAction::Takeover { scheduler, slot, chain });
    world.log.turn(Some(&key(8)));
    let frames = [world.log.frame(&[takeover]), messages(&mut world.log, 1)];
    let mut next = Fake::start(&key(8), &world.directory, &world.wasm);
    next.send(&world.frames);
    next.send(&frames);
    next.executed(process, 6).await;
    let counts = slots(&[&world.frames[..], &frames].concat());
    assert_eq!(slots(&world.unit.log(process, 0).await), counts);
    let mut published = Vec::new();
    // Void outcomes are shown until the first that counts is published, behind the report.
    while published.last() != counts.last() {
        let executed = world.unit.outcomes(process, 0, counts.len()).await;
        let leaves = executed.iter().map(|executed| &executed.receipt.leaf);
        published = leaves.map(|leaf| (leaf.slot.get(), leaf.chain)).collect();
    }
    assert_eq!(published, counts);
    world.stop().await;
    next.stop().await;
}

use protocol::{Entry, api::SubmitEvent};

use super::*;
use crate::check::{Frame, FrameError};

mod client;
mod handover;
mod kinds;
mod sharing;
mod subscriptions;
mod world;

use client::Client;
use world::{COMPUTES, NETWORK, World, key};

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

async fn counter(client: &Client, name: &str) -> u64 {
    let Response::Done(status) = client.ask(&Request::Status).await else { panic!("refused") };
    let status: UnitStatus = codec::decode(&status).unwrap();
    assert!(status.counters.is_sorted(), "counters are sorted by name");
    status.counters.into_iter().find(|(found, _)| found == name).map_or(0, |(_, value)| value)
}

/// Messages to a source, each of which makes it tell a target `tells` times.
fn speak(
    world: &World,
    client: &mut Client,
    (source, target): (ProcessId, ProcessId),
    (messages, tells): (u64, usize),
) -> Vec<(u64, Entry)> {
    let mut entries = Vec::new();
    for tag in 0..messages {
        let entry = client.message(source);
        world.change(|state| state.script.insert(entry.id(), vec![target; tells]));
        entries.push((tag, entry));
    }
    entries
}

async fn heard_all(world: &World, pair: (ProcessId, ProcessId), count: usize) {
    world.until("all tells are accepted", |state| state.heard(pair.0, pair.1).len() >= count).await;
    let heard = world.state.lock().unwrap().heard(pair.0, pair.1);
    assert_eq!(heard, (0..count as u64).collect::<Vec<_>>(), "once each, in order");
}

#[tokio::test]
async fn messages_are_relayed_and_their_outcomes_return_with_proof() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let (one, two) = (client.born(1).await, client.born(1).await);
    let mut entries = Vec::new();
    for tag in 0..500 {
        entries.push((tag, client.message(if tag % 2 == 0 { one } else { two })));
    }
    let ids: Vec<_> = entries.iter().map(|(_, entry)| entry.id()).collect();
    client.submit(entries).await;
    for (tag, outcome) in client.done(500).await {
        assert_eq!(outcome.entry, ids[usize::try_from(tag).unwrap()]);
        assert_eq!(outcome.slot.get(), 1 + tag / 2, "the order of submission is kept");
    }
    assert_eq!(world.state.lock().unwrap().largest_frame, 500, "what waits becomes one frame");
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_stream_that_the_client_finishes_ends_after_the_last_outcome() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let spawn = client.spawn(1);
    client.submit([(9, spawn)]).await;
    let events = client.finish().await;
    assert_eq!(events.len(), 2, "assigned and executed: {events:?}");
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn who_is_unknown_everywhere_is_refused() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let stranger = client.message(ProcessId::from_bytes([9; 32]));
    client.submit([(3, stranger)]).await;
    let SubmitEvent::Refused { tag: 3, refusal } = client.event().await else { panic!("taken") };
    assert_eq!(refusal.code, RefusalCode::UnknownProcess);
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_spawn_for_a_scheduler_that_nobody_knows_is_refused() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let Entry::Spawn(spawn) = client.spawn(1) else { panic!("not a spawn") };
    let mut spawn = spawn.unverified().clone();
    spawn.scheduler = key(99).public().unit();
    let spawn = Entry::Spawn(protocol::Signed::sign(spawn, &key(5)));
    client.submit([(3, spawn)]).await;
    let SubmitEvent::Refused { tag: 3, refusal } = client.event().await else { panic!("taken") };
    assert_eq!(refusal.code, RefusalCode::Unreachable);
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn entries_in_flight_survive_a_broken_relay() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    for (lost_frames, lost_answers) in [(1, 0), (0, 1)] {
        world.change(|state| {
            state.lost_frames = lost_frames;
            state.lost_answers = lost_answers;
        });
        let entries: Vec<_> = (0..50).map(|tag| (tag, client.message(process))).collect();
        client.submit(entries).await;
        client.done(50).await;
    }
    assert!(counter(&client, "relay_reconnects").await >= 2);
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn who_submits_again_gets_the_outcome_that_has_passed() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    let message = client.message(process);
    client.submit([(1, message.clone())]).await;
    let first = client.done(1).await;
    client.submit([(2, message)]).await;
    let second = client.done(1).await;
    assert_eq!(first[0].1, second[0].1);
    assert_eq!(second[0].0, 2);
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn tells_are_delivered_in_order_with_a_proof_that_the_target_verifies() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let pair = (client.born(1).await, client.born(1).await);
    let entries = speak(&world, &mut client, pair, (100, 3));
    client.submit(entries).await;
    client.done(100).await;
    heard_all(&world, pair, 300).await;
    world.until("they were submitted", |state| state.submissions >= 402).await;
    assert_eq!(world.state.lock().unwrap().submissions, 402, "nothing is submitted twice");
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn refused_deliveries_are_retried_without_loss_or_repetition() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let pair = (client.born(1).await, client.born(1).await);
    world.change(|state| {
        let codes = [
            RefusalCode::Busy,
            RefusalCode::UnknownProcess,
            RefusalCode::IntroductionNeeded,
            RefusalCode::OutOfOrder,
            RefusalCode::StorageFailed,
            RefusalCode::Busy,
        ];
        state.refusals.extend(codes);
    });
    let entries = speak(&world, &mut client, pair, (40, 1));
    client.submit(entries).await;
    client.done(40).await;
    heard_all(&world, pair, 40).await;
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn deliveries_survive_a_broken_relay() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let pair = (client.born(1).await, client.born(1).await);
    for (lost_frames, lost_answers) in [(1, 0), (0, 1)] {
        let entries = speak(&world, &mut client, pair, (20, 2));
        client.submit(entries).await;
        client.done(20).await;
        world.change(|state| {
            state.lost_frames = lost_frames;
            state.lost_answers = lost_answers;
        });
    }
    let entries = speak(&world, &mut client, pair, (20, 2));
    client.submit(entries).await;
    client.done(20).await;
    heard_all(&world, pair, 120).await;
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_delivery_refused_without_proof_blocks_its_pair_visibly() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let (source, target, other) =
        (client.born(1).await, client.born(1).await, client.born(1).await);
    world.change(|state| state.refusals.push_back(RefusalCode::TooLarge));
    let entries = speak(&world, &mut client, (source, target), (3, 1));
    client.submit(entries).await;
    client.done(3).await;
    let entries = speak(&world, &mut client, (source, other), (3, 1));
    client.submit(entries).await;
    client.done(3).await;
    heard_all(&world, (source, other), 3).await;
    assert_eq!(counter(&client, "pairs_blocked:too-large").await, 1);
    let heard = world.state.lock().unwrap().heard(source, target);
    assert!(heard.is_empty(), "order is never lost");
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_delivery_refused_for_good_ends_and_its_pair_goes_on() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let pair = (client.born(1).await, client.born(1).await);
    world.change(|state| state.finals.push_back(RefusalCode::TooLarge));
    let entries = speak(&world, &mut client, pair, (3, 1));
    client.submit(entries).await;
    client.done(3).await;
    world.until("the others are heard", |state| state.heard(pair.0, pair.1) == [1, 2]).await;
    assert_eq!(counter(&client, "items_refused:too-large").await, 1);
    assert_eq!(counter(&client, "pairs_blocked").await, 0);
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

/// Starts, delivers, stops, executes more meanwhile, and starts again.
async fn restart(keep_database: bool) {
    let (world, data, other) = (World::start(), directory(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let pair = (client.born(1).await, client.born(1).await);
    let entries = speak(&world, &mut client, pair, (30, 2));
    client.submit(entries).await;
    client.done(30).await;
    heard_all(&world, pair, 60).await;
    // These are executed, but the answers to their deliveries are lost with the messenger.
    world.change(|state| state.refusals.extend(vec![RefusalCode::Busy; 1_000]));
    let entries = speak(&world, &mut client, pair, (30, 2));
    client.submit(entries).await;
    client.done(30).await;
    client.close().await;
    messenger.shutdown().await;
    world.change(|state| state.refusals.clear());
    let data = if keep_database { &data } else { &other };
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    heard_all(&world, pair, 120).await;
    let cursors = world.state.lock().unwrap().cursors.clone();
    let cursor = cursors.iter().find(|cursor| cursor.process == pair.0).map(|cursor| cursor.slot);
    let expected = keep_database.then_some(31);
    assert_eq!(cursor.map(Slot::get), expected, "the first slot with an unacknowledged item");
    let entries = speak(&world, &mut client, pair, (1, 1));
    client.submit(entries).await;
    client.done(1).await;
    heard_all(&world, pair, 121).await;
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_restart_resumes_at_its_cursors() {
    restart(true).await;
}

#[tokio::test]
async fn a_restart_without_its_database_loses_and_repeats_nothing() {
    restart(false).await;
}

#[tokio::test]
async fn numbers_below_a_wrong_cursor_are_found_again() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let pair = (client.born(1).await, client.born(1).await);
    world.change(|state| state.refusals.extend(vec![RefusalCode::Busy; 1_000]));
    let entries = speak(&world, &mut client, pair, (10, 1));
    client.submit(entries).await;
    client.done(10).await;
    client.close().await;
    messenger.shutdown().await;
    world.change(|state| state.refusals.clear());
    Store::open(data.path()).unwrap().write(vec![(pair.0, Slot::new(8))], vec![]).unwrap();
    let messenger = world.messenger(data.path()).await;
    heard_all(&world, pair, 10).await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_quorum_of_two_waits_for_the_second_receipt() {
    let (world, data) = (World::start(), directory());
    world.change(|state| state.silent[1] = true);
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let (careful, careless, target) =
        (client.born(2).await, client.born(1).await, client.born(1).await);
    let entries = speak(&world, &mut client, (careful, target), (5, 2));
    client.submit(entries).await;
    client.done(5).await;
    let entries = speak(&world, &mut client, (careless, target), (5, 2));
    client.submit(entries).await;
    client.done(5).await;
    heard_all(&world, (careless, target), 10).await;
    let heard = world.state.lock().unwrap().heard(careful, target);
    assert!(heard.is_empty(), "one receipt is not enough");
    world.change(|state| state.silent[1] = false);
    heard_all(&world, (careful, target), 10).await;
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn slots_of_a_process_come_from_two_units_in_turn_without_gap_or_repetition() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let pair = (client.born(1).await, client.born(1).await);
    for turn in 0..6 {
        // Whoever has its turn tells what it missed as well.
        world.change(|state| state.silent = [turn % 2 == 0, turn % 2 == 1]);
        let entries = speak(&world, &mut client, pair, (5, 2));
        client.submit(entries).await;
        client.done(5).await;
        heard_all(&world, pair, (turn + 1) * 10).await;
    }
    let heard = world.state.lock().unwrap().heard(pair.0, pair.1);
    assert_eq!(heard, (0..60).collect::<Vec<_>>());
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn receipts_that_contradict_each_other_leave_a_file_that_proves_it() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let pair = (client.born(1).await, client.born(1).await);
    world.change(|state| state.lying = true);
    let entries = speak(&world, &mut client, pair, (5, 2));
    client.submit(entries).await;
    client.done(5).await;
    let seen = async {
        while counter(&client, "receipt_conflicts").await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), seen).await.expect("it is seen");
    let mut units = COMPUTES.map(|seed| key(seed).public().unit());
    units.sort_unstable();
    let mut processes = std::collections::BTreeSet::new();
    for file in std::fs::read_dir(data.path().join("faults")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "fault") {
            continue;
        }
        let fault = codec::decode::<protocol::Fault>(&std::fs::read(path).unwrap()).unwrap();
        let mut culprits = fault.culprits(NETWORK).unwrap();
        culprits.sort_unstable();
        assert_eq!(culprits, units);
        let protocol::Fault::Receipts(one, _) = fault else { panic!("receipts contradict") };
        assert!(processes.insert(one.leaf.process), "one for a process is enough");
    }
    assert!(!processes.is_empty());
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn outcomes_can_be_awaited_before_and_after_they_come() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    let awaited = |answer| {
        let Response::Done(bytes) = answer else { panic!("refused: {answer:?}") };
        let executed: Executed = codec::decode(&bytes).unwrap();
        executed.receipt.verify(NETWORK).unwrap();
        executed.outcome.slot.get()
    };
    let passed = client.ask(&Request::Await { process, slot: Slot::ZERO }).await;
    assert_eq!(awaited(passed), 0);
    let asking = Client::connect(&messenger).await;
    let request = Request::Await { process, slot: Slot::new(1) };
    let coming = asking.ask(&request);
    let message = client.message(process);
    let acting = async {
        client.submit([(1, message)]).await;
        client.done(1).await;
    };
    let (coming, ()) = tokio::join!(coming, acting);
    assert_eq!(awaited(coming), 1);
    asking.close().await;
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn watchers_see_outcomes_of_others() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    let (watching, mut seen) = client.watch().await;
    let watcher = messenger.hub.watchers.clone();
    while watcher.receiver_count() == 0 {
        tokio::task::yield_now().await;
    }
    let message = client.message(process);
    let id = message.id();
    client.submit([(7, message)]).await;
    let frame = seen.recv().await.unwrap().unwrap();
    let SubmitEvent::Executed { entries, .. } = codec::decode(&frame).unwrap() else {
        panic!("not an outcome");
    };
    assert_eq!(entries.iter().map(|e| (e.tag, e.outcome.entry)).collect::<Vec<_>>(), [(0, id)]);
    drop(watching);
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn garbage_and_questions_for_others_are_refused() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let client = Client::connect(&messenger).await;
    let Response::Refused(refusal) = client.ask(&Request::Processes { offset: 0, limit: 1 }).await
    else {
        panic!("answered");
    };
    assert_eq!(refusal.code, RefusalCode::UnknownRequest);
    let service = Service { hub: Arc::clone(&messenger.hub) };
    let answer = service.request(key(5).public().unit(), Bytes::from_static(b"\xff\x00")).await;
    let Response::Refused(refusal) = codec::decode(&answer).unwrap() else { panic!("answered") };
    assert_eq!(refusal.code, RefusalCode::Malformed);
    let Response::Done(records) = client.ask(&Request::Records).await else { panic!("refused") };
    assert_eq!(codec::decode::<Records>(&records).unwrap().records.len(), 5);
    drop(service);
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_database_in_use_is_a_clear_error() {
    let (world, data) = (World::start(), directory());
    let _held = Store::open(data.path()).unwrap();
    let endpoint = Endpoint::client(&key(8), NETWORK, transport::Limits::default()).unwrap();
    let config = Config::new(NETWORK, data.path().to_owned());
    let refused = start(config, endpoint, world.directory.clone()).await;
    assert!(matches!(refused, Err(Error::Store(StoreError::InUse))));
    world.stop().await;
}

#[tokio::test]
async fn what_a_compute_unit_publishes_is_taken_only_if_it_hangs_together() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    let known = messenger.hub.locations.cached(&process).expect("it was spawned here");
    let bytes = world.state.lock().unwrap().first_frame();
    let (unit, other) = (key(2).public().unit(), key(3).public().unit());
    let other_network = protocol::NetworkId::from_bytes([8; 32]);

    let frame = Frame::read(NETWORK, &unit, &bytes).unwrap();
    assert_eq!(Frame::read(NETWORK, &other, &bytes).unwrap_err(), FrameError::WrongUnit);
    let error = Frame::read(other_network, &unit, &bytes).unwrap_err();
    assert!(matches!(error, FrameError::Signature(_)));
    for length in 0..bytes.len() {
        let error = Frame::read(NETWORK, &unit, &bytes[..length]).unwrap_err();
        assert!(matches!(error, FrameError::Decode(_)));
    }
    let mut flipped = bytes.to_vec();
    for position in 0..flipped.len() {
        flipped[position] ^= 1;
        let sound = |frame: Frame| frame.check(&frame.inner.slots[0], &known).is_some();
        assert!(!Frame::read(NETWORK, &unit, &flipped).is_ok_and(sound), "byte {position}");
        flipped[position] ^= 1;
    }

    let slot = &frame.inner.slots[0];
    assert!(frame.check(slot, &known).is_some());
    let mut spawn: protocol::Spawn = codec::decode(&known.provenance.spawn).unwrap();
    spawn.policy.units.retain(|named| *named != unit);
    let mut strangers = (*known).clone();
    strangers.source = protocol::Source::of_spawn(&spawn);
    assert!(frame.check(slot, &strangers).is_none(), "its word does not count");
    let mut otherwise = slot.clone();
    otherwise.outcome.reply = protocol::Reply::Later;
    assert!(frame.check(&otherwise, &known).is_none(), "another outcome");
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_messenger_of_which_a_part_panicked_says_so_and_does_not_half_live() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    messenger.hub.spawn(async { panic!("as told by the test") });
    assert_eq!(messenger.failed().await, "the messenger's tasks ended");
    messenger.shutdown().await;
    world.stop().await;
}

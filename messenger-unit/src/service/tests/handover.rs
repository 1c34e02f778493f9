//! Processes whose scheduler or policy changes under a running messenger.

use protocol::{ComputePolicy, ControlAction, RefusalProof, api::FinalRefusal};

use super::{world::SCHEDULERS, *};

#[tokio::test]
async fn entries_follow_a_process_that_moves_and_keep_their_order() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    for round in 0..4 {
        let entries: Vec<_> = (0..50).map(|tag| (tag, client.message(process))).collect();
        world.change(|state| state.move_to(process, (round + 1) % 2));
        client.submit(entries).await;
        let executed = client.done(50).await;
        let slots: Vec<_> = executed.iter().map(|(_, outcome)| outcome.slot.get()).collect();
        assert!(slots.is_sorted(), "the order of submission is kept: {slots:?}");
    }
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn tells_go_on_while_source_and_target_move() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let pair = (client.born(1).await, client.born(1).await);
    let mut count = 0;
    for (moving, to) in [(pair.1, 1), (pair.0, 1), (pair.1, 0), (pair.0, 0)] {
        let entries = speak(&world, &mut client, pair, (10, 2));
        client.submit(entries).await;
        client.done(10).await;
        world.change(|state| state.move_to(moving, to));
        count += 20;
        heard_all(&world, pair, count).await;
    }
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_hand_over_left_half_done_is_brought_to_its_end() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let pair = (client.born(1).await, client.born(1).await);
    world.change(|state| {
        state.move_to(pair.0, 1);
        state.move_to(pair.1, 1);
        state.unaware.extend([pair.0, pair.1]);
    });
    let entries = speak(&world, &mut client, pair, (5, 2));
    client.submit(entries).await;
    client.done(5).await;
    heard_all(&world, pair, 10).await;
    assert!(counter(&client, "handovers_helped").await >= 2);
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_process_that_came_back_is_not_looked_for_elsewhere() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    for to in [1, 0] {
        world.change(|state| {
            state.move_to(process, to);
            // Once given away, the scheduler says so until it is shown that the process is its own.
            state.unaware.insert(process);
        });
        let entries: Vec<_> = (0..5).map(|tag| (tag, client.message(process))).collect();
        client.submit(entries).await;
        client.done(5).await;
    }
    assert!(counter(&client, "handovers_helped").await >= 2);
    assert!(counter(&client, "searches_again").await <= 6, "nobody looks on in vain");
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn who_waits_for_a_scheduler_on_an_older_store_is_told_until_another_one_takes_over() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    world.change(|state| state.stale.extend([process]));
    let entry = client.message(process);
    client.submit([(7, entry.clone())]).await;
    let SubmitEvent::Refused { tag: 7, refusal } = client.event().await else { panic!("taken") };
    assert_eq!(refusal.code, RefusalCode::StaleStore);
    assert_eq!(counter(&client, "searches_again").await, 1, "nobody looks on in vain");
    world.change(|state| {
        state.stale.clear();
        state.move_to(process, 1);
    });
    client.submit([(7, entry)]).await;
    client.done(1).await;
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn an_acquaintance_on_disk_gives_way_to_who_the_process_is_now() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    client.close().await;
    messenger.shutdown().await;
    let stale = world.state.lock().unwrap().provenance(process);
    Store::open(data.path()).unwrap().write(vec![], vec![(process, stale)]).unwrap();
    world.change(|state| state.move_to(process, 1));
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let message = client.message(process);
    client.submit([(1, message)]).await;
    client.done(1).await;
    client.close().await;
    messenger.shutdown().await;
    let stored = Store::open(data.path()).unwrap().acquaintance(&process).unwrap();
    assert_eq!(stored, world.state.lock().unwrap().provenance(process));
    world.stop().await;
}

#[tokio::test]
async fn after_a_policy_change_receipts_of_its_units_are_brought() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let pair = (client.born(1).await, client.born(1).await);
    let entries = speak(&world, &mut client, pair, (1, 1));
    client.submit(entries).await;
    client.done(1).await;
    heard_all(&world, pair, 1).await;
    // These have receipts of the unit that retires before the target takes them.
    world.change(|state| {
        state.silent[1] = true;
        state.refusals.extend(vec![RefusalCode::Busy; 40]);
    });
    let entries = speak(&world, &mut client, pair, (10, 2));
    client.submit(entries).await;
    client.done(10).await;
    let policy = |state: &world::State| {
        let present = state.source(pair.0).policy().clone();
        let units = vec![key(COMPUTES[1]).public().unit()];
        let (version, previous) = (present.version + 1, Some(present.digest()));
        ControlAction::Policy(ComputePolicy { units, quorum: 1, version, previous })
    };
    world.change(|state| {
        state.silent = [true, false];
        state.refusals.clear();
        let action = policy(state);
        state.control(pair.0, action);
    });
    heard_all(&world, pair, 21).await;
    let entries = speak(&world, &mut client, pair, (10, 2));
    client.submit(entries).await;
    client.done(10).await;
    heard_all(&world, pair, 41).await;
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_target_taken_over_is_told_again_what_it_has_lost() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let pair = (client.born(1).await, client.born(1).await);
    let entries = speak(&world, &mut client, pair, (10, 1));
    client.submit(entries).await;
    client.done(10).await;
    heard_all(&world, pair, 10).await;
    world.change(|state| state.take_over(pair.1, Slot::new(6)));
    assert_eq!(world.state.lock().unwrap().heard(pair.0, pair.1).len(), 6);
    // Whoever sends to it finds out.
    let message = client.message(pair.1);
    client.submit([(1, message)]).await;
    client.done(1).await;
    heard_all(&world, pair, 10).await;
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_final_refusal_is_passed_on_with_its_proof() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    let message = client.message(process);
    let id = message.id();
    world.change(|state| state.doomed.insert(id, RefusalCode::Expired));
    client.submit([(8, message)]).await;
    let SubmitEvent::Final { batch, entries } = client.event().await else { panic!("not final") };
    let [FinalRefusal { tag: 8, refusal, path, .. }] = &entries[..] else { panic!("another tag") };
    assert_eq!((refusal.entry, refusal.code), (id, RefusalCode::Expired));
    let proof = RefusalProof { refusal: *refusal, path: path.clone(), batch };
    proof.verify(NETWORK, &key(SCHEDULERS[0]).public().unit()).unwrap();
    assert_eq!(client.finish().await, [], "nothing is open any more");
    messenger.shutdown().await;
    world.stop().await;
}

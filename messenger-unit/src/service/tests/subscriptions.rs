use super::{client::Follower, *};

/// Messages to a process, executed one after the other in frames of so many.
async fn send(client: &mut Client, process: ProcessId, frames: usize, each: u64) {
    for _ in 0..frames {
        let entries: Vec<_> = (0..each).map(|tag| (tag, client.message(process))).collect();
        client.submit(entries).await;
        client.done(usize::try_from(each).unwrap()).await;
    }
}

fn all(from: u64, last: u64) -> Vec<u64> {
    (from..=last).collect()
}

#[tokio::test]
async fn a_subscriber_gets_what_has_passed_and_then_what_comes() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let (process, other) = (client.born(1).await, client.born(1).await);
    send(&mut client, process, 10, 20).await;
    let mut follower = client.subscribe(process, 3).await;
    assert_eq!(follower.slots(200).await, all(3, 200));
    assert_eq!(follower.largest_frame, 20, "slots of one batch share a frame");
    send(&mut client, other, 1, 5).await;
    send(&mut client, process, 10, 5).await;
    assert_eq!(follower.slots(250).await, all(201, 250));
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_subscriber_may_stand_before_a_slot_that_is_still_to_come() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    let mut follower = client.subscribe(process, 4).await;
    send(&mut client, process, 6, 1).await;
    assert_eq!(follower.slots(6).await, all(4, 6));
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_misses_nothing_when_it_does() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    let mut followers: Vec<Follower> = Vec::new();
    for _ in 0..3 {
        followers.push(client.subscribe(process, 0).await);
    }
    send(&mut client, process, 4, 600).await;
    for follower in &mut followers {
        assert_eq!(follower.slots(2_400).await, all(0, 2_400));
    }
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_messenger_that_has_lost_its_database_still_has_the_past() {
    let (world, data, other) = (World::start(), directory(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    send(&mut client, process, 10, 10).await;
    client.close().await;
    messenger.shutdown().await;
    // What was executed does not come by again, and can be had only from pages.
    world.change(|state| state.silent = [true, true]);
    let messenger = world.messenger(other.path()).await;
    let mut client = Client::connect(&messenger).await;
    let mut follower = client.subscribe(process, 0).await;
    assert_eq!(follower.slots(100).await, all(0, 100));
    // The nonces of the client before are used up.
    (0..=100).for_each(|_| drop(client.message(process)));
    world.change(|state| state.silent = [false, false]);
    send(&mut client, process, 2, 5).await;
    assert_eq!(follower.slots(110).await, all(101, 110));
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn slots_that_come_in_the_place_of_void_ones_are_sent_again() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    send(&mut client, process, 10, 1).await;
    let mut follower = client.subscribe(process, 0).await;
    assert_eq!(follower.slots(10).await, all(0, 10));
    world.change(|state| state.take_over(process, Slot::new(6)));
    // Whoever sends to it finds out.
    let message = client.message(process);
    let id = message.id();
    client.submit([(1, message)]).await;
    client.done(1).await;
    // The takeover itself is slot 7.
    assert_eq!(follower.next().await.slot, Slot::new(7));
    let outcome = follower.next().await;
    assert_eq!((outcome.slot, outcome.entry), (Slot::new(8), id));
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn who_subscribes_to_a_process_that_nobody_knows_is_told_so() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let client = Client::connect(&messenger).await;
    let mut follower = client.subscribe(ProcessId::from_bytes([9; 32]), 0).await;
    let Some(SubmitEvent::Refused { tag: 0, refusal }) = follower.event().await else {
        panic!("not refused");
    };
    assert_eq!(refusal.code, RefusalCode::UnknownProcess);
    assert_eq!(follower.event().await, None, "the stream ends");
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn nothing_is_left_of_a_subscriber_that_has_gone() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    let mut follower = client.subscribe(process, 0).await;
    follower.next().await;
    assert_eq!(counter(&client, "subscribers").await, 1);
    drop(follower);
    let gone = async {
        while counter(&client, "subscribers").await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("it is gone");
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

//! Asks, replies, births and timers, from the item to what becomes of it.

use protocol::{ItemBody, PairNumber, Principal, Timestamp, Verdict, codec};

use super::*;
use crate::store::Store;

/// Lets a process emit something.
async fn emit(
    world: &World,
    client: &mut Client,
    source: ProcessId,
    items: Vec<(ProcessId, ItemBody)>,
) {
    let entry = client.message(source);
    world.change(|state| state.bodies.insert(entry.id(), items));
    client.submit([(1, entry)]).await;
    client.done(1).await;
}

fn after(millis: u64) -> Timestamp {
    wall_clock().saturating_add(millis)
}

fn ask(deadline: Timestamp) -> ItemBody {
    ItemBody::Ask { method: "hear".to_owned(), args: vec![0xa0], deadline }
}

fn timer(due: Timestamp, every: Option<u64>, catch_up: bool) -> ItemBody {
    let (method, args) = ("tick".to_owned(), vec![0xa0]);
    ItemBody::Timer { token: 1, due, every, catch_up, method, args }
}

/// A source and a target of one scheduler.
async fn pair(client: &mut Client) -> (ProcessId, ProcessId) {
    (client.born(1).await, client.born(1).await)
}

/// The only answer, once it has come.
async fn answer(world: &World) -> Verdict {
    world.until("the source is answered", |state| !state.answers.is_empty()).await;
    let state = world.state.lock().unwrap();
    let [answer] = &state.answers[..] else { panic!("one answer: {:?}", state.answers) };
    assert_eq!(answer.number, PairNumber::ZERO);
    answer.verdict
}

#[tokio::test]
async fn an_ask_is_delivered_and_its_reply_comes_back() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let (source, target) = pair(&mut client).await;
    let tell = ItemBody::Tell { method: "hear".to_owned(), args: vec![0xa0] };
    let items = vec![(target, tell.clone()), (target, ask(after(600_000))), (target, tell)];
    emit(&world, &mut client, source, items).await;
    heard_all(&world, (source, target), 3).await;
    heard_all(&world, (target, source), 1).await;
    world.until("nothing is open", |state| state.open.is_empty()).await;
    // The slot that closes it comes by before this one.
    client.born(1).await;
    emit(&world, &mut client, source, Vec::new()).await;
    assert_eq!(counter(&client, "timers_waiting").await, 0);
    assert_eq!(world.state.lock().unwrap().timers, []);
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_child_is_born_where_its_spawn_says_and_hears_what_follows() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let parent = client.born(1).await;
    let Entry::Spawn(spawn) = client.spawn(1) else { panic!("not a spawn") };
    let mut spawn = spawn.unverified().clone();
    spawn.sender = Principal::Process(parent);
    spawn.scheduler = key(world::SCHEDULERS[1]).public().unit();
    let child = Entry::Spawn(protocol::Signed::sign(spawn.clone(), &key(5))).target();
    let birth = ItemBody::Spawn(codec::encode(&spawn), Some(after(600_000)));
    let tell = ItemBody::Tell { method: "hear".to_owned(), args: vec![0xa0] };
    emit(&world, &mut client, parent, vec![(child, birth), (child, tell)]).await;
    heard_all(&world, (parent, child), 2).await;
    heard_all(&world, (child, parent), 1).await;
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_timer_fires_when_its_scheduler_says_that_it_is_due() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    world.change(|state| state.behind = 300);
    let due = after(100);
    emit(&world, &mut client, process, vec![(process, timer(due, None, false))]).await;
    world.until("it has fired", |state| !state.timers.is_empty()).await;
    let fired = world.state.lock().unwrap().timers.clone();
    assert_eq!(fired.iter().map(|timer| timer.due).collect::<Vec<_>>(), [due], "once");
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_recurring_timer_fires_again_and_again() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    emit(&world, &mut client, process, vec![(process, timer(after(50), Some(20), true))]).await;
    world.until("it has fired often", |state| state.timers.len() >= 5).await;
    let fired = world.state.lock().unwrap().timers.clone();
    let occurrences: Vec<_> = fired.iter().map(|timer| timer.occurrence).collect();
    assert!(occurrences.is_sorted_by(|one, two| one + 1 == *two), "each in turn: {occurrences:?}");
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn an_ask_that_nobody_takes_in_time_is_skipped_and_its_source_learns_it() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let (source, target) = pair(&mut client).await;
    world.change(|state| state.refusals.extend(vec![RefusalCode::Busy; 1_000]));
    let tell = ItemBody::Tell { method: "hear".to_owned(), args: vec![0xa0] };
    let items = vec![(target, ask(after(200))), (target, tell)];
    emit(&world, &mut client, source, items).await;
    world.until("it has timed out", |state| !state.timers.is_empty()).await;
    // The skip comes by before this slot does.
    emit(&world, &mut client, source, Vec::new()).await;
    world.until("the skip is known", |state| state.open.is_empty()).await;
    while counter(&client, "skips_waiting").await == 0 {
        tokio::task::yield_now().await;
    }
    world.change(|state| state.refusals.clear());
    assert_eq!(answer(&world).await, Verdict::Refused(RefusalCode::Skipped));
    world.until("the tell is heard", |state| state.heard(source, target) == [1]).await;
    let skipped = world.state.lock().unwrap().skipped.clone();
    assert_eq!(skipped, [(source, target, 0)]);
    let introductions = world.state.lock().unwrap().introductions;
    assert_eq!(introductions, 1, "the source's scheduler did not know the target");
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn an_ask_that_was_taken_and_not_answered_in_time_is_known_to_have_arrived() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let (source, target) = pair(&mut client).await;
    world.change(|state| state.mute = true);
    emit(&world, &mut client, source, vec![(target, ask(after(200)))]).await;
    heard_all(&world, (source, target), 1).await;
    assert_eq!(answer(&world).await, Verdict::Assigned(Slot::new(1)));
    assert_eq!(world.state.lock().unwrap().skipped, [], "it has come");
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn an_ask_refused_for_good_is_answered_with_the_word_of_the_targets_scheduler() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let (source, target) = pair(&mut client).await;
    world.change(|state| state.finals.push_back(RefusalCode::TooLarge));
    emit(&world, &mut client, source, vec![(target, ask(after(600_000)))]).await;
    assert_eq!(answer(&world).await, Verdict::Refused(RefusalCode::TooLarge));
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

/// Sets a timer that comes due while no messenger runs.
async fn timer_across_a_restart(keep_database: bool) {
    let (world, data, other) = (World::start(), directory(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let process = client.born(1).await;
    let due = after(1_500);
    let items = vec![(process, timer(due, None, false)), (process, ask(after(600_000)))];
    emit(&world, &mut client, process, items).await;
    heard_all(&world, (process, process), 2).await;
    client.close().await;
    messenger.shutdown().await;
    let data = if keep_database { &data } else { &other };
    if keep_database {
        // What set the timer is long behind.
        Store::open(data.path()).unwrap().write(vec![(process, Slot::new(4))], vec![]).unwrap();
    }
    let messenger = world.messenger(data.path()).await;
    world.until("it has fired", |state| !state.timers.is_empty()).await;
    let fired = world.state.lock().unwrap().timers.clone();
    assert_eq!(fired.iter().map(|timer| timer.due).collect::<Vec<_>>(), [due]);
    messenger.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_timer_fires_although_its_item_never_comes_by_again() {
    timer_across_a_restart(true).await;
}

#[tokio::test]
async fn a_timer_fires_although_the_database_is_lost_and_what_was_answered_does_not() {
    timer_across_a_restart(false).await;
}

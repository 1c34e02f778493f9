//! Several messengers that share the work.

use protocol::api::{OutboxPage, WaitingState};
use transport::Limits;

use super::{
    world::{MESSENGER, OPERATOR, endpoint},
    *,
};
use crate::share::Share;

/// The key of a second messenger, and that of another operator.
const SECOND: u8 = 14;
const STRANGER: u8 = 16;

/// A counter of a messenger, read within it.
fn count(messenger: &Running, name: &str) -> u64 {
    let service = Service { hub: Arc::clone(&messenger.hub) };
    let counters = service.status().counters;
    counters.into_iter().find(|(found, _)| found == name).map_or(0, |(_, value)| value)
}

/// Waits until as many messengers share the work with this one, itself among them.
async fn shared_by(client: &Client, number: u64) {
    let waiting = async { while counter(client, "messengers_sharing").await != number {} };
    let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    waited.expect("they hear of each other");
}

/// Sources, the first half of which the first messenger serves while both are up, and the rest the
/// second.
async fn sources(client: &mut Client, each: usize) -> Vec<ProcessId> {
    let units = [MESSENGER, SECOND].map(|seed| key(seed).public().unit());
    let mut share = Share::new(units[0], Duration::ZERO);
    share.handle_units(&units);
    share.handle_answer(Duration::ZERO, &units[1]);
    let crew = share.crew();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    while first.len() < each || second.len() < each {
        let source = client.born(1).await;
        let side = if crew.serves(&source) { &mut first } else { &mut second };
        side.push(source);
    }
    first.truncate(each);
    first.extend(second.into_iter().take(each));
    first
}

/// Lets every source tell the target so many times, and waits until it is executed.
async fn speak_all(
    world: &World,
    client: &mut Client,
    (sources, target): (&[ProcessId], ProcessId),
    messages: u64,
) {
    for source in sources {
        let entries = speak(world, client, (*source, target), (messages, 1));
        let count = entries.len();
        client.submit(entries).await;
        client.done(count).await;
    }
}

#[tokio::test]
async fn each_messenger_delivers_what_its_own_processes_emit() {
    let (world, data, other) = (World::start(), directory(), directory());
    let one = world.messenger(data.path()).await;
    let two = world.messenger_of(SECOND, OPERATOR, other.path()).await;
    let mut client = Client::connect(&one).await;
    let second = Client::connect(&two).await;
    shared_by(&client, 2).await;
    shared_by(&second, 2).await;
    let target = client.born(1).await;
    let sources = sources(&mut client, 2).await;
    speak_all(&world, &mut client, (&sources, target), 10).await;
    for source in &sources {
        heard_all(&world, (*source, target), 10).await;
    }
    for client in [&client, &second] {
        let waiting = async { while counter(client, "items_delivered").await < 20 {} };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("half of them each");
        assert_eq!(counter(client, "items_delivered").await, 20);
    }
    client.close().await;
    second.close().await;
    one.shutdown().await;
    two.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn what_a_messenger_leaves_when_it_dies_another_delivers_and_gives_back() {
    let (world, data, other) = (World::start(), directory(), directory());
    let one = world.messenger(data.path()).await;
    let two = world.messenger_of(SECOND, OPERATOR, other.path()).await;
    let mut client = Client::connect(&one).await;
    let second = Client::connect(&two).await;
    shared_by(&client, 2).await;
    shared_by(&second, 2).await;
    let target = client.born(1).await;
    let sources = sources(&mut client, 2).await;
    speak_all(&world, &mut client, (&sources, target), 5).await;
    for source in &sources {
        heard_all(&world, (*source, target), 5).await;
    }
    // These have come by at both, and at the one that is not to deliver them they were let pass.
    world.change(|state| state.refusals.extend(vec![RefusalCode::Busy; 10_000]));
    speak_all(&world, &mut client, (&sources, target), 5).await;
    second.close().await;
    drop(two);
    world.change(|state| state.refusals.clear());
    for source in &sources {
        heard_all(&world, (*source, target), 10).await;
    }
    shared_by(&client, 1).await;
    speak_all(&world, &mut client, (&sources, target), 5).await;
    for source in &sources {
        heard_all(&world, (*source, target), 15).await;
    }
    let again = directory();
    let two = world.messenger_of(SECOND, OPERATOR, again.path()).await;
    shared_by(&client, 2).await;
    let before = count(&one, "deliveries_submitted");
    speak_all(&world, &mut client, (&sources, target), 5).await;
    for source in &sources {
        heard_all(&world, (*source, target), 20).await;
    }
    assert_eq!(count(&one, "deliveries_submitted") - before, 10, "the other half is given back");
    client.close().await;
    one.shutdown().await;
    two.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn a_process_that_is_taken_over_resumes_at_the_cursor_heard() {
    let (world, data, other) = (World::start(), directory(), directory());
    let one = world.messenger(data.path()).await;
    let two = world.messenger_of(SECOND, OPERATOR, other.path()).await;
    let mut client = Client::connect(&one).await;
    let second = Client::connect(&two).await;
    shared_by(&client, 2).await;
    shared_by(&second, 2).await;
    let target = client.born(1).await;
    let sources = sources(&mut client, 1).await;
    let [_, theirs] = sources[..] else { panic!("one of each") };
    speak_all(&world, &mut client, (&sources, target), 5).await;
    heard_all(&world, (theirs, target), 5).await;
    let cursor = Slot::new(6);
    // Each change of the state lets the compute units look; the cursor is told meanwhile.
    let told = async {
        while !one.hub.post.cursors_kept().contains(&(theirs, cursor)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.expect("the cursor is told");
    second.close().await;
    drop(two);
    shared_by(&client, 1).await;
    let resumed = |state: &world::State| {
        let found = state.cursors.iter().find(|cursor| cursor.process == theirs);
        found.is_some_and(|found| found.slot == cursor)
    };
    world.until("it is followed from there", resumed).await;
    client.close().await;
    one.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn messengers_of_other_operators_serve_everything() {
    let (world, data, other) = (World::start(), directory(), directory());
    let one = world.messenger(data.path()).await;
    let two = world.messenger_of(SECOND, STRANGER, other.path()).await;
    let mut client = Client::connect(&one).await;
    let second = Client::connect(&two).await;
    let target = client.born(1).await;
    let sources = sources(&mut client, 1).await;
    speak_all(&world, &mut client, (&sources, target), 5).await;
    for source in &sources {
        heard_all(&world, (*source, target), 5).await;
    }
    for client in [client, second] {
        assert_eq!(counter(&client, "messengers_sharing").await, 1);
        client.close().await;
    }
    one.shutdown().await;
    two.shutdown().await;
    world.stop().await;
}

/// What a messenger answers somebody who tells a cursor.
async fn put(messenger: &Running, from: &Endpoint, process: ProcessId) -> Response {
    let (unit, address) = (messenger.endpoint.unit(), messenger.endpoint.local_address());
    let connection = from.connect(unit, address).await.unwrap();
    let request = Request::PutCursors(vec![Cursor { process, slot: Slot::new(9) }]);
    codec::decode(&connection.request(codec::encode(&request)).await.unwrap()).unwrap()
}

#[tokio::test]
async fn cursors_are_taken_from_messengers_of_the_same_operator_only() {
    let (world, data) = (World::start(), directory());
    let one = world.messenger(data.path()).await;
    let process = ProcessId::from_bytes([9; 32]);
    let anyone = Endpoint::client(&key(30), NETWORK, Limits::default()).unwrap();
    let (stranger, compute, colleague) = (endpoint(31), endpoint(32), endpoint(SECOND));
    world.announce(Role::Messenger, STRANGER, &stranger, 31);
    world.announce(Role::Compute, OPERATOR, &compute, 32);
    world.announce(Role::Messenger, OPERATOR, &colleague, SECOND);
    for from in [&anyone, &stranger, &compute] {
        let Response::Refused(refusal) = put(&one, from, process).await else { panic!("kept") };
        assert_eq!(refusal.code, RefusalCode::NotListed);
    }
    let Response::Done(kept) = put(&one, &colleague, process).await else { panic!("refused") };
    let kept: Kept = codec::decode(&kept).unwrap();
    assert_eq!(kept.count, 0, "who serves everything itself keeps nothing of it");
    for endpoint in [anyone, stranger, compute, colleague] {
        endpoint.close().await;
    }
    one.shutdown().await;
    world.stop().await;
}

#[tokio::test]
async fn what_waits_is_told_with_why() {
    let (world, data) = (World::start(), directory());
    let messenger = world.messenger(data.path()).await;
    let mut client = Client::connect(&messenger).await;
    let (source, target) = (client.born(1).await, client.born(1).await);
    world.change(|state| state.stale.insert(target));
    speak_all(&world, &mut client, (&[source], target), 3).await;
    let waiting = async {
        loop {
            let request = Request::Outbox { source: Some(source), limit: 10 };
            let Response::Done(page) = client.ask(&request).await else { panic!("refused") };
            let page: OutboxPage = codec::decode(&page).unwrap();
            let [pair] = page.pairs[..] else { continue };
            if matches!(pair.state, WaitingState::Retrying { .. }) {
                return (page.total, pair);
            }
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    let (total, pair) = waited.expect("it is told why");
    let WaitingState::Retrying { reason, .. } = pair.state else { panic!("not retrying") };
    assert_eq!(reason, RefusalCode::StaleStore);
    assert_eq!((pair.source, pair.target, pair.number.get(), pair.count), (source, target, 0, 3));
    assert_eq!(total, 1);
    client.close().await;
    messenger.shutdown().await;
    world.stop().await;
}

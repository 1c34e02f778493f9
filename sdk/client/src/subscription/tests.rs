use protocol::{Assignment, Effect, Entry, Failure, FailureKind, OutboxItem, Outcome, Value};

use super::*;
use crate::{
    ClientOptions, Units,
    testing::{Behaviour, Cluster, NETWORK, Script, Stage, World, told},
};

/// Long enough never to decide anything.
const LONG: Duration = Duration::from_secs(60);

async fn connect(world: &World, behaviour: Behaviour) -> (Client, Cluster) {
    let cluster = Cluster::start(world, &[behaviour]);
    let units = Units::Directory(cluster.directory.clone());
    let key = Some(world.account.clone());
    let client = Client::connect(ClientOptions { network: NETWORK, key, units }).await.unwrap();
    (client, cluster)
}

fn assigned(world: &World, slot: u64, nonce: u64) -> Assignment {
    world.assign(Entry::Message(world.message(nonce)).id(), slot).assignment
}

/// A slot, whose entry is the message of a nonce.
fn executed(world: &World, slot: u64, nonce: u64) -> Executed {
    world.execute(&assigned(world, slot, nonce))
}

fn slots(world: &World, slots: impl IntoIterator<Item = u64>) -> Script {
    slots.into_iter().map(|slot| told(executed(world, slot, slot))).collect()
}

async fn heard(subscription: &mut Subscription, count: usize) -> Vec<u64> {
    let mut heard = Vec::new();
    for _ in 0..count {
        let next = timeout(LONG, subscription.next()).await;
        heard.push(next.expect("an outcome comes").outcome.slot.get());
    }
    heard
}

async fn play(scripts: impl IntoIterator<Item = Script>) -> (Subscription, Cluster) {
    let world = World::new();
    let (client, cluster) = connect(&world, Behaviour::Answer).await;
    cluster.notes.scripts.lock().unwrap().extend(scripts);
    (client.subscribe(world.process, Slot::new(2)).await.unwrap(), cluster)
}

#[tokio::test]
async fn a_broken_stream_is_resumed_at_the_next_slot() {
    let world = World::new();
    let scripts = [slots(&world, 2..5), Vec::new(), slots(&world, 5..8)];
    let (mut subscription, cluster) = play(scripts).await;
    assert_eq!(heard(&mut subscription, 6).await, [2, 3, 4, 5, 6, 7]);
    assert_eq!(*cluster.notes.asked.lock().unwrap(), [2, 5, 5]);
    assert_eq!(subscription.next_slot(), Slot::new(8));
}

#[tokio::test]
async fn another_subscription_goes_on_where_one_was() {
    let world = World::new();
    let scripts = [slots(&world, 2..5), slots(&world, 5..7)];
    let (mut first, cluster) = play(scripts).await;
    let fresh = first.mark();
    assert_eq!(heard(&mut first, 3).await, [2, 3, 4]);
    let mark = first.mark();
    let mut second = first.client.subscribe_at(world.process, mark).unwrap();
    assert_eq!(heard(&mut second, 2).await, [5, 6]);
    assert_eq!(*cluster.notes.asked.lock().unwrap(), [2, 5]);
    assert!(mark.continues(&mark) && !mark.continues(&fresh) && !fresh.continues(&mark));
    let anybody = Mark { last: None, ..mark };
    assert!(anybody.continues(&mark), "whoever has nothing yet has nothing else");
    assert!(!Mark { last: Some(Hash::from_bytes([7; 32])), ..mark }.continues(&mark));
}

#[tokio::test]
async fn what_does_not_hold_is_not_handed_out() {
    let world = World::new();
    let mut forged = executed(&world, 2, 2);
    forged.outcome.reply = Reply::Later;
    let gap = slots(&world, [2, 4]);
    let again = slots(&world, [2]);
    let refusal = protocol::Refusal::new(protocol::RefusalCode::Busy, "too many");
    let refused = vec![SubmitEvent::Refused { tag: 0, refusal }];
    let scripts = [vec![told(forged)], refused, gap, again, slots(&world, 3..5)];
    let (mut subscription, cluster) = play(scripts).await;
    assert_eq!(heard(&mut subscription, 3).await, [2, 3, 4]);
    assert_eq!(*cluster.notes.asked.lock().unwrap(), [2, 2, 2, 3, 3]);
}

#[tokio::test]
async fn slots_that_a_takeover_made_void_are_handed_out_again() {
    let world = World::new();
    let after = (5..8).map(|slot| told(executed(&world, slot, 100 + slot)));
    let script: Script = slots(&world, 2..8).into_iter().chain(after).collect();
    let (mut subscription, cluster) = play([script]).await;
    assert_eq!(heard(&mut subscription, 5).await, [2, 3, 4, 5, 6]);
    *cluster.stage.lock().unwrap() = Stage::TakenOver;
    assert_eq!(heard(&mut subscription, 4).await, [7, 5, 6, 7]);
}

#[tokio::test]
async fn a_slot_that_does_not_continue_what_came_before_shows_a_takeover() {
    let world = World::new();
    let behind = |slot: u64, nonce: u64, before: &Executed| {
        let assigned = assigned(&world, slot, nonce);
        let previous = Some(before.receipt.leaf.digest());
        world.attest(world.outcome(&assigned), assigned.chain, previous)
    };
    let four = executed(&world, 4, 4);
    let (five, other_five) = (behind(5, 5, &four), behind(5, 100, &four));
    let other_six = behind(6, 101, &other_five);
    let first = [&four, &five].map(|executed| told(executed.clone())).to_vec();
    let second = vec![told(other_six.clone())];
    let third = [&other_five, &other_six].map(|executed| told(executed.clone())).to_vec();
    let mut scripts = slots(&world, 2..4);
    scripts.extend(first);
    let (mut subscription, cluster) = play([scripts, second, third]).await;
    assert_eq!(heard(&mut subscription, 4).await, [2, 3, 4, 5]);
    *cluster.stage.lock().unwrap() = Stage::TakenOver;
    let next = subscription.next().await;
    assert_eq!(next.outcome, other_five.outcome);
    assert_eq!(subscription.next().await.outcome, other_six.outcome);
    assert_eq!(*cluster.notes.asked.lock().unwrap(), [2, 6, 5]);
}

/// An outcome of a later slot with the answer to a call.
fn answering(world: &World, slot: u64, call: u64, answer: AskAnswer) -> SubmitEvent {
    let assigned = assigned(world, slot, slot);
    let body = ItemBody::Answered { call: Slot::new(call), answer };
    let item = OutboxItem { index: 0, target: world.process, pair: None, body, hint: None };
    let outcome = Outcome { outbox: vec![item], ..world.outcome(&assigned) };
    told(world.attest(outcome, assigned.chain, None))
}

fn integer(value: i128) -> AskAnswer {
    AskAnswer::Value(Value::Integer(value).encode().unwrap())
}

#[tokio::test]
async fn a_call_waits_for_the_answer_that_comes_in_a_later_slot() {
    let world = World::new();
    let (client, cluster) = connect(&world, Behaviour::Later).await;
    let mut script = slots(&world, [2]);
    script.push(answering(&world, 3, 0, integer(7)));
    script.push(answering(&world, 4, 1, integer(8)));
    cluster.notes.scripts.lock().unwrap().push_back(script);
    let none = Value::Map(Vec::new());
    // The fake scheduler assigns the first message slot 1.
    let sent = client.call(world.process, "add", &none, LONG).await.unwrap();
    assert_eq!((sent.slot(), sent.reply()), (Slot::new(1), Ok(Value::Integer(8))));
    assert_eq!(sent.late.unwrap().slot, Slot::new(4));
    assert_eq!(*cluster.notes.asked.lock().unwrap(), [2]);
}

#[tokio::test]
async fn a_late_failure_is_the_failure_of_the_call() {
    let world = World::new();
    let (client, cluster) = connect(&world, Behaviour::Later).await;
    let failure = Failure::of(FailureKind::NoReply);
    let answer = AskAnswer::Failure(failure.clone(), Effect::Yes);
    cluster.notes.scripts.lock().unwrap().push_back(vec![answering(&world, 2, 1, answer)]);
    let none = Value::Map(Vec::new());
    let sent = client.call(world.process, "add", &none, LONG).await.unwrap();
    assert_eq!(sent.failure(), Some(&failure));
    assert_eq!(sent.reply(), Err(ClientError::Actor(failure)));
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_may_still_come() {
    let world = World::new();
    let (client, _cluster) = connect(&world, Behaviour::Later).await;
    let none = Value::Map(Vec::new());
    let sent = client.send(world.process, "add", &none, LONG).await.unwrap();
    let message = sent.message;
    let error = client.final_reply(sent, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error, ClientError::NoAnswerYet { message, reason: None });
}

#[tokio::test]
async fn a_reply_that_comes_at_once_costs_no_subscription() {
    let world = World::new();
    let (client, cluster) = connect(&world, Behaviour::Answer).await;
    let none = Value::Map(Vec::new());
    let sent = client.call(world.process, "add", &none, LONG).await.unwrap();
    assert_eq!(sent.reply(), Ok(Value::Integer(3)));
    assert!(cluster.notes.asked.lock().unwrap().is_empty());
}

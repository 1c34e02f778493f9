//! Calls: of clients and of askers, answered at once, later or never.

use protocol::{Effect, Kind, Message, Tag};

use super::*;

fn later(effects: Vec<GuestEffect>) -> Output {
    output(GuestResult::Later, effects)
}

/// The answer of the last item, which goes to [`OTHER`].
fn to_asker(outcome: &Outcome) -> AskAnswer {
    let item = outcome.outbox.last().unwrap();
    assert_eq!((item.target, item.pair.is_some()), (OTHER, true));
    match &item.body {
        ItemBody::Reply { slot, index, answer } => {
            assert_eq!((*slot, *index), (Slot::new(3), 2));
            answer.clone()
        }
        other => panic!("not a reply: {other:?}"),
    }
}

/// The call and the answer of an item, which is for a client.
fn to_client(item: &OutboxItem) -> (u64, AskAnswer) {
    assert_eq!(item.pair, None);
    match &item.body {
        ItemBody::Answered { call, answer } => (call.get(), answer.clone()),
        other => panic!("not for a client: {other:?}"),
    }
}

fn failed(answer: &AskAnswer) -> (FailureKind, Effect) {
    match answer {
        AskAnswer::Failure(failure, effect) => (failure.kind, *effect),
        AskAnswer::Value(value) => panic!("a value: {value:?}"),
    }
}

#[test]
fn an_ask_is_answered_with_what_its_handler_says() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let target = ProcessId::from_bytes([5; 32]);
    let tell = GuestEffect::Tell { target, method: "m".into(), args: vec![0xa0], hint: None };
    let asked = scripted.asked(&output(GuestResult::Reply(vec![0x05]), vec![tell]));
    assert_eq!(asked.outcome.outbox.len(), 2);
    assert_eq!(to_asker(&asked.outcome), AskAnswer::Value(vec![0x05]));
    let Input::Call { context, call, .. } = scripted.last_input() else { panic!("not a call") };
    assert_eq!((context.deadline, call), (Some(Timestamp::new(10_000)), Some(1)));
    assert_eq!(context.sender, Principal::Process(OTHER));
    assert_eq!(scripted.keys(), 0);
}

#[test]
fn an_actors_error_took_effect_and_a_rolled_back_ask_did_not() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let error = GuestResult::Error { code: "no".into(), detail: String::new() };
    let asked = scripted.asked(&output(error, vec![]));
    assert_eq!(failed(&to_asker(&asked.outcome)), (FailureKind::Actor, Effect::Yes));
    let asked = scripted.asked(&output(GuestResult::Reply(vec![0xff]), vec![]));
    assert_eq!(failed(&to_asker(&asked.outcome)), (FailureKind::BadOutput, Effect::No));
    let numbers = scripted.seen.iter().filter_map(|seen| seen.outcome.outbox.last());
    let numbers: Vec<u64> = numbers.map(|item| item.pair.unwrap().number.get()).collect();
    assert_eq!(numbers, [0, 1]);
}

#[test]
fn a_call_is_answered_later_once() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let client = scripted.run(&later(vec![ask(1, Some(1))]), &Next::Null);
    assert_eq!(client.outcome.reply, Reply::Later);
    let asker = scripted.asked(&later(vec![]));
    assert_eq!((&asker.outcome.reply, asker.outcome.outbox.len()), (&Reply::Later, 0));
    assert_eq!(scripted.keys(), 3);
    let both = scripted.do_now(null(), vec![reply(1), reply(2), reply(2)]);
    let [first, second] = &both.outcome.outbox[..] else { panic!("{:?}", both.outcome) };
    assert_eq!(to_client(first), (1, AskAnswer::Value(NULL.to_vec())));
    assert!(matches!(second.body, ItemBody::Reply { .. }));
    assert_eq!(scripted.keys(), 1);
    assert!(scripted.do_now(null(), vec![reply(1), reply(2)]).outcome.outbox.is_empty());
}

#[test]
fn a_call_may_be_answered_in_the_slot_that_leaves_it_open() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let executed = scripted.run(&later(vec![reply(1)]), &Next::Null);
    assert_eq!(executed.outcome.reply, Reply::Later);
    assert_eq!(to_client(&executed.outcome.outbox[0]).1, AskAnswer::Value(NULL.to_vec()));
    let both = scripted.do_now(null(), vec![reply(2)]);
    assert_eq!(failure(&both.outcome), FailureKind::BadOutput);
    let ahead = scripted.do_now(null(), vec![reply(9)]);
    assert_eq!(failure(&ahead.outcome), FailureKind::BadOutput);
}

#[test]
fn a_call_that_nothing_can_answer_any_more_is_answered_by_the_unit() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let at_once = scripted.run(&later(vec![]), &Next::Null);
    let no_reply = (FailureKind::NoReply, Effect::Yes);
    assert_eq!(failed(&to_client(&at_once.outcome.outbox[0]).1), no_reply);
    scripted.run(&output(null(), vec![ask(1, None)]), &Next::Null);
    assert!(scripted.asked(&later(vec![])).outcome.outbox.is_empty());
    let answered = scripted.replied(2, 0, AskAnswer::Value(NULL.to_vec()));
    assert_eq!(failed(&to_asker(&answered.outcome)), no_reply);
    assert_eq!(scripted.keys(), 0);
}

#[test]
fn a_held_call_waits_for_whatever_comes_until_its_time_is_over() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    scripted.run(&output(GuestResult::Held, vec![]), &Next::Null);
    scripted.asked(&output(GuestResult::Held, vec![]));
    assert!(scripted.do_now(null(), vec![]).outcome.outbox.is_empty());
    // The asker's deadline is 10,000; ten seconds later it is not answered any more.
    scripted.log.pass(19_900 - 4);
    assert_eq!(scripted.do_now(null(), vec![]).outcome.outbox.len(), 0);
    assert_eq!(scripted.keys(), 2);
    assert_eq!(scripted.do_now(null(), vec![reply(2)]).outcome.outbox.len(), 0);
    assert_eq!(scripted.keys(), 1);
    scripted.log.pass(60 * 60 * 1_000);
    let given_up = scripted.do_now(null(), vec![]);
    let (call, answer) = to_client(&given_up.outcome.outbox[0]);
    assert_eq!((call, failed(&answer)), (1, (FailureKind::NoReply, Effect::Yes)));
    assert_eq!(scripted.keys(), 0);
}

#[test]
fn a_call_fails_with_the_handler_that_was_to_answer_it() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    scripted.run(&later(vec![ask(1, Some(1))]), &Next::Trap);
    let trapped = scripted.replied(1, 0, AskAnswer::Value(NULL.to_vec()));
    assert_eq!(failure(&trapped.outcome), FailureKind::Trapped);
    let (call, answer) = to_client(&trapped.outcome.outbox[0]);
    assert_eq!((call, failed(&answer)), (1, (FailureKind::Trapped, Effect::Yes)));
}

#[test]
fn nobody_waits_for_a_tell() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let args = script(&later(vec![]), &Next::Null);
    let told = scripted.deliver(3, 0, ItemBody::Tell { method: "do".into(), args });
    assert_eq!(failure(&told.outcome), FailureKind::BadOutput);
    scripted.run(&output(null(), vec![ask(1, None)]), &Next::Output(later(vec![])));
    let answered = scripted.replied(2, 0, AskAnswer::Value(NULL.to_vec()));
    assert_eq!(failure(&answered.outcome), FailureKind::BadOutput);
}

#[test]
fn a_message_that_shows_another_is_no_call_of_its_sender() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let log = &scripted.log;
    let target = ProcessId::from_bytes([4; 32]);
    let message = |sender: &SecretKey, target, evidence| Message {
        version: V1,
        kind: Kind,
        network: crate::testing::NETWORK,
        sender: Principal::Account(sender.public().account()),
        target,
        method: "do".into(),
        args: vec![0xa0],
        nonce: 0,
        expiry: Timestamp::new(1_000),
        tags: Vec::<Tag>::new(),
        reply_to: None,
        credit: None,
        trace_parent: None,
        evidence,
    };
    let author = SecretKey::from_seed(&[77; 32]);
    let shown = Signed::sign(message(&author, target, None), &author);
    let bytes = codec::encode(&shown);
    let shows = Signed::sign(message(&log.client, log.process, Some(bytes.into())), &log.client);
    let client = Principal::Account(log.client.public().account());
    scripted.execute(&Entry::Message(shows));
    let Input::Assigned { context, evidence, call } = scripted.last_input() else {
        panic!("not shown")
    };
    assert_eq!((context.sender, call), (client, Some(1)));
    assert_eq!(evidence.sender, Principal::Account(author.public().account()));
    assert_eq!((evidence.target, evidence.message), (target, Entry::Message(shown).id()));
}

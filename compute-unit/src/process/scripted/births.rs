//! Children, from both sides.

use protocol::{Effect, RefusalCode, abi::AnswerInput};

use super::*;

/// The spawn of a child that may have some children itself.
fn child(scripted: &Scripted, nonce: u64, children: u32) -> Spawn {
    let own = scripted.log.spawn.unverified().clone();
    let limits = Limits { children: Some(children), ..own.limits };
    Spawn { sender: Principal::Process(scripted.log.process), nonce, limits, ..own }
}

fn spawn(child: &Spawn, token: u64) -> GuestEffect {
    GuestEffect::Spawn { spawn: codec::encode(child), token, patience: 1_000, call: None }
}

fn id(child: &Spawn) -> ProcessId {
    ProcessId::from_bytes(*Domain::Spawn.digest(&[&codec::encode(child)]).as_bytes())
}

fn budget(children: u32) -> Limits {
    Limits { children: Some(children), ..Limits::DEFAULT }
}

#[test]
fn the_module_is_born_with_its_own_spawn() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let Input::Init { spawn, .. } = scripted.last_input() else { panic!("not a birth") };
    assert_eq!(spawn, Some(scripted.log.spawn.body_bytes().to_vec()));
}

#[test]
fn a_birth_is_answered_like_an_ask() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let child = child(&scripted, 1, 0);
    let spawned = scripted.do_now(null(), vec![spawn(&child, 8)]);
    let item = &spawned.outcome.outbox[0];
    assert_eq!((item.target, item.pair.unwrap().number), (id(&child), PairNumber::ZERO));
    assert!(spawned.waits[0].is_of(item));
    let body =
        ItemBody::Reply { slot: Slot::new(1), index: 0, answer: AskAnswer::Value(NULL.to_vec()) };
    scripted.deliver_from(id(&child), 0, 0, body);
    let Input::Answer { token, answer, .. } = scripted.last_input() else { panic!("no answer") };
    assert_eq!((token, answer), (8, AnswerInput::Reply(NULL.to_vec())));
    // Only how many there were is remembered.
    assert_eq!(scripted.keys(), 1);
}

#[test]
fn a_refused_spawn_is_not_born() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let child = child(&scripted, 1, 0);
    scripted.do_now(null(), vec![spawn(&child, 8)]);
    scripted.stated(id(&child), 0, Verdict::Refused(RefusalCode::NotListed));
    let Input::Answer { answer, .. } = scripted.last_input() else { panic!("no answer") };
    let AnswerInput::System { code, detail, effect } = answer else { panic!("{answer:?}") };
    assert_eq!((&*code, &*detail, effect), ("not-born", "not-listed", 0));
}

#[test]
fn a_process_and_its_descendants_have_one_budget() {
    let mut scripted = Scripted::new(budget(4));
    let first = child(&scripted, 1, 2);
    assert!(is_null(&scripted.do_now(null(), vec![spawn(&first, 1)]).outcome));
    let (second, third) = (child(&scripted, 2, 0), child(&scripted, 3, 0));
    let both = scripted.do_now(null(), vec![spawn(&second, 2), spawn(&third, 3)]);
    assert_eq!(failure(&both.outcome), FailureKind::LimitReached);
    assert!(is_null(&scripted.do_now(null(), vec![spawn(&second, 2)]).outcome));
    let third = scripted.do_now(null(), vec![spawn(&third, 3)]);
    assert_eq!(failure(&third.outcome), FailureKind::LimitReached);
}

#[test]
fn a_child_is_the_first_that_its_parent_says_to_it() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let child = child(&scripted, 1, 0);
    let tell = || GuestEffect::Tell {
        target: id(&child),
        method: "m".into(),
        args: vec![0xa0],
        hint: None,
    };
    let broken = |executed: Executed| failure(&executed.outcome) == FailureKind::BadOutput;
    assert!(broken(scripted.do_now(null(), vec![tell(), spawn(&child, 1)])));
    assert!(broken(scripted.do_now(null(), vec![spawn(&child, 1), spawn(&child, 2)])));
    let born = scripted.do_now(null(), vec![spawn(&child, 1), tell()]);
    assert_eq!(born.outcome.outbox[1].pair.unwrap().number, PairNumber::new(1));
    assert!(broken(scripted.do_now(null(), vec![spawn(&child, 2)])));
}

/// A child of [`OTHER`], after its slot 0.
fn born(change: fn(Spawn) -> Spawn) -> (Scripted, Executed) {
    let mut log = Log::new(&actor(), Limits::DEFAULT);
    log.respawn(|spawn| Spawn { sender: Principal::Process(OTHER), ..change(spawn) });
    let bytes = log.spawn.body_bytes().to_vec();
    let mut scripted = Scripted::unborn(log);
    let executed = scripted.deliver(5, 1, ItemBody::Spawn(bytes, Some(Timestamp::new(9_000))));
    (scripted, executed)
}

fn answer(item: &OutboxItem) -> &AskAnswer {
    assert_eq!(item.target, OTHER);
    match &item.body {
        ItemBody::Reply { answer, .. } => answer,
        other => panic!("not a reply: {other:?}"),
    }
}

#[test]
fn a_child_tells_its_parent_that_it_is_born() {
    let (_, executed) = born(|spawn| spawn);
    let [item] = &executed.outcome.outbox[..] else { panic!("{executed:?}") };
    assert!(matches!(item.body, ItemBody::Reply { slot, index: 1, .. } if slot == Slot::new(5)));
    assert_eq!(
        (answer(item), item.pair.unwrap().number),
        (&AskAnswer::Value(NULL.to_vec()), PairNumber::ZERO)
    );
}

#[test]
fn a_child_that_is_not_born_answers_too_and_still_counts_after_a_restart() {
    let (mut scripted, executed) = born(|spawn| {
        let error = GuestResult::Error { code: "no".into(), detail: String::new() };
        let args = script(&output(error, vec![ask(1, None)]), &Next::Null);
        Spawn { args, ..spawn }
    });
    let [item] = &executed.outcome.outbox[..] else { panic!("{executed:?}") };
    let AskAnswer::Failure(failed, Effect::No) = answer(item) else { panic!("{item:?}") };
    assert_eq!((failed.kind, &*failed.code), (FailureKind::Actor, "no"));
    scripted.restart();
    let asked = scripted.asked(&output(null(), vec![]));
    let item = &asked.outcome.outbox[0];
    let AskAnswer::Failure(failed, Effect::No) = answer(item) else { panic!("{item:?}") };
    assert_eq!((failed.kind, item.pair.unwrap().number.get()), (FailureKind::NotBorn, 1));
}

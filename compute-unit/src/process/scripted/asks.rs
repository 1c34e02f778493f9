//! Asks of the process's own, and what they come to.

use protocol::{Effect, RefusalCode, abi::AnswerInput};

use super::*;

/// The token and the answer that the actor was handed last.
fn answered(scripted: &mut Scripted) -> (u64, AnswerInput) {
    match scripted.last_input() {
        Input::Answer { token, answer, .. } => (token, answer),
        other => panic!("not an answer: {other:?}"),
    }
}

fn system(code: &str, effect: u8) -> impl Fn(&AnswerInput) -> bool {
    move |answer| matches!(answer, AnswerInput::System { code: c, effect: e, .. } if c == code && *e == effect)
}

fn value() -> AskAnswer {
    AskAnswer::Value(vec![0x07])
}

#[test]
fn an_ask_is_answered_once_and_leaves_nothing_behind() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let asked = scripted.do_now(null(), vec![ask(5, None)]);
    let item = &asked.outcome.outbox[0];
    assert_eq!((item.target, item.pair.unwrap().number), (OTHER, PairNumber::ZERO));
    let ItemBody::Ask { deadline, .. } = item.body else { panic!("{item:?}") };
    assert_eq!(deadline, Timestamp::new(101 + 1_000));
    assert_eq!((asked.waits[0].due, asked.waits[0].kind), (deadline, TimerKind::AskTimeout));
    assert_eq!(scripted.keys(), 1);
    let replied = scripted.replied(1, 0, value());
    assert_eq!(replied.closed, [(Slot::new(1), 0)]);
    assert_eq!(answered(&mut scripted), (5, AnswerInput::Reply(vec![0x07])));
    assert_eq!(context(&scripted.last_input()).sender, Principal::Process(OTHER));
    assert_eq!(scripted.keys(), 0);
    let handled = scripted.handled();
    let again = scripted.replied(1, 0, value());
    assert_eq!((is_null(&again.outcome), again.outcome.gas), (true, Gas::ZERO));
    assert_eq!(scripted.handled(), handled);
}

#[test]
fn nobody_else_can_answer() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    scripted.do_now(null(), vec![ask(5, None)]);
    let body = ItemBody::Reply { slot: Slot::new(1), index: 0, answer: value() };
    let foreign = scripted.deliver_from(ProcessId::from_bytes([6; 32]), 1, 0, body);
    assert!(is_null(&foreign.outcome) && foreign.closed.is_empty());
    assert_eq!(scripted.replied(1, 0, value()).closed.len(), 1);
}

#[test]
fn an_actors_error_and_a_failure_are_told_apart() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    scripted.do_now(null(), vec![ask(1, None), ask(2, None), ask(3, None)]);
    let own = Failure { kind: FailureKind::Actor, code: "poor".into(), detail: "d".into() };
    scripted.replied(1, 0, AskAnswer::Failure(own, Effect::Yes));
    let error = AnswerInput::Error { code: "poor".into(), detail: "d".into(), effect: 1 };
    assert_eq!(answered(&mut scripted), (1, error));
    let trapped = Failure::of(FailureKind::Trapped);
    scripted.replied(1, 1, AskAnswer::Failure(trapped, Effect::No));
    assert!(system("trapped", 0)(&answered(&mut scripted).1));
    scripted.replied(1, 2, AskAnswer::Value(vec![0xff]));
    assert!(system("bad-output", 2)(&answered(&mut scripted).1));
}

#[test]
fn a_timeout_skips_the_number_and_leaves_the_effect_unknown() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    scripted.do_now(null(), vec![ask(5, None)]);
    let expired = scripted.due(TimerKind::AskTimeout, (1, 0), 0);
    let item = &expired.outcome.outbox[0];
    assert_eq!((item.target, item.pair), (OTHER, None));
    assert_eq!(item.body, ItemBody::Skip(PairNumber::ZERO));
    assert!(system("expired", 2)(&answered(&mut scripted).1));
    assert!(is_null(&scripted.replied(1, 0, value()).outcome));
    assert!(is_null(&scripted.due(TimerKind::AskTimeout, (1, 0), 0).outcome));
    assert_eq!(scripted.keys(), 0);
}

#[test]
fn an_ask_without_a_target_ends_as_a_timeout_does_and_is_no_false_no() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    scripted.do_now(null(), vec![ask(5, None)]);
    let ended = scripted.due(TimerKind::NoTarget, (1, 0), 1);
    assert_eq!(ended.outcome.outbox[0].body, ItemBody::Skip(PairNumber::ZERO));
    assert_eq!(ended.closed, [(Slot::new(1), 0)]);
    assert!(system("no-such-process", 2)(&answered(&mut scripted).1));
    assert!(is_null(&scripted.due(TimerKind::AskTimeout, (1, 0), 0).outcome));
    assert!(is_null(&scripted.replied(1, 0, value()).outcome), "a target that was born later");
}

#[test]
fn what_the_targets_scheduler_has_assigned_took_effect_even_if_no_answer_comes() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    scripted.do_now(null(), vec![ask(5, None)]);
    let handled = scripted.handled();
    let stated = scripted.stated(OTHER, 0, Verdict::Assigned(Slot::new(4)));
    assert!(is_null(&stated.outcome));
    assert_eq!((scripted.handled(), stated.closed.len()), (handled, 0));
    scripted.due(TimerKind::AskTimeout, (1, 0), 0);
    assert!(system("expired", 1)(&answered(&mut scripted).1));
}

#[test]
fn a_final_refusal_answers_an_ask_that_had_no_effect() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    scripted.do_now(null(), vec![ask(1, None), ask(2, None)]);
    let refused = scripted.stated(OTHER, 0, Verdict::Refused(RefusalCode::TooLarge));
    assert_eq!(refused.closed, [(Slot::new(1), 0)]);
    let (token, answer) = answered(&mut scripted);
    assert!(token == 1 && system("refused", 0)(&answer), "{answer:?}");
    assert!(matches!(answer, AnswerInput::System { detail, .. } if detail == "too-large"));
    scripted.stated(OTHER, 1, Verdict::Refused(RefusalCode::UnknownProcess));
    assert!(system("no-such-process", 0)(&answered(&mut scripted).1));
}

#[test]
fn a_late_word_about_an_ask_is_there_for_people() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let told = |executed: Executed| match executed.outcome.reply {
        Reply::Value(value) => Value::decode(&value).unwrap(),
        other => panic!("{other:?}"),
    };
    let effect =
        |word: &str| Value::Map(vec![(Value::Text("effect".into()), Value::Text(word.into()))]);
    let assigned = scripted.stated(OTHER, 0, Verdict::Assigned(Slot::new(4)));
    assert_eq!(told(assigned), effect("yes"));
    let refused = scripted.stated(OTHER, 0, Verdict::Refused(RefusalCode::Skipped));
    assert_eq!(told(refused), effect("no"));
}

#[test]
fn a_handler_that_fails_loses_the_answer_and_the_module_learns_of_it() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    scripted.run(&output(null(), vec![ask(5, None), ask(3, None)]), &Next::Trap);
    let trapped = scripted.replied(1, 0, value());
    assert_eq!(failure(&trapped.outcome), FailureKind::Trapped);
    assert_eq!(trapped.closed, [(Slot::new(1), 0)]);
    assert_eq!(failure(&scripted.replied(1, 1, value()).outcome), FailureKind::Trapped);
    // A handler that fails does not count as having heard of it.
    let garbage = output(GuestResult::Reply(vec![0xff]), vec![]);
    assert_eq!(failure(&scripted.run(&garbage, &Next::Trap).outcome), FailureKind::BadOutput);
    scripted.do_now(null(), vec![]);
    assert_eq!(context(&scripted.last_input()).lost, Some(vec![3, 5]));
    scripted.do_now(null(), vec![]);
    assert_eq!(context(&scripted.last_input()).lost, None);
    assert_eq!(scripted.keys(), 0);
}

#[test]
fn a_token_names_one_open_ask() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let twice = scripted.do_now(null(), vec![ask(5, None), ask(5, None)]);
    assert_eq!(failure(&twice.outcome), FailureKind::BadOutput);
    scripted.do_now(null(), vec![ask(5, None)]);
    let again = scripted.do_now(null(), vec![ask(5, None)]);
    assert_eq!(failure(&again.outcome), FailureKind::BadOutput);
    assert!(again.outcome.outbox.is_empty());
    scripted.replied(2, 0, value());
    assert!(is_null(&scripted.do_now(null(), vec![ask(5, None)]).outcome));
}

#[test]
fn more_asks_than_the_process_may_have_fail_the_slot() {
    let mut scripted = Scripted::new(Limits { open_asks: 2, ..Limits::DEFAULT });
    scripted.do_now(null(), vec![ask(1, None)]);
    let third = scripted.do_now(null(), vec![ask(2, None), ask(3, None)]);
    assert_eq!(failure(&third.outcome), FailureKind::LimitReached);
    // The answer that frees a place has come before its handler asks again.
    scripted.run(
        &output(null(), vec![ask(2, None)]),
        &Next::Output(output(null(), vec![ask(3, None)])),
    );
    assert!(is_null(&scripted.replied(1, 0, value()).outcome));
    assert_eq!(
        failure(&scripted.do_now(null(), vec![ask(4, None)]).outcome),
        FailureKind::LimitReached
    );
}

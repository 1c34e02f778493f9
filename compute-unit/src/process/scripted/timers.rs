//! Timers.

use protocol::Effect;

use super::*;

fn fired(scripted: &mut Scripted) -> (u64, u64, String) {
    match scripted.last_input() {
        Input::Timer { token, occurrence, method, .. } => (token, occurrence, method),
        other => panic!("not a timer: {other:?}"),
    }
}

#[test]
fn a_timer_fires_once() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let set = scripted.do_now(null(), vec![timer(4, 500, None, None)]);
    let item = &set.outcome.outbox[0];
    assert_eq!((item.target, item.pair), (scripted.log.process, None));
    assert!(set.waits[0].is_of(item));
    let first = scripted.due(TimerKind::Timer, (1, 0), 0);
    assert_eq!(first.closed, [(Slot::new(1), 0)]);
    assert_eq!(fired(&mut scripted), (4, 0, "tick".into()));
    let own = Principal::Process(scripted.log.process);
    assert_eq!(context(&scripted.last_input()).sender, own);
    let handled = scripted.handled();
    assert!(is_null(&scripted.due(TimerKind::Timer, (1, 0), 0).outcome));
    assert_eq!((scripted.handled(), scripted.keys()), (handled, 0));
}

#[test]
fn a_recurring_timer_never_goes_back() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let set = scripted.do_now(null(), vec![timer(4, 500, Some(100), None)]);
    let item = set.outcome.outbox[0].clone();
    for (occurrence, fires) in [(0, true), (0, false), (3, true), (2, false), (4, true)] {
        let handled = scripted.handled();
        let executed = scripted.due(TimerKind::Timer, (1, 0), occurrence);
        assert_eq!(scripted.handled() > handled, fires, "{occurrence}");
        assert!(executed.closed.is_empty());
        let waits = executed.waits.first().map(|next| next.occurrence);
        assert_eq!(waits, fires.then_some(occurrence + 1));
        assert!(executed.waits.iter().all(|next| next.is_of(&item)));
    }
    assert_eq!(scripted.process.agenda()[0].due, Timestamp::new(500 + 5 * 100));
}

#[test]
fn a_timer_takes_the_place_of_the_one_with_its_token() {
    let mut scripted = Scripted::new(Limits { timers: 1, ..Limits::DEFAULT });
    scripted.do_now(null(), vec![timer(4, 500, None, None)]);
    let replaced = scripted.do_now(null(), vec![timer(4, 700, None, None)]);
    assert_eq!(replaced.closed, [(Slot::new(1), 0)]);
    let handled = scripted.handled();
    scripted.due(TimerKind::Timer, (1, 0), 0);
    assert_eq!(scripted.handled(), handled);
    scripted.due(TimerKind::Timer, (2, 0), 0);
    assert_eq!(scripted.handled(), handled + 1);
}

#[test]
fn a_cancelled_timer_does_not_fire() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    scripted.do_now(null(), vec![timer(4, 500, Some(1), None)]);
    let cancel = || vec![GuestEffect::CancelTimer { token: 4 }];
    let cancelled = scripted.do_now(null(), cancel());
    assert_eq!(cancelled.outcome.outbox[0].body, ItemBody::CancelTimer { token: 4 });
    assert_eq!(cancelled.closed, [(Slot::new(1), 0)]);
    assert!(is_null(&scripted.due(TimerKind::Timer, (1, 0), 0).outcome));
    let again = scripted.do_now(null(), cancel());
    assert!(is_null(&again.outcome) && again.outcome.outbox.is_empty());
    assert_eq!(scripted.keys(), 0);
}

#[test]
fn more_timers_than_the_process_may_have_fail_the_slot() {
    let mut scripted = Scripted::new(Limits { timers: 2, ..Limits::DEFAULT });
    let set = |token| timer(token, 500, None, None);
    let three = scripted.do_now(null(), vec![set(1), set(2), set(3)]);
    assert_eq!(failure(&three.outcome), FailureKind::LimitReached);
    assert!(is_null(&scripted.do_now(null(), vec![set(1), set(2), set(1)]).outcome));
    let cancel = GuestEffect::CancelTimer { token: 1 };
    assert!(is_null(&scripted.do_now(null(), vec![cancel, set(3)]).outcome));
    assert_eq!(failure(&scripted.do_now(null(), vec![set(4)]).outcome), FailureKind::LimitReached);
}

#[test]
fn a_handler_that_fails_uses_its_occurrence_and_fails_its_call() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let set = output(GuestResult::Later, vec![timer(4, 500, Some(100), Some(1))]);
    scripted.run(&set, &Next::Trap);
    let trapped = scripted.due(TimerKind::Timer, (1, 0), 0);
    assert_eq!(failure(&trapped.outcome), FailureKind::Trapped);
    let ItemBody::Answered { call, answer } = &trapped.outcome.outbox[0].body else {
        panic!("{:?}", trapped.outcome)
    };
    assert_eq!(*call, Slot::new(1));
    assert!(matches!(answer, AskAnswer::Failure(failure, Effect::Yes)
        if failure.kind == FailureKind::Trapped));
    assert!(is_null(&scripted.due(TimerKind::Timer, (1, 0), 0).outcome));
    scripted.do_now(null(), vec![]);
    assert_eq!(context(&scripted.last_input()).lost, Some(vec![4]));
    scripted.due(TimerKind::Timer, (1, 0), 1);
    assert_eq!(fired(&mut scripted), (4, 1, "tick".into()));
}

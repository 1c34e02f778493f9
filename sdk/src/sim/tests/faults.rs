//! What goes wrong, and that a log makes the process it is of.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{Faults, Limits, Sim, prelude::*};

thread_local! {
    /// What no log knows.
    static OUTSIDE: Cell<u64> = const { Cell::new(0) };
}

/// Fails in every way.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
struct Frail {
    n: u64,
    kept: Option<OpenCall<u64>>,
}

#[actor]
impl Frail {
    #[init]
    fn new(n: u64) -> Result<Self, Error> {
        require!(n < 1_000, Error::new("too-large", "below 1,000"));
        assert!(n < 100, "it panics at birth");
        Ok(Self { n, kept: None })
    }

    fn n(&self) -> u64 {
        self.n
    }

    fn fail_to_see(&self) -> u64 {
        panic!("a view panics")
    }

    fn add(&mut self, by: u64) -> u64 {
        self.n += by;
        self.n
    }

    /// Adds, tells another one, and panics.
    fn fail(&mut self, cx: &Context, peer: ActorRef<Self>) -> u64 {
        self.n += 100;
        peer.add(100).tell(cx);
        panic!("a method panics")
    }

    /// Tells how it failed at a peer.
    async fn see_failure(this: State<Self>, cx: Context, peer: ActorRef<Self>) -> String {
        this.with(|me| me.n += 1);
        match peer.fail(Self::own(&cx)).ask(&cx).await {
            Ok(n) => n.to_string(),
            Err(error) => format!("{} {:?} {}", error.code(), error.effect(), error.is_system()),
        }
    }

    /// Panics once the peer has answered.
    async fn fail_late(this: State<Self>, cx: Context, peer: ActorRef<Self>) -> u64 {
        this.with(|me| me.n += 1);
        let n = peer.add(5).ask(&cx).await;
        this.with(|me| me.n += 10);
        panic!("a method panics after an await: {n:?}")
    }

    fn set_bomb(&mut self, cx: &Context) {
        cx.after(secs(1), Self::own(cx).explode());
    }

    fn explode(&mut self) {
        panic!("a timer panics")
    }

    fn set_timers(&mut self, cx: &Context, count: u64) {
        self.n = 0;
        for number in 0..count {
            let later = Schedule::at(cx.now().saturating_add(1_000));
            cx.set_timer(TimerId::new(number), later, "n", args! {});
        }
    }

    fn keep(&mut self, cx: &Context) -> Later<u64> {
        let (call, later) = cx.reply_later();
        self.kept = Some(call);
        later
    }

    /// Answers what is kept, in the slot in which it is asked itself.
    fn answer_at_once(&mut self, cx: &Context) -> Later<u64> {
        let (call, later) = cx.reply_later();
        call.reply(cx, self.n);
        later
    }

    fn let_go(&mut self, cx: &Context) -> bool {
        self.kept.take().map(|call| call.reply(cx, self.n)).is_some()
    }

    async fn raise(this: State<Self>, cx: Context, module: ModuleRef, n: u64) -> String {
        let born = cx.spawn::<Self>(&module, args! { n: n }).await;
        this.with(|me| me.n += 1);
        match born {
            Ok(child) => format!("{:?}", child.n().ask(&cx).await),
            Err(error) => format!("{} {:?} {}", error.code(), error.effect(), error.is_system()),
        }
    }

    /// Replies something else each time.
    fn leak_out(&mut self) -> u64 {
        OUTSIDE.replace(OUTSIDE.get() + 1)
    }

    /// Keeps something else each time.
    fn leak_in(&mut self) {
        self.n = OUTSIDE.replace(OUTSIDE.get() + 1);
    }
}

fn two(seed: u64) -> (Sim, ActorRef<Frail>, ActorRef<Frail>) {
    let mut sim = Sim::seeded(seed);
    let (a, b) = (sim.spawn(args! { n: 1 }), sim.spawn(args! { n: 41 }));
    (sim, a, b)
}

#[test]
fn a_slot_that_panics_has_no_effect() {
    let (mut sim, a, b) = two(7);
    assert_eq!(sim.send(a.add(1)), Ok(2));
    let error = sim.send(a.fail(b)).unwrap_err();
    assert_eq!(error.code(), "trapped");
    assert_eq!((sim.view(&a.n()), sim.view(&b.n())), (Ok(2), Ok(41)));
    assert!(sim.log(a)[2].is_undone());
    assert_eq!(sim.send(a.add(1)), Ok(3));
    assert_eq!(sim.log(a).len(), 4, "it has a slot all the same");
    sim.check_replay();
}

#[test]
fn an_asker_learns_that_a_slot_panicked_and_had_no_effect() {
    let (mut sim, a, b) = two(7);
    assert_eq!(sim.send(a.see_failure(b)), Ok("trapped No true".to_owned()));
    assert_eq!((sim.view(&a.n()), sim.view(&b.n())), (Ok(2), Ok(41)));
}

#[test]
fn a_panic_after_an_await_undoes_only_its_slot_and_answers_the_call() {
    let (mut sim, a, b) = two(7);
    assert_eq!(sim.send(a.fail_late(b)).unwrap_err().code(), "trapped");
    assert_eq!((sim.view(&a.n()), sim.view(&b.n())), (Ok(2), Ok(46)));
    assert_eq!(sim.send(a.see_failure(b)), Ok("trapped No true".to_owned()), "it goes on");
    sim.check_replay();
}

#[test]
fn a_timer_that_panics_is_over() {
    let (mut sim, a, _) = two(7);
    sim.send(a.set_bomb()).unwrap();
    sim.pass(secs(10));
    assert_eq!(sim.log(a).iter().filter(|slot| slot.is_undone()).count(), 1);
    assert_eq!(sim.send(a.add(1)), Ok(2));
    sim.check_replay();
}

#[test]
fn a_slot_that_wants_more_than_it_may_have_has_no_effect() {
    let (mut sim, a, _) = two(7);
    let most = u64::from(Limits::DEFAULT.timers);
    let error = sim.send(a.set_timers(most + 1)).unwrap_err();
    assert_eq!((error.code(), sim.view(&a.n())), ("limit-reached", Ok(1)));
    sim.send(a.set_timers(most)).unwrap();
    sim.pass(secs(2));
    assert_eq!(sim.slots(), 4 + most);
    sim.check_replay();
}

#[test]
fn a_view_that_panics_answers_so() {
    let (mut sim, a, _) = two(7);
    assert_eq!(sim.view(&a.fail_to_see()).unwrap_err().code(), "trapped");
    assert_eq!(sim.view(&a.n()), Ok(1));
}

#[test]
fn a_parent_learns_why_a_child_is_not_born() {
    let (mut sim, a, _) = two(7);
    let module = sim.module::<Frail>();
    assert_eq!(sim.send(a.raise(module.clone(), 5)), Ok("Ok(5)".to_owned()));
    assert_eq!(sim.send(a.raise(module.clone(), 500)), Ok("trapped No true".to_owned()));
    assert_eq!(sim.send(a.raise(module, 5_000)), Ok("too-large No false".to_owned()));
}

#[test]
fn a_call_can_be_answered_in_its_own_slot_and_a_dropped_one_in_vain() {
    let (mut sim, a, _) = two(7);
    assert_eq!(sim.send(a.answer_at_once()), Ok(1));
    assert_eq!(sim.send(a.keep()).unwrap_err().code(), "no-reply");
    assert_eq!(sim.send(a.let_go()), Ok(true));
}

#[test]
fn a_message_that_is_lost_is_submitted_again() {
    let (mut sim, a, _) = two(7);
    sim.lose(a, 3);
    let ticket = sim.post(a.add(1));
    sim.run();
    assert_eq!(sim.reply(&ticket), None);
    sim.pass(secs(5));
    assert_eq!(sim.reply(&ticket), None);
    sim.pass(secs(1));
    assert_eq!(sim.reply(&ticket), Some(Ok(2)));
    assert_eq!(sim.log(a).len(), 2, "once");
}

#[test]
fn a_client_gives_up_in_the_end_and_nothing_has_happened() {
    let (mut sim, a, _) = two(7);
    sim.lose(a, u32::MAX);
    assert_eq!(sim.send(a.add(1)).unwrap_err().code(), "expired");
    assert!(sim.time().get() <= 5 * 60_000 + 2_000);
    sim.lose(a, 0);
    assert_eq!(sim.send(a.add(1)), Ok(2));
    let nobody = Frail::at(ProcessId::from_bytes([9; 32]));
    assert_eq!(sim.send(nobody.add(1)).unwrap_err().code(), "unknown-process");
}

#[test]
fn a_pair_that_is_delayed_keeps_its_order() {
    let (mut sim, a, b) = two(7);
    sim.delay(a, b, secs(3));
    let ticket = sim.post(a.see_failure(b));
    sim.pass(millis(2_999));
    assert_eq!((sim.reply(&ticket), sim.log(b).len()), (None, 1));
    sim.pass(millis(1));
    assert_eq!(sim.reply(&ticket), Some(Ok("trapped No true".to_owned())));
    sim.delay(Sim::CLIENT, b, secs(2));
    let slow = sim.post(b.add(1));
    sim.delay(Sim::CLIENT, b, secs(0));
    assert_eq!(sim.send(b.add(1)), Ok(43));
    assert_eq!((sim.reply(&slow), sim.time().get()), (Some(Ok(42)), 5_000));
}

#[test]
fn a_process_that_is_down_takes_nothing_and_comes_back_as_it_was() {
    let (mut sim, a, b) = two(7);
    let waiting = sim.post(a.keep());
    sim.send(a.set_bomb()).unwrap();
    sim.crash(a);
    let added = sim.post(a.add(1));
    sim.pass(secs(60));
    assert_eq!((sim.reply(&added), sim.log(a).len()), (None, 3));
    assert_eq!(sim.view(&a.n()).unwrap_err().code(), "unreachable");
    sim.check_replay();
    sim.restart(a);
    sim.pass(secs(0));
    assert_eq!(sim.reply(&added), Some(Ok(2)));
    assert!(sim.log(a).iter().any(crate::LoggedSlot::is_undone), "its timer was overdue");
    assert_eq!(sim.send(a.let_go()), Ok(true));
    assert_eq!(sim.reply(&waiting), Some(Ok(2)));
    assert_eq!(sim.view(&b.n()), Ok(41));
}

fn message(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    *panic.downcast::<String>().unwrap()
}

#[test]
fn an_output_that_depends_on_anything_but_the_log_is_found_out() {
    let (mut sim, a, _) = two(7);
    sim.send(a.leak_out()).unwrap();
    let message = message(|| sim.check_replay());
    assert!(message.starts_with("seed 7: ") && message.contains("slot 1"), "{message}");
}

#[test]
fn a_state_that_depends_on_anything_but_the_log_is_found_out() {
    let (mut sim, a, _) = two(8);
    sim.send(a.leak_in()).unwrap();
    sim.crash(a);
    let message = message(|| sim.restart(a));
    assert!(message.starts_with("seed 8: ") && message.contains("the state"), "{message}");
}

#[test]
fn whatever_goes_wrong_every_message_is_handled_once_and_logs_replay() {
    for seed in 0..10 {
        let (mut sim, a, b) = two(seed);
        sim.set_faults(Faults { lost: 30, delayed: 30, restarts: 30 });
        let tickets: Vec<_> = (0..30).map(|_| sim.post(b.add(1))).collect();
        let asks: Vec<_> = (0..10).map(|_| sim.post(a.see_failure(b))).collect();
        sim.pass(secs(120));
        assert!(tickets.iter().all(|ticket| sim.reply(ticket).unwrap().is_ok()), "seed {seed}");
        for ask in &asks {
            assert_eq!(sim.reply(ask), Some(Ok("trapped No true".to_owned())), "seed {seed}");
        }
        assert_eq!((sim.view(&a.n()), sim.view(&b.n())), (Ok(11), Ok(71)), "seed {seed}");
        sim.check_replay();
    }
}

use super::*;
use crate::prelude::*;

mod faults;

/// Does what the tests need.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
struct Node {
    n: u64,
    seen: Vec<String>,
    waiting: Vec<OpenCall<u64>>,
    timer: Option<TimerId>,
}

#[actor]
impl Node {
    #[init]
    fn new(n: u64) -> Result<Self, Error> {
        require!(n < 1_000, Error::new("too-large", "below 1,000"));
        Ok(Self { n, ..Self::default() })
    }

    fn n(&self) -> u64 {
        self.n
    }

    fn seen(&self) -> Vec<String> {
        self.seen.clone()
    }

    fn add(&mut self, by: u64) -> u64 {
        self.n += by;
        self.n
    }

    fn see(&mut self, what: String) {
        self.seen.push(what);
    }

    fn refuse(&mut self) -> Result<(), Error> {
        self.n += 1;
        Err(Error::new("full", "no room"))
    }

    /// Asks a peer, and says what came of it.
    async fn try_add(this: State<Self>, cx: Context, peer: ActorRef<Self>) -> String {
        let asked = peer.add(1).deadline(secs(5)).ask(&cx).await;
        this.with(|me| me.n += 1);
        match asked {
            Ok(n) => format!("{n} at {}", cx.now().get()),
            Err(error) => format!(
                "{} {:?} {} at {}",
                error.code(),
                error.effect(),
                error.is_system(),
                cx.now().get()
            ),
        }
    }

    async fn try_refuse(
        this: State<Self>,
        cx: Context,
        peer: ActorRef<Self>,
    ) -> Result<(), AskError> {
        let result = peer.refuse().ask(&cx).await;
        if let Err(error) = &result {
            let what = format!("{} {:?} {}", error.code(), error.effect(), error.is_system());
            this.with(|me| me.seen.push(what));
        }
        result
    }

    async fn total(
        this: State<Self>,
        cx: Context,
        peers: Vec<ActorRef<Self>>,
    ) -> Result<u64, AskError> {
        let asks = peers.iter().map(|peer| peer.n().ask(&cx));
        let mut sum = this.with(|me| me.n);
        for answer in join_all(asks).await {
            sum += answer?;
        }
        Ok(sum)
    }

    async fn both(this: State<Self>, cx: Context, peer: ActorRef<Self>) -> (u64, u64) {
        let (n, ()) = join(peer.n().ask(&cx), cx.sleep(secs(3))).await;
        (n.unwrap_or(0), this.with(|_| cx.now().get()))
    }

    async fn race(this: State<Self>, cx: Context, peer: ActorRef<Self>) -> String {
        let mine = this.with(|me| me.n);
        match select(peer.add(mine).deadline(secs(60)).ask(&cx), cx.sleep(secs(1))).await {
            Either::First(n) => format!("{n:?} at {}", cx.now().get()),
            Either::Second(()) => format!("late at {}", cx.now().get()),
        }
    }

    fn wait(&mut self, cx: &Context) -> Later<u64> {
        if self.n == 0 {
            return Later::now(0);
        }
        let (call, later) = cx.reply_later();
        self.waiting.push(call);
        later
    }

    /// Leaves the reply for later, and gives it all the same.
    fn hasten(&mut self, cx: &Context) -> Later<u64> {
        let (call, later) = cx.reply_later();
        call.reply(cx, self.n);
        later
    }

    fn release(&mut self, cx: &Context, value: u64) -> usize {
        let waiting = std::mem::take(&mut self.waiting);
        let open = waiting.iter().filter(|call| call.is_open(cx)).count();
        for (place, call) in waiting.into_iter().enumerate() {
            if place % 2 == 0 { call.reply(cx, value) } else { call.fail(cx, "odd") }
        }
        open
    }

    async fn wait_for(
        this: State<Self>,
        cx: Context,
        peer: ActorRef<Self>,
    ) -> Result<u64, AskError> {
        let n = peer.wait().ask(&cx).await?;
        Ok(this.with(|me| me.n + n))
    }

    /// Waits for what never comes.
    async fn hang(this: State<Self>) -> u64 {
        std::future::pending::<()>().await;
        this.with(|me| me.n)
    }

    fn begin(&mut self, cx: &Context) {
        self.timer = Some(cx.every(secs(2), Self::own(cx).tick()));
        cx.after(secs(5), Self::own(cx).see("once".into()));
        cx.set_timer(TimerId::new(7), Schedule::at(cx.now()), "see", args! { what: "at once" });
    }

    fn tick(&mut self, cx: &Context) -> Result<(), Error> {
        require!(cx.is_own(), "the timer ticks");
        self.seen.push(format!("tick at {}", cx.now().get()));
        if self.seen.len() > 4
            && let Some(timer) = self.timer.take()
        {
            cx.cancel_timer(timer);
        }
        Ok(())
    }

    /// Spawns a child and talks to it before it is born.
    async fn raise(
        this: State<Self>,
        cx: Context,
        module: ModuleRef,
        n: u64,
    ) -> Result<u64, AskError> {
        let child = cx.child::<Self>(&module, args! { n: n }).name("child").children(5).spawn();
        let (actor, id) = (child.actor(), child.id());
        let early = actor.add(1).ask(&cx);
        let born = child.born().await?;
        this.with(|me| me.seen.push(format!("born {}", born.id() == id)));
        early.await
    }

    /// Spawns another of its own kind, and tells nobody.
    fn twin(&mut self, cx: &Context) -> ProcessId {
        let module = cx.own_module();
        cx.spawn::<Self>(&module, args! { n: self.n }).id()
    }
}

fn two(seed: u64) -> (Sim, ActorRef<Node>, ActorRef<Node>) {
    let mut sim = Sim::seeded(seed);
    let (a, b) = (sim.spawn(args! { n: 1 }), sim.spawn(args! { n: 41 }));
    (sim, a, b)
}

#[test]
fn actors_ask_each_other() {
    let (mut sim, a, b) = two(7);
    assert_eq!(sim.send(a.try_add(b)), Ok("42 at 0".to_owned()));
    assert_eq!(sim.view(&b.n()), Ok(42));
    assert_eq!(sim.send(a.total(vec![b, b, a])), Ok(2 + 42 + 42 + 2));
    assert_eq!(sim.send(a.total(vec![])), Ok(2));
}

#[test]
fn an_error_of_the_peers_own_took_effect() {
    let (mut sim, a, b) = two(7);
    let error = sim.send(a.try_refuse(b)).unwrap_err();
    assert_eq!((error.code(), error.detail()), ("full", "no room"));
    assert_eq!(sim.view(&a.seen()), Ok(vec!["full Yes false".to_owned()]));
    assert_eq!(sim.view(&b.n()), Ok(42));
}

#[test]
fn a_peer_that_is_out_of_reach_lets_the_ask_expire() {
    let (mut sim, a, b) = two(7);
    sim.cut_off(b);
    assert_eq!(sim.send(a.try_add(b)), Ok("expired Unknown true at 5000".to_owned()));
    sim.reach(b);
    sim.run();
    assert_eq!(sim.view(&b.n()), Ok(41), "what is not asked any more is passed over");
}

#[test]
fn what_is_refused_had_no_effect() {
    let (mut sim, a, b) = two(7);
    sim.refuse(b);
    assert_eq!(sim.send(a.try_add(b)), Ok("refused No true at 0".to_owned()));
}

#[test]
fn an_ask_of_a_process_that_does_not_exist_ends_and_nobody_knows_its_effect() {
    let (mut sim, a, _) = two(7);
    let nobody = Node::at(ProcessId::from_bytes([9; 32]));
    assert_eq!(sim.send(a.try_add(nobody)), Ok("no-such-process Unknown true at 500".to_owned()));
}

#[test]
fn other_messages_run_while_a_method_waits() {
    let (mut sim, a, b) = two(7);
    sim.cut_off(b);
    let waiting = sim.post(a.try_add(b));
    sim.run();
    assert_eq!(sim.send(a.add(10)), Ok(11));
    assert_eq!(sim.reply(&waiting), None);
    sim.reach(b);
    sim.run();
    assert_eq!(sim.reply(&waiting), Some(Ok("42 at 0".to_owned())));
    assert_eq!(sim.view(&a.n()), Ok(12));
}

#[test]
fn several_things_are_awaited_at_once() {
    let (mut sim, a, b) = two(7);
    assert_eq!(sim.send(a.both(b)), Ok((41, 3_000)));
    assert_eq!(sim.send(a.race(b)), Ok("Ok(42) at 3000".to_owned()));
    sim.cut_off(b);
    assert_eq!(sim.send(a.race(b)), Ok("late at 4000".to_owned()));
    let slots = sim.slots();
    sim.pass(secs(58));
    assert_eq!(sim.slots(), slots, "the timer of the race that was won is cancelled");
}

#[test]
fn a_reply_can_be_left_for_later() {
    let (mut sim, a, b) = two(7);
    let tickets = [sim.post(b.wait()), sim.post(b.wait())];
    let asked = sim.post(a.wait_for(b));
    sim.run();
    sim.pass(secs(30));
    assert_eq!(sim.send(b.release(9)), Ok(3));
    let replies = tickets.map(|ticket| sim.reply(&ticket).unwrap());
    let of_asker = sim.reply(&asked).unwrap();
    let odd = Err(Error::refused("odd"));
    let (all, odds) =
        ([replies.to_vec(), vec![of_asker]].concat(), |r: &Result<u64, Error>| *r == odd);
    assert_eq!(all.iter().filter(|reply| odds(reply)).count(), 1);
    let empty = sim.spawn::<Node>(args! { n: 0 });
    assert_eq!(sim.send(empty.wait()), Ok(0));
}

#[test]
fn a_reply_left_for_later_may_come_in_the_same_slot() {
    let (mut sim, a, _) = two(7);
    assert_eq!(sim.send(a.hasten()), Ok(1));
}

#[test]
fn a_reply_that_comes_too_late_is_not_sent() {
    let (mut sim, a, b) = two(7);
    let asked = sim.post(a.wait_for(b));
    sim.pass(secs(75));
    let error = sim.reply(&asked).unwrap().unwrap_err();
    assert_eq!(error.code(), "expired");
    assert_eq!(sim.send(b.release(9)), Ok(0));
}

#[test]
fn a_call_that_nothing_can_answer_ends() {
    let (mut sim, a, _) = two(7);
    assert_eq!(sim.send(a.hang()).unwrap_err().code(), "no-reply");
}

#[test]
fn timers_call_methods_until_they_are_cancelled() {
    let (mut sim, a, _) = two(7);
    sim.send(a.begin()).unwrap();
    sim.pass(secs(60));
    let expected = ["at once", "tick at 2000", "tick at 4000", "once", "tick at 6000"];
    assert_eq!(sim.view(&a.seen()), Ok(expected.map(str::to_owned).to_vec()));
    assert!(sim.send(a.tick()).is_err(), "nobody else ticks");
}

#[test]
fn a_child_is_known_at_once_and_answers_once_it_is_born() {
    let (mut sim, a, _) = two(7);
    let module = sim.module::<Node>();
    assert_eq!(sim.send(a.raise(module, 5)), Ok(6));
    assert_eq!(sim.view(&a.seen()), Ok(vec!["born true".to_owned()]));
    let twin = sim.send(a.twin()).unwrap();
    assert_eq!(sim.view(&Node::at(twin).n()), Ok(1));
    assert_eq!(sim.processes().count(), 4);
}

#[test]
fn a_child_that_is_not_born_says_so() {
    let (mut sim, a, _) = two(7);
    let module = sim.module::<Node>();
    assert_eq!(sim.send(a.raise(module, 1_000)).unwrap_err().code(), "too-large");
}

#[test]
fn equal_seeds_give_equal_runs() {
    let run = |seed| {
        let (mut sim, a, b) = two(seed);
        let c = sim.spawn::<Node>(args! { n: 0 });
        for n in 0..20 {
            let target = if n % 2 == 0 { a } else { b };
            let _ = sim.post(target.race(c));
            let _ = sim.post(c.see(n.to_string()));
        }
        sim.pass(secs(10));
        (sim.view(&c.seen()), sim.view(&c.n()), sim.slots())
    };
    assert_eq!(run(1), run(1));
}

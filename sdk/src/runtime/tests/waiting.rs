//! Async methods, one input at a time.

use protocol::abi::AnswerInput;

use super::*;

/// The counter of the design.
#[actor]
#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
struct Counter {
    n: u64,
}

#[actor]
impl Counter {
    #[init]
    fn new(start: u64) -> Self {
        Self { n: start }
    }

    fn get(&self) -> u64 {
        self.n
    }

    fn add(&mut self, cx: &Context, by: u64) -> Result<u64, Error> {
        require!(cx.sender() == cx.controller(), "only the controller may add");
        self.n += by;
        Ok(self.n)
    }

    async fn pull(this: State<Self>, cx: Context, peer: ActorRef<Self>) -> Result<u64, AskError> {
        let theirs = peer.get().deadline(secs(5)).ask(&cx).await?; // other messages may run meanwhile
        Ok(this.with(|me| {
            me.n += theirs;
            me.n
        })) // no borrow can cross an await
    }

    /// Ends in its first slot.
    async fn zero(this: State<Self>) -> u64 {
        this.with(|me| std::mem::take(&mut me.n))
    }

    /// Tells where it was called and where it ended.
    async fn places(cx: Context, this: State<Self>, peer: ProcessId) -> Vec<u64> {
        let sent = cx.ask::<u64>(peer, "get", args! {});
        let early = [cx.time().get(), cx.now().get(), cx.slot().get()];
        let reply = sent.await.unwrap_or(0);
        log!(cx, "answered");
        let late = [cx.time().get(), cx.now().get(), cx.slot().get(), cx.current_slot().get()];
        this.with(|me| early.into_iter().chain(late).chain([reply, me.n]).collect())
    }

    async fn refuse(this: State<Self>, cx: Context, peer: ProcessId) -> Result<(), Error> {
        let _ = cx.ask::<u64>(peer, "get", ()).await;
        this.with(|me| me.n += 1);
        Err("no".into())
    }
}

/// A counter and the slot it is in.
struct Bench {
    runtime: Runtime<Counter>,
    slot: u64,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self { runtime: Runtime::new(), slot: 0 };
        let args = args! { start: 10 }.encode();
        let output = bench.handle(|context| Input::Init { context, args, spawn: None });
        assert_eq!(output.result, reply(&()));
        bench
    }

    /// Handles an input in the next slot, a second after the one before.
    fn handle(&mut self, input: impl FnOnce(abi::Context) -> Input) -> Output {
        let slot = Slot::new(self.slot);
        self.slot += 1;
        let time = Timestamp::new(slot.get() * 1_000);
        let input = input(abi::Context { slot, time, ..context() });
        codec::decode(&self.runtime.handle(&codec::encode(&input))).unwrap()
    }

    /// A call that somebody waits for.
    fn call(&mut self, method: &str, args: Args) -> Output {
        let (method, args, call) = (method.to_owned(), args.encode(), Some(self.slot));
        self.handle(|context| Input::Call { context, method, args, call })
    }

    fn tell(&mut self, method: &str, args: Args) -> Output {
        let (method, args) = (method.to_owned(), args.encode());
        self.handle(|context| Input::Call { context, method, args, call: None })
    }

    fn answer(&mut self, token: u64, answer: AnswerInput) -> Output {
        self.handle(|context| Input::Answer { context, token, answer })
    }

    fn total(&self) -> u64 {
        self.runtime.actor().unwrap().n
    }
}

fn target() -> ProcessId {
    ProcessId::from_bytes([7; 32])
}

fn value<T: Serialize>(value: &T) -> AnswerInput {
    AnswerInput::Reply(cbor::to_vec(value).unwrap())
}

/// The tokens of the asks in an output.
fn tokens(output: &Output) -> Vec<u64> {
    let token = |effect: &GuestEffect| match effect {
        GuestEffect::Ask { token, .. } => Some(*token),
        _ => None,
    };
    output.effects.iter().filter_map(token).collect()
}

fn later(call: u64, result: GuestResult) -> GuestEffect {
    GuestEffect::Reply { call, result }
}

#[test]
fn an_ask_leaves_with_what_the_unit_needs_and_its_answer_ends_the_call() {
    let mut bench = Bench::new();
    let output = bench.call("pull", args! { peer: target() });
    let [token] = tokens(&output)[..] else { panic!("{output:?}") };
    assert_eq!(output.result, GuestResult::Later);
    let expected = GuestEffect::Ask {
        target: target(),
        method: "get".into(),
        args: args! {}.encode(),
        token,
        patience: 5_000,
        hint: None,
        call: Some(1),
    };
    assert_eq!(output.effects, [expected]);

    assert_eq!(bench.call("add", args! { by: 1 }).result, reply(&11));
    let output = bench.answer(token, value(&31));
    assert_eq!(output.result, reply(&()));
    assert_eq!(output.effects, [later(1, reply(&42))]);
    assert_eq!(bench.total(), 42);
}

#[test]
fn a_method_that_does_not_wait_replies_at_once() {
    let mut bench = Bench::new();
    let output = bench.call("zero", args! {});
    assert_eq!((output.result, output.effects), (reply(&10), vec![]));
    assert_eq!(bench.total(), 0);
}

#[test]
fn what_the_method_asked_for_badly_is_refused_before_it_starts() {
    let mut bench = Bench::new();
    let output = bench.call("pull", args! {});
    assert!(
        matches!(&output.result, GuestResult::Error { code, .. } if code == Error::BAD_ARGUMENTS)
    );
    let input = Input::View { context: context(), method: "pull".into(), args: vec![0xa0] };
    let output: Output = codec::decode(&bench.runtime.view(&codec::encode(&input))).unwrap();
    assert_eq!(output.result, error("unknown-method", "`pull` is a message, not a view: send it"));
}

#[test]
fn a_context_is_of_the_call_and_knows_the_slot_at_hand() {
    let mut bench = Bench::new();
    let output = bench.call("places", args! { peer: target() });
    let [token] = tokens(&output)[..] else { panic!("{output:?}") };
    bench.call("add", args! { by: 1 });
    let output = bench.answer(token, value(&5));
    let logged = GuestEffect::Log { level: 2, text: "answered".into() };
    let places = [1_000, 1_000, 1, 1_000, 3_000, 1, 3, 5, 11];
    assert_eq!(output.effects, [logged, later(1, reply(&places))]);
}

#[test]
fn calls_that_wait_end_in_the_order_of_their_answers() {
    let mut bench = Bench::new();
    let first = tokens(&bench.call("pull", args! { peer: target() }))[0];
    let second = tokens(&bench.call("pull", args! { peer: target() }))[0];
    assert_ne!(first, second);
    assert_eq!(bench.answer(second, value(&1)).effects, [later(2, reply(&11))]);
    assert_eq!(bench.answer(first, value(&2)).effects, [later(1, reply(&13))]);
}

#[test]
fn an_answer_comes_once_and_one_that_nobody_awaits_does_nothing() {
    let mut bench = Bench::new();
    let token = tokens(&bench.call("pull", args! { peer: target() }))[0];
    bench.answer(token, value(&1));
    for token in [token, 99] {
        let output = bench.answer(token, value(&1));
        assert_eq!((output.result, output.effects), (reply(&()), vec![]));
    }
    assert_eq!(bench.total(), 11);
}

#[test]
fn what_an_ask_came_to_reaches_the_caller() {
    let expired = AnswerInput::System { code: "expired".into(), detail: "late".into(), effect: 2 };
    let own = AnswerInput::Error { code: "full".into(), detail: "no room".into(), effect: 1 };
    for (answer, expected) in [
        (expired, error("expired", "late")),
        (own, error("full", "no room")),
        (
            value(&"text"),
            error(
                "bad-reply",
                "the reply is not of the expected type: expected u64, found the text `text`",
            ),
        ),
    ] {
        let mut bench = Bench::new();
        let token = tokens(&bench.call("pull", args! { peer: target() }))[0];
        assert_eq!(bench.answer(token, answer).effects, [later(1, expected)]);
        assert_eq!(bench.total(), 10);
    }
}

#[test]
fn a_method_that_was_told_replies_to_nobody() {
    let mut bench = Bench::new();
    let output = bench.tell("pull", args! { peer: target() });
    assert_eq!(output.result, reply(&()));
    let token = tokens(&output)[0];
    assert!(matches!(output.effects[0], GuestEffect::Ask { call: None, .. }));
    assert_eq!(bench.answer(token, value(&1)).effects, []);

    let token = tokens(&bench.tell("refuse", args! { peer: target() }))[0];
    let text = "a method that nobody waits for failed: refused: no".to_owned();
    assert_eq!(bench.answer(token, value(&1)).effects, [GuestEffect::Log { level: 3, text }]);
    assert_eq!(bench.total(), 12, "what it did before it failed stays");
}

#[test]
fn a_call_is_not_answered_once_the_unit_may_have_dropped_it() {
    let mut bench = Bench::new();
    let (method, args) = ("pull".to_owned(), args! { peer: target() }.encode());
    let output = bench.handle(|context| {
        let context = abi::Context { deadline: Some(Timestamp::new(2_000)), ..context };
        Input::Call { context, method, args, call: Some(1) }
    });
    bench.slot = 12;
    let output = bench.answer(tokens(&output)[0], value(&1));
    assert_eq!((output.effects, bench.total()), (vec![], 11));
}

#[test]
fn what_waits_for_a_lost_token_is_dropped() {
    let mut bench = Bench::new();
    let lost = tokens(&bench.call("pull", args! { peer: target() }))[0];
    let kept = tokens(&bench.call("pull", args! { peer: target() }))[0];
    let (method, args) = ("add".to_owned(), args! { by: 1 }.encode());
    let output = bench.handle(|context| {
        let context = abi::Context { lost: Some(vec![lost, 12345]), ..context };
        Input::Call { context, method, args, call: Some(3) }
    });
    assert_eq!((output.result, output.effects), (reply(&11), vec![]));
    assert_eq!(bench.answer(lost, value(&1)).effects, []);
    assert_eq!(bench.answer(kept, value(&1)).effects, [later(2, reply(&12))]);
}

#[test]
fn a_loaded_state_forgets_what_waited() {
    let mut bench = Bench::new();
    let token = tokens(&bench.call("pull", args! { peer: target() }))[0];
    let saved = bench.runtime.save(&codec::encode(&Input::Save { context: context() }));
    let saved = codec::decode(&saved).unwrap();
    assert_eq!(
        bench.handle(|context| Input::Load { context, saved, spawn: None }).result,
        reply(&())
    );
    assert_eq!(bench.answer(token, value(&1)).effects, []);
    assert_eq!(bench.total(), 10);
}

#[test]
fn the_schema_and_the_stubs_do_not_tell_async_methods_from_others() {
    let schema = Counter::schema();
    let pull = schema.method("pull").unwrap();
    assert_eq!((pull.kind, pull.params.len()), (MethodKind::Message, 1));
    assert_eq!(pull.returns, Type::Integer { bits: 64, signed: false });
    let peer = Counter::at(target());
    assert_eq!(peer.pull(peer).args(), args! { peer: target() }.encode());
}

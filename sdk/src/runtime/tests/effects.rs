//! Timers, children and evidence, as they leave and come.

use protocol::{
    Acceptance, Body, ComputePolicy, EntryId, Kind, Limits, NetworkId, Profile, Signature, Spawn,
    UnitId, V1,
    abi::{AnswerInput, Evidence as Shown},
};

use super::*;
use crate::{ModuleRef, Runtime};

/// Wants one thing of each kind.
#[actor]
#[derive(Debug, Serialize, Deserialize)]
struct Wisher {
    seen: Vec<u64>,
}

#[actor]
impl Wisher {
    #[init]
    fn new(cx: &Context) -> Self {
        log!(cx, "own module {}", cx.own_module().module());
        Self { seen: Vec::new() }
    }

    fn remind(&mut self, cx: &Context) {
        let timer = TimerId::new(3);
        cx.set_timer(
            timer,
            Schedule::at(cx.now()).every(millis(0)).catch_up(),
            "seen",
            args! { n: 1 },
        );
        cx.cancel_timer(timer);
    }

    fn tick(&mut self, cx: &Context) -> bool {
        cx.is_own()
    }

    fn hire(&mut self, cx: &Context, module: ModuleRef) -> ProcessId {
        let shy = cx.child::<Self>(&module, args! {}).name("shy").children(0).spawn();
        let busy = cx
            .child::<Self>(&module, args! { n: 1 })
            .controller(cx.process())
            .tag("app", "demo")
            .limits(|limits| limits.gas = 5)
            .children(9)
            .deadline(secs(2))
            .spawn();
        assert_ne!(shy.id(), busy.id());
        busy.id()
    }

    fn baptise(&mut self, cx: &Context, module: ModuleRef) {
        drop(cx.child::<Self>(&module, args! {}).name("x".repeat(129)).spawn());
    }

    async fn nap(this: State<Self>, cx: Context) -> u64 {
        let _cancelled = cx.sleep(secs(100));
        cx.sleep(secs(1)).await;
        this.with(|me| {
            me.seen.push(cx.now().get());
            cx.now().get()
        })
    }

    #[assigned]
    fn shown(&mut self, cx: &Context, evidence: Evidence) -> Result<String, Error> {
        let by: u64 = evidence.arg("by")?;
        require!(evidence.target() != cx.process(), "it is this process's own");
        Ok(format!("{} {by} {}", evidence.method(), evidence.expiry().get()))
    }
}

/// Takes no evidence.
#[actor]
#[derive(Debug, Serialize, Deserialize)]
struct Deaf;

#[actor]
impl Deaf {
    #[init]
    fn new() -> Self {
        Self
    }
}

fn module(byte: u8) -> ModuleRef {
    let (unit, signature) = (UnitId::from_bytes([3; 32]), Signature::from_bytes([byte; 64]));
    ModuleRef::new(protocol::ModuleId::from_bytes([byte; 32]), Acceptance { unit, signature })
}

fn own_spawn() -> Spawn {
    Spawn {
        version: V1,
        kind: Kind,
        network: NetworkId::from_bytes([4; 32]),
        sender: Principal::Account(AccountId::from_bytes([8; 32])),
        module: module(5).module(),
        acceptance: module(5).acceptance(),
        args: vec![0xa0],
        name: "wisher".into(),
        tags: Vec::new(),
        nonce: 7,
        expiry: Timestamp::new(99),
        scheduler: UnitId::from_bytes([2; 32]),
        policy: ComputePolicy {
            units: vec![UnitId::from_bytes([3; 32])],
            quorum: 1,
            version: 0,
            previous: None,
        },
        profile: Profile::current().id(),
        controller: Principal::Account(AccountId::from_bytes([8; 32])),
        limits: Limits { timers: 9, ..Limits::DEFAULT },
    }
}

fn handle<A: Actor>(runtime: &mut Runtime<A>, input: &Input) -> Output {
    codec::decode(&runtime.handle(&codec::encode(input))).unwrap()
}

fn born() -> Runtime<Wisher> {
    let mut runtime = Runtime::new();
    let spawn = Some(codec::encode(&own_spawn()));
    let output = handle(&mut runtime, &Input::Init { context: context(), args: vec![0xa0], spawn });
    let text = format!("own module {}", module(5).module());
    assert_eq!(output.effects, [GuestEffect::Log { level: 2, text }]);
    runtime
}

fn call(runtime: &mut Runtime<Wisher>, method: &str, args: Args) -> Output {
    let (method, args) = (method.to_owned(), args.encode());
    handle(runtime, &Input::Call { context: context(), method, args, call: Some(9) })
}

fn at(slot: u64, time: u64) -> abi::Context {
    abi::Context { slot: Slot::new(slot), time: Timestamp::new(time), ..context() }
}

#[test]
fn a_timer_leaves_as_it_was_set_and_calls_as_the_process_itself() {
    let mut runtime = born();
    let output = call(&mut runtime, "remind", args! {});
    let token = (1 << 63) | 3;
    let set = GuestEffect::SetTimer {
        token,
        due: Timestamp::new(1_000),
        every: Some(1),
        catch_up: true,
        method: "seen".into(),
        args: args! { n: 1 }.encode(),
        call: None,
    };
    assert_eq!(output.effects, [set, GuestEffect::CancelTimer { token }]);

    let (method, args) = ("tick".to_owned(), vec![0xa0]);
    let timer = Input::Timer { context: context(), token, occurrence: 1, method, args };
    assert_eq!(handle(&mut runtime, &timer).result, reply(&true));
    assert_eq!(call(&mut runtime, "tick", args! {}).result, reply(&false));
}

#[test]
fn a_sleep_is_a_timer_without_a_method() {
    let mut runtime = born();
    let output = call(&mut runtime, "nap", args! {});
    assert_eq!(output.result, GuestResult::Later);
    let [GuestEffect::SetTimer { .. }, GuestEffect::SetTimer { token, due, method, call, .. }] =
        &output.effects[..]
    else {
        panic!("{output:?}")
    };
    assert_eq!((due.get(), method.as_str(), *call), (2_000, "", Some(9)));
    let input = |context| Input::Timer {
        context,
        token: *token,
        occurrence: 0,
        method: String::new(),
        args: vec![0xa0],
    };
    let output = handle(&mut runtime, &input(at(10, 2_500)));
    let answer = GuestEffect::Reply { call: 9, result: reply(&2_500) };
    let [GuestEffect::CancelTimer { token: other }, answered] = &output.effects[..] else {
        panic!("{output:?}")
    };
    assert_eq!((answered, other == token), (&answer, false));
    assert_eq!(handle(&mut runtime, &input(at(11, 3_000))).effects, []);
}

#[test]
fn a_lost_sleep_cancels_what_else_its_method_set() {
    let mut runtime = born();
    let output = call(&mut runtime, "nap", args! {});
    let [GuestEffect::SetTimer { token: other, .. }, GuestEffect::SetTimer { token, .. }] =
        output.effects[..]
    else {
        panic!("{output:?}")
    };
    let context = abi::Context { lost: Some(vec![token]), ..at(10, 2_500) };
    let (method, args) = ("tick".to_owned(), vec![0xa0]);
    let output = handle(&mut runtime, &Input::Call { context, method, args, call: None });
    assert_eq!(output.effects, [GuestEffect::CancelTimer { token: other }]);
}

#[test]
fn a_child_is_spawned_as_its_parent_was_and_its_id_is_the_digest() {
    let mut runtime = born();
    let output = call(&mut runtime, "hire", args! { module: module(6) });
    let [GuestEffect::Spawn { spawn: shy, .. }, GuestEffect::Spawn { spawn, patience, call, .. }] =
        &output.effects[..]
    else {
        panic!("{output:?}")
    };
    assert_eq!((*patience, *call), (2_000, Some(9)));
    let child: Spawn = codec::decode(spawn).unwrap();
    let expected = Spawn {
        sender: Principal::Process(context().process),
        module: module(6).module(),
        acceptance: module(6).acceptance(),
        args: args! { n: 1 }.encode(),
        name: String::new(),
        tags: vec![protocol::Tag { name: "app".into(), value: "demo".into() }],
        nonce: child.nonce,
        expiry: Timestamp::new(1_000 + 24 * 60 * 60 * 1_000),
        controller: Principal::Process(context().process),
        limits: Limits { gas: 5, timers: 9, children: Some(9), ..Limits::DEFAULT },
        ..own_spawn()
    };
    assert_eq!(child, expected);
    let id = EntryId::from_bytes(*Spawn::DOMAIN.digest(&[spawn]).as_bytes());
    assert_eq!(output.result, reply(&ProcessId::of_spawn(id)));

    let shy: Spawn = codec::decode(shy).unwrap();
    assert_eq!((shy.name.as_str(), shy.limits.children), ("shy", None));
    assert_eq!(shy.controller, context().controller);
    assert_ne!(shy.nonce, child.nonce);
}

#[test]
#[should_panic(expected = "child: a process's name has at most 128 bytes")]
fn a_child_that_breaks_a_rule_undoes_the_slot() {
    call(&mut born(), "baptise", args! { module: module(6) });
}

#[test]
fn a_module_reference_is_a_value() {
    let value = cbor::to_vec(&module(6)).unwrap();
    assert_eq!(canonical(&value).unwrap(), value);
    assert_eq!(cbor::from_slice(&value), Ok(module(6)));
    let short =
        args! { module: module(6).module(), unit: module(6).acceptance().unit, signature: 1 };
    assert!(cbor::from_slice::<ModuleRef>(&short.encode()).is_err());
}

#[test]
fn evidence_reaches_the_method_marked_for_it() {
    let shown = |by: Args| Shown {
        message: EntryId::from_bytes([1; 32]),
        sender: Principal::Anonymous,
        target: ProcessId::from_bytes([7; 32]),
        method: "add".into(),
        args: by.encode(),
        expiry: Timestamp::new(5),
    };
    let input = |evidence| Input::Assigned { context: context(), evidence, call: Some(9) };
    let mut runtime = born();
    let output = handle(&mut runtime, &input(shown(args! { by: 3 })));
    assert_eq!(output.result, reply(&"add 3 5"));
    let output = handle(&mut runtime, &input(shown(args! {})));
    assert_eq!(output.result, error("bad-arguments", "parameter `by` is missing"));
    let own = Shown { target: context().process, ..shown(args! { by: 3 }) };
    let output = handle(&mut runtime, &input(own));
    assert_eq!(output.result, error("refused", "it is this process's own"));

    assert!(Wisher::schema().method("shown").is_none());
    let output = call(&mut runtime, "shown", args! {});
    assert_eq!(output.result, error("unknown-method", "there is no method `shown`"));

    let mut deaf = Runtime::<Deaf>::new();
    handle(&mut deaf, &Input::Init { context: context(), args: vec![0xa0], spawn: None });
    let output = handle(&mut deaf, &input(shown(args! {})));
    assert_eq!(output.result, error("unknown-method", "this actor takes no evidence"));
    for answer in [
        Input::Answer { context: context(), token: 1, answer: AnswerInput::Reply(vec![0xf6]) },
        Input::Timer {
            context: context(),
            token: 1,
            occurrence: 0,
            method: String::new(),
            args: vec![0xa0],
        },
    ] {
        assert_eq!(handle(&mut deaf, &answer).result, reply(&()), "nothing waits, nothing fails");
    }
}

mod effects;
mod upgrades;
mod waiting;
mod words;

use protocol::{
    Principal, ProcessId, Slot,
    abi::{self, GuestEffect, GuestResult, Input, Output, SavedState},
    canonical, codec,
    schema::{MethodKind, Type},
};

use super::Runtime;
use crate::{
    Actor, ActorRef, Context, Error, Stub, ViewContext, actor, args, cbor, log, prelude::*,
};

/// Keeps a sum.
///
/// And tells others.
#[actor(version = 2)]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sum {
    total: u64,
    peer: Option<ActorRef<Self>>,
}

#[actor]
impl Sum {
    #[init]
    fn new(start: u64, peer: Option<ActorRef<Self>>) -> Result<Self, Error> {
        require!(start < 1_000, Error::new("too-large", "start below 1,000"));
        Ok(Self { total: start, peer })
    }

    fn total(&self) -> u64 {
        self.total
    }

    fn described(&self, cx: &ViewContext, prefix: String) -> String {
        format!("{prefix} {} at {}", self.total, cx.slot())
    }

    /// Adds.
    fn add(&mut self, cx: &Context, r#by: u64) -> Result<u64, String> {
        self.total = self.total.checked_add(by).ok_or_else(|| "it does not fit".to_owned())?;
        log!(cx, "added {by}");
        Ok(self.total)
    }

    /// Adds, and tells the peer.
    fn pass(&mut self, by: u64, cx: &Context) {
        self.total += by;
        if let Some(peer) = self.peer {
            peer.add(by).tell(cx);
            cx.tell(peer, "other", args! { zz: by, a: "x" });
        }
        cx.emit_named("passed", &by);
    }

    fn fail(&mut self, cx: &Context) -> Result<(), Error> {
        self.total += 1;
        log!(cx, Level::Warn, "failing");
        require!(self.total == 0, "the total is {}", self.total);
        Ok(())
    }

    fn bounds(&self) -> Vec<f64> {
        vec![0.5, 1e300]
    }
}

fn context() -> abi::Context {
    abi::Context {
        process: ProcessId::from_bytes([1; 32]),
        slot: Slot::new(9),
        time: Timestamp::new(1_000),
        sender: Principal::Anonymous,
        controller: Principal::Anonymous,
        message: protocol::EntryId::from_bytes([2; 32]),
        seed: protocol::Hash::ZERO,
        gas: protocol::Gas::new(5),
        deadline: None,
        lost: None,
    }
}

fn peer() -> ActorRef<Sum> {
    Sum::at(ProcessId::from_bytes([3; 32]))
}

fn init(runtime: &mut Runtime<Sum>, args: Args) -> Output {
    let input = Input::Init { context: context(), args: args.encode(), spawn: None };
    codec::decode(&runtime.handle(&codec::encode(&input))).unwrap()
}

fn born() -> Runtime<Sum> {
    let mut runtime = Runtime::new();
    assert_eq!(init(&mut runtime, args! { start: 5, peer: peer() }).result, reply(&()));
    runtime
}

fn call(runtime: &mut Runtime<Sum>, method: &str, args: impl Into<Args>) -> Output {
    let (method, args) = (method.to_owned(), args.into().encode());
    call_raw(runtime, method, args)
}

fn call_raw(runtime: &mut Runtime<Sum>, method: String, args: Vec<u8>) -> Output {
    let input = Input::Call { context: context(), method, args, call: None };
    codec::decode(&runtime.handle(&codec::encode(&input))).unwrap()
}

fn view(runtime: &Runtime<Sum>, method: &str, args: Args) -> GuestResult {
    let input = Input::View { context: context(), method: method.to_owned(), args: args.encode() };
    let output: Output = codec::decode(&runtime.view(&codec::encode(&input))).unwrap();
    assert_eq!(output.effects, []);
    output.result
}

fn reply<T: Serialize>(value: &T) -> GuestResult {
    GuestResult::Reply(cbor::to_vec(value).unwrap())
}

fn error(code: &str, detail: &str) -> GuestResult {
    GuestResult::Error { code: code.to_owned(), detail: detail.to_owned() }
}

#[test]
fn init_makes_the_state_and_replies_null() {
    let runtime = born();
    assert_eq!(runtime.actor().as_deref(), Some(&Sum { total: 5, peer: Some(peer()) }));
}

#[test]
fn an_absent_option_is_none() {
    let mut runtime = Runtime::new();
    assert_eq!(init(&mut runtime, args! { start: 5 }).result, reply(&()));
    assert_eq!(runtime.actor().as_deref(), Some(&Sum { total: 5, peer: None }));
}

#[test]
fn a_failing_init_leaves_the_process_unborn() {
    let mut runtime = Runtime::new();
    let output = init(&mut runtime, args! { start: 1_000 });
    assert_eq!(output.result, error("too-large", "start below 1,000"));
    assert_eq!(runtime.actor().as_deref(), None);
    assert!(matches!(
        call(&mut runtime, "add", args! { by: 1 }).result,
        GuestResult::Error { code, .. } if code == Error::NOT_BORN
    ));
}

#[test]
fn a_message_changes_the_state_replies_and_logs() {
    let mut runtime = born();
    let output = call(&mut runtime, "add", args! { by: 3 });
    assert_eq!(output.result, reply(&8));
    assert_eq!(output.effects, [GuestEffect::Log { level: 2, text: "added 3".into() }]);
    assert_eq!(view(&runtime, "total", args! {}), reply(&8));
}

#[test]
fn an_error_answers_and_keeps_state_and_effects() {
    let mut runtime = born();
    let output = call(&mut runtime, "fail", ());
    assert_eq!(output.result, error("refused", "the total is 6"));
    assert_eq!(output.effects, [GuestEffect::Log { level: 3, text: "failing".into() }]);
    assert_eq!(view(&runtime, "total", args! {}), reply(&6));
}

#[test]
fn an_error_type_of_the_methods_own_converts() {
    let mut runtime = born();
    let output = call(&mut runtime, "add", args! { by: u64::MAX });
    assert_eq!(output.result, error("refused", "it does not fit"));
}

#[test]
fn tells_to_typed_and_untyped_peers_leave_as_canonical_effects_in_order() {
    let mut runtime = born();
    let output = call(&mut runtime, "pass", args! { by: 2 });
    assert_eq!(output.result, reply(&()));
    let target = peer().id();
    let tell = |method: &str, args: Args| GuestEffect::Tell {
        target,
        method: method.to_owned(),
        args: args.encode(),
        hint: None,
    };
    let untyped = tell("other", args! { a: "x", zz: 2 });
    let GuestEffect::Tell { args, .. } = &untyped else { unreachable!() };
    assert_eq!(&canonical(args).unwrap(), args);
    let event = GuestEffect::Event { name: "passed".into(), data: vec![2] };
    assert_eq!(output.effects, [tell("add", args! { by: 2 }), untyped, event]);
}

#[test]
fn a_view_sees_its_context_and_its_arguments() {
    let result = view(&born(), "described", args! { prefix: "total" });
    assert_eq!(result, reply(&"total 5 at 9"));
}

#[test]
fn a_view_sent_as_a_message_is_answered() {
    assert_eq!(call(&mut born(), "total", ()).result, reply(&5));
}

#[test]
fn a_message_asked_for_as_a_view_is_refused() {
    let result = view(&born(), "add", args! { by: 1 });
    assert_eq!(result, error("unknown-method", "`add` is a message, not a view: send it"));
}

#[test]
fn unknown_methods_are_answered() {
    let expected = error("unknown-method", "there is no method `nope`");
    assert_eq!(view(&born(), "nope", args! {}), expected);
    assert_eq!(call(&mut born(), "nope", ()).result, expected);
    let init = call(&mut born(), "new", args! { start: 1 });
    assert_eq!(init.result, error("unknown-method", "there is no method `new`"));
}

#[test]
fn bad_arguments_name_the_parameter() {
    let mut runtime = born();
    let mut refused = |args: Args| match call(&mut runtime, "add", args).result {
        GuestResult::Error { code, detail } if code == Error::BAD_ARGUMENTS => detail,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(args! {}), "parameter `by` is missing");
    assert_eq!(refused(args! { by: "x" }), "parameter `by`: expected u64, found the text `x`");
    assert_eq!(refused(args! { by: 1, more: 2 }), "there is no parameter `more`");
    assert_eq!(runtime.actor().unwrap().total, 5);
}

#[test]
fn arguments_that_are_no_map_are_refused() {
    let twice = [0xa2, 0x62, b'b', b'y', 1, 0x62, b'b', b'y', 2];
    for args in
        [&[][..], &[0x01], &[0x80], &[0xa1, 0x01, 0x02], &[0xa0, 0xa0], &[0xbf, 0xff], &twice]
    {
        let output = call_raw(&mut born(), "add".into(), args.to_vec());
        assert!(
            matches!(&output.result, GuestResult::Error { code, .. } if code == Error::BAD_ARGUMENTS),
            "{args:02x?}: {output:?}"
        );
    }
}

#[test]
fn replies_are_canonical() {
    let GuestResult::Reply(bytes) = view(&born(), "bounds", args! {}) else { unreachable!() };
    assert_eq!(canonical(&bytes).unwrap(), bytes);
    assert_eq!(bytes.get(..4), Some(&[0x82, 0xf9, 0x38, 0x00][..]));
}

#[test]
fn an_input_that_is_cut_off_is_refused_and_the_next_one_handled() {
    let mut runtime = born();
    let (method, args) = ("add".to_owned(), args! { by: 300_u64 }.encode());
    let call =
        codec::encode(&Input::Call { context: context(), method, args, call: Some(1 << 33) });
    let whole = runtime.handle(&call);
    // Where the number of the call begins the input is whole already: nobody waits for the reply.
    for len in (0..call.len()).filter(|len| *len != call.len() - 9) {
        let output: Output = codec::decode(&runtime.handle(&call[..len])).unwrap();
        assert!(
            matches!(&output.result, GuestResult::Error { code, .. } if code == Error::UNSUPPORTED_INPUT),
            "{len} of {} bytes: {output:?}",
            call.len()
        );
    }
    let mut other = born();
    assert_eq!(other.handle(&call), whole);
    assert_eq!(other.handle(&call), runtime.handle(&call), "nothing was kept of the pieces");
}

#[test]
fn inputs_of_other_kinds_and_garbage_are_answered() {
    let save = codec::encode(&Input::Save { context: context() });
    for input in [&save[..], &[], &[0xff], &[0x9f]] {
        let output: Output = codec::decode(&born().handle(input)).unwrap();
        assert!(
            matches!(&output.result, GuestResult::Error { code, .. } if code == Error::UNSUPPORTED_INPUT)
        );
        assert_eq!(output, codec::decode(&born().view(input)).unwrap());
    }
}

#[test]
fn a_saved_state_loads_into_another_instance() {
    let runtime = born();
    let saved = runtime.save(&codec::encode(&Input::Save { context: context() }));
    let saved: SavedState = codec::decode(&saved).unwrap();
    assert_eq!(saved.version, 2);
    let mut next = Runtime::<Sum>::new();
    let load = |saved| codec::encode(&Input::Load { context: context(), saved, spawn: None });
    let output: Output = codec::decode(&next.handle(&load(saved.clone()))).unwrap();
    assert_eq!(output.result, reply(&()));
    assert_eq!(next.actor().as_deref(), runtime.actor().as_deref());

    let image = SavedState { image_of: Some(protocol::ModuleId::of(b"x")), ..saved.clone() };
    let output: Output = codec::decode(&next.handle(&load(image))).unwrap();
    let refused = "this module recovers no state from a memory image: it has no `#[recover]`";
    assert_eq!(output.result, error("bad-state", refused));

    let newer = SavedState { version: 3, ..saved };
    let output: Output = codec::decode(&next.handle(&load(newer))).unwrap();
    assert_eq!(
        output.result,
        error(
            "state-version",
            "the state has version 3 and this module's has 2: nothing migrates from it"
        )
    );
}

#[test]
fn a_large_state_is_saved_in_pieces() {
    #[actor]
    #[derive(PartialEq, Debug, Serialize, Deserialize)]
    struct Large(String);

    #[actor]
    impl Large {
        #[init]
        fn new() -> Self {
            Self("x".repeat(3 << 20))
        }
    }

    let mut runtime = Runtime::<Large>::new();
    runtime.handle(&codec::encode(&Input::Init {
        context: context(),
        args: vec![0xa0],
        spawn: None,
    }));
    let saved: SavedState =
        codec::decode(&runtime.save(&codec::encode(&Input::Save { context: context() }))).unwrap();
    assert_eq!(saved.chunks.len(), 4);
    assert!(saved.chunks.iter().all(|chunk| chunk.len() <= Runtime::<Large>::CHUNK_LEN));
    let mut next = Runtime::<Large>::new();
    next.handle(&codec::encode(&Input::Load { context: context(), saved, spawn: None }));
    assert_eq!(next.actor().as_deref(), runtime.actor().as_deref());
}

#[test]
fn the_schema_tells_names_kinds_types_and_docs() {
    let schema = Sum::schema();
    assert_eq!(schema.abi, abi::ABI_VERSION);
    assert_eq!((schema.name.as_str(), schema.state_version), ("Sum", 2));
    assert_eq!(schema.docs, "Keeps a sum.\n\nAnd tells others.");
    let names: Vec<&str> = schema.methods.iter().map(|method| method.name.as_str()).collect();
    assert_eq!(names, ["new", "total", "described", "add", "pass", "fail", "bounds"]);

    let init = schema.method("new").unwrap();
    assert_eq!((init.kind, &init.returns), (MethodKind::Init, &Type::Null));
    let peer = &init.params.get(1).unwrap().ty;
    assert_eq!(peer, &Type::Option(Box::new(Type::Id("proc".into()))));

    let add = schema.method("add").unwrap();
    assert_eq!((add.kind, add.docs.as_str()), (MethodKind::Message, "Adds."));
    assert_eq!(add.returns, Type::Integer { bits: 64, signed: false });
    assert_eq!(add.params.iter().map(|param| param.name.as_str()).collect::<Vec<_>>(), ["by"]);
    assert_eq!(schema.method("total").unwrap().kind, MethodKind::View);
    assert_eq!(schema.method("pass").unwrap().returns, Type::Null);
}

#[test]
fn a_call_knows_its_target_and_reads_its_reply() {
    let call = peer().described("x".into());
    assert_eq!((call.target(), call.method()), (peer().id(), "described"));
    assert_eq!(call.args(), args! { prefix: "x" }.encode());
    assert_eq!(call.decode_reply(&cbor::to_vec("y").unwrap()), Ok("y".to_owned()));
    assert_eq!(Stub::via(&*peer()), &peer().id());
}

#[test]
fn an_actor_is_tested_as_ordinary_rust() {
    let mut sum = Sum::new(5, Some(peer())).unwrap();
    let cx = Context::mock();
    sum.pass(4, &cx);
    assert_eq!(sum.add(&cx, 1), Ok(10));
    let tells = cx.tells();
    let (first, second) = (tells.first().unwrap(), tells.get(1).unwrap());
    assert_eq!((first.target, first.arg::<u64>("by")), (peer().id(), Some(4)));
    assert_eq!((second.method.as_str(), second.arg::<String>("a")), ("other", Some("x".into())));
    assert_eq!(cx.logged(), ["added 1"]);
}

#[test]
fn methods_with_names_of_the_runtimes_own_are_the_authors() {
    #[actor]
    #[derive(Serialize, Deserialize)]
    struct Tape(u64);

    #[actor]
    impl Tape {
        #[init]
        fn new() -> Self {
            Self(0)
        }

        fn start(&mut self) -> u64 {
            self.0 += 1;
            self.0
        }

        fn save(&mut self) -> u64 {
            self.0 += 10;
            self.0
        }

        fn load(&mut self) -> u64 {
            self.0 += 100;
            self.0
        }

        fn view(&mut self) -> u64 {
            self.0 += 1_000;
            self.0
        }

        fn call(&mut self) -> u64 {
            self.0 += 10_000;
            self.0
        }
    }

    let mut tape = Tape::new();
    let seen = [tape.start(), tape.save(), tape.load(), tape.view(), tape.call()];
    assert_eq!(seen, [1, 11, 111, 1_111, 11_111]);
    let mut sim = crate::Sim::seeded(1);
    let tape = sim.spawn::<Tape>(args! {});
    assert_eq!(sim.send(tape.save()), Ok(10));
}

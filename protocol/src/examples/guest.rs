//! Example objects of the guest contract.

use crate::{
    Gas, Hash, Principal, Slot,
    abi::{AnswerInput, Context, GuestEffect, GuestResult, Input, Output, SavedState},
    schema::{ErrorCode, Event, Field, Method, MethodKind, Param, Schema, Type, Variant},
};

use super::{
    NETWORK, TIME, account, args, byte_vec, message, module, other_process, source, spawn, unit,
};

pub(crate) fn context() -> Context {
    Context {
        process: source(),
        slot: Slot::new(1),
        time: TIME,
        sender: account(),
        controller: Principal::Process(other_process()),
        message: message().verify(NETWORK).unwrap().entry_id(),
        seed: Hash::from_bytes([0x5e; 32]),
        gas: Gas::new(1_000_000_000),
        deadline: None,
        lost: None,
    }
}

pub(crate) fn saved_state() -> SavedState {
    let chunks = vec![byte_vec(vec![0x82, 0x01]), byte_vec(vec![0x02])];
    SavedState { version: 2, chunks, image_of: None }
}

/// One input of each kind, and both forms of answer.
pub(crate) fn inputs() -> Vec<Input> {
    let asked = Context { deadline: Some(TIME.saturating_add(60_000)), ..context() };
    let method = || "add".to_owned();
    let failed = AnswerInput::Error {
        code: "no-such-account".to_owned(),
        detail: "there is none".to_owned(),
        effect: 2,
    };
    vec![
        Input::Init { context: context(), args: args(), spawn: None },
        Input::Call { context: asked, method: method(), args: args(), call: Some(4) },
        Input::Call { context: context(), method: method(), args: args(), call: None },
        Input::Answer { context: context(), token: 1, answer: AnswerInput::Reply(vec![0x03]) },
        Input::Answer { context: context(), token: 1, answer: failed },
        Input::Timer {
            context: context(),
            token: 1,
            occurrence: 2,
            method: method(),
            args: args(),
        },
        Input::Load { context: context(), saved: saved_state(), spawn: None },
        Input::View { context: context(), method: "get".to_owned(), args: args() },
        Input::Save { context: context() },
        Input::Load {
            context: context(),
            saved: saved_state(),
            spawn: Some(spawn().body_bytes().to_vec()),
        },
        Input::Load {
            context: context(),
            saved: SavedState { version: 0, image_of: Some(module()), ..saved_state() },
            spawn: None,
        },
    ]
}

/// One effect of each kind, with and without optional fields.
pub(crate) fn effects() -> Vec<GuestEffect> {
    let method = || "add".to_owned();
    let target = other_process();
    let error = GuestResult::Error { code: "empty".to_owned(), detail: "no funds".to_owned() };
    let timer = |every, catch_up| {
        let due = TIME.saturating_add(5_000);
        let (method, args) = (method(), args());
        GuestEffect::SetTimer { token: 3, due, every, catch_up, method, args, call: None }
    };
    vec![
        GuestEffect::Log { level: 2, text: "added".to_owned() },
        GuestEffect::Event { name: "changed".to_owned(), data: vec![0x03] },
        GuestEffect::Tell { target, method: method(), args: args(), hint: None },
        GuestEffect::Tell { target, method: method(), args: args(), hint: Some(unit(9)) },
        GuestEffect::Ask {
            target,
            method: method(),
            args: args(),
            token: 1,
            patience: 60_000,
            hint: None,
            call: None,
        },
        GuestEffect::Reply { call: 4, result: error },
        GuestEffect::SpawnBare {
            module: module(),
            args: args(),
            name: "child".to_owned(),
            nonce: 1,
        },
        timer(Some(5_000), true),
        timer(None, false),
        GuestEffect::CancelTimer { token: 3 },
    ]
}

/// One output with each form of result.
pub(crate) fn outputs() -> Vec<Output> {
    let error = GuestResult::Error { code: "empty".to_owned(), detail: "no funds".to_owned() };
    vec![
        Output { result: GuestResult::Reply(vec![0x03]), effects: effects() },
        Output { result: error, effects: Vec::new() },
        Output { result: GuestResult::Later, effects: Vec::new() },
    ]
}

/// A schema with a parameter of each type.
pub(crate) fn schema() -> Schema {
    let types = [
        Type::Null,
        Type::Bool,
        Type::Integer { bits: 64, signed: false },
        Type::Float,
        Type::Text,
        Type::Bytes,
        Type::Option(Box::new(Type::Bool)),
        Type::List(Box::new(Type::Integer { bits: 8, signed: true })),
        Type::Map(Box::new(Type::Text), Box::new(Type::Float)),
        Type::Id("proc".to_owned()),
        Type::Named("Reading".to_owned()),
    ];
    let params = ('a'..).zip(types).map(|(name, ty)| Param { name: name.to_string(), ty });
    let method = |name: &str, kind, params, returns| Method {
        name: name.to_owned(),
        kind,
        params,
        returns,
        docs: format!("The method `{name}`."),
        errors: Vec::new(),
    };
    let integer = Type::Integer { bits: 64, signed: false };
    Schema {
        abi: crate::abi::ABI_VERSION,
        name: "Counter".to_owned(),
        docs: "Counts.".to_owned(),
        state_version: 2,
        methods: vec![
            method("new", MethodKind::Init, params.collect(), Type::Null),
            method("get", MethodKind::View, Vec::new(), integer.clone()),
            method("add", MethodKind::Message, Vec::new(), integer),
        ],
        events: Vec::new(),
    }
}

/// A schema with shapes, errors and events, which the one above says nothing of.
pub(crate) fn shaped_schema() -> Schema {
    let integer = || Type::Integer { bits: 64, signed: false };
    let field = |name: &str, ty, optional| Field { name: name.to_owned(), ty, optional };
    let point = Type::Record {
        name: "Point".to_owned(),
        fields: vec![
            field("x", integer(), false),
            field("label", Type::Option(Box::new(Type::Text)), true),
        ],
    };
    let variant = |name: &str, content| Variant { name: name.to_owned(), content };
    let shape = Type::Choice {
        name: "Shape".to_owned(),
        variants: vec![
            variant("Nothing", None),
            variant("Dot", Some(point)),
            variant("Line", Some(Type::Tuple(vec![integer(), Type::Float]))),
        ],
    };
    let draw = Method {
        name: "draw".to_owned(),
        kind: MethodKind::Message,
        params: vec![Param { name: "shape".to_owned(), ty: shape }],
        returns: Type::Null,
        docs: "Draws.".to_owned(),
        errors: vec![
            ErrorCode { code: "not-permitted".to_owned(), docs: String::new() },
            ErrorCode { code: "no-room".to_owned(), docs: "The sheet is full.".to_owned() },
        ],
    };
    let drawn = Event {
        name: "drawn".to_owned(),
        fields: vec![field("by", Type::Id("acct".to_owned()), false)],
        docs: "Something was drawn.".to_owned(),
    };
    Schema { name: "Sheet".to_owned(), methods: vec![draw], events: vec![drawn], ..schema() }
}

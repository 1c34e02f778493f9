//! The inputs of the guest contract ([`abi::Input`]), borrowed from their bytes.
//!
//! Read by hand: a derived decoder would be most of a small module, as it reads the context once more
//! for each kind and says of every error where it is.

use protocol::{
    EntryId, Gas, Hash, ModuleId, ProcessId, Slot, Timestamp,
    abi::{self, AnswerInput},
};

use crate::cbor::Fields;

/// What a compute unit hands to a module, after where and when.
pub(super) enum Request<'b> {
    Init { args: &'b [u8], spawn: Option<&'b [u8]> },
    Call { method: &'b str, args: &'b [u8], call: Option<u64> },
    Answer(Rest<'b>),
    Timer { token: u64, method: &'b str, args: &'b [u8] },
    Load { saved: Saved, spawn: Option<&'b [u8]> },
    View { method: &'b str, args: &'b [u8] },
    Save,
    Assigned(Rest<'b>),
}

/// The fields that not every actor has a use for: one that has none links no decoder for them.
pub(super) struct Rest<'b>(Fields<'b>);

/// A saved state.
pub(super) struct Saved {
    /// The version of the state.
    pub(super) version: u32,
    /// The state, in one piece.
    pub(super) state: Vec<u8>,
    /// The module whose memory it is, if it is a memory image.
    pub(super) image_of: Option<ModuleId>,
}

impl Rest<'_> {
    /// The fields of evidence.
    pub(super) fn assigned(mut self) -> Option<(abi::Evidence, Option<u64>)> {
        let fields = &mut self.0;
        let len = fields.array();
        let evidence = abi::Evidence {
            message: EntryId::from_bytes(fields.id()),
            sender: fields.principal(),
            target: ProcessId::from_bytes(fields.id()),
            method: fields.text().to_owned(),
            args: fields.bytes().to_vec(),
            expiry: Timestamp::new(fields.number()),
        };
        fields.skip(6..len);
        let call = fields.optional();
        fields.is_intact().then_some((evidence, call))
    }

    /// The fields of an answer.
    pub(super) fn answer(mut self) -> Option<(u64, AnswerInput)> {
        let fields = &mut self.0;
        let token = fields.number();
        fields.array();
        let answer = match fields.number() {
            0 => AnswerInput::Reply(fields.bytes().to_vec()),
            kind => {
                let (code, detail) = (fields.text().to_owned(), fields.text().to_owned());
                let effect = fields.number().try_into().ok()?;
                match kind {
                    1 => AnswerInput::Error { code, detail, effect },
                    2 => AnswerInput::System { code, detail, effect },
                    _ => return None,
                }
            }
        };
        fields.is_intact().then_some((token, answer))
    }
}

/// Reads an input.
pub(super) fn read(input: &[u8]) -> Option<(abi::Context, Request<'_>)> {
    let mut fields = Fields::new(input);
    fields.array();
    let kind = fields.number();
    let context = context(&mut fields);
    let request = match kind {
        0 => Request::Init {
            args: fields.bytes(),
            spawn: if fields.is_given() { Some(fields.bytes()) } else { None },
        },
        1 => Request::Call { method: fields.text(), args: fields.bytes(), call: fields.optional() },
        2 => return fields.is_intact().then_some((context, Request::Answer(Rest(fields)))),
        3 => {
            let token = fields.number();
            let _occurrence = fields.number();
            Request::Timer { token, method: fields.text(), args: fields.bytes() }
        }
        4 => {
            let saved = saved(&mut fields);
            Request::Load {
                saved,
                spawn: if fields.is_given() { Some(fields.bytes()) } else { None },
            }
        }
        5 => Request::View { method: fields.text(), args: fields.bytes() },
        6 => Request::Save,
        7 => return fields.is_intact().then_some((context, Request::Assigned(Rest(fields)))),
        _ => return None,
    };
    fields.is_intact().then_some((context, request))
}

fn context(fields: &mut Fields<'_>) -> abi::Context {
    let len = fields.array();
    let mut context = abi::Context {
        process: ProcessId::from_bytes(fields.id()),
        slot: Slot::new(fields.number()),
        time: Timestamp::new(fields.number()),
        sender: fields.principal(),
        controller: fields.principal(),
        message: EntryId::from_bytes(fields.id()),
        seed: Hash::from_bytes(fields.id()),
        gas: Gas::new(fields.number()),
        deadline: None,
        lost: None,
    };
    if len > 8 {
        context.deadline = fields.optional().map(Timestamp::new);
    }
    if len > 9 && fields.is_given() {
        let mut lost = Vec::new();
        for _ in 0..fields.array() {
            let token = fields.number();
            if !fields.is_intact() {
                break;
            }
            lost.push(token);
        }
        context.lost = Some(lost);
    }
    fields.skip(10..len);
    context
}

fn saved(fields: &mut Fields<'_>) -> Saved {
    let len = fields.array();
    let version = fields.small();
    let mut state = Vec::new();
    for _ in 0..fields.array() {
        state.extend_from_slice(fields.bytes());
        if !fields.is_intact() {
            break;
        }
    }
    let is_image = len > 2 && fields.is_given();
    let image_of = is_image.then(|| ModuleId::from_bytes(fields.id()));
    fields.skip(3..len);
    Saved { version, state, image_of }
}

//! The inputs of the guest contract ([`abi::Input`]), borrowed from their bytes.
//!
//! Read by hand: a derived decoder would be most of a small module, as it reads the context once more
//! for each kind and says of every error where it is.

use protocol::{
    EntryId, Gas, Hash, ModuleId, Principal, ProcessId, Slot, Timestamp,
    abi::{self, AnswerInput},
};

use crate::{ViewContext, cbor::Fields};

/// What a compute unit hands to a module, after where and when.
pub(super) enum Request<'b> {
    Init { args: &'b [u8], spawn: Option<&'b [u8]> },
    Call { method: &'b [u8], args: &'b [u8], call: Option<u64> },
    Answer(Rest<'b>),
    Timer { token: u64, method: &'b [u8], args: &'b [u8] },
    Load { saved: Saved, spawn: Option<&'b [u8]> },
    View { method: &'b [u8], args: &'b [u8] },
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
            message: EntryId::from_bytes(*fields.id()),
            sender: fields.principal(),
            target: ProcessId::from_bytes(*fields.id()),
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

/// The kind of a timer's input; kinds are the first fields.
const TIMER: u64 = 3;

/// Begins to read an input: fills in where and when it is handled, gives the rest.
pub(super) fn begin<'b>(input: &'b [u8], context: &mut ViewContext) -> Begun<'b> {
    let mut fields = Fields::new(input);
    fields.array();
    let kind = fields.number();
    let lost = fill(context, &mut fields);
    // Nobody but the process itself sets its timers.
    if kind == TIMER {
        context.sender = Principal::Process(context.process);
    }
    Begun { kind, lost, fields }
}

/// An input whose context has been read.
pub(super) struct Begun<'b> {
    kind: u64,
    lost: Option<Vec<u64>>,
    fields: Fields<'b>,
}

impl<'b> Begun<'b> {
    /// The tokens for which nothing will arrive any more.
    pub(super) fn lost(&self) -> &[u64] {
        self.lost.as_deref().unwrap_or_default()
    }

    /// Reads what is to be done.
    pub(super) fn request(self) -> Option<Request<'b>> {
        let mut fields = self.fields;
        let request = match self.kind {
            0 => Request::Init {
                args: fields.bytes(),
                spawn: if fields.is_given() { Some(fields.bytes()) } else { None },
            },
            1 => Request::Call {
                method: fields.text_bytes(),
                args: fields.bytes(),
                call: fields.optional(),
            },
            2 | 7 if !fields.is_intact() => return None,
            2 => return Some(Request::Answer(Rest(fields))),
            7 => return Some(Request::Assigned(Rest(fields))),
            TIMER => {
                let token = fields.number();
                let _occurrence = fields.number();
                Request::Timer { token, method: fields.text_bytes(), args: fields.bytes() }
            }
            4 => {
                let saved = saved(&mut fields);
                Request::Load {
                    saved,
                    spawn: if fields.is_given() { Some(fields.bytes()) } else { None },
                }
            }
            5 => Request::View { method: fields.text_bytes(), args: fields.bytes() },
            6 => Request::Save,
            _ => return None,
        };
        if fields.is_intact() { Some(request) } else { None }
    }
}

/// Reads a context ([`abi::Context`]) into its place, as it has much to move; gives what is lost.
fn fill(context: &mut ViewContext, fields: &mut Fields<'_>) -> Option<Vec<u64>> {
    let len = fields.array();
    context.process = ProcessId::from_bytes(*fields.id());
    context.slot = Slot::new(fields.number());
    context.time = Timestamp::new(fields.number());
    fields.principal_into(&mut context.sender);
    fields.principal_into(&mut context.controller);
    context.message = EntryId::from_bytes(*fields.id());
    context.seed = Hash::from_bytes(*fields.id());
    context.gas = Gas::new(fields.number());
    context.deadline = if len > 8 { fields.optional().map(Timestamp::new) } else { None };
    let lost = if len > 9 && fields.is_given() { Some(numbers(fields)) } else { None };
    fields.skip(10..len);
    lost
}

fn numbers(fields: &mut Fields<'_>) -> Vec<u64> {
    let mut numbers = Vec::new();
    for _ in 0..fields.array() {
        let number = fields.number();
        if !fields.is_intact() {
            break;
        }
        numbers.push(number);
    }
    numbers
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
    let image_of = is_image.then(|| ModuleId::from_bytes(*fields.id()));
    fields.skip(3..len);
    Saved { version, state, image_of }
}

//! The inputs of the guest contract ([`abi::Input`]), borrowed from their bytes.
//!
//! Read by hand: a derived decoder would be most of a small module, as it reads the context once more
//! for each kind and says of every error where it is.

use std::ops::Range;

use protocol::{
    AccountId, EntryId, Gas, Hash, Principal, ProcessId, Slot, Timestamp,
    abi::{self, AnswerInput},
};

use crate::cbor::Reader;

/// What a compute unit hands to a module, after where and when.
pub(super) enum Request<'b> {
    Init { args: &'b [u8], spawn: Option<&'b [u8]> },
    Call { method: &'b str, args: &'b [u8], call: Option<u64> },
    Answer(Rest<'b>),
    Timer { token: u64, method: &'b str, args: &'b [u8] },
    Load { version: u32, state: Vec<u8> },
    View { method: &'b str, args: &'b [u8] },
    Save,
    Assigned(Rest<'b>),
}

/// The fields that not every actor has a use for: one that has none links no decoder for them.
pub(super) struct Rest<'b>(Fields<'b>);

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
        fields.intact.then_some((evidence, call))
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
        fields.intact.then_some((token, answer))
    }
}

/// Reads an input.
pub(super) fn read(input: &[u8]) -> Option<(abi::Context, Request<'_>)> {
    let mut fields = Fields { reader: Reader::new(input), intact: true };
    fields.array();
    let kind = fields.number();
    let context = fields.context();
    let request = match kind {
        0 => Request::Init {
            args: fields.bytes(),
            spawn: if fields.reader.is_given() { Some(fields.bytes()) } else { None },
        },
        1 => Request::Call {
            method: fields.text(),
            args: fields.bytes(),
            call: fields.optional(),
        },
        2 => return fields.intact.then_some((context, Request::Answer(Rest(fields)))),
        3 => {
            let token = fields.number();
            let _occurrence = fields.number();
            Request::Timer { token, method: fields.text(), args: fields.bytes() }
        }
        4 => fields.saved()?,
        5 => Request::View { method: fields.text(), args: fields.bytes() },
        6 => Request::Save,
        7 => return fields.intact.then_some((context, Request::Assigned(Rest(fields)))),
        _ => return None,
    };
    fields.intact.then_some((context, request))
}

/// Reads fields. One that is missing is read as nothing, and it is asked once at the end whether any
/// was.
struct Fields<'b> {
    reader: Reader<'b>,
    intact: bool,
}

impl<'b> Fields<'b> {
    fn context(&mut self) -> abi::Context {
        let len = self.array();
        let mut context = abi::Context {
            process: ProcessId::from_bytes(self.id()),
            slot: Slot::new(self.number()),
            time: Timestamp::new(self.number()),
            sender: self.principal(),
            controller: self.principal(),
            message: EntryId::from_bytes(self.id()),
            seed: Hash::from_bytes(self.id()),
            gas: Gas::new(self.number()),
            deadline: None,
            lost: None,
        };
        if len > 8 {
            context.deadline = self.optional().map(Timestamp::new);
        }
        if len > 9 && self.reader.is_given() {
            let mut lost = Vec::new();
            for _ in 0..self.array() {
                let token = self.number();
                if !self.intact {
                    break;
                }
                lost.push(token);
            }
            context.lost = Some(lost);
        }
        self.skip(10..len);
        context
    }

    /// The version of a saved state, and the state in one piece.
    fn saved(&mut self) -> Option<Request<'b>> {
        self.array();
        let version = self.number().try_into().ok()?;
        let mut state = Vec::new();
        for _ in 0..self.array() {
            state.extend_from_slice(self.reader.bytes().ok()?);
        }
        Some(Request::Load { version, state })
    }

    #[inline(never)]
    fn principal(&mut self) -> Principal {
        self.array();
        match self.number() {
            0 => Principal::Anonymous,
            1 => Principal::Account(AccountId::from_bytes(self.id())),
            kind => {
                self.intact &= kind == 2;
                Principal::Process(ProcessId::from_bytes(self.id()))
            }
        }
    }

    #[inline(never)]
    fn id(&mut self) -> [u8; 32] {
        let id = self.bytes().try_into();
        self.kept(id)
    }

    fn array(&mut self) -> u64 {
        let len = self.reader.array();
        self.kept(len)
    }

    #[inline(never)]
    fn number(&mut self) -> u64 {
        let number = self.reader.unsigned();
        self.kept(number)
    }

    fn optional(&mut self) -> Option<u64> {
        self.reader.is_given().then(|| self.number())
    }

    fn bytes(&mut self) -> &'b [u8] {
        let bytes = self.reader.bytes();
        self.kept(bytes)
    }

    fn text(&mut self) -> &'b str {
        let text = self.reader.text();
        self.kept(text)
    }

    /// Passes over fields that a later contract adds.
    fn skip(&mut self, unknown: Range<u64>) {
        for _ in unknown {
            if self.reader.skip().is_err() {
                self.intact = false;
                break;
            }
        }
    }

    fn kept<T: Default, E>(&mut self, field: Result<T, E>) -> T {
        self.intact &= field.is_ok();
        field.unwrap_or_default()
    }
}

//! The inputs of the guest contract ([`abi::Input`]), borrowed from their bytes.
//!
//! Read by hand: a derived decoder would be most of a small module, as it reads the context once more
//! for each kind and says of every error where it is.

use std::ops::Range;

use protocol::{
    AccountId, EntryId, Gas, Hash, Principal, ProcessId, Slot, Timestamp,
    abi::{self, AnswerInput},
};

use crate::cbor::{Error, Reader};

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
pub(super) struct Rest<'b>(Reader<'b>);

impl Rest<'_> {
    /// The fields of evidence.
    pub(super) fn assigned(mut self) -> Result<(abi::Evidence, Option<u64>), Error> {
        let fields = &mut self.0;
        let len = fields.array()?;
        let evidence = abi::Evidence {
            message: EntryId::from_bytes(bytes(fields)?),
            sender: principal(fields)?,
            target: ProcessId::from_bytes(bytes(fields)?),
            method: fields.text()?.to_owned(),
            args: fields.bytes()?.to_vec(),
            expiry: Timestamp::new(fields.unsigned()?),
        };
        skip(fields, 6..len)?;
        Ok((evidence, optional(fields)?))
    }

    /// The fields of an answer.
    pub(super) fn answer(mut self) -> Result<(u64, AnswerInput), Error> {
        let fields = &mut self.0;
        let token = fields.unsigned()?;
        fields.array()?;
        let kind = fields.unsigned()?;
        if kind == 0 {
            return Ok((token, AnswerInput::Reply(fields.bytes()?.to_vec())));
        }
        let (code, detail) = (fields.text()?.to_owned(), fields.text()?.to_owned());
        let effect = fields.unsigned()?.try_into().map_err(|_| Error::MALFORMED)?;
        let answer = match kind {
            1 => AnswerInput::Error { code, detail, effect },
            2 => AnswerInput::System { code, detail, effect },
            _ => return Err(Error::MALFORMED),
        };
        Ok((token, answer))
    }
}

/// Reads an input.
pub(super) fn read(input: &[u8]) -> Result<(abi::Context, Request<'_>), Error> {
    let mut fields = Reader::new(input);
    fields.array()?;
    let kind = fields.unsigned()?;
    let context = context(&mut fields)?;
    let request = match kind {
        0 => Request::Init {
            args: fields.bytes()?,
            spawn: if fields.is_given() { Some(fields.bytes()?) } else { None },
        },
        1 => Request::Call {
            method: fields.text()?,
            args: fields.bytes()?,
            call: optional(&mut fields)?,
        },
        2 => Request::Answer(Rest(fields)),
        3 => {
            let token = fields.unsigned()?;
            let _occurrence = fields.unsigned()?;
            Request::Timer { token, method: fields.text()?, args: fields.bytes()? }
        }
        4 => saved(&mut fields)?,
        5 => Request::View { method: fields.text()?, args: fields.bytes()? },
        6 => Request::Save,
        7 => Request::Assigned(Rest(fields)),
        _ => return Err(Error::MALFORMED),
    };
    Ok((context, request))
}

fn context(fields: &mut Reader<'_>) -> Result<abi::Context, Error> {
    let len = fields.array()?;
    let mut context = abi::Context {
        process: ProcessId::from_bytes(bytes(fields)?),
        slot: Slot::new(fields.unsigned()?),
        time: Timestamp::new(fields.unsigned()?),
        sender: principal(fields)?,
        controller: principal(fields)?,
        message: EntryId::from_bytes(bytes(fields)?),
        seed: Hash::from_bytes(bytes(fields)?),
        gas: Gas::new(fields.unsigned()?),
        deadline: None,
        lost: None,
    };
    if len > 8 {
        context.deadline = optional(fields)?.map(Timestamp::new);
    }
    if len > 9 && fields.is_given() {
        let tokens = fields.array()?;
        context.lost = Some((0..tokens).map(|_| fields.unsigned()).collect::<Result<_, _>>()?);
    }
    skip(fields, 10..len)?;
    Ok(context)
}

/// The version of a saved state, and the state in one piece.
fn saved<'b>(fields: &mut Reader<'b>) -> Result<Request<'b>, Error> {
    fields.array()?;
    let version = fields.unsigned()?.try_into().map_err(|_| Error::MALFORMED)?;
    let mut state = Vec::new();
    for _ in 0..fields.array()? {
        state.extend_from_slice(fields.bytes()?);
    }
    Ok(Request::Load { version, state })
}

fn principal(fields: &mut Reader<'_>) -> Result<Principal, Error> {
    fields.array()?;
    Ok(match fields.unsigned()? {
        0 => Principal::Anonymous,
        1 => Principal::Account(AccountId::from_bytes(bytes(fields)?)),
        2 => Principal::Process(ProcessId::from_bytes(bytes(fields)?)),
        _ => return Err(Error::MALFORMED),
    })
}

#[inline(never)]
fn bytes(fields: &mut Reader<'_>) -> Result<[u8; 32], Error> {
    fields.bytes()?.try_into().map_err(|_| Error::MALFORMED)
}

fn optional(fields: &mut Reader<'_>) -> Result<Option<u64>, Error> {
    if fields.is_given() { fields.unsigned().map(Some) } else { Ok(None) }
}

/// Passes over fields that a later contract adds.
fn skip(fields: &mut Reader<'_>, unknown: Range<u64>) -> Result<(), Error> {
    unknown.into_iter().try_for_each(|_| fields.skip())
}

//! The inputs of the guest contract ([`abi::Input`]), borrowed from their bytes.
//!
//! Read by hand: a derived decoder would read the context once more for each kind, which is most of
//! what a small module decodes.

use minicbor::{Decoder, data::Type, decode::Error};
use protocol::abi::{self, AnswerInput, SavedState};

/// What a compute unit hands to a module, after where and when.
pub(super) enum Request<'b> {
    Init { args: &'b [u8], spawn: Option<&'b [u8]> },
    Call { method: &'b str, args: &'b [u8], call: Option<u64> },
    Answer(Rest<'b>),
    Timer { token: u64, method: &'b str, args: &'b [u8] },
    Load { saved: SavedState, spawn: Option<&'b [u8]> },
    View { method: &'b str, args: &'b [u8] },
    Save,
    Assigned(Rest<'b>),
}

/// The fields that not every actor has a use for: one that has none links no decoder for them.
pub(super) struct Rest<'b>(Decoder<'b>);

impl Rest<'_> {
    /// The fields of evidence.
    pub(super) fn assigned(mut self) -> Result<(abi::Evidence, Option<u64>), Error> {
        let evidence = self.0.decode()?;
        let call = if is_given(&self.0)? { Some(self.0.u64()?) } else { None };
        Ok((evidence, call))
    }

    /// The fields of an answer.
    pub(super) fn answer(mut self) -> Result<(u64, AnswerInput), Error> {
        Ok((self.0.u64()?, self.0.decode()?))
    }
}

/// Reads an input.
pub(super) fn read(input: &[u8]) -> Result<(abi::Context, Request<'_>), Error> {
    let mut fields = Decoder::new(input);
    fields.array()?;
    let kind = fields.u8()?;
    let context = fields.decode()?;
    let request = match kind {
        0 => Request::Init {
            args: fields.bytes()?,
            spawn: if is_given(&fields)? { Some(fields.bytes()?) } else { None },
        },
        1 => Request::Call {
            method: fields.str()?,
            args: fields.bytes()?,
            call: if is_given(&fields)? { Some(fields.u64()?) } else { None },
        },
        2 => Request::Answer(Rest(fields)),
        3 => {
            let token = fields.u64()?;
            let _occurrence = fields.u64()?;
            Request::Timer { token, method: fields.str()?, args: fields.bytes()? }
        }
        4 => Request::Load {
            saved: fields.decode()?,
            spawn: if is_given(&fields)? { Some(fields.bytes()?) } else { None },
        },
        5 => Request::View { method: fields.str()?, args: fields.bytes()? },
        6 => Request::Save,
        7 => Request::Assigned(Rest(fields)),
        _ => return Err(Error::message("no kind of input that is known here")),
    };
    Ok((context, request))
}

/// Whether an optional last field is there.
fn is_given(fields: &Decoder<'_>) -> Result<bool, Error> {
    Ok(fields.position() < fields.input().len() && fields.datatype()? != Type::Null)
}

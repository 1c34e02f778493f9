//! A frame of submissions taken apart in place: the bytes of entries and proofs go to the log as they
//! came.
//!
//! Finding where one submission ends and the next begins is cheap, so it is done where frames arrive;
//! everything else is decoded, strictly, by the threads that verify.

use std::sync::Arc;

use bytes::Bytes;
use minicbor::{Decoder, decode::Error};
use protocol::{Refusal, RefusalCode, api::Submission, codec};

use crate::verify::{Basis, Said};

/// Fields of a submission, and of a proof of origin, that come without introducing anybody.
const PLAIN_FIELDS: u64 = 3;

/// A submission as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The bytes of all of it.
    bytes: Bytes,
    /// Chosen by the sender.
    pub(crate) tag: u64,
    /// The bytes of its entry.
    entry: Bytes,
    /// The bytes of its proof of origin.
    origin: Option<Bytes>,
    /// Whether it may introduce somebody.
    introduces: bool,
    /// What its link leads to, shared by all of its frame.
    basis: Option<Arc<Basis>>,
}

impl Received {
    /// Takes the bytes of a [`SubmitFrame`](protocol::api::SubmitFrame) apart.
    pub(crate) fn read(frame: &Bytes) -> Result<Vec<Self>, Refusal> {
        read(frame).map_err(|error| malformed(&error))
    }

    /// How many bytes it has.
    pub(super) const fn length(&self) -> usize {
        self.bytes.len()
    }

    /// What the links of its frame lead to, if there are any.
    pub(super) const fn basis(&self) -> Option<&Arc<Basis>> {
        self.basis.as_ref()
    }

    /// The submission, if it may introduce somebody and can be read.
    pub(super) fn introduction(&self) -> Option<Submission> {
        codec::decode(self.introduces.then_some(&self.bytes)?).ok()
    }

    /// What it says, with its parts, which are then the canonical bytes of what is in it.
    pub(crate) fn decode(self) -> Result<Said, Refusal> {
        let submission = codec::decode(&self.bytes).map_err(|error| malformed(&error))?;
        let (entry_bytes, proof_bytes, basis) = (self.entry, self.origin, self.basis);
        Ok(Said { submission, entry_bytes, proof_bytes, basis })
    }
}

fn read(frame: &Bytes) -> Result<Vec<Received>, Error> {
    let mut d = Decoder::new(frame);
    let fields = d.array()?.filter(|fields| (1..=2).contains(fields));
    let fields = fields.ok_or_else(|| Error::message("an array of another length"))?;
    let count = d.array()?.ok_or_else(|| Error::message("an array without a length"))?;
    let headed = length_of(count).saturating_add(1);
    if d.position() != headed {
        return Err(Error::message("a length that could be shorter"));
    }
    let mut received = Vec::new();
    for _ in 0..count {
        received.push(submission(frame, &mut d)?);
    }
    if fields > 1 {
        let basis = Arc::new(Basis::new(part(frame, &mut d)?));
        received.iter_mut().for_each(|received| received.basis = Some(Arc::clone(&basis)));
    }
    if d.position() == frame.len() {
        Ok(received)
    } else {
        Err(Error::message("bytes after the end"))
    }
}

fn submission(frame: &Bytes, d: &mut Decoder<'_>) -> Result<Received, Error> {
    let begin = d.position();
    let fields = d.array()?.unwrap_or_default();
    let tag = d.u64()?;
    let entry = part(frame, d)?;
    let mut introduces = false;
    let origin = if fields >= PLAIN_FIELDS && !is_null(d) {
        let parts = d.probe().array()?.unwrap_or_default();
        introduces |= parts > PLAIN_FIELDS;
        Some(part(frame, d)?)
    } else {
        (fields >= PLAIN_FIELDS).then(|| d.skip()).transpose()?;
        None
    };
    for field in PLAIN_FIELDS..fields {
        introduces |= field == PLAIN_FIELDS && !is_null(d);
        d.skip()?;
    }
    let bytes = frame.slice(begin..d.position());
    Ok(Received { bytes, tag, entry, origin, introduces, basis: None })
}

/// The bytes of the next object.
fn part(frame: &Bytes, d: &mut Decoder<'_>) -> Result<Bytes, Error> {
    let begin = d.position();
    d.skip()?;
    Ok(frame.slice(begin..d.position()))
}

fn is_null(d: &Decoder<'_>) -> bool {
    d.datatype().is_ok_and(|kind| kind == minicbor::data::Type::Null)
}

/// Bytes of the shortest head of an array of so many.
const fn length_of(count: u64) -> usize {
    match count {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x1_0000_0000 => 5,
        _ => 9,
    }
}

fn malformed(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(RefusalCode::Malformed, error.to_string())
}

#[cfg(test)]
mod tests;

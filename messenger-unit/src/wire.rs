//! Frames encoded from borrowed parts, byte for byte as the owned types of `protocol::api` encode.

use bytes::Bytes;
use minicbor::{Encode, Encoder};
use protocol::{
    AssignmentProof, BatchHeader, MerklePath, OutboxItem, Outcome, Provenance, Receipt,
    ReceiptBatch, ReceiptLeaf, Refusal, Signed,
    api::{Acknowledgement, FinalRefusal},
};

/// A [`protocol::OriginProof`].
#[derive(Debug, Encode)]
pub(crate) struct OriginRef<'a> {
    #[n(0)]
    pub(crate) item: &'a MerklePath,
    #[n(1)]
    pub(crate) receipts: &'a [Receipt],
    #[n(2)]
    pub(crate) assignment: &'a AssignmentProof,
    #[n(3)]
    pub(crate) introduction: Option<&'a Provenance>,
    #[n(4)]
    pub(crate) emitted: Option<&'a OutboxItem>,
}

/// A [`protocol::api::Submission`].
#[derive(Debug, Encode)]
struct SubmissionRef<'a, E, O> {
    #[n(0)]
    tag: u64,
    #[n(1)]
    entry: &'a E,
    #[n(2)]
    origin: Option<O>,
    #[n(3)]
    introduction: Option<&'a Provenance>,
}

/// A [`protocol::api::SubmitEvent`].
#[derive(Debug, Encode)]
#[cbor(flat)]
pub(crate) enum EventRef<'a> {
    #[n(0)]
    Assigned {
        #[n(0)]
        batch: &'a Signed<BatchHeader>,
        #[n(1)]
        entries: &'a [Acknowledgement],
    },
    #[n(1)]
    Refused {
        #[n(0)]
        tag: u64,
        #[n(1)]
        refusal: &'a Refusal,
    },
    #[n(2)]
    Executed {
        #[n(0)]
        batch: &'a Signed<ReceiptBatch>,
        #[n(1)]
        entries: &'a [ExecutedRef<'a>],
    },
    #[n(3)]
    Final {
        #[n(0)]
        batch: &'a Signed<BatchHeader>,
        #[n(1)]
        entries: &'a [FinalRefusal],
    },
}

/// A [`protocol::api::ExecutedEntry`].
#[derive(Debug, Clone, Copy, Encode)]
pub(crate) struct ExecutedRef<'a> {
    #[n(0)]
    pub(crate) tag: u64,
    #[n(1)]
    pub(crate) outcome: &'a Outcome,
    #[n(2)]
    pub(crate) leaf: &'a ReceiptLeaf,
    #[n(3)]
    pub(crate) path: &'a MerklePath,
}

/// Puts submissions together to one [`protocol::api::SubmitFrame`].
#[derive(Debug, Default)]
pub(crate) struct FrameBuilder {
    body: Vec<u8>,
    count: u64,
}

const NEVER: &str = "encoding into memory cannot fail";

impl FrameBuilder {
    /// The bytes of a frame beside its submissions, at the most.
    const OVERHEAD: usize = 10;

    /// The length from which on a frame should be sent: a longest submission still fits after it.
    pub(crate) const FULL: usize = 256 << 10;

    /// The longest frame.
    const MAX: usize = 4 << 20;

    /// The bytes gathered.
    pub(crate) const fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether there are no submissions.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a submission; `false`, and nothing added, if the frame would exceed every limit.
    pub(crate) fn push<E, O>(
        &mut self,
        tag: u64,
        entry: &E,
        origin: Option<O>,
        introduction: Option<&Provenance>,
    ) -> bool
    where
        E: Encode<()>,
        O: Encode<()>,
    {
        let before = self.body.len();
        let submission = SubmissionRef { tag, entry, origin, introduction };
        minicbor::encode(&submission, &mut self.body).expect(NEVER);
        if self.body.len() + Self::OVERHEAD > Self::MAX {
            self.body.truncate(before);
            return false;
        }
        self.count += 1;
        true
    }

    /// The frame of what was gathered; starts anew.
    pub(crate) fn take(&mut self) -> Bytes {
        let mut frame = Vec::with_capacity(self.body.len() + Self::OVERHEAD);
        let mut encoder = Encoder::new(&mut frame);
        encoder.array(1).expect(NEVER).array(self.count).expect(NEVER);
        frame.append(&mut self.body);
        self.count = 0;
        frame.into()
    }
}

#[cfg(test)]
mod tests;

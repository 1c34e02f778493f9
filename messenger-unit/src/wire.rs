//! Frames encoded from borrowed parts, byte for byte as the owned types of `protocol::api` encode.

use bytes::Bytes;
use minicbor::{Encode, Encoder};
use protocol::{
    Assignment, BatchHeader, MerklePath, OriginLink, OutboxItem, Outcome, Provenance, ReceiptBatch,
    ReceiptLeaf, Refusal, Signed,
    api::{Acknowledgement, FinalRefusal},
};

use crate::{
    basis::BasisBuilder,
    parcel::{AssignmentPart, ReceiptPart, SlotProof},
};

/// A [`protocol::OriginProof`].
#[derive(Debug, Encode)]
pub(crate) struct OriginRef<'a> {
    #[n(0)]
    item: &'a MerklePath,
    #[n(1)]
    receipts: Vec<ReceiptRef<'a>>,
    #[n(2)]
    assignment: AssignmentRef<'a>,
    #[n(3)]
    introduction: Option<&'a Provenance>,
    #[n(4)]
    emitted: Option<&'a OutboxItem>,
}

/// A [`protocol::Receipt`].
#[derive(Debug, Encode)]
struct ReceiptRef<'a> {
    #[n(0)]
    leaf: &'a ReceiptLeaf,
    #[n(1)]
    path: &'a MerklePath,
    #[n(2)]
    batch: &'a Signed<ReceiptBatch>,
}

/// A [`protocol::AssignmentProof`].
#[derive(Debug, Encode)]
struct AssignmentRef<'a> {
    #[n(0)]
    assignment: &'a Assignment,
    #[n(1)]
    path: &'a MerklePath,
    #[n(2)]
    batch: &'a Signed<BatchHeader>,
}

impl<'a> OriginRef<'a> {
    /// The proof of an item of a slot.
    pub(crate) fn new(
        proof: &'a SlotProof,
        item: &'a MerklePath,
        introduction: Option<&'a Provenance>,
        emitted: Option<&'a OutboxItem>,
    ) -> Self {
        let receipt = |part: &'a ReceiptPart| ReceiptRef {
            leaf: &part.stated,
            path: &part.path,
            batch: &part.batch,
        };
        let AssignmentPart { assignment, path, batch, .. } = &proof.assignment;
        Self {
            item,
            receipts: proof.receipts.iter().map(receipt).collect(),
            assignment: AssignmentRef { assignment, path, batch },
            introduction,
            emitted,
        }
    }
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
    #[n(4)]
    link: Option<&'a OriginLink>,
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
    basis: BasisBuilder,
}

const NEVER: &str = "encoding into memory cannot fail";

impl FrameBuilder {
    /// The bytes of a frame beside its submissions and their basis, at the most.
    const OVERHEAD: usize = 10;

    /// The length from which on a frame should be sent: a longest submission still fits after it.
    pub(crate) const FULL: usize = 256 << 10;

    /// The longest frame.
    const MAX: usize = 4 << 20;

    /// About how many bytes are gathered, and not fewer.
    pub(crate) const fn len(&self) -> usize {
        self.body.len() + self.basis.bytes()
    }

    /// Whether there are no submissions.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes the batches of a slot into the basis, and links an item to it; nothing if a path does not
    /// fit its batch.
    pub(crate) fn link(&mut self, proof: &SlotProof, item: &MerklePath) -> Option<OriginLink> {
        self.basis.link(proof, item)
    }

    /// Adds a submission; `false`, and nothing added, if the frame would exceed every limit.
    pub(crate) fn push<E, O>(
        &mut self,
        tag: u64,
        entry: &E,
        origin: Option<O>,
        introduction: Option<&Provenance>,
        link: Option<&OriginLink>,
    ) -> bool
    where
        E: Encode<()>,
        O: Encode<()>,
    {
        let before = self.body.len();
        let submission = SubmissionRef { tag, entry, origin, introduction, link };
        minicbor::encode(&submission, &mut self.body).expect(NEVER);
        if self.len() + Self::OVERHEAD > Self::MAX {
            self.body.truncate(before);
            return false;
        }
        self.count += 1;
        true
    }

    /// The frame of what was gathered; starts anew.
    pub(crate) fn take(&mut self) -> Bytes {
        let mut frame = Vec::with_capacity(self.len() + Self::OVERHEAD);
        let mut encoder = Encoder::new(&mut frame);
        let basis = std::mem::take(&mut self.basis).finish();
        let fields = if basis.is_some() { 2 } else { 1 };
        encoder.array(fields).expect(NEVER).array(self.count).expect(NEVER);
        frame.append(&mut self.body);
        if let Some(basis) = basis {
            minicbor::encode(&basis, &mut frame).expect(NEVER);
        }
        self.count = 0;
        frame.into()
    }
}

#[cfg(test)]
mod tests;

//! Frames of submissions, and of what became of them.

use minicbor::{Decode, Encode};

use super::ExecutedEntry;
use crate::{
    Assignment, BatchHeader, Entry, MerklePath, OriginBasis, OriginLink, OriginProof, ReceiptBatch,
    Refusal, RefusalLeaf, Signed,
};

/// Entries to assign.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct SubmitFrame {
    /// In the order in which they shall be looked at.
    #[n(0)]
    pub submissions: Vec<Submission>,
    /// What the links of its submissions lead to; absent if there are none.
    #[n(1)]
    pub basis: Option<OriginBasis>,
}

/// One entry to assign.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Submission {
    /// Chosen by the sender; events about this entry carry it.
    #[n(0)]
    pub tag: u64,
    /// The entry.
    #[n(1)]
    pub entry: Entry,
    /// The proof of a delivery, skip or timer.
    #[n(2)]
    pub origin: Option<Box<OriginProof>>,
    /// Who the target of an answered item is, on first contact.
    #[n(3)]
    pub introduction: Option<Box<crate::Provenance>>,
    /// The proof of a delivery, in the place of `origin`: its source is known already.
    #[n(4)]
    pub link: Option<Box<OriginLink>>,
}

impl Submission {
    /// An entry that needs no proof.
    pub const fn bare(tag: u64, entry: Entry) -> Self {
        Self { tag, entry, origin: None, introduction: None, link: None }
    }
}

/// What became of entries.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum SubmitEvent {
    /// They are durably assigned, all by one batch.
    #[n(0)]
    Assigned {
        /// The signed batch.
        #[n(0)]
        batch: Signed<BatchHeader>,
        /// Which entries, with their paths.
        #[n(1)]
        entries: Vec<Acknowledgement>,
    },
    /// One is refused.
    #[n(1)]
    Refused {
        /// The submission.
        #[n(0)]
        tag: u64,
        /// Why.
        #[n(1)]
        refusal: Refusal,
    },
    /// They were executed, all in one receipt batch. From messengers only.
    #[n(2)]
    Executed {
        /// The signed receipt batch.
        #[n(0)]
        batch: Signed<ReceiptBatch>,
        /// Which entries, with their outcomes.
        #[n(1)]
        entries: Vec<ExecutedEntry>,
    },
    /// They are refused for good, all by one batch: they will never have a place in the log.
    #[n(3)]
    Final {
        /// The signed batch.
        #[n(0)]
        batch: Signed<BatchHeader>,
        /// Which entries, with their paths.
        #[n(1)]
        entries: Vec<FinalRefusal>,
    },
    /// They are durably assigned, and came with links: who brought them needs no proof of it.
    #[n(4)]
    Delivered {
        /// The submissions.
        #[n(0)]
        tags: Vec<u64>,
    },
}

/// A final refusal under a batch that is given elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FinalRefusal {
    /// The submission.
    #[n(0)]
    pub tag: u64,
    /// What is refused, and why.
    #[n(1)]
    pub refusal: RefusalLeaf,
    /// From the refusal to the batch root.
    #[n(2)]
    pub path: MerklePath,
    /// For people.
    #[n(3)]
    pub detail: String,
}

/// An assignment under a batch that is given elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Acknowledgement {
    /// The submission.
    #[n(0)]
    pub tag: u64,
    /// Its place.
    #[n(1)]
    pub assignment: Assignment,
    /// From the assignment to the batch root.
    #[n(2)]
    pub path: MerklePath,
}

//! Frames of tails: what schedulers and compute units hand on as it happens.

use minicbor::{Decode, Encode, bytes::ByteVec};

use crate::{
    Assignment, AssignmentPlace, AssignmentProof, BatchHeader, Entry, Hash, MerklePath, MerkleTree,
    OpenBasis, OriginBasis, OriginLink, OriginProof, Outcome, PairNumber, ProcessId, ReceiptBatch,
    ReceiptLeaf, RefusalLeaf, Signed, SignedTree, Slot, codec,
};

/// What a compute unit tells a scheduler whose logs it tails.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TailReport {
    /// The first slot that is not executed, of processes where that has changed.
    #[n(0)]
    pub executed: Vec<Cursor>,
    /// Processes that another scheduler has taken over, as this one may not know.
    #[n(1)]
    pub superseded: Vec<crate::Provenance>,
}

/// Where to resume in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Cursor {
    /// The process.
    #[n(0)]
    pub process: ProcessId,
    /// The first slot wanted.
    #[n(1)]
    pub slot: Slot,
}

/// A group commit as it is stored and as tails carry it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TailFrame {
    /// The signed batch.
    #[n(0)]
    pub batch: Signed<BatchHeader>,
    /// All leaves of the batch, so that any of its assignments can be proven.
    #[n(1)]
    pub leaves: Vec<Hash>,
    /// The assignments that this tail is about.
    #[n(2)]
    pub records: Vec<TailRecord>,
    /// The final refusals of the logs that this tail is about; absent if there are none.
    #[n(3)]
    pub refusals: Option<Vec<RefusalRecord>>,
    /// What the links of its records lead to; absent if there are none.
    #[n(4)]
    pub basis: Option<OriginBasis>,
}

/// One final refusal in a [`TailFrame`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct RefusalRecord {
    /// Its leaf's position.
    #[n(0)]
    pub index: u32,
    /// What is refused, and why.
    #[n(1)]
    pub refusal: RefusalLeaf,
    /// Of a refused delivery, its source and its number, which is used up.
    #[n(2)]
    pub pair: Option<PairUse>,
}

/// A number of a pair that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PairUse {
    /// Who emitted.
    #[n(0)]
    pub source: ProcessId,
    /// The number.
    #[n(1)]
    pub number: PairNumber,
}

/// One assignment in a [`TailFrame`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TailRecord {
    /// Its leaf's position.
    #[n(0)]
    pub index: u32,
    /// The assignment.
    #[n(1)]
    pub assignment: Assignment,
    /// The canonical bytes of the [`crate::Entry`].
    #[cbor(n(2), with = "minicbor::bytes")]
    pub entry: Vec<u8>,
    /// The canonical bytes of the [`crate::OriginProof`], for deliveries and skips.
    #[n(3)]
    pub origin: Option<ByteVec>,
    /// The proof of a delivery, in the place of `origin`.
    #[n(4)]
    pub link: Option<Box<OriginLink>>,
}

/// Executed slots, all in one receipt batch.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FollowFrame {
    /// The signed receipt batch.
    #[n(0)]
    pub batch: Signed<ReceiptBatch>,
    /// The slots, in order for each process: all leaves of the batch, in their order.
    #[n(1)]
    pub slots: Vec<FollowSlot>,
    /// The batches of the slots that have a place; absent if none has one.
    #[n(2)]
    pub assignments: Option<Vec<SignedTree<BatchHeader>>>,
}

/// One executed slot.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FollowSlot {
    /// What came of it.
    #[n(0)]
    pub outcome: Outcome,
    /// The receipt's leaf.
    #[n(1)]
    pub leaf: ReceiptLeaf,
    /// From the leaf to the receipt root; absent where the frame has all leaves.
    #[n(2)]
    pub path: Option<MerklePath>,
    /// The source scheduler's assignment; only where the outcome has an outbox and the slot has no
    /// place.
    #[n(3)]
    pub assignment: Option<AssignmentProof>,
    /// Asks, births and timers that are no longer waited for after this slot, by the slot and the
    /// index of the item that set them; absent if there are none. A hint.
    #[n(4)]
    pub closed: Option<Vec<(Slot, u32)>>,
    /// Where the source scheduler has assigned the slot; only where the outcome has an outbox.
    #[n(5)]
    pub place: Option<AssignmentPlace>,
}

/// A proof of origin is missing, or cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record's proof of origin cannot be read")]
pub struct NoProof;

impl TailRecord {
    /// The proof of origin of its entry, if it has one: as it stands there, or made of its link and
    /// the frame's basis.
    ///
    /// # Errors
    ///
    /// [`NoProof`] if it cannot be read, or leads nowhere.
    pub fn proof(
        &self,
        entry: &Entry,
        basis: Option<&OpenBasis>,
    ) -> Result<Option<OriginProof>, NoProof> {
        match (&self.origin, &self.link, entry) {
            (None, None, _) => Ok(None),
            (Some(origin), None, _) => codec::decode(origin).map(Some).map_err(|_| NoProof),
            (None, Some(link), Entry::Delivery(item) | Entry::Skip(item)) => {
                let proof = basis.and_then(|basis| basis.proof(link, item.into()));
                proof.map(Some).ok_or(NoProof)
            }
            _ => Err(NoProof),
        }
    }
}

impl FollowFrame {
    /// The tree over all its slots.
    pub fn tree(&self) -> MerkleTree {
        MerkleTree::new(self.slots.iter().map(|slot| slot.leaf.leaf()).collect())
    }
}

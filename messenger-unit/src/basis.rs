//! Gathers what the proofs of many items have in common, each batch once.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use protocol::{
    Assignment, AssignmentLink, AssignmentPlace, BatchHeader, Branches, Hash, MerklePath,
    OriginBasis, OriginLink, ProfileId, ReceiptBatch, ReceiptLeaf, ReceiptLink, Signed, SignedTree,
};

use crate::parcel::{AssignmentPart, ReceiptPart, SlotProof};

/// A [`protocol::OriginBasis`] in the making.
#[derive(Debug, Default)]
pub(crate) struct BasisBuilder {
    receipts: Vec<Branch<ReceiptBatch>>,
    assignments: Vec<Branch<BatchHeader>>,
    profiles: Vec<ProfileId>,
    bytes: usize,
}

/// A batch with some of its leaves.
#[derive(Debug)]
struct Branch<T> {
    batch: Arc<Signed<T>>,
    branches: Branches,
}

impl BasisBuilder {
    /// Bytes of a batch's signature and of its place among others, at the most.
    const BATCH_BYTES: usize = 160;

    /// Bytes of a digest of a tree.
    const DIGEST_BYTES: usize = 33;

    /// Digests that one more leaf of a tree brings, about.
    const LEAF_DIGESTS: usize = 4;

    /// About how many bytes the basis has.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the batches of a slot, and links an item to them; nothing if a path does not fit its
    /// batch.
    pub(crate) fn link(&mut self, proof: &SlotProof, item: &MerklePath) -> Option<OriginLink> {
        let mut receipts = Vec::with_capacity(proof.receipts.len());
        for ReceiptPart { stated, leaf, path, batch } in &proof.receipts {
            let batch = take(&mut self.receipts, &mut self.bytes, batch, *leaf, path)?;
            let ReceiptLeaf { gas, previous, state_root, profile, .. } = *stated;
            let profile = self.profile(profile)?;
            let index = path.index;
            receipts.push(ReceiptLink { batch, index, profile, gas, previous, state_root });
        }
        let AssignmentPart { assignment, leaf, path, batch } = &proof.assignment;
        let batch = take(&mut self.assignments, &mut self.bytes, batch, *leaf, path)?;
        let Assignment { epoch, time, entry, chain, .. } = *assignment;
        let place = AssignmentPlace { batch, index: path.index, epoch, time };
        let assignment = AssignmentLink { place, entry, chain };
        Some(OriginLink { item: item.clone(), receipts, assignment })
    }

    fn profile(&mut self, profile: ProfileId) -> Option<u32> {
        let known = self.profiles.iter().position(|known| *known == profile);
        let at = known.unwrap_or_else(|| {
            self.bytes += Self::DIGEST_BYTES + 1;
            self.profiles.push(profile);
            self.profiles.len() - 1
        });
        u32::try_from(at).ok()
    }

    /// The basis; nothing if nothing was linked to it.
    pub(crate) fn finish(self) -> Option<OriginBasis> {
        if self.assignments.is_empty() {
            return None;
        }
        Some(OriginBasis {
            receipts: self.receipts.into_iter().map(Branch::prune).collect(),
            assignments: self.assignments.into_iter().map(Branch::prune).collect(),
            profiles: self.profiles,
        })
    }
}

impl<T: Clone + Encode<()> + for<'x> Decode<'x, ()>> Branch<T> {
    fn prune(mut self) -> SignedTree<T> {
        let tree = self.branches.prune().expect("a branch has the whole path of each leaf");
        SignedTree { batch: (*self.batch).clone(), tree }
    }
}

/// Adds a leaf to its batch; gives the batch's position.
fn take<T>(
    known: &mut Vec<Branch<T>>,
    bytes: &mut usize,
    batch: &Arc<Signed<T>>,
    leaf: Hash,
    path: &MerklePath,
) -> Option<u32> {
    // Those that came last are the likeliest.
    let at = known.iter().rposition(|branch| Arc::ptr_eq(&branch.batch, batch));
    if let Some(at) = at {
        *bytes += BasisBuilder::LEAF_DIGESTS * BasisBuilder::DIGEST_BYTES;
        known.get_mut(at)?.branches.add(leaf, path).then_some(())?;
        return u32::try_from(at).ok();
    }
    let mut branch = Branch { batch: Arc::clone(batch), branches: Branches::default() };
    branch.branches.add(leaf, path).then_some(())?;
    *bytes += batch.body_bytes().len() + BasisBuilder::BATCH_BYTES;
    *bytes += (path.siblings.len() + 1) * BasisBuilder::DIGEST_BYTES;
    known.push(branch);
    u32::try_from(known.len() - 1).ok()
}

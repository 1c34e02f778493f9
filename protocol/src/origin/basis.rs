//! What many proofs of origin have in common: signed batches and the trees under them.
//!
//! Items that travel or are stored together lead to one [`OriginBasis`] by an [`OriginLink`] each.
//! Both are untrusted until [`OpenBasis::verify`] has checked them; together they say the same as an
//! [`OriginProof`].

use std::sync::OnceLock;

use minicbor::{Decode, Encode};

use super::{Emitted, Grounds, OriginProof, OriginProofError, Stated};
use crate::{
    Assignment, AssignmentProof, BatchHeader, Body, Branches, EntryId, Epoch, Gas, Hash,
    MerklePath, NetworkId, OpenTree, ProcessId, ProfileId, PrunedTree, PublicKey, Receipt,
    ReceiptBatch, ReceiptLeaf, Signature, Signed, Slot, Source, Timestamp,
};

/// Signed batches, each with the tree that its root is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct OriginBasis {
    /// Receipt batches with the leaves that links lead to.
    #[n(0)]
    pub receipts: Vec<SignedTree<ReceiptBatch>>,
    /// Batches of assignments, alike.
    #[n(1)]
    pub assignments: Vec<SignedTree<BatchHeader>>,
    /// The profiles that receipts name.
    #[n(2)]
    pub profiles: Vec<ProfileId>,
}

/// A signed batch with some of the leaves of its root.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedTree<T: Encode<()> + for<'x> Decode<'x, ()>> {
    /// The batch.
    #[n(0)]
    pub batch: Signed<T>,
    /// The leaves.
    #[n(1)]
    pub tree: PrunedTree,
}

/// Leads from an item to a basis.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OriginLink {
    /// From the item to the outcome's digest.
    #[n(0)]
    pub item: MerklePath,
    /// As many receipts of different units as the source's policy demands.
    #[n(1)]
    pub receipts: Vec<ReceiptLink>,
    /// The source scheduler's assignment of the slot.
    #[n(2)]
    pub assignment: AssignmentLink,
}

/// A receipt, without what the item and its assignment tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct ReceiptLink {
    /// The position of its batch in the basis.
    #[n(0)]
    pub batch: u32,
    /// The position of its leaf.
    #[n(1)]
    pub index: u32,
    /// The position of its profile in the basis.
    #[n(2)]
    pub profile: u32,
    /// As in [`ReceiptLeaf`].
    #[n(3)]
    pub gas: Gas,
    /// As in [`ReceiptLeaf`].
    #[n(4)]
    pub previous: Option<Hash>,
    /// As in [`ReceiptLeaf`].
    #[n(5)]
    pub state_root: Option<Hash>,
}

/// An assignment of a slot that is named elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct AssignmentLink {
    /// Where it stands.
    #[n(0)]
    pub place: AssignmentPlace,
    /// As in [`Assignment`].
    #[n(1)]
    pub entry: EntryId,
    /// As in [`Assignment`].
    #[n(2)]
    pub chain: Hash,
}

/// Where an assignment stands, and when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct AssignmentPlace {
    /// The position of its batch among those at hand.
    #[n(0)]
    pub batch: u32,
    /// The position of its leaf.
    #[n(1)]
    pub index: u32,
    /// As in [`Assignment`].
    #[n(2)]
    pub epoch: Epoch,
    /// As in [`Assignment`].
    #[n(3)]
    pub time: Timestamp,
}

/// A signed batch whose leaves are known to lead to its root.
#[derive(Debug)]
pub struct GrownTree<T> {
    /// The batch.
    batch: Signed<T>,
    /// Its leaves.
    tree: OpenTree,
    /// Its digest.
    digest: Hash,
    /// Whether its signature holds, once that is known.
    holds: OnceLock<bool>,
}

/// A basis whose trees have the roots that its batches name.
#[derive(Debug)]
pub struct OpenBasis {
    receipts: Vec<GrownTree<ReceiptBatch>>,
    assignments: Vec<GrownTree<BatchHeader>>,
    profiles: Vec<ProfileId>,
}

impl AssignmentLink {
    /// The assignment, of this slot.
    pub const fn assignment(&self, process: ProcessId, slot: Slot) -> Assignment {
        let AssignmentPlace { epoch, time, .. } = self.place;
        Assignment { process, epoch, slot, time, entry: self.entry, chain: self.chain }
    }
}

impl ReceiptLink {
    /// The leaf of an assigned slot with an outcome.
    fn leaf(&self, assignment: &Assignment, profile: ProfileId, outcome: Hash) -> ReceiptLeaf {
        let &Self { gas, previous, state_root, .. } = self;
        let &Assignment { process, slot, chain, .. } = assignment;
        ReceiptLeaf { process, slot, chain, profile, outcome, gas, previous, state_root }
    }
}

impl<T: Body> SignedTree<T> {
    /// Checks that the tree has a root and a size.
    fn grow(self, count: impl Fn(&T) -> (u32, Hash)) -> Option<GrownTree<T>> {
        let tree = self.tree.open()?;
        let found = (tree.count(), tree.root());
        let digest = self.batch.digest();
        let grown = GrownTree { tree, digest, holds: OnceLock::new(), batch: self.batch };
        (count(grown.batch.unverified()) == found).then_some(grown)
    }
}

impl SignedTree<BatchHeader> {
    /// The batch with its leaves, if those lead to its root.
    pub fn open(self) -> Option<GrownTree<BatchHeader>> {
        self.grow(|batch| (batch.count, batch.root))
    }
}

impl SignedTree<ReceiptBatch> {
    /// The batch with its leaves, if those lead to its root.
    pub fn open(self) -> Option<GrownTree<ReceiptBatch>> {
        self.grow(|batch| (batch.count, batch.root))
    }
}

impl<T: Body> GrownTree<T> {
    /// The batch, whose signature may or may not hold.
    pub const fn batch(&self) -> &Signed<T> {
        &self.batch
    }

    /// Its leaves.
    pub const fn tree(&self) -> &OpenTree {
        &self.tree
    }

    /// Whether the signature holds, which is found out once.
    pub(super) fn holds(
        &self,
        network: NetworkId,
        holds: impl FnOnce(&PublicKey, &Hash, &Signature) -> bool,
    ) -> bool {
        *self.holds.get_or_init(|| self.batch.verify_by(network, &self.digest, holds).is_ok())
    }

    /// The same batch with these of its leaves only, in ascending order.
    pub fn prune(&self, leaves: &[u32]) -> Option<SignedTree<T>>
    where
        T: Clone,
    {
        Some(SignedTree { batch: self.batch.clone(), tree: self.tree.prune(leaves)? })
    }
}

impl OriginBasis {
    /// What these proofs have in common, with a link in the place of each; nothing if a path does not
    /// lead to a leaf of its batch. Introductions and items are left out.
    pub fn of(proofs: &[OriginProof]) -> Option<(Self, Vec<OriginLink>)> {
        let (mut receipts, mut assignments) = (Vec::new(), Vec::new());
        let mut profiles: Vec<ProfileId> = Vec::new();
        let mut links = Vec::with_capacity(proofs.len());
        for proof in proofs {
            let mut linked = Vec::with_capacity(proof.receipts.len());
            for Receipt { leaf, path, batch } in &proof.receipts {
                let batch = branch(&mut receipts, batch, leaf.leaf(), path)?;
                let ReceiptLeaf { gas, previous, state_root, profile, .. } = *leaf;
                let known = profiles.iter().position(|known| *known == profile);
                let profile = known.unwrap_or_else(|| {
                    profiles.push(profile);
                    profiles.len() - 1
                });
                let (index, profile) = (path.index, u32::try_from(profile).ok()?);
                linked.push(ReceiptLink { batch, index, profile, gas, previous, state_root });
            }
            let AssignmentProof { assignment, path, batch } = &proof.assignment;
            let batch = branch(&mut assignments, batch, assignment.leaf(), path)?;
            let Assignment { epoch, time, entry, chain, .. } = *assignment;
            let place = AssignmentPlace { batch, index: path.index, epoch, time };
            let assignment = AssignmentLink { place, entry, chain };
            links.push(OriginLink { item: proof.item.clone(), receipts: linked, assignment });
        }
        let (receipts, assignments) = (pruned(receipts)?, pruned(assignments)?);
        Some((Self { receipts, assignments, profiles }, links))
    }

    /// The basis with all digests that follow from it; nothing if a tree is not that of its batch.
    pub fn open(self) -> Option<OpenBasis> {
        let receipts = self.receipts.into_iter().map(SignedTree::<ReceiptBatch>::open);
        let assignments = self.assignments.into_iter().map(SignedTree::<BatchHeader>::open);
        Some(OpenBasis {
            receipts: receipts.collect::<Option<_>>()?,
            assignments: assignments.collect::<Option<_>>()?,
            profiles: self.profiles,
        })
    }
}

impl OpenBasis {
    /// The receipt batch at a position.
    pub fn receipt(&self, batch: u32) -> Option<&GrownTree<ReceiptBatch>> {
        self.receipts.get(usize::try_from(batch).ok()?)
    }

    /// The batch of assignments at a position.
    pub fn assignment(&self, batch: u32) -> Option<&GrownTree<BatchHeader>> {
        self.assignments.get(usize::try_from(batch).ok()?)
    }

    /// The profile at a position.
    pub fn profile(&self, at: u32) -> Option<ProfileId> {
        self.profiles.get(usize::try_from(at).ok()?).copied()
    }

    /// Checks that the source emitted the item, as [`OriginProof::verify`] does.
    ///
    /// # Errors
    ///
    /// [`OriginProofError`] says what is missing or wrong.
    pub fn verify(
        &self,
        link: &OriginLink,
        network: NetworkId,
        emitted: Emitted<'_>,
        (known, ever): (&Source, bool),
        mut holds: impl FnMut(&PublicKey, &Hash, &Signature) -> bool,
    ) -> Result<(), OriginProofError> {
        let AssignmentLink { place, .. } = link.assignment;
        let assignment = link.assignment.assignment(*emitted.source, emitted.slot);
        if assignment.epoch > known.epoch() {
            return Err(OriginProofError::Unknown);
        }
        let batch = self.assignment(place.batch).ok_or(OriginProofError::Assignment)?;
        let outcome = link.item.root_from(emitted.item.leaf()).ok_or(OriginProofError::Item)?;
        let mut receipts = Vec::with_capacity(link.receipts.len());
        for receipt in &link.receipts {
            let (batch, profile) = self
                .receipt(receipt.batch)
                .zip(self.profile(receipt.profile))
                .ok_or(OriginProofError::Receipts)?;
            let leaf = receipt.leaf(&assignment, profile, outcome);
            let leads = batch.tree.leaf(receipt.index) == Some(leaf.leaf());
            receipts.push((batch, leaf, leads));
        }
        Grounds {
            item: &link.item,
            assignment: &assignment,
            scheduler: batch.batch.unverified().scheduler,
            assigned: batch.tree.leaf(place.index) == Some(assignment.leaf()),
            receipts: receipts.iter().map(|(batch, leaf, leads)| Stated {
                unit: batch.batch.unverified().unit,
                leaf,
                leads: *leads,
            }),
        }
        .check(emitted, known, ever)?;
        let signed = batch.holds(network, &mut holds)
            && receipts.iter().all(|(batch, ..)| batch.holds(network, &mut holds));
        if signed { Ok(()) } else { Err(OriginProofError::Signature) }
    }

    /// The proof of an item on its own; nothing if the link leads nowhere.
    pub fn proof(&self, link: &OriginLink, emitted: Emitted<'_>) -> Option<OriginProof> {
        let AssignmentLink { place, .. } = link.assignment;
        let assignment = link.assignment.assignment(*emitted.source, emitted.slot);
        let batch = self.assignment(place.batch)?;
        let outcome = link.item.root_from(emitted.item.leaf())?;
        let receipt = |receipt: &ReceiptLink| {
            let (batch, profile) =
                self.receipt(receipt.batch).zip(self.profile(receipt.profile))?;
            Some(Receipt {
                leaf: receipt.leaf(&assignment, profile, outcome),
                path: batch.tree.path(receipt.index)?,
                batch: batch.batch.clone(),
            })
        };
        Some(OriginProof {
            item: link.item.clone(),
            receipts: link.receipts.iter().map(receipt).collect::<Option<_>>()?,
            assignment: AssignmentProof {
                assignment,
                path: batch.tree.path(place.index)?,
                batch: batch.batch.clone(),
            },
            introduction: None,
            emitted: None,
        })
    }
}

/// Adds a leaf to its batch; gives the batch's position.
fn branch<T: Clone + PartialEq>(
    known: &mut Vec<(Signed<T>, Branches)>,
    batch: &Signed<T>,
    leaf: Hash,
    path: &MerklePath,
) -> Option<u32> {
    let at = known.iter().rposition(|(known, _)| known == batch).unwrap_or_else(|| {
        known.push((batch.clone(), Branches::default()));
        known.len() - 1
    });
    known.get_mut(at)?.1.add(leaf, path).then_some(())?;
    u32::try_from(at).ok()
}

fn pruned<T: Encode<()> + for<'x> Decode<'x, ()>>(
    batches: Vec<(Signed<T>, Branches)>,
) -> Option<Vec<SignedTree<T>>> {
    let prune = |(batch, mut branches): (Signed<T>, Branches)| {
        Some(SignedTree { batch, tree: branches.prune()? })
    };
    batches.into_iter().map(prune).collect()
}

#[cfg(test)]
mod tests;

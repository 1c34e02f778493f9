//! The basis of a group commit: of what the frames of its submissions brought, that which its links
//! lead to.

use std::{collections::HashMap, sync::Arc};

use protocol::{
    AssignmentLink, AssignmentPlace, OpenBasis, OriginBasis, OriginLink, ProfileId, ReceiptLink,
};

/// A basis in the making.
#[derive(Debug, Default)]
pub(super) struct BasisBuilder {
    receipts: Chosen,
    assignments: Chosen,
    profiles: Vec<ProfileId>,
}

/// Batches of other bases, and their leaves that are needed.
#[derive(Debug, Default)]
struct Chosen {
    batches: Vec<(Arc<OpenBasis>, u32, Vec<u32>)>,
    /// The positions here of the batches of a basis, which is known by its address in memory.
    places: HashMap<(usize, u32), u32>,
}

impl Chosen {
    /// Takes a leaf of a batch; gives the batch's position here.
    fn take(&mut self, basis: &Arc<OpenBasis>, batch: u32, leaf: u32) -> u32 {
        let batches = &mut self.batches;
        let at = *self.places.entry((Arc::as_ptr(basis).addr(), batch)).or_insert_with(|| {
            batches.push((Arc::clone(basis), batch, Vec::new()));
            u32::try_from(batches.len() - 1).expect("a batch is bounded")
        });
        let place = usize::try_from(at).ok().and_then(|at| batches.get_mut(at));
        place.expect("places are positions of batches").2.push(leaf);
        at
    }

    /// What was taken: each batch and its leaves, in order.
    fn finish(self) -> impl Iterator<Item = (Arc<OpenBasis>, u32, Vec<u32>)> {
        self.batches.into_iter().map(|(basis, batch, mut leaves)| {
            leaves.sort_unstable();
            leaves.dedup();
            (basis, batch, leaves)
        })
    }
}

const CHECKED: &str = "a link was followed before it came here";

impl BasisBuilder {
    /// Takes what a link leads to; gives the link that leads to it from here. The link holds.
    pub(super) fn link(&mut self, basis: &Arc<OpenBasis>, link: &OriginLink) -> OriginLink {
        let receipt = |receipt: &ReceiptLink| ReceiptLink {
            batch: self.receipts.take(basis, receipt.batch, receipt.index),
            profile: profile(&mut self.profiles, basis.profile(receipt.profile).expect(CHECKED)),
            ..*receipt
        };
        let receipts = link.receipts.iter().map(receipt).collect();
        let place = link.assignment.place;
        let batch = self.assignments.take(basis, place.batch, place.index);
        let place = AssignmentPlace { batch, ..place };
        let assignment = AssignmentLink { place, ..link.assignment };
        OriginLink { item: link.item.clone(), receipts, assignment }
    }

    /// The basis; nothing if nothing leads to it.
    pub(super) fn finish(self) -> Option<OriginBasis> {
        if self.assignments.batches.is_empty() {
            return None;
        }
        let receipts = self.receipts.finish().map(|(basis, batch, leaves)| {
            basis.receipt(batch).and_then(|batch| batch.prune(&leaves)).expect(CHECKED)
        });
        let assignments = self.assignments.finish().map(|(basis, batch, leaves)| {
            basis.assignment(batch).and_then(|batch| batch.prune(&leaves)).expect(CHECKED)
        });
        Some(OriginBasis {
            receipts: receipts.collect(),
            assignments: assignments.collect(),
            profiles: self.profiles,
        })
    }
}

fn profile(known: &mut Vec<ProfileId>, profile: ProfileId) -> u32 {
    let at = known.iter().position(|known| *known == profile).unwrap_or_else(|| {
        known.push(profile);
        known.len() - 1
    });
    u32::try_from(at).expect("a batch is bounded")
}

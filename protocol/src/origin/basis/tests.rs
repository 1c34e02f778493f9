use super::*;
use crate::{
    Delivery, codec,
    examples::{
        NETWORK, delivery, frames::origin_link, origin_proof, other_process, provenance, source,
    },
};

fn known() -> Source {
    provenance().source(&source(), NETWORK).unwrap()
}

fn verify(
    basis: OriginBasis,
    link: &OriginLink,
    delivery: &Delivery,
) -> Result<(), OriginProofError> {
    let basis = basis.open().ok_or(OriginProofError::Signature)?;
    basis.verify(link, NETWORK, delivery.into(), (&known(), false), PublicKey::verifies)
}

/// Changes the valid link and expects it to be refused so.
#[track_caller]
fn tampered(change: impl FnOnce(&mut OriginLink), expected: &OriginProofError) {
    let (basis, mut link) = origin_link();
    change(&mut link);
    assert_eq!(verify(basis, &link, &delivery()).as_ref(), Err(expected));
}

#[test]
fn a_link_says_what_the_proof_says() {
    let (basis, link) = origin_link();
    assert_eq!(verify(basis.clone(), &link, &delivery()), Ok(()));
    let proof = OriginProof { introduction: None, ..origin_proof() };
    assert_eq!(basis.open().unwrap().proof(&link, (&delivery()).into()), Some(proof));
}

#[test]
fn an_altered_link_is_refused() {
    tampered(|link| link.assignment.place.epoch = Epoch::new(1), &OriginProofError::Unknown);
    tampered(|link| link.assignment.place.batch = 1, &OriginProofError::Assignment);
    tampered(|link| link.assignment.place.index ^= 1, &OriginProofError::Assignment);
    tampered(|link| link.assignment.chain = Hash::ZERO, &OriginProofError::Assignment);
    tampered(|link| link.item.index ^= 1, &OriginProofError::Item);
    tampered(|link| link.item.siblings.clear(), &OriginProofError::Item);
    tampered(|link| link.receipts[0].gas = Gas::new(1), &OriginProofError::Receipts);
    tampered(|link| link.receipts[0].index ^= 1, &OriginProofError::Receipts);
    tampered(|link| link.receipts[0].profile = 9, &OriginProofError::Receipts);
    tampered(|link| link.receipts.push(link.receipts[0]), &OriginProofError::Receipts);
    tampered(|link| link.receipts.clear(), &OriginProofError::Receipts);
}

#[test]
fn a_link_of_another_item_or_slot_is_refused() {
    let (basis, link) = origin_link();
    let mut other = delivery();
    other.item.target = other_process();
    other.item.index ^= 1;
    assert!(verify(basis.clone(), &link, &other).is_err());
    let other = Delivery { slot: Slot::new(9), ..delivery() };
    assert_eq!(verify(basis, &link, &other), Err(OriginProofError::Assignment));
}

#[test]
fn a_batch_that_nobody_signed_is_refused() {
    let (mut basis, link) = origin_link();
    let signed = &basis.receipts[0].batch;
    let (bytes, authority) =
        (signed.body_bytes().to_vec(), *origin_proof().assignment.batch.authority());
    basis.receipts[0].batch = Signed::from_parts(bytes, authority).unwrap();
    assert_eq!(verify(basis, &link, &delivery()), Err(OriginProofError::Signature));
}

#[test]
fn a_tree_of_another_batch_is_not_opened() {
    let (mut basis, _) = origin_link();
    basis.assignments[0].tree = basis.receipts[0].tree.clone();
    assert!(basis.open().is_none());
}

#[test]
fn a_signature_is_checked_once() {
    let (basis, link) = origin_link();
    let (basis, known, delivery) = (basis.open().unwrap(), known(), delivery());
    let mut checked = 0;
    for _ in 0..3 {
        let holds = |key: &PublicKey, digest: &Hash, signature: &Signature| {
            checked += 1;
            key.verifies(digest, signature)
        };
        let verified = basis.verify(&link, NETWORK, (&delivery).into(), (&known, false), holds);
        assert_eq!(verified, Ok(()));
    }
    assert_eq!(checked, 1 + link.receipts.len());
}

#[test]
fn proofs_of_one_slot_share_its_batches() {
    let (basis, links) = OriginBasis::of(&[origin_proof(), origin_proof()]).unwrap();
    assert_eq!((basis.receipts.len(), basis.assignments.len(), basis.profiles.len()), (1, 1, 1));
    assert_eq!(links[0], links[1]);
    let mut cut = origin_proof();
    cut.assignment.path.siblings.pop();
    assert_eq!(OriginBasis::of(&[cut]), None);
}

#[test]
fn a_link_is_a_fraction_of_a_proof() {
    let (_, link) = origin_link();
    let proof = OriginProof { introduction: None, ..origin_proof() };
    assert!(codec::encode(&link).len() * 3 < codec::encode(&proof).len());
}

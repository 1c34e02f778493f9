use super::*;
use crate::examples::{NETWORK, key, receipt, receipt_leaf};

#[test]
fn a_receipt_holds() {
    assert_eq!(receipt().verify(NETWORK), Ok(()));
    assert_eq!(receipt().unit(), key(3).public().unit());
}

#[test]
fn every_field_of_the_leaf_is_signed() {
    let leaf = receipt_leaf;
    for leaf in [
        ReceiptLeaf { process: crate::examples::other_process(), ..leaf() },
        ReceiptLeaf { slot: Slot::ZERO, ..leaf() },
        ReceiptLeaf { chain: Hash::ZERO, ..leaf() },
        ReceiptLeaf { profile: ProfileId::from_bytes([0; 32]), ..leaf() },
        ReceiptLeaf { outcome: Hash::ZERO, ..leaf() },
        ReceiptLeaf { gas: Gas::ZERO, ..leaf() },
        ReceiptLeaf { previous: None, ..leaf() },
        ReceiptLeaf { state_root: None, ..leaf() },
    ] {
        let altered = Receipt { leaf, ..receipt() };
        assert_eq!(altered.verify(NETWORK), Err(ReceiptError::Path));
    }
}

#[test]
fn the_count_of_leaves_is_the_one_that_is_signed() {
    let mut altered = receipt();
    altered.path.count = 4;
    assert_eq!(altered.verify(NETWORK), Err(ReceiptError::Path));
}

#[test]
fn a_receipt_signed_by_another_key_is_refused() {
    let mut forged = receipt();
    forged.batch = Signed::sign(forged.batch.unverified().clone(), &key(9));
    assert_eq!(forged.verify(NETWORK), Err(ReceiptError::Batch(VerifyError::WrongSigner)));
}

#[test]
fn a_receipt_of_another_network_is_refused() {
    let verified = receipt().verify(NetworkId::from_bytes([0; 32]));
    assert_eq!(verified, Err(ReceiptError::Batch(VerifyError::WrongNetwork)));
}

#[test]
fn the_next_receipt_does_not_depend_on_where_state_roots_are_computed() {
    let without = ReceiptLeaf { state_root: None, ..receipt_leaf() };
    assert_eq!(without.digest(), receipt_leaf().digest());
    assert_ne!(without.leaf(), receipt_leaf().leaf());
    let other = ReceiptLeaf { gas: Gas::ZERO, ..receipt_leaf() };
    assert_ne!(other.digest(), receipt_leaf().digest());
}

use protocol::{Receipt, ReceiptBatch, ReceiptLeaf, SecretKey, Signed, Slot, Value};

use super::{Proven, compare, section};
use crate::explorer::testing::{self, NETWORK, assert_harmless, process};

/// The receipt of a unit for a slot, of the same outcome unless it is altered.
fn receipt(seed: u8, slot: u64, alter: impl FnOnce(&mut ReceiptLeaf)) -> Receipt {
    let assignment = testing::record(testing::message("source"), slot).assignment;
    let executed = testing::executed(&assignment, testing::value(&Value::Null), Vec::new());
    let mut leaf = executed.receipt.leaf;
    alter(&mut leaf);
    let key: SecretKey = testing::key(seed);
    let tree = protocol::MerkleTree::new(vec![leaf.leaf()]);
    let said = executed.receipt.batch.unverified().clone();
    let batch = ReceiptBatch { unit: key.public().unit(), root: tree.root(), ..said };
    Receipt { leaf, path: tree.path(0).unwrap(), batch: Signed::sign(batch, &key) }
}

fn same(_: &mut ReceiptLeaf) {}

fn standing(receipts: impl IntoIterator<Item = Receipt>) -> super::Standing {
    compare(Slot::new(5), Slot::new(5), receipts, NETWORK).remove(0)
}

#[test]
fn units_that_say_the_same_agree_and_a_unit_counts_once() {
    let slots = compare(
        Slot::new(6),
        Slot::new(5),
        [receipt(3, 5, same), receipt(3, 5, same), receipt(4, 5, same)],
        NETWORK,
    );
    assert_eq!(slots.iter().map(|slot| slot.slot.get()).collect::<Vec<_>>(), [6, 5]);
    assert_eq!(slots[0].agreeing, [], "nobody has signed it");
    assert_eq!(slots[1].agreeing.len(), 2);
    assert!(slots[1].others.is_empty() && !slots[1].fault);
}

#[test]
fn contradictory_receipts_are_a_fault_and_receipts_of_another_log_are_none() {
    let lies = receipt(5, 5, |leaf| leaf.gas = protocol::Gas::new(1));
    let found = standing([receipt(3, 5, same), receipt(4, 5, same), lies]);
    assert!(found.fault);
    assert_eq!((found.agreeing.len(), found.others.len()), (2, 1), "most are believed");
    let elsewhere = receipt(5, 5, |leaf| leaf.chain = protocol::Hash::ZERO);
    let found = standing([receipt(3, 5, same), elsewhere]);
    assert!(!found.fault && found.others.len() == 1);
    let rooted = |root: u8| {
        move |leaf: &mut ReceiptLeaf| {
            leaf.state_root = Some(protocol::Hash::from_bytes([root; 32]));
        }
    };
    assert!(standing([receipt(3, 5, rooted(1)), receipt(4, 5, rooted(2))]).fault);
    assert!(!standing([receipt(3, 5, rooted(1)), receipt(4, 5, same)]).fault);
}

#[test]
fn the_section_says_how_far_a_quorum_goes_and_how_to_check_it() {
    let process = process("source");
    let mut proven = testing::proven();
    let page = section(&process, &Ok(proven.clone())).into_string();
    assert_harmless(&page);
    for fact in ["contradictory results of slot 7", "1 of 2", "otherwise", "is not shown"] {
        assert!(page.contains(fact), "{fact}: {page}");
    }
    assert!(page.contains(&format!(r#"data-copy="antiphon verify {process}""#)));
    proven.slots.remove(1);
    let page = section(&process, &Ok(proven.clone())).into_string();
    assert!(page.contains("Up to slot 6, 2 of 3 compute units"), "{page}");
    assert!(!page.contains("asked here"), "all are asked");
    let many = Proven { units: super::UNITS_MAX + 1, ..proven.clone() };
    assert!(section(&process, &Ok(many)).into_string().contains("first 16 of them"));
    proven = Proven { quorum: 3, ..proven };
    assert!(section(&process, &Ok(proven)).into_string().contains("not yet"));
    let page = section(&process, &Err(testing::problem())).into_string();
    assert!(page.contains("unreachable") && page.contains("antiphon verify"));
}

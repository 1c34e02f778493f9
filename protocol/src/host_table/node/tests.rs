use super::*;
use crate::host_table::subtree;

/// A leaf at a chosen place.
fn leaf_at(key_digest: [u8; 32]) -> Arc<Leaf> {
    let leaf = Leaf::new(b"key", b"value");
    Arc::new(Leaf { key_digest: Hash::from_bytes(key_digest), ..leaf })
}

fn last_bit(set: u8) -> [u8; 32] {
    let mut digest = [0xa5; 32];
    digest[31] = 0xfe | set;
    digest
}

#[test]
fn keys_that_differ_in_their_last_bit_have_their_place() {
    let leaves = [leaf_at(last_bit(0)), leaf_at(last_bit(1))];
    let digests =
        leaves.clone().map(|leaf| (leaf.key_digest, leaf_digest(&leaf.key_digest, &leaf.value)));
    for order in [[0, 1], [1, 0]] {
        let mut node = Node::default();
        for place in order {
            assert!(node.put(0, Arc::clone(&leaves[place])));
        }
        assert_eq!(node.digest(), subtree(&digests, 0));
        assert!(!node.put(0, Arc::clone(&leaves[0])), "a key that is there is not new");
    }
}

#[test]
fn what_is_left_of_two_keys_is_a_leaf_without_branches() {
    for (gone, left) in [(0, 1), (1, 0)] {
        let mut node = Node::default();
        node.put(0, leaf_at(last_bit(gone)));
        node.put(0, leaf_at(last_bit(left)));
        node.put(0, leaf_at([0; 32]));
        node.take(0, &Hash::from_bytes([0; 32]));
        node.take(0, &Hash::from_bytes(last_bit(gone)));
        let Node::Leaf(leaf) = node else { panic!("one key is a leaf") };
        assert_eq!(*leaf.key_digest.as_bytes(), last_bit(left));
    }
}

#[test]
fn shared_bits_count_from_the_most_significant() {
    let digest = Hash::from_bytes;
    let mut other = [0; 32];
    other[1] = 0x10;
    assert_eq!(shared_bits(&digest([0; 32]), &digest(other)), 11);
    assert_eq!(shared_bits(&digest(last_bit(0)), &digest(last_bit(1))), 255);
    assert_eq!(shared_bits(&digest(other), &digest(other)), 256);
}

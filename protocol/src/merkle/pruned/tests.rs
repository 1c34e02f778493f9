use proptest::prelude::*;

use super::*;
use crate::{Domain, codec};

fn tree(count: u32) -> MerkleTree {
    let leaf = |index: u32| Domain::AssignmentLeaf.digest(&[&index.to_le_bytes()]);
    MerkleTree::new((0..count).map(leaf).collect())
}

/// A tree of some size and some of its leaves.
fn chosen() -> impl Strategy<Value = (u32, Vec<u32>)> {
    (1_u32..70).prop_flat_map(|count| {
        let all: Vec<u32> = (0..count).collect();
        (Just(count), proptest::sample::subsequence(all, 0..=usize::try_from(count).unwrap()))
    })
}

proptest! {
    #[test]
    fn a_pruned_tree_has_the_root_and_the_paths_of_its_leaves((count, leaves) in chosen()) {
        let whole = tree(count);
        let pruned = whole.prune(&leaves).unwrap();
        let open = pruned.open().unwrap();
        prop_assert_eq!(open.root(), whole.root());
        for leaf in &leaves {
            prop_assert_eq!(open.path(*leaf), whole.path(*leaf));
            prop_assert_eq!(open.leaf(*leaf), whole.digest(0, *leaf));
        }
        let half: Vec<u32> = leaves.iter().copied().step_by(2).collect();
        prop_assert_eq!(open.prune(&half), whole.prune(&half));
    }

    #[test]
    fn branches_join_to_the_pruned_tree((count, leaves) in chosen()) {
        prop_assume!(!leaves.is_empty());
        let whole = tree(count);
        let mut branches = Branches::default();
        for leaf in leaves.iter().rev() {
            let path = whole.path(*leaf).unwrap();
            prop_assert!(branches.add(whole.digest(0, *leaf).unwrap(), &path));
        }
        prop_assert_eq!(branches.prune(), whole.prune(&leaves));
    }

    #[test]
    fn one_root_has_one_pruned_tree_of_the_same_leaves((count, leaves) in chosen(), at: usize) {
        let whole = tree(count);
        let mut altered = whole.prune(&leaves).unwrap();
        let at = at % altered.heights.len();
        altered.heights[at] ^= 1;
        prop_assert!(altered.open().is_none_or(|open| open.root() != whole.root()));
    }

    #[test]
    fn anything_opens_or_does_not(count: u32, heights: Vec<u8>, digests: Vec<u8>) {
        let _ = PrunedTree { count, heights: heights.clone(), digests }.open();
        let digests = vec![7; heights.len() * 32];
        let tree = PrunedTree { count, heights, digests };
        if let Some(open) = tree.open() {
            let leaves: Vec<u32> = open.leaves().collect();
            let known = open.prune(&leaves).unwrap().open().unwrap();
            prop_assert_eq!(known.root(), open.root());
        }
    }
}

#[test]
fn what_does_not_belong_is_not_opened() {
    let pruned = tree(5).prune(&[1, 4]).unwrap();
    assert_eq!(pruned.heights, [0, 0, 1, 0]);
    let mut missing = pruned.clone();
    missing.heights.pop();
    assert_eq!(missing.open(), None);
    missing.digests.truncate(96);
    assert_eq!(missing.open(), None);
    let mut more = pruned.clone();
    more.push(0, &Hash::ZERO);
    assert_eq!(more.open(), None);
    let huge = PrunedTree { count: u32::MAX, ..pruned };
    assert_eq!(huge.open(), None);
    assert_eq!(tree(5).prune(&[5]), None);
    assert_eq!(tree(0).prune(&[]).unwrap().open().unwrap().root(), Hash::ZERO);
}

#[test]
fn a_path_of_another_tree_is_not_joined() {
    let (five, six) = (tree(5), tree(6));
    let mut branches = Branches::default();
    assert!(branches.add(five.digest(0, 4).unwrap(), &five.path(4).unwrap()));
    assert!(!branches.add(six.digest(0, 4).unwrap(), &six.path(4).unwrap()));
    let mut long = five.path(3).unwrap();
    long.siblings.push(Hash::ZERO);
    assert!(!branches.add(Hash::ZERO, &long));
}

#[test]
fn a_pruned_tree_takes_33_bytes_a_digest() {
    let bytes = codec::encode(&tree(1_000).prune(&(0..1_000).collect::<Vec<_>>()).unwrap());
    assert!(bytes.len() < 33 * 1_000 + 16, "{}", bytes.len());
}

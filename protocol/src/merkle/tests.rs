use super::*;

fn leaves(count: u32) -> Vec<Hash> {
    (0..count).map(|index| Domain::AssignmentLeaf.digest(&[&index.to_le_bytes()])).collect()
}

#[test]
fn every_leaf_has_a_path_to_the_root() {
    for count in 1..=33 {
        let leaves = leaves(count);
        let tree = MerkleTree::new(leaves.clone());
        for (index, leaf) in (0..).zip(leaves) {
            let path = tree.path(index).unwrap();
            assert_eq!((path.index, path.count), (index, count));
            assert_eq!(path.root_from(leaf), Some(tree.root()), "{index} of {count}");
        }
        assert_eq!(tree.path(count), None);
    }
}

#[test]
fn a_path_from_another_leaf_or_place_leads_elsewhere() {
    for count in 2..=33 {
        let leaves = leaves(count);
        let tree = MerkleTree::new(leaves.clone());
        for index in 0..count {
            let path = tree.path(index).unwrap();
            for other in (0..count).filter(|other| *other != index) {
                let leaf = leaves[index as usize];
                assert_ne!(path.root_from(leaves[other as usize]), Some(tree.root()));
                let moved = MerklePath { index: other, ..path.clone() };
                assert_ne!(moved.root_from(leaf), Some(tree.root()), "{index} as {other}");
            }
        }
    }
}

#[test]
fn every_sibling_matters() {
    for count in 2..=33 {
        let leaves = leaves(count);
        let tree = MerkleTree::new(leaves.clone());
        for (index, leaf) in (0..).zip(leaves) {
            let path = tree.path(index).unwrap();
            for level in 0..path.siblings.len() {
                let mut changed = path.clone();
                changed.siblings[level] = Hash::ZERO;
                assert_ne!(changed.root_from(leaf), Some(tree.root()));
                let mut shorter = path.clone();
                shorter.siblings.remove(level);
                assert_eq!(shorter.root_from(leaf), None);
            }
            let mut longer = path;
            longer.siblings.push(Hash::ZERO);
            assert_eq!(longer.root_from(leaf), None);
        }
    }
}

#[test]
fn a_place_outside_of_the_tree_leads_nowhere() {
    let path = MerklePath { index: 0, count: 0, siblings: Vec::new() };
    assert_eq!(path.root_from(Hash::ZERO), None);
    let path = MerklePath { index: 1, count: 1, siblings: Vec::new() };
    assert_eq!(path.root_from(Hash::ZERO), None);
    let path = MerklePath { index: u32::MAX - 1, count: u32::MAX, siblings: Vec::new() };
    assert_eq!(path.root_from(Hash::ZERO), None);
}

#[test]
fn an_odd_node_is_promoted_and_not_doubled() {
    let [a, b, c] = leaves(3).try_into().unwrap();
    assert_ne!(merkle_root(vec![a, b, c]), merkle_root(vec![a, b, c, c]));
    assert_eq!(merkle_root(vec![a, b, c]), node(&node(&a, &b), &c));
}

#[test]
fn small_trees_have_simple_roots() {
    let [a, b] = leaves(2).try_into().unwrap();
    assert_eq!(merkle_root(Vec::new()), Hash::ZERO);
    assert_eq!(merkle_root(vec![a]), a);
    assert_eq!(merkle_root(vec![a, b]), Domain::MerkleNode.digest(&[a.as_bytes(), b.as_bytes()]));
    assert_eq!(MerkleTree::new(Vec::new()).path(0), None);
}

#[test]
fn the_root_depends_on_the_order() {
    let [a, b] = leaves(2).try_into().unwrap();
    assert_ne!(merkle_root(vec![a, b]), merkle_root(vec![b, a]));
}

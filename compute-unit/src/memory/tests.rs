use proptest::prelude::*;
use protocol::Hash;

use super::*;

#[test]
fn a_set_of_pages_is_a_set() {
    let mut set: PageSet = [5, 0, 64, 5, 200].into_iter().collect();
    assert_eq!(set.len(), 4);
    assert_eq!(set.iter().collect::<Vec<_>>(), [0, 5, 64, 200]);
    set.extend(&[1, 64, 1_000].into_iter().collect());
    assert_eq!(set.iter().collect::<Vec<_>>(), [0, 1, 5, 64, 200, 1_000]);
    assert_eq!(set.len(), 6);
    assert!(set.contains(1_000) && !set.contains(999));
    set.clear();
    assert!(set.is_empty() && set.iter().next().is_none());
}

#[test]
#[cfg(target_os = "linux")]
fn a_kernel_with_pagemap_scan_keeps_marks_by_it() {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut parts = release.split('.').map_while(|part| part.parse::<u32>().ok());
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version >= (6, 7) && rustix::param::page_size() == STATE_PAGE {
        assert_eq!(Tracking::all(), [Tracking::Copied, Tracking::Mapped]);
    }
}

/// A memory of zeros that grows by wasm pages and changes by single bytes.
fn changes() -> impl Strategy<Value = Vec<(usize, Vec<usize>)>> {
    let bytes = proptest::collection::vec(0..64_usize << 20, 0..5);
    proptest::collection::vec((0..12_usize, bytes), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_tree_has_the_hash_of_the_image(changes in changes()) {
        let mut image = vec![0; 65_536];
        let mut tree = MemoryTree::new();
        for (round, (wasm_pages, places)) in changes.into_iter().enumerate() {
            image.resize(image.len() + wasm_pages * 65_536, 0);
            let mut changed = PageSet::default();
            for place in places {
                let place = place % image.len();
                image[place] = u8::try_from(round).unwrap() + 1;
                changed.insert(page_at(place));
            }
            let before = tree.clone();
            let old = before.root();
            tree.update(&image, &changed).unwrap();
            prop_assert_eq!(tree.root(), Hash::of_blob(&image));
            prop_assert_eq!(before.root(), old, "a clone stays what it was");
        }
    }
}

#[test]
fn the_tree_grows_over_every_level() {
    // 64 pages are one group, 4,096 are two levels; 16 pages at a time.
    let mut tree = MemoryTree::new();
    assert_eq!(tree.root(), Hash::of_blob(&[]));
    for pages in [16, 32, 64, 80, 128, 1_024, 4_080, 4_096, 4_112, 8_192] {
        let mut image = vec![0; pages * STATE_PAGE];
        image[0] = 1;
        image[pages * STATE_PAGE - 1] = 0;
        let changed = [0].into_iter().collect();
        tree.update(&image, &changed).unwrap();
        assert_eq!(tree.root(), Hash::of_blob(&image), "{pages}");
    }
}

use std::time::Duration;

use super::*;

#[test]
fn a_duration_counts_in_its_class_and_all_above() {
    let commits = Histogram::default();
    for micros in [1, 100, 101, 400_000, 10_000_000] {
        commits.note(Duration::from_micros(micros));
    }
    let list = commits.list("commit");
    let at_most = |bound: u64| {
        let name = format!("commit_le_micros:{bound}");
        list.iter().find(|(found, _)| *found == name).unwrap().1
    };
    assert_eq!((at_most(100), at_most(250), at_most(100_000), at_most(500_000)), (2, 3, 3, 4));
    assert_eq!(list.len(), BOUNDS.len());
}

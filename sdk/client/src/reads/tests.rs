use protocol::Timestamp;

use super::*;

fn entry(process: u8, next: u64, moved: Option<u8>) -> ProcessEntry {
    ProcessEntry {
        process: ProcessId::from_bytes([process; 32]),
        spawn: Vec::new(),
        next: Slot::new(next),
        time: Timestamp::ZERO,
        moved: moved.map(unit),
    }
}

fn unit(byte: u8) -> UnitId {
    UnitId::from_bytes([byte; 32])
}

#[test]
fn a_process_that_moved_is_listed_once_with_its_present_scheduler() {
    let (old, new) = ((unit(1), entry(7, 5, Some(2))), (unit(2), entry(7, 9, None)));
    let other = (unit(1), entry(8, 3, None));
    for all in [vec![old.clone(), other.clone(), new.clone()], vec![new, other, old.clone()]] {
        let listed = present(all);
        let shown: Vec<_> = listed.iter().map(|(unit, entry)| (*unit, entry.next.get())).collect();
        assert!(shown.contains(&(unit(2), 9)) && shown.contains(&(unit(1), 3)), "{shown:?}");
        assert_eq!(shown.len(), 2);
    }
    let listed = present(vec![old]);
    assert_eq!(listed[0].0, unit(2), "also where the present one does not answer");
}

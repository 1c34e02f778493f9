use protocol::ProcessId;

use super::*;
use crate::witness::tests::frame;

/// What a unit states of a slot, twice with different gas.
fn fault(slot: u64) -> Fault {
    let receipt = |gas| {
        let frame = frame(1, &[(ProcessId::from_bytes([1; 32]), slot, gas)]);
        Box::new(frame.receipt(&frame.inner.slots[0]).unwrap())
    };
    Fault::Receipts(receipt(1), receipt(2))
}

#[test]
fn a_file_holds_the_fault_under_its_digest() {
    let data = tempfile::tempdir().unwrap();
    let faults = Faults::new(data.path());
    let path = faults.write(&fault(4)).unwrap().unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(codec::decode::<Fault>(&bytes), Ok(fault(4)));
    let digest = Hash::of_blob(&bytes);
    assert_eq!(path, data.path().join(format!("faults/{digest}.fault")));
    assert_eq!(faults.write(&fault(4)).unwrap(), Some(path), "it is there already");
    assert_eq!(fs::read_dir(data.path().join("faults")).unwrap().count(), 1);
}

#[test]
fn there_are_at_most_256_files() {
    let data = tempfile::tempdir().unwrap();
    let faults = Faults::new(data.path());
    fs::create_dir(data.path().join("faults")).unwrap();
    for number in 0..FILES_MAX {
        File::create(data.path().join(format!("faults/{number}"))).unwrap();
    }
    assert_eq!(faults.write(&fault(4)).unwrap(), None);
}

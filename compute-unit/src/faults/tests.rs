use protocol::{AssignmentProof, Entry, Limits, MerkleTree};

use super::*;
use crate::testing::{Log, NETWORK};

/// One slot, assigned to two messages.
fn fault() -> Fault {
    let assign = |method: &str| {
        let mut log = Log::new(b"module", Limits::DEFAULT);
        log.frame(&[Entry::Spawn(log.spawn.clone())]);
        let entry = log.message(method, &[0xa0]);
        let frame = log.frame(&[entry]);
        let path = MerkleTree::new(frame.leaves.clone()).path(0).unwrap();
        let assignment = frame.records[0].assignment;
        Box::new(AssignmentProof { assignment, path, batch: frame.batch })
    };
    Fault::Assignments(assign("one"), assign("two"))
}

#[test]
fn a_file_holds_the_fault_under_its_digest() {
    let data = tempfile::tempdir().unwrap();
    let faults = Faults::new(data.path());
    assert!(fault().culprits(NETWORK).is_ok());
    let path = faults.write(&fault()).unwrap().unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(codec::decode::<Fault>(&bytes), Ok(fault()));
    let digest = Hash::of_blob(&bytes);
    assert_eq!(path, data.path().join(format!("faults/{digest}.fault")));
    assert_eq!(faults.write(&fault()).unwrap(), Some(path), "it is there already");
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
    assert_eq!(faults.write(&fault()).unwrap(), None);
}

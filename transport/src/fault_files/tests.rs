use std::{env, process};

use protocol::{
    Assignment, AssignmentProof, BatchHeader, EntryId, Epoch, Kind, MerklePath, ProcessId, Signed,
    Slot, Timestamp, V1, chain_hash,
};

use super::*;
use crate::testing::{NETWORK, key, unit};

/// A directory that ends with the test.
struct Data(PathBuf);

impl Data {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("antiphon-{name}-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One slot, assigned to two entries.
fn fault() -> Fault {
    let assign = |entry: u8| {
        let (process, epoch) = (ProcessId::from_bytes([1; 32]), Epoch::ZERO);
        let (slot, time, entry) = (Slot::ZERO, Timestamp::ZERO, EntryId::from_bytes([entry; 32]));
        let chain = chain_hash(&Hash::ZERO, epoch, slot, time, &entry);
        let assignment = Assignment { process, epoch, slot, time, entry, chain };
        let (version, kind, network, scheduler) = (V1, Kind, NETWORK, unit(1));
        let (number, count, root) = (0, 1, assignment.leaf());
        let header = BatchHeader { version, kind, network, scheduler, number, time, count, root };
        let path = MerklePath { index: 0, count: 1, siblings: Vec::new() };
        Box::new(AssignmentProof { assignment, path, batch: Signed::sign(header, &key(1)) })
    };
    Fault::Assignments(assign(1), assign(2))
}

#[test]
fn a_file_holds_the_fault_under_its_digest() {
    let data = Data::new("fault");
    let faults = FaultFiles::new(&data.0);
    assert!(fault().culprits(NETWORK).is_ok());
    let path = faults.write(&fault()).unwrap().unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(codec::decode::<Fault>(&bytes), Ok(fault()));
    let digest = Hash::of_blob(&bytes);
    assert_eq!(path, data.0.join(format!("faults/{digest}.fault")));
    assert_eq!(faults.write(&fault()).unwrap(), Some(path), "it is there already");
    assert_eq!(fs::read_dir(data.0.join("faults")).unwrap().count(), 1);
}

#[test]
fn there_are_at_most_256_files() {
    let data = Data::new("faults");
    let faults = FaultFiles::new(&data.0);
    fs::create_dir(data.0.join("faults")).unwrap();
    for number in 0..256 {
        File::create(data.0.join(format!("faults/{number}"))).unwrap();
    }
    assert_eq!(faults.write(&fault()).unwrap(), None);
}

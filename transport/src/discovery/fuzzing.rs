//! Records of units as strangers hand them to Kademlia, without a node.

use libp2p::kad::RecordKey;
use protocol::{NetworkId, Signed, Timestamp, UnitId, UnitRecord};

use super::{names, store};
use crate::Directory;

/// What decides which records enter a directory, with the directory.
#[derive(Debug)]
pub struct Admission {
    directory: Directory,
    admission: store::Admission,
}

impl Admission {
    /// The time at which records are checked.
    pub const NOW: Timestamp = Timestamp::new(1_700_000_000_000);

    /// An empty directory.
    pub fn new(network: NetworkId) -> Self {
        let directory = Directory::new(network);
        let admission = store::Admission::new(directory.clone(), || Self::NOW);
        Self { directory, admission }
    }

    /// Offers a record under a key; tells whether it is in the directory then.
    pub fn admit(&self, key: &[u8], value: &[u8]) -> bool {
        self.admission.admit(&RecordKey::from(key.to_vec()), value).is_ok()
    }

    /// Offers a record under the key of a unit; tells whether it is in the directory then.
    pub fn admit_of(&self, unit: &UnitId, value: &[u8]) -> bool {
        self.admission.admit(&names::record_key(unit), value).is_ok()
    }

    /// The record of a unit.
    pub fn known(&self, unit: &UnitId) -> Option<Signed<UnitRecord>> {
        self.directory.record(unit)
    }
}

//! Who is in the network, as far as this program knows: checked unit records, newest only.
//!
//! Every way of learning of units (configuration, discovery, a bootstrap unit) ends here, and
//! everything that needs to reach a unit reads here.
//!
//! # Invariants
//!
//! - Whatever stands here was signed by its unit, for this network, with an operator's word for it.
//! - The sequence of a unit's record never goes back while it is known.
//! - At most [`Directory::RECORDS_MAX`] units; whoever is known stays, newcomers are turned away.

mod clock;
mod signer;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use protocol::{
    NetworkId, OperatorId, Role, Signed, Timestamp, UnitId, UnitRecord, UnitRecordError,
};
use tokio::sync::watch;

pub(crate) use clock::wall_clock;
pub use signer::RecordSigner;

/// The units known, with their records. Cheap to clone; all clones are one directory.
#[derive(Debug, Clone)]
pub struct Directory {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    network: NetworkId,
    known: Mutex<Known>,
    version: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Known {
    records: BTreeMap<UnitId, Signed<UnitRecord>>,
    /// Units whose address somebody watches, known or not.
    watched: BTreeMap<UnitId, watch::Sender<Option<SocketAddr>>>,
}

impl Directory {
    /// The most units a directory holds.
    pub const RECORDS_MAX: usize = 4_096;

    /// A directory of one network that knows nobody yet.
    pub fn new(network: NetworkId) -> Self {
        let (version, _) = watch::channel(0);
        Self { inner: Arc::new(Inner { network, known: Mutex::default(), version }) }
    }

    /// The network whose units it holds.
    pub fn network(&self) -> NetworkId {
        self.inner.network
    }

    /// Takes a record over if it holds and is newer than what is known of its unit; tells whether
    /// it did.
    ///
    /// # Errors
    ///
    /// [`UnitRecordError`] if the record does not hold at `now`.
    pub fn insert(
        &self,
        record: Signed<UnitRecord>,
        now: Timestamp,
    ) -> Result<bool, UnitRecordError> {
        let (unit, sequence) = (record.unverified().unit, record.unverified().sequence);
        // Before the signatures, which cost more: most records that arrive are known.
        if self.known().sequence(&unit).is_some_and(|known| known >= sequence) {
            return Ok(false);
        }
        record.check_record(self.inner.network, now)?;
        {
            let mut known = self.known();
            if known.sequence(&unit).is_some_and(|known| known >= sequence) {
                return Ok(false);
            }
            let newcomer = !known.records.contains_key(&unit);
            if newcomer && known.records.len() >= Self::RECORDS_MAX {
                known.prune(now);
                if known.records.len() >= Self::RECORDS_MAX {
                    tracing::warn!(%unit, "the directory is full: a unit is turned away");
                    return Ok(false);
                }
            }
            known.records.insert(unit, record);
            known.announce(&unit);
        }
        self.inner.version.send_modify(|version| *version += 1);
        Ok(true)
    }

    /// Forgets the records that are past their time.
    pub fn prune(&self, now: Timestamp) {
        if self.known().prune(now) {
            self.inner.version.send_modify(|version| *version += 1);
        }
    }

    /// All records, sorted by unit.
    pub fn records(&self) -> Vec<Signed<UnitRecord>> {
        self.known().records.values().cloned().collect()
    }

    /// The record of a unit.
    pub fn record(&self, unit: &UnitId) -> Option<Signed<UnitRecord>> {
        self.known().records.get(unit).cloned()
    }

    /// The units of a role, sorted.
    pub fn units(&self, role: Role) -> Vec<UnitId> {
        let known = self.known();
        let records = known.records.values().map(Signed::unverified);
        records.filter(|record| record.role == role).map(|record| record.unit).collect()
    }

    /// Who vouches for a unit.
    pub fn operator(&self, unit: &UnitId) -> Option<OperatorId> {
        self.known().records.get(unit).map(|record| record.unverified().operator)
    }

    /// A number that grows with every change.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.inner.version.subscribe()
    }

    /// Where a unit listens, now and whenever that changes; nothing while the unit is unknown.
    pub fn address(&self, unit: UnitId) -> watch::Receiver<Option<SocketAddr>> {
        let mut known = self.known();
        known.watched.retain(|watched, sender| *watched == unit || sender.receiver_count() > 0);
        let address = known.address(&unit);
        known.watched.entry(unit).or_insert_with(|| watch::channel(address).0).subscribe()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Every step under the lock leaves the maps whole.
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn sequence(&self, unit: &UnitId) -> Option<u64> {
        self.records.get(unit).map(|record| record.unverified().sequence)
    }

    /// The first address that can be dialed; a record lists the best first.
    fn address(&self, unit: &UnitId) -> Option<SocketAddr> {
        let addresses = &self.records.get(unit)?.unverified().addresses;
        addresses.iter().filter_map(|address| dialable(address)).next()
    }

    /// Tells the watchers of a unit where it is now, unless they know.
    fn announce(&self, unit: &UnitId) {
        let address = self.address(unit);
        if let Some(watched) = self.watched.get(unit) {
            watched.send_if_modified(|known| {
                let moved = *known != address;
                *known = address;
                moved
            });
        }
    }

    /// Forgets what has expired; tells whether there was any.
    fn prune(&mut self, now: Timestamp) -> bool {
        let expired = self.records.extract_if(.., |_, record| record.unverified().expires < now);
        let expired: Vec<_> = expired.map(|(unit, _)| unit).collect();
        expired.iter().for_each(|unit| self.announce(unit));
        !expired.is_empty()
    }
}

/// An address of a record, unless nobody could dial it.
pub(crate) fn dialable(address: &str) -> Option<SocketAddr> {
    let address = address.parse::<SocketAddr>().ok()?;
    (!address.ip().is_unspecified() && address.port() != 0).then_some(address)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

//! What Kademlia stores: nothing of its own. The directory is the store.
//!
//! # Invariants
//!
//! - A record is the canonical encoding of a signed unit record, under the key of its unit; all
//!   others are refused before anything is stored.
//! - The providers of a role are the units of the directory that have the role.

use std::{
    borrow::Cow,
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
    vec,
};

use libp2p::{
    PeerId,
    kad::{
        K_VALUE, ProviderRecord, Record, RecordKey,
        store::{Error, RecordStore, Result},
    },
};
use protocol::{Signed, Timestamp, UnitId, UnitRecord, UnitRecordError, codec};

use super::names;
use crate::{Directory, directory::dialable};

/// The longest encoding of a record, in bytes: one with eight addresses has half of it.
pub(super) const RECORD_MAX: usize = 2_048;

/// How far ahead a record may expire: ones that never do would fill directories for good.
const AHEAD_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Decides which records enter a directory.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    directory: Directory,
    clock: fn() -> Timestamp,
}

/// What an admitted record was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    /// Newer than all before.
    New,
    /// The one that is known already.
    Known,
}

/// Why a record is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0} bytes are too many for a record")]
    TooLarge(usize),
    #[error(transparent)]
    Malformed(#[from] codec::DecodeError),
    #[error("the record is not about the unit its key names")]
    WrongKey,
    #[error(transparent)]
    Invalid(#[from] UnitRecordError),
    #[error("the record expires too late")]
    TooFarAhead,
    #[error("a newer record is known")]
    Stale,
    #[error("the directory is full")]
    Full,
}

impl Refused {
    /// Whether no honest unit would have passed the record on.
    pub(super) const fn is_offence(&self) -> bool {
        match self {
            Self::TooLarge(_) | Self::Malformed(_) | Self::WrongKey => true,
            Self::Invalid(error) => !matches!(error, UnitRecordError::Expired),
            Self::TooFarAhead | Self::Stale | Self::Full => false,
        }
    }
}

impl Admission {
    pub(super) fn new(directory: Directory, clock: fn() -> Timestamp) -> Self {
        Self { directory, clock }
    }

    /// Takes a record over if it holds, cheapest check first.
    pub(super) fn admit(
        &self,
        key: &RecordKey,
        value: &[u8],
    ) -> std::result::Result<Admitted, Refused> {
        if value.len() > RECORD_MAX {
            return Err(Refused::TooLarge(value.len()));
        }
        let signed: Signed<UnitRecord> = codec::decode(value)?;
        let UnitRecord { unit, sequence, expires, .. } = *signed.unverified();
        if names::unit_of_key(key) != Some(unit) {
            return Err(Refused::WrongKey);
        }
        let now = (self.clock)();
        let ahead = u64::try_from(AHEAD_MAX.as_millis()).unwrap_or(u64::MAX);
        if expires > now.saturating_add(ahead) {
            return Err(Refused::TooFarAhead);
        }
        match self.directory.record(&unit) {
            Some(known) if known.unverified().sequence > sequence => Err(Refused::Stale),
            Some(known) if known == signed => Ok(Admitted::Known),
            known => match self.directory.insert(signed, now)? {
                true => Ok(Admitted::New),
                false if known.is_some() => Err(Refused::Stale),
                false => Err(Refused::Full),
            },
        }
    }
}

/// The directory as Kademlia's store.
pub(super) struct Store {
    directory: Directory,
    admission: Admission,
    /// Where the next answer about a role begins, so that many answers show all units.
    window: AtomicUsize,
}

impl Store {
    pub(super) fn new(admission: Admission) -> Self {
        Self { directory: admission.directory.clone(), admission, window: AtomicUsize::new(0) }
    }

    fn provider(&self, key: &RecordKey, unit: &UnitId) -> Option<ProviderRecord> {
        let record = self.directory.record(unit)?;
        let addresses = record.unverified().addresses.iter();
        let addresses = addresses.filter_map(|address| dialable(address)).map(names::multiaddr);
        Some(ProviderRecord::new(key.clone(), names::peer_id(unit)?, addresses.collect()))
    }
}

/// A signed unit record as Kademlia carries it.
pub(super) fn record(signed: &Signed<UnitRecord>) -> Record {
    Record::new(names::record_key(&signed.unverified().unit), codec::encode(signed))
}

impl RecordStore for Store {
    type RecordsIter<'a> = vec::IntoIter<Cow<'a, Record>>;
    type ProvidedIter<'a> = vec::IntoIter<Cow<'a, ProviderRecord>>;

    fn get(&self, key: &RecordKey) -> Option<Cow<'_, Record>> {
        let signed = self.directory.record(&names::unit_of_key(key)?)?;
        Some(Cow::Owned(record(&signed)))
    }

    fn put(&mut self, record: Record) -> Result<()> {
        match self.admission.admit(&record.key, &record.value) {
            Ok(_) => Ok(()),
            Err(refused) => {
                tracing::debug!(%refused, "a record is not stored");
                Err(match refused {
                    Refused::Full => Error::MaxRecords,
                    // Kademlia has no word for the other reasons, and only logs this one.
                    _ => Error::ValueTooLarge,
                })
            }
        }
    }

    /// Records leave with their time, not because a query asks for it.
    fn remove(&mut self, _: &RecordKey) {}

    fn records(&self) -> Self::RecordsIter<'_> {
        let records = self.directory.records();
        let records: Vec<_> = records.iter().map(|signed| Cow::Owned(record(signed))).collect();
        records.into_iter()
    }

    /// Nothing is stored: whoever provides a role is found by its record.
    fn add_provider(&mut self, _: ProviderRecord) -> Result<()> {
        Ok(())
    }

    fn providers(&self, key: &RecordKey) -> Vec<ProviderRecord> {
        let Some(role) = names::role_of_key(key) else {
            return Vec::new();
        };
        let mut units = self.directory.units(role);
        if units.len() > K_VALUE.get() {
            let start = self.window.fetch_add(K_VALUE.get(), Ordering::Relaxed) % units.len();
            units.rotate_left(start);
            units.truncate(K_VALUE.get());
        }
        units.iter().filter_map(|unit| self.provider(key, unit)).collect()
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        Vec::new().into_iter()
    }

    fn remove_provider(&mut self, _: &RecordKey, _: &PeerId) {}
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

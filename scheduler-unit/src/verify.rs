//! Decides what may reach the sequencer: everything about an entry that does not depend on its log.
//!
//! Stateless but for caches, so that many threads verify at once. [`Pool`] runs it.
//!
//! # Invariants
//!
//! - Only what a principal signed, or what a process provably emitted, becomes [`Checked`].
//! - A messenger's word is never evidence.

mod keys;
mod origin;
mod pool;

use std::{collections::HashSet, sync::Arc};

use protocol::{
    AccountId, Entry, EntryId, Message, NetworkId, Principal, ProcessId, Profile, ProfileId,
    Refusal, RefusalCode, Signed, Spawn, Timestamp, UnitId, VerifyError, api::Submission, codec,
};

use crate::{
    order::{Checked, CheckedBody, EXPIRY_WINDOW, Place},
    shard::Shards,
    store::StoreError,
};
use keys::Keys;
use origin::Origins;

pub(crate) use origin::{PROOF_BYTES, Proven};
pub(crate) use pool::{Arrival, Event, Lane, Pool};

/// What verification makes of a submission.
#[derive(Debug)]
pub(crate) enum Ready {
    /// It may be sequenced.
    Checked(Box<Checked>),
    /// It was assigned before this unit started.
    Known(Place),
    /// It has no place.
    Refused(Refusal),
}

/// What verification must know.
#[derive(Debug)]
pub(crate) struct Verifier {
    network: NetworkId,
    unit: UnitId,
    profile: ProfileId,
    accounts: Option<HashSet<AccountId>>,
    shards: Arc<Shards>,
    origins: Origins,
    keys: Keys,
    /// Messages that could have been assigned before this instant are looked up on disk: their ids
    /// are not in memory.
    started: Timestamp,
}

impl Verifier {
    /// A verifier of one unit of one network.
    pub(crate) fn new(
        network: NetworkId,
        unit: UnitId,
        accounts: Option<Vec<AccountId>>,
        shards: Arc<Shards>,
        started: Timestamp,
    ) -> Self {
        let profile = Profile::v1().id();
        let accounts = accounts.map(|accounts| accounts.into_iter().collect());
        let origins = Origins::new(network, Arc::clone(&shards));
        let keys = Keys::default();
        Self { network, unit, profile, accounts, shards, origins, keys, started }
    }

    /// Takes note of who a source is, so that what follows on the stream need not say it again.
    pub(crate) fn meet(&self, submission: &Submission) {
        if let Some(origin) = &submission.origin
            && let Some(introduction) = &origin.introduction
            && let Entry::Delivery(delivery) = &submission.entry
        {
            self.origins.meet(&delivery.source, introduction);
        }
    }

    /// Verifies one submission.
    pub(crate) fn verify(&self, submission: Submission) -> Ready {
        self.check(submission).unwrap_or_else(Ready::Refused)
    }

    fn check(&self, submission: Submission) -> Result<Ready, Refusal> {
        let Submission { entry, origin, .. } = submission;
        if origin.is_some() && !matches!(entry, Entry::Delivery(_)) {
            let detail = "only deliveries carry a proof of origin";
            return Err(Refusal::new(RefusalCode::BadBody, detail));
        }
        let bytes = codec::encode(&entry);
        match entry {
            Entry::Spawn(spawn) => self.check_spawn(spawn, bytes),
            Entry::Message(message) => self.check_message(message, bytes),
            Entry::Delivery(delivery) => {
                let proof = origin.ok_or_else(|| {
                    let detail = "a delivery comes with a proof of its origin";
                    Refusal::new(RefusalCode::BadOrigin, detail)
                })?;
                let origin = codec::encode(&*proof);
                let proven = self.origins.prove(&delivery, &proof, origin.len())?;
                let id = delivery.delivery_id();
                Ok(checked(id, bytes, Some(origin), CheckedBody::Delivery(proven)))
            }
            Entry::Skip(_) | Entry::Timer(_) | Entry::Answer(_) | Entry::Control(_) => {
                let detail = "this scheduler accepts spawns, messages and tells only";
                Err(Refusal::new(RefusalCode::UnsupportedEntry, detail))
            }
        }
    }

    fn check_spawn(&self, spawn: Signed<Spawn>, bytes: Vec<u8>) -> Result<Ready, Refusal> {
        let verified = spawn.verify(self.network).map_err(refuse_signature)?;
        let body = verified.body();
        self.check_listed(&body.sender)?;
        if body.scheduler != self.unit {
            let detail = format!("it names another scheduler, {}", body.scheduler);
            return Err(Refusal::new(RefusalCode::WrongScheduler, detail));
        }
        if body.profile != self.profile {
            let detail = format!("this scheduler knows profile {} only", self.profile);
            return Err(Refusal::new(RefusalCode::UnknownProfile, detail));
        }
        if !self.shards.modules.contains(&body.module) {
            let detail = "store the module at this scheduler first";
            return Err(Refusal::new(RefusalCode::UnknownModule, detail));
        }
        if !body.acceptance.holds(self.network, &body.module, &body.profile) {
            let detail = "no unit of its policy accepted the module under this profile";
            return Err(Refusal::new(RefusalCode::BadAcceptance, detail));
        }
        let id = verified.entry_id();
        Ok(checked(id, bytes, None, CheckedBody::Spawn(Box::new(verified))))
    }

    fn check_message(&self, message: Signed<Message>, bytes: Vec<u8>) -> Result<Ready, Refusal> {
        let verified = message.verify_ready(self.network, |key| self.keys.ready(key));
        let verified = verified.map_err(refuse_signature)?;
        self.check_listed(&verified.body().sender)?;
        let id = verified.entry_id();
        let earliest = verified.body().expiry.get().saturating_sub(EXPIRY_WINDOW);
        if earliest <= self.started.get()
            && let Some(place) = self.find(&verified.body().target, &id)?
        {
            return Ok(Ready::Known(place));
        }
        Ok(checked(id, bytes, None, CheckedBody::Message(Box::new(verified))))
    }

    /// Where an entry of a process stands, as far as the index and what is newer know.
    fn find(&self, process: &ProcessId, entry: &EntryId) -> Result<Option<Place>, Refusal> {
        self.shards.archive(process).find(entry).map_err(refuse_storage)
    }

    fn check_listed(&self, sender: &Principal) -> Result<(), Refusal> {
        let listed = match (&self.accounts, sender) {
            (None, _) => true,
            (Some(accounts), Principal::Account(account)) => accounts.contains(account),
            (Some(_), _) => false,
        };
        let detail = "the account is not on this scheduler's list; ask its operator";
        listed.then_some(()).ok_or_else(|| Refusal::new(RefusalCode::NotListed, detail))
    }
}

fn checked(id: EntryId, entry: Vec<u8>, origin: Option<Vec<u8>>, body: CheckedBody) -> Ready {
    Ready::Checked(Box::new(Checked { id, entry, origin, body }))
}

fn refuse_signature(error: VerifyError) -> Refusal {
    let code = match error {
        VerifyError::WrongNetwork => RefusalCode::WrongNetwork,
        VerifyError::WrongSigner => RefusalCode::WrongSigner,
        VerifyError::BadSignature => RefusalCode::BadSignature,
        VerifyError::BadBody(_) => RefusalCode::BadBody,
    };
    Refusal::new(code, error.to_string())
}

/// Refuses because of this unit's disk, without telling peers about it in detail.
pub(crate) fn refuse_storage(error: StoreError) -> Refusal {
    tracing::error!(%error, "the store failed");
    let detail = match error {
        StoreError::Damaged(_) => {
            "a file of the scheduler is damaged; its operator must restore it"
        }
        _ => "the scheduler's disk failed; try again later",
    };
    Refusal { retry_after: Some(1_000), ..Refusal::new(RefusalCode::StorageFailed, detail) }
}

#[cfg(test)]
mod tests;

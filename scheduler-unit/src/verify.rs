//! Decides what may reach the sequencer: everything about an entry that does not depend on its log.
//!
//! Stateless but for caches, so that many threads verify at once. [`Pool`] runs it.
//!
//! # Invariants
//!
//! - Only what a principal signed, or what a process provably emitted, becomes [`Checked`].
//! - A messenger's word is never evidence.

mod basis;
mod keys;
mod messages;
mod origin;
mod pool;
mod signatures;

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use protocol::{
    Acceptance, AccountId, Answer, Body, Control, ControlAction, Delivery, Domain, Entry, EntryId,
    ItemBody, ModuleId, NetworkId, PairNumber, Principal, ProcessId, Profile, ProfileId, PublicKey,
    Refusal, RefusalCode, Signed, Source, Spawn, Timer, TimerKind, Timestamp, UnitId, VerifyError,
    api::Submission, codec,
};

use crate::{
    absence::Absences,
    archive::Archive,
    order::{Checked, CheckedBody, Place, not_own},
    shard::Shards,
    store::StoreError,
};
use basis::Shown;
use keys::Keys;

/// What is said of a proof that is missing, or is not wanted.
const PROVEN: &str = "deliveries, skips and timers come with a proof of origin, and no others";

pub(crate) use basis::{Basis, LINK_BYTES, Origin};
pub(crate) use origin::{Child, Due, Misfit, Origins, PROOF_BYTES, Proven, Recurring};
#[cfg(simulation)]
pub(crate) use pool::Worker;
pub(crate) use pool::{Arrival, Event, Lane, Pool, Share};
pub(crate) use signatures::Signatures;

/// What verification makes of a submission.
#[derive(Debug)]
pub(crate) enum Ready {
    /// It may be sequenced.
    Checked(Box<Checked>),
    /// It was assigned before.
    Known(Place),
    /// It was refused for good before.
    KnownRefused(EntryId),
    /// It has no place.
    Refused(Refusal),
}

/// A submission, and the canonical bytes of its entry and of its proof of origin.
#[derive(Debug)]
pub(crate) struct Said {
    /// What it says.
    pub(crate) submission: Submission,
    /// The bytes of its entry.
    pub(crate) entry_bytes: Bytes,
    /// The bytes of its proof of origin.
    pub(crate) proof_bytes: Option<Bytes>,
    /// What its link leads to.
    pub(crate) basis: Option<Arc<Basis>>,
}

/// What verification must know.
#[derive(Debug)]
pub(crate) struct Verifier {
    network: NetworkId,
    unit: UnitId,
    accounts: Option<HashSet<AccountId>>,
    shards: Arc<Shards>,
    pub(crate) origins: Origins,
    pub(crate) absences: Absences,
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
        let accounts = accounts.map(|accounts| accounts.into_iter().collect());
        let origins = Origins::new(network, Arc::clone(&shards));
        let (absences, keys) = (Absences::default(), Keys::default());
        Self { network, unit, accounts, shards, origins, absences, keys, started }
    }

    /// Takes note of who a process is, so that what follows on the stream need not say it again.
    pub(crate) fn meet(&self, submission: &Submission) {
        let introduction =
            submission.origin.as_ref().and_then(|origin| origin.introduction.as_ref());
        match &submission.entry {
            Entry::Delivery(item) | Entry::Skip(item) => {
                introduction.into_iter().for_each(|known| self.origins.meet(&item.source, known));
            }
            Entry::Answer(answer) => {
                let target = answer.statement.unverified().target;
                let introduction = submission.introduction.iter();
                introduction.for_each(|known| self.origins.meet(&target, known));
            }
            _ => {}
        }
    }

    fn check(
        &self,
        now: Timestamp,
        Said { submission, entry_bytes, proof_bytes, basis }: Said,
    ) -> Result<Ready, Refusal> {
        let Submission { entry, origin: whole, link, .. } = submission;
        let proven = matches!(entry, Entry::Delivery(_) | Entry::Skip(_) | Entry::Timer(_));
        let (whole, link) = (whole.map(|proof| *proof).zip(proof_bytes), link.zip(basis));
        let origin = match (whole, link) {
            (Some((proof, bytes)), None) => Some(Shown::Whole(Box::new(proof), bytes)),
            (None, Some((link, basis))) => {
                basis.open()?;
                Some(Shown::Linked(basis, link))
            }
            _ => None,
        };
        if origin.is_some() != proven {
            return Err(Refusal::new(RefusalCode::BadOrigin, PROVEN));
        }
        let id = entry.id();
        let proof = origin.as_ref();
        let (body, looked_up) = match (entry, proof) {
            (Entry::Spawn(spawn), _) => (self.check_spawn(spawn)?, Timestamp::ZERO),
            (Entry::Control(control), _) => (self.check_control(control)?, now),
            (Entry::Answer(answer), _) => (self.check_answer(&answer)?, now),
            (Entry::Delivery(delivery), Some(proof)) => {
                (self.check_delivery(delivery, proof)?, Timestamp::ZERO)
            }
            (Entry::Skip(skip), Some(proof)) => {
                (CheckedBody::Skip(self.origins.prove_skip(&skip, proof)?), Timestamp::ZERO)
            }
            (Entry::Timer(timer), Some(proof)) => {
                (CheckedBody::Timer(self.check_timer(now, &timer, proof)?), now)
            }
            // Messages are checked together, and these come with their proofs.
            (Entry::Message(_), _)
            | (Entry::Delivery(_) | Entry::Skip(_) | Entry::Timer(_), None) => {
                return Err(Refusal::new(RefusalCode::BadOrigin, PROVEN));
            }
        };
        let (entry, origin) = (entry_bytes, origin.map(Origin::from));
        self.look_up_first(Checked { id, entry, origin, looked_up, body })
    }

    /// Looks an entry up in the index and what is newer, if it is to be.
    fn look_up_first(&self, checked: Checked) -> Result<Ready, Refusal> {
        if checked.looked_up > Timestamp::ZERO
            && let archive = self.shards.archive(&checked.body.target())
            && let Some(known) = look_up(archive, &checked.id).map_err(refuse_storage)?
        {
            return Ok(known);
        }
        Ok(Ready::Checked(Box::new(checked)))
    }

    fn check_delivery(&self, delivery: Delivery, proof: &Shown) -> Result<CheckedBody, Refusal> {
        let item = self.origins.prove(&delivery, proof)?;
        let ItemBody::Spawn(bytes, _) = delivery.item.body else {
            return Ok(CheckedBody::Delivery(item));
        };
        let misfit =
            |is_own, flaw| Ok(CheckedBody::Misfit(Box::new(Misfit { item, is_own, flaw })));
        let bad = |detail: &str| Refusal::new(RefusalCode::BadBody, detail);
        if Domain::Spawn.digest(&[&bytes]).as_bytes() != item.target().as_bytes() {
            return misfit(false, bad("the target of a spawn is the process of its digest"));
        }
        let Ok(spawn) = codec::decode::<Spawn>(&bytes) else {
            return misfit(true, bad("the spawn cannot be read"));
        };
        let (process, parent) = (item.target(), item.source());
        let elsewhere = [RefusalCode::WrongScheduler, RefusalCode::UnknownModule];
        match self.check_child(&item, &spawn) {
            Ok(()) => Ok(CheckedBody::Child(Box::new(Child { process, parent, spawn, bytes }))),
            // At another scheduler, or later, it may well be what it should be.
            Err(refusal)
                if elsewhere.contains(&refusal.code)
                    && self.shards.archive(&process).board.process(&process).is_none() =>
            {
                Err(refusal)
            }
            Err(flaw) => misfit(spawn.scheduler == self.unit, flaw),
        }
    }

    fn check_timer(&self, now: Timestamp, timer: &Timer, proof: &Shown) -> Result<Due, Refusal> {
        let due = self.origins.prove_timer(timer, proof)?;
        let target = proof.emitted().map(|item| item.target);
        let Some(target) = target.filter(|_| timer.kind == TimerKind::NoTarget) else {
            return Ok(due);
        };
        if self.origins.source(&target)?.is_some() {
            return Err(Refusal::new(RefusalCode::NotDue, "the target of the ask is known here"));
        }
        self.absences.check(now, &target)?;
        // It does not wait for the deadline of the ask.
        Ok(Due { due: Timestamp::ZERO, ..due })
    }

    fn check_child(&self, item: &Proven, spawn: &Spawn) -> Result<(), Refusal> {
        let bad = |detail: &str| Refusal::new(RefusalCode::BadBody, detail);
        if item.number() != PairNumber::ZERO {
            return Err(bad("a child is number 0 of its pair with the parent"));
        }
        spawn.check().map_err(bad)?;
        if spawn.network != self.network || spawn.sender != Principal::Process(item.source()) {
            return Err(bad("a child's spawn names this network and its parent"));
        }
        self.check_spawn_body(spawn)
    }

    fn check_control(&self, control: Signed<Control>) -> Result<CheckedBody, Refusal> {
        let verified = control.verify(self.network).map_err(refuse_signature)?;
        let body = verified.body();
        self.check_listed(&body.sender)?;
        match &body.action {
            ControlAction::Takeover { .. } => {
                let detail = "a takeover is shown to the scheduler that takes over (adopt)";
                return Err(Refusal::new(RefusalCode::BadHandover, detail));
            }
            ControlAction::Upgrade { module, acceptance, .. } => {
                let source = self.own(&body.target)?;
                let named = source.names(&acceptance.unit, false);
                self.check_module(module, &source.profile(), acceptance, named)?;
            }
            _ => {}
        }
        Ok(CheckedBody::Control(Box::new(verified)))
    }

    /// Who a process is that this scheduler orders. Of what others order the modules are not here
    /// either, and whoever asks must learn where to go.
    fn own(&self, process: &ProcessId) -> Result<Arc<Source>, Refusal> {
        let known = self.shards.archive(process).board.process(process);
        let source = known.ok_or_else(|| not_own(None))?.standing.source;
        if let Some(refusal) = self.shards.seals.refuses(process, || source.changes()) {
            return Err(refusal);
        }
        match source.scheduler() {
            scheduler if scheduler == self.unit => Ok(source),
            other => Err(not_own(Some(other))),
        }
    }

    fn check_answer(&self, answer: &Answer) -> Result<CheckedBody, Refusal> {
        let statement = answer.statement.unverified();
        let known = self.origins.source(&statement.target)?;
        let known = known.ok_or_else(|| {
            let detail = "the target is not known here; send its introduction";
            Refusal::new(RefusalCode::IntroductionNeeded, detail)
        })?;
        if known.scheduler() != statement.scheduler {
            let detail = "the statement is not of the scheduler that orders the target now";
            return Err(Refusal::new(RefusalCode::BadOrigin, detail));
        }
        let digest = answer.statement.digest();
        let signed = answer.statement.verify_by(self.network, &digest, PublicKey::verifies);
        signed.map_err(refuse_signature)?;
        Ok(CheckedBody::Answer(statement.source))
    }

    fn check_spawn(&self, spawn: Signed<Spawn>) -> Result<CheckedBody, Refusal> {
        let verified = spawn.verify(self.network).map_err(refuse_signature)?;
        self.check_listed(&verified.body().sender)?;
        self.check_spawn_body(verified.body())?;
        Ok(CheckedBody::Spawn(Box::new(verified)))
    }

    fn check_spawn_body(&self, spawn: &Spawn) -> Result<(), Refusal> {
        if spawn.scheduler != self.unit {
            let detail = format!("it names another scheduler, {}", spawn.scheduler);
            return Err(Refusal::new(RefusalCode::WrongScheduler, detail));
        }
        // That the unit is one of the policy, the spawn's own rules say.
        self.check_module(&spawn.module, &spawn.profile, &spawn.acceptance, true)
    }

    fn check_module(
        &self,
        module: &ModuleId,
        profile: &ProfileId,
        acceptance: &Acceptance,
        named: bool,
    ) -> Result<(), Refusal> {
        if Profile::of(profile).is_none() {
            let detail = format!("this scheduler does not know profile {profile}");
            return Err(Refusal::new(RefusalCode::UnknownProfile, detail));
        }
        if !self.shards.modules.contains(module) {
            let detail = "store the module at this scheduler first";
            return Err(Refusal::new(RefusalCode::UnknownModule, detail));
        }
        if !named || !acceptance.holds(self.network, module, profile) {
            let detail = "no unit of its policy accepted the module under this profile";
            return Err(Refusal::new(RefusalCode::BadAcceptance, detail));
        }
        Ok(())
    }

    /// Refuses whom this scheduler does not serve.
    pub(crate) fn check_listed(&self, sender: &Principal) -> Result<(), Refusal> {
        let listed = match (&self.accounts, sender) {
            (None, _) => true,
            (Some(accounts), Principal::Account(account)) => accounts.contains(account),
            (Some(_), _) => false,
        };
        let detail = "the account is not on this scheduler's list; ask its operator";
        listed.then_some(()).ok_or_else(|| Refusal::new(RefusalCode::NotListed, detail))
    }
}

/// What became of an entry that the index, or what is newer, knows.
pub(crate) fn look_up(archive: &Archive, id: &EntryId) -> Result<Option<Ready>, StoreError> {
    if let Some(place) = archive.find(id)? {
        return Ok(Some(Ready::Known(place)));
    }
    Ok(archive.is_refused(id)?.then_some(Ready::KnownRefused(*id)))
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
        StoreError::Fenced => "another scheduler has taken over the log; ask that one",
        _ => "the scheduler's disk failed; try again later",
    };
    Refusal { retry_after: Some(1_000), ..Refusal::new(RefusalCode::StorageFailed, detail) }
}

#[cfg(test)]
mod tests;

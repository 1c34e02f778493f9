//! Who a process is: its spawn, and the controls that changed whom to believe about it.
//!
//! A log is a row of epochs. Each has one scheduler and one compute policy. A control that changes
//! either, or the controller, is the last slot of its epoch, so the old scheduler's assignment of it
//! seals the epoch. A takeover, for a scheduler that is lost, is the first slot of a new epoch: its
//! control names the last slot that counts of the old one, and units of the policy attest it.
//!
//! # Invariants
//!
//! - Every change is authorised by the controller that the changes before it leave.
//! - A slot belongs to one epoch: past the end of an epoch its scheduler's word counts for nothing.

use minicbor::{Decode, Encode};

use crate::{
    AssignmentProof, ComputePolicy, Control, ControlAction, Domain, Epoch, NetworkId, Principal,
    ProcessId, ProfileId, PublicKey, Receipt, Signed, Slot, Spawn, UnitId, codec,
};

/// Who a process is: its spawn, whose digest is its id, and what changed its scheduler or policy.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Provenance {
    /// The bytes of its [`Spawn`].
    #[cbor(n(0), with = "minicbor::bytes")]
    pub spawn: Vec<u8>,
    /// The controls that opened its later epochs, in order.
    #[n(1)]
    pub changes: Vec<Change>,
}

/// A control that opened an epoch, with what ended the one before.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Change {
    /// The control.
    #[n(0)]
    pub control: Signed<Control>,
    /// The last assignment of the epoch before: that of the control, or of the slot that a takeover
    /// names.
    #[n(1)]
    pub sealed: AssignmentProof,
    /// Of a takeover only: receipts of the slot that it names, of as many units as the policy
    /// demands.
    #[n(2)]
    pub attested: Option<Vec<Receipt>>,
}

/// Who orders, executes and controls a process, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    profile: ProfileId,
    controller: Principal,
    /// All policies, the newest last.
    policies: Vec<ComputePolicy>,
    /// One for each epoch.
    spans: Vec<Span>,
}

/// An epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Span {
    scheduler: UnitId,
    /// Its first slot.
    first: Slot,
}

/// Why a provenance, or a change of one, is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProvenanceError {
    /// The spawn is another process's.
    #[error("its spawn has another id")]
    OtherSpawn,
    /// The spawn cannot be read, or has a bad policy.
    #[error("its spawn is not valid")]
    Spawn,
    /// The control is not signed by the controller of the time.
    #[error("a control is not signed by the controller")]
    NotController,
    /// The control is about another process.
    #[error("a control is about another process")]
    OtherProcess,
    /// The control changes nothing that a provenance is about.
    #[error("a control does not end an epoch")]
    NoChange,
    /// The new policy has another version than the next, or does not name the one before.
    #[error("a policy does not follow from the one before")]
    Policy,
    /// The assignment is not the last of its epoch.
    #[error("an epoch is not sealed by its scheduler")]
    Seal,
    /// A takeover is not attested by a quorum of the policy.
    #[error("a takeover is not attested by the units of the policy")]
    Attestation,
    /// The log has as many epochs as it can have.
    #[error("the log has too many epochs")]
    TooMany,
}

impl Provenance {
    /// The most changes that are read.
    pub const CHANGES_MAX: usize = 1_024;

    /// Reads who the process is, and checks all of it.
    ///
    /// # Errors
    ///
    /// [`ProvenanceError`] if this is not the provenance of the process.
    pub fn source(
        &self,
        process: &ProcessId,
        network: NetworkId,
    ) -> Result<Source, ProvenanceError> {
        let mut source = Source::born(process, &self.spawn)?;
        for change in &self.changes {
            source.apply(process, change, network)?;
        }
        Ok(source)
    }
}

impl Source {
    /// Who a process is by the bytes of its spawn.
    ///
    /// # Errors
    ///
    /// [`ProvenanceError`] if they are not those of the process, or not valid.
    pub fn born(process: &ProcessId, spawn: &[u8]) -> Result<Self, ProvenanceError> {
        if Domain::Spawn.digest(&[spawn]).as_bytes() != process.as_bytes() {
            return Err(ProvenanceError::OtherSpawn);
        }
        let spawn: Spawn = codec::decode(spawn).map_err(|_| ProvenanceError::Spawn)?;
        spawn.policy.check().map_err(|_| ProvenanceError::Spawn)?;
        Ok(Self::of_spawn(&spawn))
    }

    /// Who a process is by its spawn, which the caller has checked.
    pub fn of_spawn(spawn: &Spawn) -> Self {
        Self {
            profile: spawn.profile,
            controller: spawn.controller,
            policies: vec![spawn.policy.clone()],
            spans: vec![Span { scheduler: spawn.scheduler, first: Slot::ZERO }],
        }
    }

    /// The semantics of its execution.
    pub const fn profile(&self) -> ProfileId {
        self.profile
    }

    /// Who may change what the next epoch is.
    pub const fn controller(&self) -> Principal {
        self.controller
    }

    /// Whose receipts count.
    pub fn policy(&self) -> &ComputePolicy {
        self.policies.last().expect("there is the policy of the spawn")
    }

    /// Who orders its log now.
    pub fn scheduler(&self) -> UnitId {
        self.span().scheduler
    }

    /// The present epoch.
    pub fn epoch(&self) -> Epoch {
        Epoch::new(u64::try_from(self.changes()).unwrap_or(u64::MAX))
    }

    /// How many changes led to this.
    pub const fn changes(&self) -> usize {
        self.spans.len() - 1
    }

    /// The first slot of the present epoch.
    pub fn first(&self) -> Slot {
        self.span().first
    }

    /// Who orders each epoch, and its first slot, in order.
    pub fn epochs(&self) -> impl DoubleEndedIterator<Item = (UnitId, Slot)> + '_ {
        self.spans.iter().map(|span| (span.scheduler, span.first))
    }

    /// All schedulers the process has had, each once, the present one first.
    pub fn schedulers(&self) -> Vec<UnitId> {
        let mut schedulers = Vec::new();
        for (scheduler, _) in self.epochs().rev() {
            if !schedulers.contains(&scheduler) {
                schedulers.push(scheduler);
            }
        }
        schedulers
    }

    /// Who orders a slot of an epoch: nobody if the epoch is not known or does not have the slot.
    pub fn scheduler_of(&self, epoch: Epoch, slot: Slot) -> Option<UnitId> {
        let index = usize::try_from(epoch.get()).ok()?;
        let span = self.spans.get(index)?;
        let end = index.checked_add(1).and_then(|next| self.spans.get(next));
        (slot >= span.first && end.is_none_or(|end| slot < end.first)).then_some(span.scheduler)
    }

    /// Whether the newest policy, or any if `ever`, names a unit.
    pub fn names(&self, unit: &UnitId, ever: bool) -> bool {
        let newest = self.policies.iter().rev();
        newest.take(if ever { usize::MAX } else { 1 }).any(|policy| policy.units.contains(unit))
    }

    /// All policies the process has had, the newest last.
    pub fn policies(&self) -> &[ComputePolicy] {
        &self.policies
    }

    /// Checks that the controller may order this now. Signatures are the caller's.
    ///
    /// # Errors
    ///
    /// [`ProvenanceError`] says what stands against it.
    pub fn permits(&self, control: &Control) -> Result<(), ProvenanceError> {
        if control.sender != self.controller || control.sender == Principal::Anonymous {
            return Err(ProvenanceError::NotController);
        }
        if let ControlAction::Policy(next) = &control.action {
            let present = self.policy();
            let follows = present.version.checked_add(1) == Some(next.version)
                && next.previous == Some(present.digest());
            if !follows {
                return Err(ProvenanceError::Policy);
            }
        }
        if control.action.ends_epoch() && self.changes() >= Provenance::CHANGES_MAX {
            return Err(ProvenanceError::TooMany);
        }
        Ok(())
    }

    /// Goes on to the next epoch: of a control that [`Self::permits`] and that is the last slot of
    /// the present epoch or, for a takeover, the slot after the one that it names.
    pub fn advance(&mut self, control: &Control, slot: Slot) {
        let mut scheduler = self.scheduler();
        let mut first = slot.next().unwrap_or(slot);
        match &control.action {
            ControlAction::Policy(policy) => self.policies.push(policy.clone()),
            ControlAction::Controller(controller) => self.controller = *controller,
            ControlAction::Move(next) => scheduler = *next,
            ControlAction::Takeover { scheduler: next, .. } => {
                scheduler = *next;
                first = slot;
            }
            ControlAction::Upgrade { .. } | ControlAction::Stop => return,
        }
        self.spans.push(Span { scheduler, first });
    }

    /// Checks a change and goes on to the epoch that it opened.
    ///
    /// # Errors
    ///
    /// [`ProvenanceError`]; nothing has changed then.
    pub fn apply(
        &mut self,
        process: &ProcessId,
        change: &Change,
        network: NetworkId,
    ) -> Result<(), ProvenanceError> {
        let control = change.control.unverified();
        if control.target != *process {
            return Err(ProvenanceError::OtherProcess);
        }
        if !control.action.ends_epoch() {
            return Err(ProvenanceError::NoChange);
        }
        self.permits(control)?;
        let digest = change.control.digest();
        let signed = change.control.verify_by(network, &digest, PublicKey::verifies);
        signed.map_err(|_| ProvenanceError::NotController)?;
        let sealed = &change.sealed.assignment;
        let scheduler = self.scheduler_of(sealed.epoch, sealed.slot);
        let sealed_by = scheduler.ok_or(ProvenanceError::Seal)?;
        if sealed.process != *process || change.sealed.verify(network, &sealed_by).is_err() {
            return Err(ProvenanceError::Seal);
        }
        let slot = match &control.action {
            ControlAction::Takeover { slot, .. } => {
                self.check_takeover(control, change, network)?;
                slot.next().ok_or(ProvenanceError::Seal)?
            }
            _ if sealed.epoch != self.epoch() || sealed.entry.as_bytes() != digest.as_bytes() => {
                return Err(ProvenanceError::Seal);
            }
            _ => sealed.slot,
        };
        self.advance(control, slot);
        Ok(())
    }

    /// The last slot that counts is the one named, in the present epoch or the end of the one
    /// before, and a quorum has executed it.
    fn check_takeover(
        &self,
        control: &Control,
        change: &Change,
        network: NetworkId,
    ) -> Result<(), ProvenanceError> {
        let ControlAction::Takeover { slot, chain, .. } = &control.action else {
            return Err(ProvenanceError::NoChange);
        };
        let sealed = &change.sealed.assignment;
        let at_end = slot.next() == Some(self.first());
        if sealed.slot != *slot
            || sealed.chain != *chain
            || (sealed.epoch != self.epoch() && !at_end)
        {
            return Err(ProvenanceError::Seal);
        }
        let receipts = change.attested.as_deref().unwrap_or_default();
        let mut units: Vec<UnitId> = receipts.iter().map(Receipt::unit).collect();
        units.sort_unstable();
        units.dedup();
        let attests = |receipt: &Receipt| {
            receipt.leaf.process == sealed.process
                && receipt.leaf.slot == *slot
                && receipt.leaf.chain == *chain
                && receipt.leaf.profile == self.profile
                && self.names(&receipt.unit(), false)
                && receipt.verify(network).is_ok()
        };
        let quorum = usize::from(self.policy().quorum);
        if units.len() == quorum && receipts.len() == quorum && receipts.iter().all(attests) {
            Ok(())
        } else {
            Err(ProvenanceError::Attestation)
        }
    }

    fn span(&self) -> Span {
        *self.spans.last().expect("there is the epoch of the spawn")
    }
}

#[cfg(test)]
mod tests;

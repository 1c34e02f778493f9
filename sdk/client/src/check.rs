//! Whether what units say holds, against what the process's own spawn says of them. Pure.
//!
//! One signature covers a whole batch, so signatures that held once are remembered.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use protocol::{
    Assignment, AssignmentProof, Body, EntryId, Hash, NetworkId, ProcessId, PublicKey,
    RefusalProof, Signature, Signed, Slot, Source, VerifyError, ViewAnswer, ViewRequest,
    api::{Executed, OutcomePage},
};

use crate::ClientError;

/// Checks statements of units of one network.
#[derive(Debug)]
pub(crate) struct Checker {
    network: NetworkId,
    held: Mutex<Held>,
}

/// Signatures that held, oldest forgotten first.
#[derive(Debug, Default)]
struct Held {
    known: HashSet<Check>,
    order: VecDeque<Check>,
}

type Check = (PublicKey, Hash, Signature);

impl Checker {
    /// How many signatures are remembered.
    const REMEMBERED_MAX: usize = 4_096;

    pub(crate) fn new(network: NetworkId) -> Self {
        Self { network, held: Mutex::default() }
    }

    /// Checks that the process's scheduler assigned the entry.
    pub(crate) fn assignment(
        &self,
        (process, entry): (ProcessId, EntryId),
        source: &Source,
        proof: &AssignmentProof,
    ) -> Result<(), ClientError> {
        if proof.assignment.process != process || proof.assignment.entry != entry {
            return Err(ClientError::unverified("the assignment is of another entry"));
        }
        let Assignment { epoch, slot, .. } = proof.assignment;
        let scheduler = source.scheduler_of(epoch, slot);
        if !scheduler.is_some_and(|scheduler| proof.leads_to_batch_of(&scheduler)) {
            return Err(ClientError::unverified(
                "the assignment is not in a batch of the process's scheduler",
            ));
        }
        self.signed(&proof.batch)
    }

    /// Checks that a scheduler of the process refused the entry for good.
    pub(crate) fn refusal(
        &self,
        (process, entry): (ProcessId, EntryId),
        source: &Source,
        proof: &RefusalProof,
    ) -> Result<(), ClientError> {
        if proof.refusal.process != process || proof.refusal.entry != entry {
            return Err(ClientError::unverified("the refusal is of another entry"));
        }
        let batch = proof.batch.unverified();
        let leads = batch.count == proof.path.count
            && proof.path.root_from(proof.refusal.leaf()) == Some(batch.root);
        if !leads || !source.schedulers().contains(&batch.scheduler) {
            return Err(ClientError::unverified(
                "the refusal is not in a batch of the process's scheduler",
            ));
        }
        self.signed(&proof.batch)
    }

    /// Checks that a unit of the process's policy states this outcome.
    pub(crate) fn executed(
        &self,
        process: ProcessId,
        source: &Source,
        executed: &Executed,
    ) -> Result<(), ClientError> {
        let (outcome, leaf) = (&executed.outcome, &executed.receipt.leaf);
        if !source.policy().units.contains(&executed.receipt.unit()) {
            return Err(ClientError::unverified(
                "the receipt is of a unit outside of the process's policy",
            ));
        }
        let same = outcome.process == process
            && leaf.process == process
            && leaf.slot == outcome.slot
            && leaf.gas == outcome.gas
            && leaf.profile == source.profile()
            && leaf.outcome == outcome.digest();
        if !same {
            return Err(ClientError::unverified("the receipt states another outcome"));
        }
        if !executed.receipt.leads_to_batch() {
            return Err(ClientError::unverified("the receipt is not in its batch"));
        }
        self.signed(&executed.receipt.batch)
    }

    /// Checks outcomes from a slot on: how many of the first hold, and what is wrong with the next.
    pub(crate) fn outcomes(
        &self,
        process: ProcessId,
        source: &Source,
        from: Slot,
        page: &OutcomePage,
    ) -> (usize, Result<(), ClientError>) {
        let mut slot = Some(from);
        for (count, executed) in page.executed.iter().enumerate() {
            if Some(executed.outcome.slot) != slot {
                return (count, Err(ClientError::unverified("the outcomes have a gap")));
            }
            if let Err(error) = self.executed(process, source, executed) {
                return (count, Err(error));
            }
            slot = executed.outcome.slot.next();
        }
        (page.executed.len(), Ok(()))
    }

    /// Checks that a unit of the process's policy gave this answer to this very question.
    pub(crate) fn view(
        &self,
        request: &ViewRequest,
        source: &Source,
        answer: &Signed<ViewAnswer>,
    ) -> Result<(), ClientError> {
        let said = answer.unverified();
        if !source.policy().units.contains(&said.unit) {
            return Err(ClientError::unverified(
                "the view is answered by a unit outside of the process's policy",
            ));
        }
        if said.process != request.process || said.request != request.digest() {
            return Err(ClientError::unverified("the view answers another question"));
        }
        if request.at_least.is_some_and(|least| said.slot < least) {
            return Err(ClientError::unverified("the view is older than asked for"));
        }
        self.signed(answer)
    }

    /// Checks signature, signer and network of a signed body.
    pub(crate) fn signed<T: Body>(&self, signed: &Signed<T>) -> Result<(), ClientError> {
        signed
            .verify_by(self.network, &signed.digest(), |key, digest, signature| {
                self.holds((*key, *digest, *signature))
            })
            .map_err(|error: VerifyError| ClientError::unverified(error))
    }

    fn holds(&self, check: Check) -> bool {
        // Every step under the lock leaves set and order alike.
        let lock = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if lock().known.contains(&check) {
            return true;
        }
        let (key, digest, signature) = &check;
        if !key.verifies(digest, signature) {
            return false;
        }
        let mut held = lock();
        if held.known.insert(check) {
            held.order.push_back(check);
        }
        if held.order.len() > Self::REMEMBERED_MAX
            && let Some(oldest) = held.order.pop_front()
        {
            held.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests;

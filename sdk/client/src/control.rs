//! What a controller does with its process, and how its log comes to another scheduler.

use std::time::Duration;

use protocol::{
    AssignmentProof, Control, ControlAction, Entry, Kind, Message, Principal, ProcessId, Receipt,
    Refusal, RefusalCode, Role, Signed, Slot, UnitId, V1,
    api::{Adopted, Adoption, ExecutedHead, HeadPage, Request},
};
use tokio::time::{Instant, timeout};

use crate::{
    Client, ClientError, SendResult, calls::not_sent, client::more_telling, shell,
    spawn::check_size,
};

/// How long a signed control may still be submitted: as a message.
const EXPIRY: u64 = Message::EXPIRY_MAX - 30_000;

/// How long a scheduler may take for a part of a log that it takes over.
const ADOPT_TIME: Duration = Duration::from_secs(30);

/// What to upgrade a process to.
#[derive(Debug, Clone)]
pub struct Upgrade {
    /// The Wasm binary.
    pub module: Vec<u8>,
    /// Whether the module before is not asked for its state, and the next one given its memory image.
    pub raw: bool,
    /// How long to wait until it is executed.
    pub timeout: Duration,
}

impl Upgrade {
    /// Upgrades to a module with everything else by default: from a saved state, 30 seconds.
    pub const fn new(module: Vec<u8>) -> Self {
        Self { module, raw: false, timeout: Duration::from_secs(30) }
    }
}

impl Client {
    /// Signs a control without sending it. It can be submitted for a little less than five minutes.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoKey`], or [`ClientError::BadRequest`] if the action breaks a rule.
    pub fn prepare_control(
        &self,
        process: ProcessId,
        action: ControlAction,
    ) -> Result<Signed<Control>, ClientError> {
        use protocol::Body;

        let key = self.key()?;
        let control = Control {
            version: V1,
            kind: Kind,
            network: self.network(),
            sender: Principal::Account(key.public().account()),
            target: process,
            nonce: self.next_nonce(),
            expiry: shell::now().saturating_add(EXPIRY),
            action,
        };
        control.check().map_err(|error| ClientError::BadRequest(error.to_owned()))?;
        Ok(Signed::sign(control, key))
    }

    /// Orders something as the controller of a process, and waits until it is executed.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] with `not-controller` if the account does not control the process,
    /// and as for [`Self::send`].
    pub async fn control(
        &self,
        process: ProcessId,
        action: ControlAction,
        limit: Duration,
    ) -> Result<SendResult, ClientError> {
        let deadline = Instant::now() + limit;
        let control = self.prepare_control(process, action)?;
        let ticket = timeout(limit, self.submit(Entry::Control(control))).await;
        let ticket = ticket.unwrap_or_else(|_| Err(not_sent()))?;
        self.finish(ticket, deadline.saturating_duration_since(Instant::now())).await
    }

    /// Upgrades a process: stores the module, has it accepted by a unit of the policy, and orders the
    /// upgrade. The outcome tells whether the process goes on with it; if it failed, it goes on with
    /// the module it had.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] with `module-refused` if no unit can run the module, and as for
    /// [`Self::control`].
    pub async fn upgrade(
        &self,
        process: ProcessId,
        upgrade: Upgrade,
    ) -> Result<SendResult, ClientError> {
        let Upgrade { module, raw, timeout: limit } = upgrade;
        let deadline = Instant::now() + limit;
        check_size(&module)?;
        let brought = async {
            let described = self.describe(process).await?;
            let (source, profile) = (&described.source, described.spawn.profile);
            let units = &source.policy().units;
            let acceptance = self.accept_by_any(units, &module, profile).await?;
            let module = self.put_module(source.scheduler(), &module).await?;
            Ok(ControlAction::Upgrade { module, acceptance, raw })
        };
        let action = timeout(limit, brought).await.unwrap_or_else(|_| {
            Err(ClientError::unreachable("the units did not take the module in time; try again"))
        })?;
        self.control(process, action, deadline.saturating_duration_since(Instant::now())).await
    }

    /// Submits a control and waits until it has its place in the log, from which on it is in force.
    ///
    /// # Errors
    ///
    /// As for [`Self::control`].
    pub async fn submit_control(
        &self,
        control: Signed<Control>,
        limit: Duration,
    ) -> Result<AssignmentProof, ClientError> {
        let deadline = Instant::now() + limit;
        let ticket = timeout(limit, self.submit(Entry::Control(control))).await;
        let mut ticket = ticket.unwrap_or_else(|_| Err(not_sent()))?;
        let message = ticket.entry();
        match tokio::time::timeout_at(deadline, ticket.assigned()).await {
            Ok(proof) => proof,
            Err(_) if ticket.was_sent() => {
                Err(ClientError::NoAnswerYet { message, reason: ticket.put_off() })
            }
            Err(_) => Err(not_sent()),
        }
    }

    /// Has a scheduler begin, or go on, to take over a log; ask again until it is done.
    ///
    /// # Errors
    ///
    /// What the scheduler says: [`ClientError::Refused`] with `bad-handover` if nothing authorises
    /// it.
    pub async fn adopt(
        &self,
        scheduler: UnitId,
        adoption: Adoption,
    ) -> Result<Adopted, ClientError> {
        let request = Request::Adopt(Box::new(adoption));
        let peers = &self.inner.peers;
        Ok(peers.ask_within(scheduler, &request, ADOPT_TIME).await?)
    }

    /// How far one compute unit has executed the logs that a scheduler has ordered, in ascending
    /// order of process. Its word alone: receipts prove it.
    ///
    /// # Errors
    ///
    /// What the unit says, or [`ClientError::Unverified`] if the page is not in order.
    pub async fn heads(
        &self,
        unit: UnitId,
        scheduler: UnitId,
        after: Option<ProcessId>,
        limit: u32,
    ) -> Result<HeadPage, ClientError> {
        let request = Request::Heads { scheduler, after, limit };
        let page: HeadPage = self.ask(unit, &request).await?;
        let processes: Vec<_> = page.heads.iter().map(|head| head.process).collect();
        let ordered = processes.is_sorted_by(|one, other| one < other)
            && processes.first().is_none_or(|first| after.is_none_or(|after| after < *first));
        if ordered { Ok(page) } else { Err(ClientError::unverified("the heads are not in order")) }
    }

    /// The last slot of a process that one compute unit has executed, by its word.
    ///
    /// # Errors
    ///
    /// As for [`Self::heads`]; [`ClientError::Refused`] with `not-found` if it has executed none.
    pub async fn executed_head(
        &self,
        unit: UnitId,
        process: ProcessId,
    ) -> Result<ExecutedHead, ClientError> {
        let described = self.describe(process).await?;
        for scheduler in described.source.schedulers() {
            let page = self.heads(unit, scheduler, before(process), 1).await?;
            if let Some(head) = page.heads.first().filter(|head| head.process == process) {
                return Ok(*head);
            }
        }
        let detail = format!("{unit} has executed no slot of {process}");
        Err(Refusal::new(RefusalCode::NotFound, detail).into())
    }

    /// Finds the last slot of a process that a quorum of its policy has executed, and their receipts
    /// of it: what authorises another scheduler to go on behind it, if the present one is lost.
    ///
    /// # Errors
    ///
    /// Why too few units of the policy attest a slot.
    pub async fn attested(&self, process: ProcessId) -> Result<(Slot, Vec<Receipt>), ClientError> {
        let described = self.describe_again(process).await?;
        let policy = described.source.policy();
        let quorum = usize::from(policy.quorum);
        let mut worst = ClientError::NoUnit { role: Role::Compute };
        let mut heads = Vec::new();
        for unit in &policy.units {
            match self.executed_head(*unit, process).await {
                Ok(head) => heads.push((head.slot, *unit)),
                Err(error) => worst = more_telling(worst, error),
            }
        }
        heads.sort_unstable_by(|one, other| other.cmp(one));
        let Some((slot, _)) = quorum.checked_sub(1).and_then(|last| heads.get(last)) else {
            return Err(worst);
        };
        let mut receipts: Vec<Receipt> = Vec::new();
        for (_, unit) in heads.iter().filter(|(head, _)| head >= slot) {
            let page = self.outcomes_of(*unit, process, *slot, 1).await;
            match page.map(|page| page.executed.into_iter().next()) {
                Ok(Some(executed)) => receipts.push(executed.receipt),
                Ok(None) => {}
                Err(error) => worst = more_telling(worst, error),
            }
        }
        let agreeing = receipts.iter().map(|one| {
            receipts.iter().filter(|other| other.leaf.chain == one.leaf.chain).cloned().collect()
        });
        let most: Vec<_> = agreeing.max_by_key(Vec::len).unwrap_or_default();
        if most.len() < quorum {
            return Err(worst);
        }
        Ok((*slot, most.into_iter().take(quorum).collect()))
    }
}

/// The id just before another, to begin a page with that one.
fn before(process: ProcessId) -> Option<ProcessId> {
    let mut bytes = *process.as_bytes();
    for byte in bytes.iter_mut().rev() {
        let (lower, borrows) = byte.overflowing_sub(1);
        *byte = lower;
        if !borrows {
            return Some(ProcessId::from_bytes(bytes));
        }
    }
    None
}

#[cfg(test)]
mod tests;

//! Outcomes that have passed, fetched from the compute units that have them.

use std::{sync::Arc, time::Duration};

use protocol::{
    Assignment, AssignmentProof, Hash, Outcome, PairNumber, ProcessId, RefusalCode, Role, Slot,
    UnitId,
    api::{Executed, OutcomePage, Request},
};

use crate::{
    check::check_executed,
    delivery::code_of,
    hub::Hub,
    location::Known,
    outbox::{Item, PairKey},
    parcel::{Parcel, ReceiptPart, SlotProof, deliveries},
    session::Event,
};

/// How long a unit may take to answer.
const FETCH_TIME: Duration = Duration::from_secs(5);

/// Slots asked for at once.
const PAGE: u32 = 64;

/// Items fetched at once.
const ITEMS_MAX: usize = 256;

/// How long to wait before a missed outcome is looked for again: at first, and at the longest.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(500);
const ATTEMPT_PAUSE_MAX: Duration = Duration::from_secs(8);

impl Hub {
    /// Gets an outcome that has passed to those who wait for it, for as long as they do.
    pub(crate) fn fetch_missed(self: &Arc<Self>, assignment: Assignment) {
        let hub = Arc::clone(self);
        self.spawn(async move {
            let mut pause = ATTEMPT_PAUSE;
            while hub.board.is_awaited(&assignment.entry) {
                let executed = hub.outcome(assignment.process, assignment.slot).await;
                if let Ok(executed) = executed
                    && executed.outcome.entry == assignment.entry
                {
                    let executed = Arc::new(executed);
                    for (session, tag) in hub.board.take(&assignment.entry) {
                        let executed = Arc::clone(&executed);
                        hub.metrics.outcomes_returned.increment();
                        hub.tell(&session, Event::Fetched { tag, executed });
                    }
                    return;
                }
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(ATTEMPT_PAUSE_MAX);
            }
        });
    }

    /// The outcome of a slot, from whichever unit of the policy has it.
    pub(crate) async fn outcome(
        &self,
        process: ProcessId,
        slot: Slot,
    ) -> Result<Executed, RefusalCode> {
        // Never closed, so this only waits.
        let _turn = self.fetches.acquire().await;
        let known = self.locations.find(process).await?;
        let mut failure = RefusalCode::Unreachable;
        for unit in self.units_of(&known, &process) {
            match self.page(unit, &known, (process, slot), 1).await {
                Ok(page) => match page.into_iter().next() {
                    Some(executed) => return Ok(executed),
                    None => failure = RefusalCode::NotFound,
                },
                Err(code) => failure = code,
            }
        }
        Err(failure)
    }

    /// Outcomes of a process from a slot on, as many as a unit of the policy gives at once; none if
    /// nobody has executed that far.
    pub(crate) async fn past(
        &self,
        process: ProcessId,
        from: Slot,
    ) -> Result<Vec<Executed>, RefusalCode> {
        let known = self.locations.find(process).await?;
        let mut answer = Err(RefusalCode::Unreachable);
        for unit in self.units_of(&known, &process) {
            match self.page(unit, &known, (process, from), PAGE).await {
                Ok(page) if page.is_empty() => answer = Ok(page),
                Ok(page) => return Ok(page),
                Err(code) => answer = answer.or(Err(code)),
            }
        }
        answer
    }

    /// Items of a pair from a number on, searched for from a slot on.
    pub(crate) async fn fetch_items(
        &self,
        pair: PairKey,
        from: Slot,
        number: PairNumber,
    ) -> Result<Vec<Item<Parcel>>, RefusalCode> {
        let known = self.locations.find(pair.source).await?;
        let mut failure = RefusalCode::Unreachable;
        for unit in self.units_of(&known, &pair.source) {
            match self.items_of(unit, &known, pair, (from, number)).await {
                Ok(items) if items.is_empty() => failure = RefusalCode::NotFound,
                Ok(items) => return Ok(items),
                Err(code) => failure = code,
            }
        }
        Err(failure)
    }

    async fn items_of(
        &self,
        unit: UnitId,
        known: &Known,
        pair: PairKey,
        (mut from, number): (Slot, PairNumber),
    ) -> Result<Vec<Item<Parcel>>, RefusalCode> {
        let mut items = Vec::new();
        loop {
            let page = self.page(unit, known, (pair.source, from), PAGE).await?;
            let Some(last) = page.last() else { return Ok(items) };
            from = last.outcome.slot.next().unwrap_or(from);
            for executed in page {
                if !emits(&executed.outcome, pair.target, number) {
                    continue;
                }
                let proof = Arc::new(self.prove(known, executed).await?);
                let wanted =
                    |(key, item): &(PairKey, Item<Parcel>)| *key == pair && item.number >= number;
                items.extend(proof.items().filter(wanted).map(|(_, item)| item));
            }
            if items.len() >= ITEMS_MAX {
                return Ok(items);
            }
        }
    }

    /// What proves the items of a slot, from whichever units of the policy have it.
    pub(crate) async fn prove_slot(
        &self,
        known: &Known,
        (process, slot): (ProcessId, Slot),
    ) -> Result<SlotProof, RefusalCode> {
        let mut failure = RefusalCode::Unreachable;
        for unit in self.units_of(known, &process) {
            match self.page(unit, known, (process, slot), 1).await {
                Ok(page) => match page.into_iter().next() {
                    Some(executed) => return self.prove(known, executed).await,
                    None => failure = RefusalCode::NotFound,
                },
                Err(code) => failure = code,
            }
        }
        Err(failure)
    }

    /// Gathers what proves the items of an executed slot.
    async fn prove(&self, known: &Known, executed: Executed) -> Result<SlotProof, RefusalCode> {
        let Executed { outcome, receipt } = executed;
        let (process, slot) = (outcome.process, outcome.slot);
        let assignment = self.assignment(known, (process, slot), receipt.leaf.chain).await?;
        let mut receipts = vec![receipt];
        for unit in self.units_of(known, &process) {
            if receipts.len() >= known.quorum() {
                break;
            }
            if receipts.iter().any(|receipt| receipt.unit() == unit) {
                continue;
            }
            let Ok(page) = self.page(unit, known, (process, slot), 1).await else { continue };
            let agree = |other: &Executed| other.outcome == outcome;
            receipts.extend(page.into_iter().filter(agree).map(|other| other.receipt));
        }
        if receipts.len() < known.quorum() {
            return Err(RefusalCode::NotFound);
        }
        let tree = outcome.tree();
        let outbox = outcome.outbox;
        let receipts = receipts.into_iter().map(ReceiptPart::from).collect();
        let assignment = assignment.into();
        Ok(SlotProof { source: process, slot, outbox, tree, receipts, assignment })
    }

    /// The proof of a slot's assignment: from the present scheduler, which has the whole log, else
    /// from an earlier one or a unit that was given the slot.
    async fn assignment(
        &self,
        known: &Known,
        (process, slot): (ProcessId, Slot),
        chain: Hash,
    ) -> Result<AssignmentProof, RefusalCode> {
        let request = Request::Proof { process, slot };
        let mut units = known.source.schedulers();
        units.extend(self.units_of(known, &process));
        let mut failure = RefusalCode::NotFound;
        for unit in units {
            let asked = self.peers.ask_within::<AssignmentProof>(unit, &request, FETCH_TIME).await;
            let proof = match asked {
                Ok(proof) => proof,
                Err(error) => {
                    failure = code_of(&error);
                    continue;
                }
            };
            let assigned = &proof.assignment;
            let scheduler = known.source.scheduler_of(assigned.epoch, slot);
            let is_it = assigned.process == process
                && assigned.slot == slot
                && assigned.chain == chain
                && scheduler.is_some_and(|scheduler| proof.leads_to_batch_of(&scheduler));
            if is_it {
                return Ok(proof);
            }
            failure = RefusalCode::NotFound;
        }
        Err(failure)
    }

    /// Checked outcomes of a process from a slot on, without gaps.
    pub(crate) async fn page(
        &self,
        unit: UnitId,
        known: &Known,
        (process, from): (ProcessId, Slot),
        limit: u32,
    ) -> Result<Vec<Executed>, RefusalCode> {
        let request = Request::Outcomes { process, from, limit };
        let asked = self.peers.ask_within::<OutcomePage>(unit, &request, FETCH_TIME);
        let page = asked.await.map_err(|error| code_of(&error))?;
        let mut expected = Some(from);
        let sound = page.executed.iter().all(|executed| {
            let in_order = Some(executed.outcome.slot) == expected
                && executed.outcome.process == process
                && executed.receipt.unit() == unit;
            expected = executed.outcome.slot.next();
            in_order && check_executed(self.network, executed, known)
        });
        if sound {
            Ok(page.executed)
        } else {
            tracing::warn!(%unit, %process, "a compute unit gave outcomes that do not hold");
            self.metrics.follow_faults.increment();
            Err(RefusalCode::NotFound)
        }
    }

    /// The units of a policy that are in the directory, in the order in which they serve a process;
    /// those that are not connected come last, for they are likely to be down.
    pub(crate) fn units_of(&self, known: &Known, process: &ProcessId) -> Vec<UnitId> {
        let present = self.peers.directory().units(Role::Compute);
        let mut units = known.policy().ranked(process);
        units.retain(|unit| present.binary_search(unit).is_ok());
        units.sort_by_key(|unit| self.peers.peer(*unit).current().is_none());
        units
    }
}

/// Whether an outcome has an item for a target from a number on.
fn emits(outcome: &Outcome, target: ProcessId, number: PairNumber) -> bool {
    deliveries(&outcome.outbox)
        .any(|item| item.target == target && item.pair.is_some_and(|pair| pair.number >= number))
}

//! Whether a slot may stand where a scheduler has put it.

use std::{borrow::Cow, sync::Arc};

use protocol::{
    Answer, Control, ControlAction, Entry, Epoch, ItemBody, OpenBasis, PairStatement, Principal,
    PublicKey, Signed, Slot, Source, Spawn, UnitId, api::TailRecord, codec,
};

use super::{Changed, Lineage, Tail, place::Place};

/// What becomes of a slot.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all hold, and are taken apart at once")]
pub(super) enum Judged {
    /// It stands where it must, and the log goes on as this tells.
    Holds { entry: Entry, lineage: Arc<Lineage> },
    /// Nobody could tell who the source is.
    Undecided,
    /// It is of an epoch that another scheduler has ended.
    Superseded,
    /// The scheduler broke a rule; perhaps by going on behind a control that ended the epoch.
    Broken { fault: &'static str, seal: Option<Changed> },
}

impl From<&'static str> for Judged {
    fn from(fault: &'static str) -> Self {
        Self::Broken { fault, seal: None }
    }
}

/// The spawn that a slot 0 holds, if it is one.
pub(super) fn birth(record: &TailRecord) -> Option<Spawn> {
    let entry = codec::decode::<Entry>(&record.entry).ok()?;
    codec::decode(&spawn_bytes(&entry)?).ok()
}

/// The body of a spawn, signed by somebody or emitted by a parent.
fn spawn_bytes(entry: &Entry) -> Option<Cow<'_, [u8]>> {
    match entry {
        Entry::Spawn(spawn) => Some(Cow::Borrowed(spawn.body_bytes())),
        Entry::Delivery(delivery) => match &delivery.item.body {
            ItemBody::Spawn(bytes, _) => Some(Cow::Borrowed(bytes)),
            _ => None,
        },
        _ => None,
    }
}

impl Tail {
    /// Judges the next slot of a log, in a batch that a scheduler has signed.
    pub(super) fn judge(
        &mut self,
        place: &Place,
        (record, basis): (&TailRecord, Option<&OpenBasis>),
        by: UnitId,
    ) -> Judged {
        let assignment = &record.assignment;
        let (process, epoch, slot) = (assignment.process, assignment.epoch, assignment.slot);
        if self.is_void(place, record, by) {
            return Judged::Superseded;
        }
        if let Some(lineage) = &place.lineage
            && epoch < lineage.source().epoch()
        {
            let seal = lineage.seal_of(epoch).cloned();
            if seal.is_none() && lineage.source().scheduler() != self.scheduler {
                // A takeover has ended its epoch, of which it may know nothing.
                return Judged::Superseded;
            }
            return Judged::Broken { fault: "a slot is behind the end of its epoch", seal };
        }
        let trusted = self.trusts(&by);
        if !trusted && self.origins.unknown_source(record, basis).is_some() {
            return Judged::Undecided;
        }
        if !assignment.follows(&place.chain) {
            return "the chain hash does not follow".into();
        }
        if assignment.time < place.time {
            return "the time goes back".into();
        }
        let Ok(entry) = codec::decode::<Entry>(&record.entry) else {
            return "an entry is not of the protocol".into();
        };
        if entry.id() != assignment.entry {
            return "an entry has another id".into();
        }
        if entry.target() != process {
            return "an entry is of another process".into();
        }
        let lineage = match (&place.lineage, &entry) {
            _ if slot == Slot::ZERO => self.birth(record, &entry, by),
            (None, _) => Err("slot 0, and only slot 0, is a spawn"),
            (Some(lineage), Entry::Control(control)) => {
                self.change(place, lineage, (record, control), by)
            }
            (Some(lineage), _) => continues(lineage.source(), epoch, by).map(|()| lineage.clone()),
        };
        let lineage = match lineage {
            Ok(lineage) => lineage,
            Err(fault) => return fault.into(),
        };
        if !trusted && !self.entry_holds(&entry, lineage.source(), (record, basis)) {
            return "an entry's signature or proof does not hold".into();
        }
        Judged::Holds { entry, lineage }
    }

    /// Whether another tail knows that the slot is of an epoch that has ended before it.
    fn is_void(&self, place: &Place, record: &TailRecord, by: UnitId) -> bool {
        let Some(moved) = self.moves.of(&record.assignment.process) else { return false };
        let source = moved.lineage.source();
        let (epoch, slot) = (record.assignment.epoch, record.assignment.slot);
        // What is later than all that is known is judged by what stands in the log.
        epoch < source.epoch()
            && source.changes() > place.changes()
            && source.scheduler_of(epoch, slot) != Some(by)
    }

    /// Who a process is that is born here. Checked for a scheduler that is trusted as well: otherwise
    /// two would order one process.
    fn birth(
        &mut self,
        record: &TailRecord,
        entry: &Entry,
        by: UnitId,
    ) -> Result<Arc<Lineage>, &'static str> {
        let bytes = spawn_bytes(entry).ok_or("slot 0, and only slot 0, is a spawn")?;
        let source = Source::born(&record.assignment.process, &bytes)
            .map_err(|_| "the spawn is not valid")?;
        if let Entry::Delivery(delivery) = entry {
            let spawn = codec::decode::<Spawn>(&bytes).map_err(|_| "the spawn is not valid")?;
            if spawn.sender != Principal::Process(delivery.source) {
                return Err("the spawn names another parent");
            }
        }
        if source.scheduler() != by {
            return Err("the spawn names another scheduler");
        }
        if record.assignment.epoch != Epoch::ZERO {
            return Err("the epochs do not follow");
        }
        Ok(self.born(source))
    }

    /// Who a process is behind a control. Checked for a scheduler that is trusted as well.
    fn change(
        &self,
        place: &Place,
        lineage: &Arc<Lineage>,
        (record, control): (&TailRecord, &Signed<Control>),
        by: UnitId,
    ) -> Result<Arc<Lineage>, &'static str> {
        let source = lineage.source();
        let (epoch, slot) = (record.assignment.epoch, record.assignment.slot);
        let order = control.unverified();
        source.permits(order).map_err(|_| "the controller may not order this")?;
        control
            .verify_by(self.network, &control.digest(), PublicKey::verifies)
            .map_err(|_| "a control is not signed by the controller")?;
        match &order.action {
            ControlAction::Takeover { scheduler, slot: last, chain } => {
                if source.epoch().get().checked_add(1) != Some(epoch.get()) || *scheduler != by {
                    return Err("the epochs do not follow");
                }
                if last.next() != Some(slot) || *chain != place.chain {
                    return Err("a takeover names another slot than the one before");
                }
            }
            _ => continues(source, epoch, by)?,
        }
        let mut next = Arc::clone(lineage);
        if order.action.ends_epoch() {
            Arc::make_mut(&mut next).advance(Arc::new(control.clone()), slot);
        }
        Ok(next)
    }

    /// Checks what a scheduler has to check of an entry before it assigns.
    fn entry_holds(
        &mut self,
        entry: &Entry,
        source: &Source,
        (record, basis): (&TailRecord, Option<&OpenBasis>),
    ) -> bool {
        let network = self.network;
        let proof = record.proof(entry, basis).ok().flatten();
        let proof = proof.as_ref();
        match entry {
            Entry::Spawn(spawn) => {
                spawn.verify_by(network, &spawn.digest(), PublicKey::verifies).is_ok()
            }
            Entry::Message(message) => {
                message.verify_by(network, &message.digest(), PublicKey::verifies).is_ok()
            }
            Entry::Delivery(delivery) => {
                proof.is_some_and(|proof| self.origins.holds(delivery, proof))
            }
            Entry::Skip(skip) => {
                matches!(skip.item.body, ItemBody::Skip(_))
                    && proof.is_some_and(|proof| self.origins.holds(skip, proof))
            }
            Entry::Timer(timer) => {
                proof.is_some_and(|proof| self.origins.timer_holds(timer, source, proof))
            }
            Entry::Answer(answer) => self.answer_holds(answer, source),
            // Its signature was checked when it was read.
            Entry::Control(_) => true,
        }
    }

    /// Checks an answer in the log of the process that asked, which it names as its source. Whether
    /// the item was ever emitted is not known here.
    fn answer_holds(&self, answer: &Answer, source: &Source) -> bool {
        let statement = &answer.statement;
        may_answer(statement.unverified(), source)
            && statement.verify_by(self.network, &statement.digest(), PublicKey::verifies).is_ok()
    }
}

/// Whether a scheduler may have answered about an item of a process: one that has ordered it, if the
/// process is its own target. Who has ordered others at that time is the word of its own scheduler.
fn may_answer(statement: &PairStatement, source: &Source) -> bool {
    statement.target != statement.source || source.schedulers().contains(&statement.scheduler)
}

/// Whether a slot of this epoch, ordered by this scheduler, goes on with the log.
fn continues(source: &Source, epoch: Epoch, by: UnitId) -> Result<(), &'static str> {
    if epoch != source.epoch() {
        return Err("the epochs do not follow");
    }
    if source.scheduler() != by {
        return Err("another scheduler orders this epoch");
    }
    Ok(())
}

//! Imports: what another scheduler has ordered of a log before it was handed over.

use protocol::{
    Assignment, Control, Entry, PairNumber, ProcessId, Refusal, RefusalCode, Slot, Spawn,
    Timestamp, api::PairUse,
};

use super::{Checked, CheckedBody, Head, Log, Order, Undo, may_precede};

/// A slot that another scheduler has assigned, proven and in the chain.
#[derive(Debug)]
pub(crate) struct Imported {
    /// The assignment.
    pub(crate) assignment: Assignment,
    /// What stands there.
    pub(crate) entry: Entry,
    /// Of a timer, whether it recurs: then its occurrences are counted.
    pub(crate) recurs: bool,
    /// The spawn, in slot 0.
    pub(crate) spawn: Option<Box<Spawn>>,
}

impl Order {
    /// Takes slots into a log, which go on where it ends, and numbers that refusals have used up.
    pub(crate) fn import(
        &mut self,
        process: ProcessId,
        slots: &[Imported],
        used: &[PairUse],
    ) -> Result<(), Refusal> {
        for imported in slots {
            self.import_slot(process, imported)?;
        }
        for PairUse { source, number } in used {
            self.pass_pair((process, *source), *number);
        }
        Ok(())
    }

    /// Notes that what was imported into a log is visible to whoever looks it up after an instant.
    pub(crate) fn note_import(&mut self, process: &ProcessId, at: Timestamp) {
        if let Some(log) = self.logs.get_mut(process) {
            log.imported = Some(at);
        }
    }

    /// Whether an entry was looked up, if at all, before something was imported that it may be among.
    pub(crate) fn may_miss(&self, checked: &Checked) -> bool {
        let log = self.logs.get(&checked.body.target());
        let Some(imported) = log.and_then(|log| log.imported) else { return false };
        let may_be_there = match &checked.body {
            CheckedBody::Message(message) => may_precede(message.body().expiry, imported),
            CheckedBody::Control(control) => may_precede(control.body().expiry, imported),
            CheckedBody::Timer(_) | CheckedBody::Answer(_) => true,
            // Their numbers tell.
            _ => false,
        };
        may_be_there && checked.looked_up <= imported
    }

    fn import_slot(&mut self, process: ProcessId, imported: &Imported) -> Result<(), Refusal> {
        let assignment = &imported.assignment;
        if assignment.slot == Slot::ZERO
            && let Some(spawn) = &imported.spawn
            && !self.logs.contains_key(&process)
        {
            let number = u64::try_from(self.logs.len()).expect("a map has fewer than 2^64 rows");
            self.logs.insert(process, Log::new(number, &process, spawn, Head::EMPTY));
            self.undo.push(Undo::Born(process));
        }
        let me = self.me;
        let log =
            self.logs.get_mut(&process).ok_or_else(|| refuse("it does not begin at slot 0"))?;
        let present = &log.standing.source;
        // A takeover that this scheduler did not know of begins another epoch.
        if present.scheduler() == me && assignment.epoch <= present.epoch() {
            return Err(refuse("this scheduler orders the log already"));
        }
        if log.head.next != assignment.slot || !assignment.follows(&log.head.chain) {
            return Err(refuse("it does not go on where the log ends"));
        }
        self.undo.push(Undo::Head(process, log.head));
        log.head = Head::after(assignment);
        // As after a start, until somebody tells otherwise.
        log.executed = log.head.next;
        match &imported.entry {
            Entry::Control(control) => {
                self.import_control(process, control.unverified(), assignment);
            }
            Entry::Delivery(delivery) | Entry::Skip(delivery) => {
                let number = match &delivery.item.body {
                    protocol::ItemBody::Skip(number) => *number,
                    _ => delivery.item.pair.map(|pair| pair.number).unwrap_or_default(),
                };
                self.pass_pair((process, delivery.source), number);
            }
            Entry::Timer(timer) if imported.recurs => {
                let key = (process, timer.slot, timer.index);
                let known = self.timers.insert(key, timer.occurrence.saturating_add(1));
                self.undo.push(Undo::Timer(key, known));
            }
            _ => {}
        }
        Ok(())
    }

    fn import_control(&mut self, process: ProcessId, control: &Control, at: &Assignment) {
        let log = self.logs.get_mut(&process).expect("the caller has looked the log up");
        let after = log.standing.after(&process, control, at.slot);
        let before = std::mem::replace(&mut log.standing, after);
        self.undo.push(Undo::Standing(process, before));
    }

    fn pass_pair(&mut self, pair: (ProcessId, ProcessId), number: PairNumber) {
        if number >= self.next_number(&pair) {
            self.use_pair(pair, number);
        }
    }
}

fn refuse(detail: &str) -> Refusal {
    Refusal::new(RefusalCode::BadHandover, detail)
}

//! Imports: group commits of another scheduler, appended as they were signed.

use bytes::Bytes;
use protocol::{
    ProcessId, Refusal, Slot,
    api::{PairUse, RefusalRecord},
};
use tokio::sync::oneshot;

use super::{Batch, Sequencer, behind};
use crate::{order::Imported, verify::refuse_storage};

/// A part of another scheduler's group commit, checked, that is about one log.
#[derive(Debug)]
pub(crate) struct Import {
    /// The log.
    pub(crate) process: ProcessId,
    /// The bytes to store.
    pub(crate) segment: Bytes,
    /// The slots in them.
    pub(crate) slots: Vec<Imported>,
    /// The final refusals in them.
    pub(crate) refusals: Vec<RefusalRecord>,
    /// Takes the first slot that is not here, once all of it is durable.
    pub(crate) reply: oneshot::Sender<Result<Slot, Refusal>>,
}

impl Sequencer {
    /// Takes a group commit of another scheduler in, as one of its own.
    pub(super) fn import(&mut self, import: Import) {
        let imported = self.try_import(&import);
        // Whoever asked may be gone; what is durable stays.
        let _ = import.reply.send(imported);
    }

    fn try_import(&mut self, import: &Import) -> Result<Slot, Refusal> {
        self.resolve_doubt().map_err(refuse_storage)?;
        if self.archive.board.is_full() {
            return Err(behind());
        }
        let now = self.clock.now();
        let used: Vec<PairUse> = import.refusals.iter().filter_map(|record| record.pair).collect();
        if let Err(refusal) = self.order.import(import.process, &import.slots, &used) {
            self.order.roll_back();
            return Err(refusal);
        }
        let mut batch = Batch::imported(self.next, now, import, &self.order);
        if let Err(error) = self.archive.log.append(batch.number(), batch.segment()) {
            return Err(self.doubt(batch, error));
        }
        self.metrics.imported.add_len(import.slots.len());
        self.publish(&mut batch);
        Ok(self.order.log(&import.process).map(|log| log.head.next).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;

//! What no entry of a log brings about: a look at the state as its module would save it, and another
//! module between two slots. For auditors; a unit that executes for others does neither.

use protocol::{
    Assignment, Failure, FailureKind, Gas, Reply, Slot,
    abi::{Context, SavedState},
};

use super::{Process, Ran, acts::Acts, upgrade::Upgrade};
use crate::{instance::HostFault, module::Successor};

impl Process {
    /// The state as the present module would save it for the next; nothing changes.
    pub(crate) fn saved(&mut self) -> Result<Result<SavedState, FailureKind>, HostFault> {
        if let Err(kind) = &self.instance {
            return Ok(Err(*kind));
        }
        let upgrade = Upgrade { context: self.context_between(), raw: false };
        Ok(self.take_state(&upgrade)?.0)
    }

    /// Goes on with another module, as if the controller had ordered that at the end of the last slot:
    /// what the upgrade says, and its gas. Calls that are open end, and their answers are emitted in
    /// no slot. A failure leaves the present module running.
    pub(crate) fn replace(
        &mut self,
        successor: &Successor,
        raw: bool,
    ) -> Result<(Reply, Gas), HostFault> {
        let failed = |kind| Ok((Reply::Failure(Failure::of(kind)), Gas::ZERO));
        match &self.instance {
            Err(kind) => return failed(*kind),
            Ok(_) if !self.rules.asks() => return failed(FailureKind::UnsupportedEntry),
            Ok(_) => {}
        }
        let context = self.context_between();
        let mut acts = Acts::new(self.id, context.slot, context.time);
        let upgrade = Upgrade { context, raw };
        let Ran { reply, gas, .. } = self.upgrade(upgrade, Some(successor), &mut acts)?;
        Ok((reply, Gas::new(gas)))
    }

    /// The context of an upgrade by the controller at the end of the last slot.
    fn context_between(&self) -> Context {
        let last = Assignment {
            process: self.id,
            epoch: self.epoch,
            slot: Slot::new(self.next.get().saturating_sub(1)),
            time: self.time,
            entry: self.id.spawn_entry(),
            chain: self.chain,
        };
        self.context(&last, self.controller(), None)
    }
}

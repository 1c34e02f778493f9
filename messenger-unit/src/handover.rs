//! When a process has another scheduler than was thought: looking again, and helping a hand-over
//! that was left half done to its end.

use std::{sync::Arc, time::Duration};

use protocol::{
    ControlAction, ProcessId, RefusalCode, Role, UnitId,
    api::{Adopted, Adoption, Request},
};

use crate::{hub::Hub, location::Known};

/// How long a scheduler may take to take a log over, as far as somebody waits for that. It goes on
/// by itself.
const ADOPT_TIME: Duration = Duration::from_secs(10);

impl Hub {
    /// Finds out who a process is, anew if what is known is in doubt.
    pub(crate) async fn find(
        &self,
        process: ProcessId,
        doubt: bool,
    ) -> Result<Arc<Known>, RefusalCode> {
        if !doubt {
            return self.locations.find(process).await;
        }
        let found = self.locations.find_again(process).await?;
        self.metrics.searches_again.increment();
        if let Some(first) = found.void {
            tracing::info!(%process, from = %first, "slots of a process are void: it was taken over");
            self.board.rewind(process, first);
            self.post.void(process, first);
            self.dates.void(process, first);
        }
        Ok(found.known)
    }

    /// Shows the scheduler of a process that it is: whoever moved the process may not have come to
    /// that. Whether it orders the process now; nothing if it never was handed over.
    pub(crate) async fn hand_over(&self, process: ProcessId, known: &Known) -> Option<bool> {
        let adoption = adoption(known, &self.peers.directory().units(Role::Compute))?;
        let request = Request::Adopt(Box::new(adoption));
        let scheduler = known.scheduler();
        self.metrics.handovers_helped.increment();
        match self.peers.ask_within::<Adopted>(scheduler, &request, ADOPT_TIME).await {
            Ok(adopted) => Some(adopted.done),
            Err(error) => {
                tracing::debug!(%process, %scheduler, %error, "a process is not taken over yet");
                Some(false)
            }
        }
    }
}

/// What shows a scheduler that a process is its own: the last control that made it so, and who may
/// have the log.
fn adoption(known: &Known, present: &[UnitId]) -> Option<Adoption> {
    let named = |action: &ControlAction| match action {
        ControlAction::Move(scheduler) | ControlAction::Takeover { scheduler, .. } => {
            Some(*scheduler)
        }
        _ => None,
    };
    let mut changes = known.provenance.changes.iter().rev();
    let change = changes.find(|change| named(&change.control.unverified().action).is_some())?;
    let mut from: Vec<UnitId> = known.source.schedulers().into_iter().skip(1).collect();
    let executes = |unit: &UnitId| present.binary_search(unit).is_ok();
    from.extend(known.policy().units.iter().copied().filter(executes));
    let (control, attested) = (change.control.clone(), change.attested.clone());
    Some(Adoption { control, attested: attested.unwrap_or_default(), from })
}

//! Entries that the messenger submits by itself: timers that are due, and words on items. They go the
//! way of all others, and whoever made them waits for what comes of it.

use std::{sync::Arc, time::Duration};

use protocol::{Entry, ProcessId, Refusal, RefusalCode, UnitId};
use tokio::sync::oneshot;

use crate::{flight::Flight, hub::Hub, location::Known, parcel::Parcel};

/// How long a scheduler may take to answer.
const ERRAND_TIME: Duration = Duration::from_secs(30);

/// An entry of the messenger's own.
#[derive(Debug)]
pub(crate) struct Errand {
    /// The entry.
    pub(crate) entry: Entry,
    /// The item that it follows from, where that proves it.
    pub(crate) emitted: Option<Parcel>,
    /// Who the target of an answered item is, where it must be introduced.
    pub(crate) introduction: Option<Arc<Known>>,
}

/// An errand on its way; whoever waits learns that it was lost when this is dropped.
#[derive(Debug)]
pub(crate) struct ErrandFlight {
    /// What is submitted.
    pub(crate) errand: Errand,
    answer: oneshot::Sender<Result<(), Refusal>>,
}

/// Why an errand failed, and how long to wait.
pub(crate) type Failure = (RefusalCode, Option<Duration>);

impl ErrandFlight {
    /// Tells whoever waits what came of it.
    pub(crate) fn end(self, result: Result<(), Refusal>) {
        // Whoever waited may have given up.
        let _ = self.answer.send(result);
    }
}

impl Hub {
    /// Submits an entry of the messenger's own to a scheduler and waits for its answer.
    pub(crate) async fn run_errand(
        self: &Arc<Self>,
        scheduler: UnitId,
        errand: Errand,
    ) -> Result<(), Failure> {
        // A relay, once begun, runs for ever.
        if self.peers.directory().record(&scheduler).is_none() {
            return Err((RefusalCode::Unreachable, None));
        }
        let (answer, answered) = oneshot::channel();
        let flight = Flight::Errand(Box::new(ErrandFlight { errand, answer }));
        let submitted = async {
            // A relay ends only with the messenger.
            let _ = self.relay(scheduler).send(vec![flight]).await;
            answered.await
        };
        match tokio::time::timeout(ERRAND_TIME, submitted).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(Refusal { code, retry_after, .. }))) => {
                Err((code, retry_after.map(Duration::from_millis)))
            }
            Ok(Err(_)) | Err(_) => Err((RefusalCode::Unreachable, None)),
        }
    }

    /// Finds out anew who a process is, if its scheduler's refusal lets suspect that this has changed.
    pub(crate) async fn doubt(&self, process: ProcessId, code: RefusalCode) {
        let suspicious = matches!(
            code,
            RefusalCode::Moved
                | RefusalCode::Unreachable
                | RefusalCode::UnknownProcess
                | RefusalCode::StaleStore
                | RefusalCode::Fenced
                | RefusalCode::IntroductionNeeded
                | RefusalCode::WrongPolicy
                | RefusalCode::BadOrigin
        );
        if suspicious
            && let Ok(known) = self.find(process, true).await
            && matches!(code, RefusalCode::UnknownProcess | RefusalCode::Moved)
        {
            self.hand_over(process, &known).await;
        }
    }
}

//! Asks the other compute units whether they are up, and tells the tails.

use std::{sync::Arc, time::Duration};

use protocol::{
    Role, UnitId, UnitSet,
    api::{Request, UnitStatus},
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use transport::{Directory, Peers};

use super::Liveness;
use crate::metrics::{Metrics, SLOTS_WAITING};

/// Watches the other compute units.
#[derive(Debug)]
pub(crate) struct Watching {
    /// This unit.
    pub(crate) unit: UnitId,
    /// Connections to other units.
    pub(crate) peers: Peers,
    /// Who there is.
    pub(crate) directory: Directory,
    /// Which of them are up.
    pub(crate) present: watch::Sender<Option<UnitSet>>,
    /// Counters.
    pub(crate) metrics: Arc<Metrics>,
    /// Cancelled when the unit stops.
    pub(crate) shutdown: CancellationToken,
}

impl Watching {
    /// Keeps asking until the unit stops.
    pub(crate) async fn run(self) {
        let began = Instant::now();
        let mut liveness = Liveness::new(Duration::ZERO);
        let mut asked = JoinSet::new();
        let mut due = began;
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = sleep_until(due) => {
                    let now = began.elapsed();
                    liveness.handle_units(now, &self.others());
                    liveness.handle_time(now);
                    for unit in liveness.watched() {
                        asked.spawn(ask(self.peers.clone(), unit, liveness.patience()));
                    }
                    due = Instant::now() + liveness.pace();
                }
                Some(answer) = asked.join_next() => {
                    if let Ok(Some((unit, waiting))) = answer {
                        liveness.handle_answer(began.elapsed(), &unit, waiting);
                    }
                }
            }
            self.tell(liveness.present());
        }
    }

    fn others(&self) -> Vec<UnitId> {
        let mut units = self.directory.units(Role::Compute);
        units.retain(|unit| *unit != self.unit);
        units
    }

    fn tell(&self, present: Option<UnitSet>) {
        self.present.send_if_modified(|known| {
            if *known == present {
                return false;
            }
            tracing::info!(?present, "the other compute units that are up");
            self.metrics.presence_changes.increment();
            *known = present;
            true
        });
    }
}

/// Asks a unit how it does: how many slots wait there, if it answers in time.
async fn ask(peers: Peers, unit: UnitId, limit: Duration) -> Option<(UnitId, u64)> {
    let asked = peers.ask_within::<UnitStatus>(unit, &Request::Status, limit);
    let status = asked.await.ok().filter(|status| status.unit == unit)?;
    let waiting = status.counters.iter().find(|(name, _)| name == SLOTS_WAITING);
    Some((unit, waiting.map_or(0, |(_, waiting)| *waiting)))
}

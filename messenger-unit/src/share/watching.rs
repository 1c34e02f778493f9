//! Asks the other messengers of the operator whether they are up, and tells the post who is.

use std::{sync::Arc, time::Duration};

use protocol::{
    Role, UnitId,
    api::{Request, UnitStatus},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use transport::Peers;

use super::{Crew, PACE, PATIENCE, Share};
use crate::hub::Hub;

/// Keeps asking until the messenger stops.
pub(crate) async fn run(hub: Arc<Hub>) {
    let began = Instant::now();
    let mut share = Share::new(hub.unit, Duration::ZERO);
    let mut present = Crew::alone(hub.unit);
    let mut changed = hub.peers.directory().changed();
    let mut asked = JoinSet::new();
    let mut due = began;
    loop {
        tokio::select! {
            () = sleep_until(due) => {
                share.handle_units(&hub.colleagues());
                share.handle_time(began.elapsed());
                for unit in share.watched() {
                    asked.spawn(ask(hub.peers.clone(), unit));
                }
                due = Instant::now() + PACE;
            }
            // Whoever is new is asked at once.
            Ok(()) = changed.changed() => {
                let known: Vec<_> = share.watched().collect();
                share.handle_units(&hub.colleagues());
                for unit in share.watched().filter(|unit| !known.contains(unit)) {
                    asked.spawn(ask(hub.peers.clone(), unit));
                }
            }
            Some(answer) = asked.join_next() => {
                if let Ok(Some(unit)) = answer {
                    share.handle_answer(began.elapsed(), &unit);
                }
            }
        }
        let crew = share.crew();
        if crew != present {
            present = crew.clone();
            let others = crew.others().len();
            let (gained, lost) = hub.post.share(crew);
            hub.metrics.crew_changes.increment();
            tracing::info!(others, gained, lost, "who shares the work has changed");
        }
    }
}

/// Asks a messenger how it does; its id if it answers in time.
async fn ask(peers: Peers, unit: UnitId) -> Option<UnitId> {
    let status = peers.ask_within::<UnitStatus>(unit, &Request::Status, PATIENCE).await.ok()?;
    (status.unit == unit && status.role == Role::Messenger).then_some(unit)
}

impl Hub {
    /// The other messengers of this one's operator, as far as there are records of them.
    pub(crate) fn colleagues(&self) -> Vec<UnitId> {
        let directory = self.peers.directory();
        let Some(operator) = directory.operator(&self.unit) else { return Vec::new() };
        let mut units = directory.units(Role::Messenger);
        units.retain(|unit| *unit != self.unit && directory.operator(unit) == Some(operator));
        units
    }
}

//! Tells the other messengers of the operator how far this one has come.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use protocol::{
    UnitId,
    api::{Cursor, Kept, Request},
};
use tokio::task::JoinSet;
use transport::RequestError;

use crate::hub::Hub;

/// Cursors told at once, of about 45 bytes each.
const CURSORS_MAX: usize = 65_536;

/// How long one may take to keep them.
const TELL_TIME: Duration = Duration::from_secs(5);

/// What one of the others has been told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Told {
    /// Not everything.
    #[default]
    Behind,
    /// Everything.
    All,
    /// It is being told; whether something has changed since.
    UnderWay { changed: bool },
}

/// Tells the others, each as fast as it can keep what it is told.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    told: BTreeMap<UnitId, Told>,
    under_way: JoinSet<(UnitId, Result<(), RequestError>)>,
}

impl Teller {
    /// Tells what has changed to all who know the rest, and everything to those who do not. Waits
    /// for nobody.
    pub(crate) fn tell(&mut self, hub: &Arc<Hub>, changed: &[Cursor]) {
        while let Some(ended) = self.under_way.try_join_next() {
            if let Ok((unit, told)) = ended {
                self.end(hub, unit, told);
            }
        }
        let crew = hub.post.crew();
        self.told.retain(|unit, _| crew.others().contains(unit));
        for unit in crew.others() {
            let told = self.told.entry(*unit).or_default();
            let cursors = match told {
                Told::UnderWay { changed: more } => {
                    *more |= !changed.is_empty();
                    continue;
                }
                Told::All if changed.is_empty() => continue,
                Told::All => changed.to_vec(),
                Told::Behind => hub.post.served_cursors(),
            };
            *told = Told::UnderWay { changed: false };
            let (hub, unit) = (Arc::clone(hub), *unit);
            self.under_way.spawn(async move { (unit, put(&hub, unit, &cursors).await) });
        }
    }

    fn end(&mut self, hub: &Hub, unit: UnitId, ended: Result<(), RequestError>) {
        // One that went and came back meanwhile has a record of its own.
        let Some(told) = self.told.get_mut(&unit) else { return };
        let all = *told == Told::UnderWay { changed: false } && ended.is_ok();
        *told = if all { Told::All } else { Told::Behind };
        if let Err(error) = ended {
            hub.metrics.cursors_untold.increment();
            tracing::debug!(%unit, %error, "another messenger does not keep the cursors told");
        }
    }
}

async fn put(hub: &Hub, unit: UnitId, cursors: &[Cursor]) -> Result<(), RequestError> {
    for cursors in cursors.chunks(CURSORS_MAX) {
        let request = Request::PutCursors(cursors.to_vec());
        hub.peers.ask_within::<Kept>(unit, &request, TELL_TIME).await?;
    }
    Ok(())
}

//! Asks the units of a policy, each by name, what they have signed of the last slots.

use antiphon_client::{Client, ClientError};
use protocol::{ProcessId, Receipt, Slot, UnitId};
use tokio::{task::JoinSet, time::timeout};

use super::{Reader, STATUS_WAIT};
use crate::explorer::{
    facts::Problem,
    proven::{Proven, SLOTS, UNITS_MAX, compare},
};

impl Reader {
    /// How far the results of a process are proven. A unit that does not answer soon is a gap.
    pub(crate) async fn proven(&self, process: ProcessId) -> Result<Proven, Problem> {
        let late =
            || ClientError::Unreachable { detail: "the scheduler does not answer".to_owned() };
        let head = timeout(STATUS_WAIT, self.client.head(process)).await;
        let newest = head.map_err(|_| late())??.slot;
        let oldest = Slot::new(newest.get().saturating_sub(SLOTS - 1));
        let policy = self.client.describe(process).await?.source.policy().clone();
        let mut asked = JoinSet::new();
        let most = UNITS_MAX.max(policy.quorum.into());
        for unit in policy.ranked(&process).into_iter().take(most) {
            let client = self.client.clone();
            asked.spawn(async move {
                let receipts = signed(&client, unit, process, oldest, newest);
                (unit, timeout(STATUS_WAIT, receipts).await)
            });
        }
        let (mut receipts, mut missing) = (Vec::new(), Vec::new());
        for (unit, answer) in asked.join_all().await {
            match answer {
                Ok(Ok(signed)) => receipts.extend(signed),
                Ok(Err(error)) => missing.push((unit, Problem::from(error))),
                Err(_) => {
                    let detail = "it does not answer in time".to_owned();
                    missing.push((unit, ClientError::Unreachable { detail }.into()));
                }
            }
        }
        missing.sort_by_key(|(unit, _)| *unit);
        let slots = compare(newest, oldest, receipts, self.network());
        let (quorum, units) = (policy.quorum.into(), policy.units.len());
        Ok(Proven { quorum, units, slots, missing })
    }
}

/// The receipts that one unit has of these slots.
async fn signed(
    client: &Client,
    unit: UnitId,
    process: ProcessId,
    oldest: Slot,
    newest: Slot,
) -> Result<Vec<Receipt>, ClientError> {
    let mut receipts = Vec::new();
    let mut next = Some(oldest);
    // A page may hold less than is asked for.
    while let Some(slot) = next.filter(|slot| *slot <= newest) {
        let left = newest.get().saturating_sub(slot.get()).saturating_add(1);
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        let page = client.outcomes_of(unit, process, slot, left).await?;
        next = page.executed.last().and_then(|executed| executed.outcome.slot.next());
        receipts.extend(page.executed.into_iter().map(|executed| executed.receipt));
    }
    Ok(receipts)
}

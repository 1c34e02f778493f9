//! Finds state roots that units have signed.

use antiphon_client::ClientError;
use protocol::{ProcessId, Slot, api::OutcomePage};

use super::Reader;
use crate::explorer::facts::{Problem, StateFacts};

/// Units state the root in the receipts of the last of so many slots.
const EVERY: u64 = 256;

impl Reader {
    /// The newest state root of a process that a unit of its policy states, of a slot at the latest.
    pub(crate) async fn state(
        &self,
        process: ProcessId,
        latest: Option<Slot>,
    ) -> Result<StateFacts, Problem> {
        let head = self.client.head(process).await?.slot;
        let latest = latest.map_or(head, |latest| latest.min(head));
        let (stated, kept) = tokio::join!(self.stated(process, latest), self.kept(process, latest));
        let newest = [stated, kept].into_iter().flatten().flatten().max_by_key(|facts| facts.slot);
        newest.ok_or_else(|| Problem::missing("No unit states a state of the process so early."))
    }

    /// What receipts state: of the slot itself, or else of the last that has a root for sure.
    async fn stated(
        &self,
        process: ProcessId,
        latest: Slot,
    ) -> Result<Option<StateFacts>, ClientError> {
        for slot in [Some(latest), last_rooted(latest)].into_iter().flatten() {
            let page = self.client.outcomes(process, slot, 1).await?;
            if let Some(facts) = of_receipt(page, slot) {
                return Ok(Some(facts));
            }
        }
        Ok(None)
    }

    /// What the checkpoints of units are of.
    async fn kept(
        &self,
        process: ProcessId,
        latest: Slot,
    ) -> Result<Option<StateFacts>, ClientError> {
        let policy = self.client.describe(process).await?.source.policy().clone();
        let mut newest: Option<StateFacts> = None;
        for unit in policy.ranked(&process).into_iter().take(policy.quorum.into()) {
            let Ok((statement, _)) = self.client.checkpoint_of(unit, process, latest).await else {
                continue;
            };
            let said = statement.unverified();
            let (slot, chain) = (said.position.slot, said.position.chain);
            let root = said.state_root;
            let facts = StateFacts { process, slot, chain, root, unit, kept: true };
            newest = newest.into_iter().chain([facts]).max_by_key(|facts| facts.slot);
        }
        Ok(newest)
    }
}

/// The last slot, up to one, whose receipt has a root for sure.
fn last_rooted(latest: Slot) -> Option<Slot> {
    let count = latest.get().checked_add(1)? / EVERY * EVERY;
    count.checked_sub(1).map(Slot::new)
}

fn of_receipt(page: OutcomePage, slot: Slot) -> Option<StateFacts> {
    let executed = page.executed.into_iter().next().filter(|found| found.outcome.slot == slot)?;
    let (unit, leaf) = (executed.receipt.unit(), executed.receipt.leaf);
    let root = Some(leaf.state_root?);
    Some(StateFacts { process: leaf.process, slot, chain: leaf.chain, root, unit, kept: false })
}

#[cfg(test)]
mod tests;

//! What waits to be delivered, as the messengers tell it. Nothing of it is proven: it is for people who
//! look for what is stuck.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use protocol::{
    OperatorId, ProcessId, Role, UnitId,
    api::{OutboxPage, Request, WaitingPair, WaitingState},
};
use tokio::{task::JoinSet, time::timeout};

use crate::{Client, ClientError, client::more_telling};

/// What waits in all messengers.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Pairs with items that are not acknowledged, each once, with the messenger that tells of it: the
    /// blocked ones first, then those that are tried again.
    pub pairs: Vec<(UnitId, WaitingPair)>,
    /// How many such pairs there are.
    pub total: u64,
    /// How many timers and deadlines the messengers wait for.
    pub timers: u64,
    /// Messengers that did not answer, and why.
    pub missing: Vec<(UnitId, ClientError)>,
}

impl Client {
    /// What waits to be delivered, all or what one process has emitted: at most `limit` pairs of each
    /// messenger, which may take so long to answer.
    ///
    /// # Errors
    ///
    /// Why no messenger answered.
    pub async fn waiting(
        &self,
        source: Option<ProcessId>,
        limit: u32,
        patience: Duration,
    ) -> Result<Waiting, ClientError> {
        let mut asked = JoinSet::new();
        for unit in self.directory().units(Role::Messenger) {
            let client = self.clone();
            asked.spawn(async move {
                let request = Request::Outbox { source, limit };
                let answer = timeout(patience, client.ask::<OutboxPage>(unit, &request));
                let late = |_| Err(ClientError::unreachable(format!("{unit} does not answer")));
                (unit, answer.await.unwrap_or_else(late))
            });
        }
        let mut answers = asked.join_all().await;
        answers.sort_by_key(|(unit, _)| *unit);
        let merged = merge(answers, |unit| self.directory().operator(unit));
        if merged.answered {
            return Ok(merged.waiting);
        }
        let nobody = ClientError::NoUnit { role: Role::Messenger };
        let failures = merged.waiting.missing.into_iter().map(|(_, error)| error);
        Err(failures.fold(nobody, more_telling))
    }
}

struct Merged {
    waiting: Waiting,
    answered: bool,
}

/// Puts answers together. Messengers of one operator share the work; those of different operators all
/// tell of the same.
fn merge(
    answers: Vec<(UnitId, Result<OutboxPage, ClientError>)>,
    operator: impl Fn(&UnitId) -> Option<OperatorId>,
) -> Merged {
    let (mut waiting, mut answered) = (Waiting::default(), false);
    let mut sums: BTreeMap<Option<OperatorId>, (u64, u64)> = BTreeMap::new();
    for (unit, answer) in answers {
        let page = match answer {
            Ok(page) => page,
            Err(error) => {
                waiting.missing.push((unit, error));
                continue;
            }
        };
        answered = true;
        let (total, timers) = sums.entry(operator(&unit)).or_default();
        *total = total.saturating_add(page.total);
        *timers = timers.saturating_add(page.timers);
        waiting.pairs.extend(page.pairs.into_iter().map(|pair| (unit, pair)));
    }
    // Each messenger's order is kept within a state.
    waiting.pairs.sort_by_key(|(_, pair)| match pair.state {
        WaitingState::Blocked(_) => 0,
        WaitingState::Retrying { .. } => 1,
        WaitingState::Moving => 2,
    });
    let mut seen = BTreeSet::new();
    waiting.pairs.retain(|(_, pair)| seen.insert((pair.source, pair.target)));
    let shown = waiting.pairs.len() as u64;
    waiting.total = sums.values().map(|(total, _)| *total).max().unwrap_or_default().max(shown);
    waiting.timers = sums.values().map(|(_, timers)| *timers).max().unwrap_or_default();
    Merged { waiting, answered }
}

#[cfg(test)]
mod tests;

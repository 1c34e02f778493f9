//! What people call things: by id, by the beginning of exactly one, or by name.

use std::fmt::Display;

use protocol::{EntryId, Role, Slot, UnitId};

use super::session::Session;
use crate::{arguments::nearest, cluster::DataDirectory, error::NodeError};

/// How many candidates an error lists.
const SHOWN: usize = 8;

/// In how many processes a message is looked for by the beginning of its id: those with the newest
/// slots.
const PROCESSES_SEARCHED: usize = 256;

/// In how many slots at the end of each.
const SLOTS_SEARCHED: u64 = 1_024;

/// Slots read at once.
const PAGE: u32 = 256;

/// The one candidate that begins with a text; `hint` says where all are listed.
pub(super) fn only<T: Display + Ord + Copy>(
    text: &str,
    (one, several): (&str, &str),
    candidates: impl IntoIterator<Item = T>,
    hint: &str,
) -> Result<T, NodeError> {
    let matching = candidates.into_iter().filter(|id| id.to_string().starts_with(text));
    let mut matching: Vec<T> = matching.collect();
    matching.sort_unstable();
    matching.dedup();
    match matching.as_slice() {
        [only] => Ok(*only),
        [] => Err(NodeError::usage(format!("no {one} begins with `{text}`: {hint}"))),
        all => {
            let shown: Vec<String> = all.iter().take(SHOWN).map(T::to_string).collect();
            let more = all.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            Err(NodeError::usage(format!(
                "`{text}` is the beginning of {} {several}: {}{more}",
                all.len(),
                shown.join(", ")
            )))
        }
    }
}

/// What was perhaps meant by a name, as the end of a sentence.
pub(super) fn meant<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(text, names).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default()
}

/// The unit that has a name in the data directory, if it is of a role.
pub(super) fn unit_named(
    data: &DataDirectory,
    name: &str,
    roles: &[Role],
) -> Result<Option<UnitId>, NodeError> {
    let record = data.record(name)?;
    let record = record.as_ref().map(protocol::Signed::unverified);
    Ok(record.filter(|record| roles.contains(&record.role)).map(|record| record.unit))
}

impl Session {
    /// The message that a text means: an id, the beginning of exactly one of those at the ends of
    /// the newest logs, or `PROCESS:SLOT`.
    pub(super) async fn message(&self, text: &str) -> Result<EntryId, NodeError> {
        let prefix = format!("{}1", EntryId::PREFIX);
        match text.parse() {
            Ok(message) => Ok(message),
            Err(_) if text.starts_with(&prefix) && text.len() < full_length() => {
                let hint = format!(
                    "of longer logs only the last {SLOTS_SEARCHED} slots are searched; `antiphon \
                     log PROCESS --json` prints ids in full"
                );
                only(text, ("message", "messages"), self.newest_messages().await?, &hint)
            }
            Err(error) => match text.rsplit_once(':') {
                Some((process, slot)) => self.message_at(process, slot).await,
                None => Err(NodeError::usage(format!(
                    "`{text}` is neither a message nor PROCESS:SLOT ({error})"
                ))),
            },
        }
    }

    /// What stands in a slot.
    async fn message_at(&self, process: &str, slot: &str) -> Result<EntryId, NodeError> {
        let slot = slot.parse().map_err(|_| NodeError::usage(format!("`{slot}` is no slot")))?;
        let process = self.process(process).await?;
        let page = self.client.log(process, Slot::new(slot)).page(1).await?;
        let missing = || NodeError::usage(format!("the log has no slot {slot} yet"));
        Ok(page.records.first().ok_or_else(missing)?.assignment.entry)
    }

    async fn newest_messages(&self) -> Result<Vec<EntryId>, NodeError> {
        let mut processes = self.client.processes().await?;
        processes.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.time));
        let mut messages = Vec::new();
        for (_, entry) in processes.into_iter().take(PROCESSES_SEARCHED) {
            let from = Slot::new(entry.next.get().saturating_sub(SLOTS_SEARCHED));
            let mut reader = self.client.log(entry.process, from);
            loop {
                let page = reader.page(PAGE).await?;
                if page.records.is_empty() {
                    break;
                }
                messages.extend(page.records.iter().map(|record| record.assignment.entry));
            }
        }
        Ok(messages)
    }
}

/// How long an id of a message is.
fn full_length() -> usize {
    EntryId::from_bytes([0; 32]).to_string().len()
}

#[cfg(test)]
mod tests;

//! What `diff` and `replay` print.

use data_encoding::HEXLOWER;
use protocol::{EntryId, ModuleId, ProcessId, Reply};
use serde::Serialize;
use serde_json::Value as Json;

use super::{ActorError, LogLine, OutcomeShape, count, printable};
use crate::replay::{Bytes, Change, Comparison, Divergence, Portrait, Told, bytes, changes, keys};

/// Ranges of a memory that are shown.
const RANGES_MAX: usize = 16;

/// How many characters of a value people see.
const VALUE_MAX: usize = 80;

/// What differs between the states of a process after two slots.
#[derive(Debug, Serialize)]
pub(crate) struct DiffShape {
    process: ProcessId,
    from: EndShape,
    to: EndShape,
    /// How the states were read: `saved`, `views` or null.
    decoded: Option<&'static str>,
    changes: Vec<ChangeShape>,
    changes_left_out: usize,
    memory: MemoryShape,
    globals_changed: usize,
    host_table: KeysShape,
    /// What stands in the log between, and the last slot.
    pub(crate) entries: Vec<LogLine>,
    pub(crate) entries_left_out: u64,
}

/// A state.
#[derive(Debug, Serialize)]
struct EndShape {
    slot: u64,
    time: u64,
    state_root: Option<String>,
    module: Option<ModuleId>,
}

/// A part of a value that is another one.
#[derive(Debug, Serialize)]
struct ChangeShape {
    path: String,
    /// What was there; absent if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Json>,
    /// What is there; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Json>,
}

#[derive(Debug, Serialize)]
struct MemoryShape {
    bytes_before: usize,
    bytes_after: usize,
    changed_pages: usize,
    changed_bytes: usize,
    /// The first ranges; empty where the states were read.
    ranges: Vec<RangeShape>,
}

#[derive(Debug, Serialize)]
struct RangeShape {
    address: usize,
    length: usize,
    /// The first bytes, in hex.
    before: String,
    after: String,
}

#[derive(Debug, Serialize)]
struct KeysShape {
    added: usize,
    removed: usize,
    changed: usize,
}

impl DiffShape {
    /// Compares two states. The log is left to the caller.
    pub(crate) fn of(process: ProcessId, from: &Portrait, to: &Portrait, most: usize) -> Self {
        // What is saved and what views answer have nothing in common.
        let alike = from.told.word() == to.told.word();
        let told = from.told.value().zip(to.told.value()).filter(|_| alike);
        let (found, changes_left_out) =
            told.map(|(before, after)| changes(before, after, most)).unwrap_or_default();
        let ranges = if told.is_some() { 0 } else { RANGES_MAX };
        let page = compute_unit::Replay::PAGE_BYTES;
        let Bytes { pages, bytes, ranges } = bytes(&from.memory, &to.memory, page, ranges);
        let [added, removed, changed] = keys(&from.table, &to.table);
        let globals = |portrait: &Portrait| {
            portrait.state.as_ref().map(|state| state.globals.clone()).unwrap_or_default()
        };
        let (old, new) = (globals(from), globals(to));
        let globals_changed = old.iter().zip(&new).filter(|(old, new)| old != new).count()
            + old.len().abs_diff(new.len());
        Self {
            process,
            from: EndShape::of(from),
            to: EndShape::of(to),
            decoded: told.and_then(|_| from.told.word()),
            changes: found.into_iter().map(ChangeShape::from).collect(),
            changes_left_out,
            memory: MemoryShape {
                bytes_before: from.memory.len(),
                bytes_after: to.memory.len(),
                changed_pages: pages,
                changed_bytes: bytes,
                ranges: ranges
                    .into_iter()
                    .map(|range| RangeShape {
                        address: range.address,
                        length: range.length,
                        before: HEXLOWER.encode(&range.before),
                        after: HEXLOWER.encode(&range.after),
                    })
                    .collect(),
            },
            globals_changed,
            host_table: KeysShape { added, removed, changed },
            entries: Vec::new(),
            entries_left_out: 0,
        }
    }

    /// What people read, but for the entries.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![format!("from {} to {}", self.from.text(), self.to.text())];
        match self.decoded {
            Some(how) if self.changes.is_empty() => {
                lines.push(format!("state ({how}): as it was"));
            }
            Some(how) => lines.push(format!("state ({how}):")),
            None => lines.push("state: cannot be read, so its bytes are shown".to_owned()),
        }
        lines.extend(self.changes.iter().map(|change| format!("  {}", change.text())));
        if self.changes_left_out > 0 {
            lines.push(format!("  ({} more)", self.changes_left_out));
        }
        lines.extend(self.memory.ranges.iter().map(|range| {
            let RangeShape { address, length, before, after } = range;
            format!("  {address:#010x}  {length} bytes  {before} -> {after}")
        }));
        let MemoryShape { changed_pages, changed_bytes, .. } = self.memory;
        let KeysShape { added, removed, changed } = self.host_table;
        lines.push(format!(
            "memory: {changed_bytes} bytes of {changed_pages} pages; globals: {}; host table: \
             {added} keys new, {removed} gone, {changed} changed",
            self.globals_changed
        ));
        lines.push("log:".to_owned());
        lines.join("\n")
    }
}

impl EndShape {
    fn of(portrait: &Portrait) -> Self {
        Self {
            slot: portrait.position.slot.get(),
            time: portrait.position.time.get(),
            state_root: portrait.state.as_ref().map(|state| state.root().to_string()),
            module: portrait.state.as_ref().map(|state| state.module),
        }
    }

    fn text(&self) -> String {
        let root = self.state_root.as_deref().unwrap_or("none, it was not born");
        format!("slot {} (state root {root})", self.slot)
    }
}

impl From<Change> for ChangeShape {
    fn from(change: Change) -> Self {
        let Change { path, before, after } = change;
        Self { path, before, after }
    }
}

impl ChangeShape {
    fn text(&self) -> String {
        let shown = |value: &Option<Json>| {
            value.as_ref().map_or_else(|| "nothing".to_owned(), |value| brief(&value.to_string()))
        };
        format!("{}: {} -> {}", printable(&self.path), shown(&self.before), shown(&self.after))
    }
}

/// A slot that would have come to something else with another module.
#[derive(Debug, Serialize)]
pub(crate) struct DivergenceShape {
    slot: u64,
    message: EntryId,
    method: Option<String>,
    args: Json,
    /// `reply`, `error`, `outbox`, `events`, `logs` and `gas`, as far as they differ.
    differs: Vec<&'static str>,
    was: WayShape,
    would: WayShape,
}

/// One of two ways.
#[derive(Debug, Serialize)]
struct WayShape {
    outcome: OutcomeShape,
    /// The state root behind the slot. It commits to the module, and so differs in any case.
    state_root: Option<String>,
}

impl DivergenceShape {
    pub(crate) fn of(divergence: &Divergence) -> Self {
        let LogLine { slot, message, method, args, .. } = LogLine::of(&divergence.record, None);
        let way = |(outcome, root): &(_, Option<protocol::Hash>)| WayShape {
            outcome: OutcomeShape::of(outcome),
            state_root: root.map(|root| root.to_string()),
        };
        let (was, would) = (way(&divergence.was), way(&divergence.would));
        Self { slot, message, method, args, differs: divergence.parts.clone(), was, would }
    }

    /// The line that people read.
    pub(crate) fn line(&self) -> String {
        let method = printable(self.method.as_deref().unwrap_or("-"));
        let differs = self.differs.join(", ");
        let (was, would) = (self.was.text(), self.would.text());
        let gas = match (self.was.outcome.gas, self.would.outcome.gas) {
            (was, would) if was == would => format!("gas {was}"),
            (was, would) => format!("gas {was} -> {would}"),
        };
        let args = brief(&self.args.to_string());
        let effects = match (self.was.outcome.outbox.len(), self.would.outcome.outbox.len()) {
            (was, would) if was == would => String::new(),
            (was, would) => format!(", {was} -> {would} in the outbox"),
        };
        let came = if was == would { was } else { format!("{was} -> {would}") };
        format!("{:>6}  {method} {args}  {came}, {gas}{effects}  [{differs}]", self.slot)
    }
}

impl WayShape {
    fn text(&self) -> String {
        match (&self.outcome.error, &self.outcome.reply) {
            (Some(error), _) => {
                brief(&printable(&format!("error {}: {}", error.code, error.detail)))
            }
            (None, reply) => brief(&reply.as_ref().map(ToString::to_string).unwrap_or_default()),
        }
    }
}

/// What a supposed module would have changed in all.
#[derive(Debug, Serialize)]
pub(crate) struct SummaryShape {
    summary: SumShape,
}

#[derive(Debug, Serialize)]
struct SumShape {
    process: ProcessId,
    module: ModuleId,
    /// What the module said to the state that it was given, if it was given one.
    upgrade: Option<UpgradeShape>,
    slots: u64,
    differing: u64,
    first: Option<u64>,
    gas: [u64; 2],
    errors: [u64; 2],
    /// How the states in the end were read: `saved`, `views` or null.
    decoded: Option<&'static str>,
    /// How the states differ in the end.
    changes: Vec<ChangeShape>,
    changes_left_out: usize,
    /// The first slot of the log that upgrades the process, after which neither way runs the module.
    upgraded: Option<u64>,
}

#[derive(Debug, Serialize)]
struct UpgradeShape {
    gas: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ActorError>,
}

impl SummaryShape {
    pub(crate) fn of(
        process: ProcessId,
        module: ModuleId,
        comparison: &Comparison,
        most: usize,
    ) -> Self {
        let told = comparison.told.as_ref().filter(|[was, would]| was.word() == would.word());
        let values = told.and_then(|[was, would]| was.value().zip(would.value()));
        let (found, changes_left_out) =
            values.map(|(was, would)| changes(was, would, most)).unwrap_or_default();
        let upgrade = comparison.upgrade.as_ref().map(|(reply, gas)| UpgradeShape {
            gas: gas.get(),
            error: match reply {
                Reply::Failure(failure) => Some(failure.into()),
                Reply::Value(_) | Reply::Later => None,
            },
        });
        let summary = SumShape {
            process,
            module,
            upgrade,
            slots: comparison.slots,
            differing: comparison.differing,
            first: comparison.first.map(protocol::Slot::get),
            gas: comparison.gas,
            errors: comparison.errors,
            decoded: told.and_then(|[was, _]| Told::word(was)),
            changes: found.into_iter().map(ChangeShape::from).collect(),
            changes_left_out,
            upgraded: comparison.upgraded.map(protocol::Slot::get),
        };
        Self { summary }
    }

    /// What people read.
    pub(crate) fn text(&self) -> String {
        let sum = &self.summary;
        if let Some(UpgradeShape { error: Some(error), gas }) = &sum.upgrade {
            let said = printable(&format!("{}: {}", error.code, error.detail));
            return format!(
                "the module does not take the state, so nothing changes: {said} (gas {gas})"
            );
        }
        let mut lines = Vec::new();
        if let Some(upgrade) = &sum.upgrade {
            lines.push(format!("the module takes the state, gas {}", upgrade.gas));
        }
        let first = sum.first.map(|slot| format!(", the first is slot {slot}")).unwrap_or_default();
        let [gas, other_gas] = sum.gas;
        let [errors, other_errors] = sum.errors;
        lines.push(format!("{}, {} differ{first}", count(sum.slots, "slot"), sum.differing));
        lines.push(format!("gas {gas} -> {other_gas}, errors {errors} -> {other_errors}"));
        match (sum.decoded, sum.changes.len()) {
            (Some(how), 0) => lines.push(format!("the states in the end are alike ({how})")),
            (Some(how), _) => lines.push(format!("the states in the end differ ({how}):")),
            (None, _) => lines.push("the states in the end cannot be compared".to_owned()),
        }
        lines.extend(sum.changes.iter().map(|change| format!("  {}", change.text())));
        if sum.changes_left_out > 0 {
            lines.push(format!("  ({} more)", sum.changes_left_out));
        }
        if let Some(slot) = sum.upgraded {
            lines.push(format!(
                "slot {slot} of the log is an upgrade: from there on both run its module"
            ));
        }
        lines.join("\n")
    }
}

/// The beginning of a text.
fn brief(text: &str) -> String {
    match text.char_indices().nth(VALUE_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;

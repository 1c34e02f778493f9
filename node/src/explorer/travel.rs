//! A process after any slot: what its state says, what the slot changed, and the way to other slots.

use std::{io, sync::Arc};

use maud::{Markup, html};
use protocol::{Gas, Hash, ModuleId, Slot, UnitId};
use serde_json::Value as Json;

use super::{
    facts::{Names, Problem, ProcessFacts, SlotFacts},
    log, problem,
    show::{self, full, number, plain, size},
};
use crate::replay::{Bytes, Change, Shift, Told, Visit};

/// The most parts of a state that are shown, and characters of each.
const PARTS_MAX: usize = 64;
const PART_MAX: usize = 4 * 1_024;

/// Parts with more lines than this are folded.
const OPEN_LINES: usize = 24;

/// The most characters of a value before and behind a change.
const CHANGE_MAX: usize = 200;

/// What was found of a state: texts that are cut, no memory.
#[derive(Debug)]
pub(crate) struct Past {
    /// How the state was read: `saved`, `views` or not at all.
    how: Option<&'static str>,
    /// What it says, by name.
    parts: Vec<(String, String)>,
    parts_left: usize,
    changes: Changes,
    /// What the slot came to, as it was executed here.
    outcome: Markup,
    gas: Gas,
    root: Option<Hash>,
    module: ModuleId,
    memory: usize,
    memory_root: Option<Hash>,
    keys: usize,
    /// The unit and slot of the checkpoint that it rests on.
    basis: Option<(UnitId, Slot)>,
}

/// What a slot changed.
#[derive(Debug, Default)]
struct Changes {
    /// Whether there was something before.
    compared: bool,
    /// Where, what was there and what is there; none if states cannot be read.
    told: Option<(Vec<[Option<String>; 3]>, usize)>,
    bytes: Option<Bytes>,
    keys: [usize; 3],
}

impl Past {
    /// Takes from a visit what a page shows.
    pub(crate) fn of(visit: &Visit) -> Self {
        let Visit { outcome, sight, shift, basis, .. } = visit;
        let (parts, parts_left) = parts(&sight.told);
        let basis =
            basis.as_ref().map(|basis| (basis.unit, basis.statement.unverified().position.slot));
        Self {
            how: sight.told.word(),
            parts,
            parts_left,
            changes: shift.as_ref().map(Changes::of).unwrap_or_default(),
            outcome: log::reply_cell(&outcome.reply),
            gas: outcome.gas,
            root: sight.root,
            module: sight.module,
            memory: sight.memory,
            memory_root: sight.memory_root,
            keys: sight.keys,
            basis,
        }
    }
}

impl Changes {
    fn of(shift: &Shift) -> Self {
        let text = |json: &Option<Json>| json.as_ref().map(line);
        let row = |change: &Change| {
            [Some(plain(&change.path, CHANGE_MAX)), text(&change.before), text(&change.after)]
        };
        let told = shift.told.as_ref().map(|(all, left)| (all.iter().map(row).collect(), *left));
        Self { compared: true, told, bytes: shift.bytes.clone(), keys: shift.keys }
    }
}

fn parts(told: &Told) -> (Vec<(String, String)>, usize) {
    let block = |json: &Json| plain(&cut(json, true, PART_MAX), PART_MAX);
    match told.value() {
        None => (Vec::new(), 0),
        Some(Json::Object(fields)) if !fields.is_empty() => {
            let shown = fields.iter().take(PARTS_MAX);
            let parts = shown.map(|(name, value)| (plain(name, 80), block(value))).collect();
            (parts, fields.len().saturating_sub(PARTS_MAX))
        }
        Some(value) => (vec![(String::new(), block(value))], 0),
    }
}

fn line(json: &Json) -> String {
    plain(&cut(json, false, CHANGE_MAX), CHANGE_MAX)
}

/// JSON as text of little more than `max` characters, without writing the rest of it.
fn cut(json: &Json, pretty: bool, max: usize) -> String {
    // A character has four bytes at the most.
    let mut text = Cut { bytes: Vec::new(), most: max.saturating_mul(4).saturating_add(8) };
    // It fails where it is cut.
    let _ = match pretty {
        true => serde_json::to_writer_pretty(&mut text, json),
        false => serde_json::to_writer(&mut text, json),
    };
    String::from_utf8_lossy(&text.bytes).into_owned()
}

/// Takes so many bytes and no more.
struct Cut {
    bytes: Vec<u8>,
    most: usize,
}

impl io::Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.most.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend(bytes.iter().take(room));
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where one looks at a process.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// The process.
    pub(crate) facts: &'a ProcessFacts,
    /// The slot looked at, and what stands in it.
    pub(crate) row: &'a SlotFacts,
    /// The last slot of the log.
    pub(crate) last: Slot,
    /// The state after it.
    pub(crate) past: &'a Result<Arc<Past>, Problem>,
}

/// A process after a slot.
pub(crate) fn page(view: &View<'_>, names: &Names) -> Markup {
    let name = &view.facts.described.spawn.name;
    let (process, at) = (view.facts.process, view.row.assignment.slot);
    html! {
        p.crumbs {
            a href="/processes" { "Processes" } " / "
            a.process href={ "/process/" (process) } {
                @if name.is_empty() { (show::short(&process.to_string())) } @else { bdi { (plain(name, 40)) } }
            }
        }
        h1 { "State after slot " span data-swap="at" aria-live="polite" { (number(at.get())) } }
        p.lead { (full(process)) }
        (slider(view))
        div #state data-swap="state" { (state(view, names)) }
        script type="module" src="/assets/slider.js" {}
    }
}

/// The way to other slots: a form, and links that work without scripts.
fn slider(view: &View<'_>) -> Markup {
    let (process, at, last) = (view.facts.process, view.row.assignment.slot, view.last);
    html! {
        section.travel aria-labelledby="travel" {
            h2 #travel { "Slot " span.total { "0 to " (number(last.get())) } }
            form #travel-form action={ "/process/" (process) "/state" } {
                label.hidden for="at-range" { "Slot, by dragging" }
                input #at-range type="range" name="at" min="0" max=(last) step="1" value=(at);
                label.hidden for="at-number" { "Slot, by number" }
                // A number that is written counts more than the place of the slider.
                input #at-number type="number" name="slot" min="0" max=(last) step="1"
                    inputmode="numeric" placeholder=(at);
                button type="submit" { "Go" }
            }
            nav.pages aria-label="Slots" data-swap="stops" {
                @for (word, slot) in stops(at, last) {
                    @match slot {
                        Some(slot) => a data-at=(slot) href={ "/process/" (process) "/state?at=" (slot) } { (word) },
                        None => span.quiet { (word) },
                    }
                }
            }
        }
    }
}

/// Where one can go from a slot, if that is somewhere else.
fn stops(at: Slot, last: Slot) -> [(&'static str, Option<Slot>); 4] {
    let other = |slot: Slot| Some(slot).filter(|slot| *slot != at && *slot <= last);
    [
        ("First", other(Slot::ZERO)),
        ("Previous", at.get().checked_sub(1).map(Slot::new)),
        ("Next", at.next().filter(|next| *next <= last)),
        ("Last", other(last)),
    ]
}

fn state(view: &View<'_>, names: &Names) -> Markup {
    let past = view.past.as_ref();
    html! {
        @if let Err(problem) = past { (problem::note(problem)) (command(view)) }
        @if let Ok(past) = past {
            section aria-labelledby="says" {
                h2 #says { "State " @if let Some(how) = past.how { span.total { (told_by(how)) } } }
                (said(past))
            }
        }
        div.columns {
            section aria-labelledby="slot" {
                h2 #slot { "What slot " (number(view.row.assignment.slot.get())) " did" }
                (slot(view, names))
            }
            @if let Ok(past) = past {
                section aria-labelledby="changes" {
                    h2 #changes { "What it changed" }
                    (changes(&past.changes))
                }
            }
        }
        @if let Ok(past) = past {
            section aria-labelledby="raw" {
                h2 #raw { "Facts" }
                (raw(past))
                (command(view))
            }
        }
    }
}

fn told_by(how: &str) -> &'static str {
    match how {
        "saved" => "as its module would save it for an upgrade",
        _ => "as its views answer",
    }
}

fn said(past: &Past) -> Markup {
    html! {
        @if past.root.is_none() {
            p.empty { "The process was not born: it has no state." }
        } @else if past.parts.is_empty() {
            p.empty { "The module has no views without parameters, and saves nothing that can be read." }
        }
        dl.parts {
            @for (name, text) in &past.parts {
                @if !name.is_empty() { dt { code { (name) } } }
                dd {
                    @if text.lines().nth(OPEN_LINES).is_some() {
                        details { summary { (show::count(text.lines().count(), "line")) } (value(text)) }
                    } @else { (value(text)) }
                }
            }
        }
        @if past.parts_left > 0 { p.quiet { (past.parts_left) " more" } }
    }
}

fn value(text: &str) -> Markup {
    html! {
        @if text.contains('\n') { pre.value tabindex="0" { code { (text) } } } @else { code { (text) } }
    }
}

fn slot(view: &View<'_>, names: &Names) -> Markup {
    let SlotFacts { assignment, call, progress, .. } = view.row;
    html! {
        dl {
            dt { "Call" } dd { (log::call(call)) }
            dt { "From" } dd { (show::principal(&call.from, names)) }
            dt { "Time (UTC)" } dd { (show::time(assignment.time)) }
            dt { "Outcome" }
            dd {
                @match view.past {
                    Ok(past) => (past.outcome),
                    Err(_) => (log::outcome_cell(progress)),
                }
            }
            @if let Ok(past) = view.past { dt { "Gas" } dd { (number(past.gas.get())) } }
            dt { "Message" } dd { (show::message(&assignment.entry, show::short(&assignment.entry.to_string()))) }
        }
    }
}

fn changes(changes: &Changes) -> Markup {
    if !changes.compared {
        return html! { p.empty { "Nothing was before it." } };
    }
    let [added, removed, changed] = changes.keys;
    html! {
        @match &changes.told {
            None => p.empty { "The states cannot be compared by what they say." },
            Some((all, _)) if all.is_empty() => p.empty { "What the state says is as it was." },
            Some((all, left)) => {
                ul.changes {
                    @for [path, before, after] in all {
                        li {
                            code { b { (path.as_deref().unwrap_or_default()) } } ": "
                            @if let Some(before) = before { del { code { (before) } } }
                            @if before.is_some() && after.is_some() { " → " }
                            @if let Some(after) = after { ins { code { (after) } } }
                        }
                    }
                }
                @if *left > 0 { p.quiet { (left) " more" } }
            }
        }
        p.quiet {
            @if let Some(bytes) = &changes.bytes {
                (show::count(bytes.bytes, "byte")) " of " (show::count(bytes.pages, "page")) " of memory; "
            }
            "host table: " (added) " new, " (removed) " gone, " (changed) " changed"
        }
    }
}

fn raw(past: &Past) -> Markup {
    html! {
        dl {
            dt { "State root" }
            dd { @match past.root { Some(root) => (full(root)), None => "none" } }
            dt { "Memory" }
            dd {
                (size(u64::try_from(past.memory).unwrap_or(u64::MAX)))
                @if let Some(root) = past.memory_root { ", of which the root is " (full(root)) }
            }
            dt { "Host table" } dd { (show::count(past.keys, "key")) }
            dt { "Module" } dd { (show::module(&past.module)) }
            dt { "Found by" }
            dd {
                @match past.basis {
                    Some((unit, slot)) => {
                        "a replay in this gateway from the checkpoint that unit " (show::unit(&unit))
                        " states of slot " (number(slot.get()))
                    }
                    None => "a replay of every slot in this gateway",
                }
            }
        }
    }
}

/// How to find the same on one's own machine.
fn command(view: &View<'_>) -> Markup {
    let (process, at) = (view.facts.process, view.row.assignment.slot);
    html! { p.quiet.command { "On your machine: " (full(format_args!("antiphon state {process} --at {at}"))) } }
}

#[cfg(test)]
mod tests;

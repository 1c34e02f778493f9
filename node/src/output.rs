//! What the command prints: data on stdout, everything else on stderr.
//!
//! The JSON shapes are a contract that scripts rely on; fields appear in the order written here.

pub(crate) mod colour;
mod findings;
mod shapes;
mod suppositions;
mod traces;

use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::ColorChoice;
use protocol::Timestamp;
use serde::Serialize;

use crate::{error::NodeError, explain};

pub(crate) use findings::{AuditShape, DifferenceShape, ProofShape, StateShape};
pub(crate) use shapes::{
    ActorError, ControlShape, ErrorShape, HandoverShape, KeyShape, LogLine, OutcomeShape,
    ProcessShape, Sent, SpawnedShape, StatusShape, UnitShape, UpgradedShape, Viewed,
};
pub(crate) use suppositions::{DiffShape, DivergenceShape, SummaryShape};
pub(crate) use traces::TraceShape;

/// How many characters of an id [`short`] shows.
const SHORT: usize = 12;

/// Where and how a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Output {
    /// Whether programs read it.
    pub(crate) json: bool,
    /// Whether people see colours.
    pub(crate) color: ColorChoice,
}

impl Output {
    /// Prints an object for programs, or a text for people.
    pub(crate) fn print(
        self,
        object: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), NodeError> {
        if self.json { self.object(object) } else { line(&text()) }
    }

    /// Prints an object on a line of its own.
    pub(crate) fn object(self, object: &impl Serialize) -> Result<(), NodeError> {
        let text = serde_json::to_string(object).map_err(NodeError::system)?;
        line(&text)
    }

    /// Prints a failure: for programs as an object, for people code, cause, what to do and where there
    /// is more.
    pub(crate) fn failure(self, error: &NodeError) {
        if matches!(error, NodeError::ReaderGone) {
            return;
        }
        if self.json
            && matches!(
                error,
                NodeError::Answered { .. } | NodeError::Disproven(_) | NodeError::Unwell(_)
            )
        {
            return;
        }
        if self.json {
            // Nobody is left to tell if stdout is closed.
            let _ = self.object(&ErrorShape::of(error));
        } else {
            let on = colour::is_on(self.color, io::stderr().is_terminal());
            let text = format!("{}: {error}", error.code());
            let mut lines = text.lines().map(printable);
            let first = lines.next().unwrap_or_default();
            note(&format!("{} {first}", colour::paint(on, colour::WRONG, "error:")));
            lines.for_each(|line| note(&line));
            if let Some(page) = explain::page_of(error) {
                let label = |text| colour::paint(on, colour::LABEL, text);
                note(&format!("{} {}", label("to do:"), page.todo));
                note(&format!("{} antiphon explain {}", label("more:"), page.code()));
            }
        }
    }
}

impl Output {
    /// Whether what is printed on stdout has colours.
    pub(crate) fn has_colours(self) -> bool {
        !self.json && colour::is_on(self.color, io::stdout().is_terminal())
    }
}

/// Prints a line of data.
pub(crate) fn line(text: &str) -> Result<(), NodeError> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => NodeError::ReaderGone,
        _ => NodeError::System(format!("stdout: {error}")),
    })
}

/// Tells people something that is not data.
pub(crate) fn note(text: &str) {
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A text of somebody else's, without what could command a terminal.
pub(crate) fn printable(text: &str) -> String {
    let shown = text.chars().map(|c| match c.is_control() {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    });
    shown.collect()
}

/// The time since an instant, in the largest unit that does not hide much.
pub(crate) fn ago(now: Timestamp, then: u64) -> String {
    let seconds = now.get().saturating_sub(then) / 1_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A number of things, in English.
pub(crate) fn count(number: u64, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ if what.ends_with('s') => format!("{number} {what}es"),
        _ => format!("{number} {what}s"),
    }
}

/// The beginning of an id, to tell a few of them apart.
pub(crate) fn short(id: &impl std::fmt::Display) -> String {
    let beginning: String = id.to_string().chars().take(SHORT).collect();
    format!("{beginning}...")
}

/// Aligns columns of text; the first row is the heading.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;

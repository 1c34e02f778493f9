//! What the command prints: data on stdout, everything else on stderr.
//!
//! The JSON shapes are a contract that scripts rely on; fields appear in the order written here.

mod shapes;

use std::io::{self, Write};

use serde::Serialize;

use crate::error::NodeError;

pub(crate) use shapes::{
    ActorError, ErrorShape, KeyShape, LogLine, OutcomeShape, ProcessShape, Sent, SpawnedShape,
    StatusShape, UnitShape, Viewed,
};

/// Where and how a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Output {
    /// Whether programs read it.
    pub(crate) json: bool,
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

    /// Prints a failure: for programs as an object, for people code and cause.
    pub(crate) fn failure(self, error: &NodeError) {
        if let NodeError::Answered { .. } = error
            && self.json
        {
            return;
        }
        if self.json {
            // Nobody is left to tell if stdout is closed.
            let _ = self.object(&ErrorShape::of(error));
        } else {
            let text = format!("error: {}: {error}", error.code());
            text.lines().for_each(|line| note(&printable(line)));
        }
    }
}

/// Prints a line of data.
pub(crate) fn line(text: &str) -> Result<(), NodeError> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    written.map_err(|error| NodeError::System(format!("stdout: {error}")))
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

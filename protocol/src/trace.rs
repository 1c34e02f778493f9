//! Traces: the name under which everything that a unit logs about an entry can be found.

use std::fmt;

use crate::EntryId;

/// The target of what units log about single entries, at level debug.
pub const TRACE_TARGET: &str = "message";

/// The trace of an entry, as W3C Trace Context has it: the first 16 bytes of the entry's id, in hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

impl From<&EntryId> for TraceId {
    fn from(entry: &EntryId) -> Self {
        let (first, _) = entry.as_bytes().split_at(16);
        Self(first.try_into().expect("it was split behind 16 bytes"))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;

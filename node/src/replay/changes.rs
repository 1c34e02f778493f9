//! What differs between two states: between values that people read, and between bytes. Pure.

use std::{cmp::Ordering, collections::BTreeMap};

use serde_json::Value as Json;

/// Bytes of one range of a memory that are shown.
const RANGE_BYTES: usize = 32;

/// Equal bytes between two ranges that are shown as one.
const GAP_BYTES: usize = 8;

/// A part of a value that is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Where: names and positions, as `accounts[3].balance`.
    pub(crate) path: String,
    /// What was there, if anything.
    pub(crate) before: Option<Json>,
    /// What is there, if anything.
    pub(crate) after: Option<Json>,
}

/// What differs between two values, and how many more changes there are than `most`.
pub(crate) fn changes(before: &Json, after: &Json, most: usize) -> (Vec<Change>, usize) {
    let mut found = Found { changes: Vec::new(), left: 0, most };
    // Values nest as deep as CBOR values may, which is little.
    found.compare(String::new(), before, after);
    (found.changes, found.left)
}

struct Found {
    changes: Vec<Change>,
    left: usize,
    most: usize,
}

impl Found {
    fn compare(&mut self, path: String, before: &Json, after: &Json) {
        match (before, after) {
            _ if before == after => {}
            (Json::Object(before), Json::Object(after)) => {
                for (name, old) in before {
                    let path = member(&path, name);
                    match after.get(name) {
                        Some(new) => self.compare(path, old, new),
                        None => self.note(path, Some(old), None),
                    }
                }
                for (name, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
                    self.note(member(&path, name), None, Some(new));
                }
            }
            (Json::Array(before), Json::Array(after)) => self.compare_lists(&path, before, after),
            _ => self.note(path, Some(before), Some(after)),
        }
    }

    /// Compares lists without what they begin and end with alike, so that what was inserted or
    /// removed somewhere shows as that.
    fn compare_lists(&mut self, path: &str, before: &[Json], after: &[Json]) {
        let pairs = before.iter().zip(after);
        let head = pairs.take_while(|(old, new)| old == new).count();
        let (old, new) =
            (before.get(head..).unwrap_or_default(), after.get(head..).unwrap_or_default());
        let pairs = old.iter().rev().zip(new.iter().rev());
        let tail = pairs.take_while(|(old, new)| old == new).count();
        let trimmed = |list: &[Json]| list.len().saturating_sub(tail);
        let (old, new) = (
            old.get(..trimmed(old)).unwrap_or_default(),
            new.get(..trimmed(new)).unwrap_or_default(),
        );
        let mut others = new.iter();
        for (at, old) in old.iter().enumerate() {
            let path = format!("{path}[{}]", head.saturating_add(at));
            match others.next() {
                Some(new) => self.compare(path, old, new),
                None => self.note(path, Some(old), None),
            }
        }
        for (at, new) in others.enumerate() {
            let at = head.saturating_add(old.len()).saturating_add(at);
            self.note(format!("{path}[{at}]"), None, Some(new));
        }
    }

    fn note(&mut self, path: String, before: Option<&Json>, after: Option<&Json>) {
        if self.changes.len() >= self.most {
            self.left = self.left.saturating_add(1);
            return;
        }
        let path = if path.is_empty() { "$".to_owned() } else { path };
        self.changes.push(Change { path, before: before.cloned(), after: after.cloned() });
    }
}

fn member(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What differs between two memories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bytes {
    /// Pages of which a byte differs.
    pub(crate) pages: usize,
    /// Bytes that differ.
    pub(crate) bytes: usize,
    /// The first ranges.
    pub(crate) ranges: Vec<Range>,
}

/// Neighbouring bytes that differ, or the beginning of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    /// The address of the first.
    pub(crate) address: usize,
    /// How many there are.
    pub(crate) length: usize,
    /// The first of what was there.
    pub(crate) before: Vec<u8>,
    /// The first of what is there.
    pub(crate) after: Vec<u8>,
}

/// Compares two memories, of which one may be longer; what is missing of the other is zeros.
pub(crate) fn bytes(before: &[u8], after: &[u8], page: usize, most: usize) -> Bytes {
    let page = page.max(1);
    let mut found = Bytes::default();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    let length = before.len().max(after.len());
    for start in (0..length).step_by(page) {
        let end = start.saturating_add(page).min(length);
        let part = |memory: &[u8]| {
            let part = memory.get(start.min(memory.len())..end.min(memory.len()));
            let mut part = part.unwrap_or_default().to_vec();
            part.resize(end.saturating_sub(start), 0);
            part
        };
        let (old, new) = (part(before), part(after));
        let differing = (start..end).zip(old.iter().zip(&new)).filter(|(_, (old, new))| old != new);
        let mut any = false;
        for (address, _) in differing {
            any = true;
            found.bytes = found.bytes.saturating_add(1);
            let has_room = ranges.len() < most;
            match ranges.last_mut() {
                Some((_, end)) if address <= end.saturating_add(GAP_BYTES) => {
                    *end = address.saturating_add(1);
                }
                _ if has_room => ranges.push((address, address.saturating_add(1))),
                _ => {}
            }
        }
        found.pages = found.pages.saturating_add(any.into());
    }
    let shown = |memory: &[u8], start: usize, length: usize| {
        let end = start.saturating_add(length.min(RANGE_BYTES)).min(memory.len());
        memory.get(start.min(memory.len())..end).unwrap_or_default().to_vec()
    };
    let ranges = ranges.into_iter().map(|(address, end)| {
        let length = end.saturating_sub(address);
        let (before, after) = (shown(before, address, length), shown(after, address, length));
        Range { address, length, before, after }
    });
    found.ranges = ranges.collect();
    found
}

/// How many keys of a map were added, removed and changed.
pub(crate) fn keys(
    before: &BTreeMap<Vec<u8>, Vec<u8>>,
    after: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> [usize; 3] {
    let added = after.keys().filter(|key| !before.contains_key(*key)).count();
    let mut counts = [added, 0, 0];
    let [_, removed, changed] = &mut counts;
    for (key, old) in before {
        match after.get(key).map(|new| old.cmp(new)) {
            None => *removed = removed.saturating_add(1),
            Some(Ordering::Equal) => {}
            Some(_) => *changed = changed.saturating_add(1),
        }
    }
    counts
}

#[cfg(test)]
mod tests;

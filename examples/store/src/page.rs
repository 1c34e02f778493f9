//! Some entries in one text, sorted by key: each is its key, a zero, its value and a zero.

use std::ops::Range;

use antiphon::prelude::*;

/// A page that is longer is split, if it has two entries.
const LEN_MAX: usize = 512;

/// Some entries in the order of their keys. Neither keys nor values contain a zero.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Page(String);

impl Page {
    /// Whether there is no entry.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut parts = self.0.split_terminator('\0');
        std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.entries().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    /// Gives a key a value; tells whether it is a new key.
    pub(crate) fn put(&mut self, key: &str, value: &str) -> bool {
        let place = self.place(key);
        let new = place.is_empty();
        self.0.replace_range(place, &[key, "\0", value, "\0"].concat());
        new
    }

    /// Removes a key; tells whether it was there.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        let place = self.place(key);
        let there = !place.is_empty();
        self.0.replace_range(place, "");
        there
    }

    /// Splits off what is behind the middle, with its first key, if the page is too long.
    pub(crate) fn split(&mut self) -> Option<(String, Self)> {
        if self.0.len() <= LEN_MAX {
            return None;
        }
        let middle = self.0.len() / 2;
        // The entry that reaches over the middle stays, unless it is the first of two.
        let ends = self.entries().scan(0, |end, entry| {
            *end += len(entry);
            Some(*end)
        });
        let end = ends.take_while(|end| *end < self.0.len()).find(|end| *end >= middle);
        let end = end.or_else(|| self.last_start()).filter(|end| *end > 0)?;
        let right = Self(self.0.split_off(end));
        self.0.shrink_to_fit();
        let first = right.entries().next().map(|(key, _)| key.to_owned())?;
        Some((first, right))
    }

    /// Where the entry of a key is, or the empty place where it belongs.
    fn place(&self, key: &str) -> Range<usize> {
        let mut start = 0;
        for entry in self.entries() {
            let end = start + len(entry);
            if entry.0 == key {
                return start..end;
            }
            if entry.0 > key {
                break;
            }
            start = end;
        }
        start..start
    }

    /// Where the last entry begins.
    fn last_start(&self) -> Option<usize> {
        Some(self.0.len() - len(self.entries().last()?))
    }
}

/// How many bytes an entry takes.
const fn len((key, value): (&str, &str)) -> usize {
    key.len() + value.len() + 2
}

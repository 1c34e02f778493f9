//! A store of keys and values in the memory of one process: read by views, scanned in order, and
//! usable with a million entries.
//!
//! What a message costs follows what it touches: entries are packed into small pages, so writing one
//! changes few bytes of the memory, and a million fit into what a process may have.

use std::collections::BTreeMap;

use antiphon::prelude::*;

mod page;

use page::Page;

/// The longest key, in bytes.
pub const KEY_MAX: usize = 128;
/// The longest value, in bytes.
pub const VALUE_MAX: usize = 64 << 10;
/// The most entries of one scan.
pub const SCAN_MAX: usize = 1_000;

/// A key with its value.
pub type Entry = (String, String);

/// A store. Its controller writes, anybody reads.
#[actor]
#[derive(Debug, Serialize, Deserialize)]
pub struct Store {
    /// By their first keys; that of the first page counts as the smallest of all.
    pages: BTreeMap<String, Page>,
    len: u64,
}

#[actor]
impl Store {
    /// Makes a store without entries.
    #[init]
    pub fn new() -> Self {
        Self { pages: BTreeMap::from([(String::new(), Page::default())]), len: 0 }
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a key.
    pub fn get(&self, key: String) -> Option<String> {
        let (_, page) = self.pages.range(..=key.clone()).next_back()?;
        page.get(&key).map(str::to_owned)
    }

    /// The entries from one key on, in order, up to another that is not among them: `limit` at the
    /// most. To read on, scan from the last key with `\u{1}` behind it.
    pub fn scan(&self, from: String, until: Option<String>, limit: usize) -> Vec<Entry> {
        let first = self.pages.range(..=from.clone()).next_back();
        let first = first.map_or_else(String::new, |(first, _)| first.clone());
        let entries = self.pages.range(first..).flat_map(|(_, page)| page.entries());
        entries
            .skip_while(|(key, _)| *key < from.as_str())
            .take_while(|(key, _)| until.as_ref().is_none_or(|until| *key < until.as_str()))
            .take(limit.min(SCAN_MAX))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// Gives a key a value; replies whether it is a new key.
    pub fn put(&mut self, cx: &Context, key: String, value: String) -> Result<bool, Error> {
        self.put_all(cx, vec![(key, value)]).map(|new| new == 1)
    }

    /// Gives many keys values; replies how many keys are new.
    pub fn put_all(&mut self, cx: &Context, entries: Vec<Entry>) -> Result<u64, Error> {
        require!(cx.sender() == cx.controller(), "only the controller writes");
        for (key, value) in &entries {
            require!(!key.is_empty() && key.len() <= KEY_MAX, "a key has 1 to {KEY_MAX} bytes");
            require!(value.len() <= VALUE_MAX, "a value has {VALUE_MAX} bytes at most");
            require!(!key.contains('\0') && !value.contains('\0'), "there is a zero byte");
        }
        let before = self.len;
        for (key, value) in &entries {
            self.insert(key, value);
        }
        Ok(self.len - before)
    }

    /// Removes a key; replies whether it was there.
    pub fn remove(&mut self, cx: &Context, key: String) -> Result<bool, Error> {
        require!(cx.sender() == cx.controller(), "only the controller writes");
        let Some((first, page)) = self.pages.range_mut(..=key.clone()).next_back() else {
            return Ok(false);
        };
        let removed = page.remove(&key);
        if page.is_empty() && !first.is_empty() {
            let first = first.clone();
            self.pages.remove(&first);
        }
        self.len -= u64::from(removed);
        Ok(removed)
    }
}

impl Store {
    fn insert(&mut self, key: &str, value: &str) {
        let Some((_, page)) = self.pages.range_mut(..=key.to_owned()).next_back() else { return };
        self.len += u64::from(page.put(key, value));
        if let Some((first, right)) = page.split() {
            self.pages.insert(first, right);
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;

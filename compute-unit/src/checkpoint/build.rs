//! The index of a memory from what changed since an older index. Pure but for reading old nodes.

use std::collections::{BTreeMap, HashMap};

use protocol::{Hash, MemoryIndex, MemoryNode, PageEntry};

use super::store::Kind;
use crate::{
    database::StoreError,
    instance::{PAGE_BYTES, Snapshot},
    memory::{FANOUT, STATE_PAGE},
};

/// Blobs that are not stored yet, perhaps.
pub(super) type Fresh = HashMap<(Kind, Hash), Vec<u8>>;

/// Reads nodes of the older index.
struct Old<'a, R> {
    index: Option<&'a MemoryIndex>,
    read: R,
    nodes: HashMap<(usize, usize), Vec<PageEntry>>,
}

/// Makes the index of a snapshot. `read` gives the bytes of a node of the older index.
pub(super) fn index(
    snapshot: &Snapshot,
    previous: Option<&MemoryIndex>,
    read: impl Fn(&Hash) -> Result<Vec<u8>, StoreError>,
) -> Result<(MemoryIndex, Fresh), StoreError> {
    let mut old = Old { index: previous, read, nodes: HashMap::new() };
    let mut fresh = Fresh::new();
    let pages = snapshot.bytes / STATE_PAGE;
    let mut changed = touched(snapshot, previous, &mut fresh);
    let top = snapshot.tree.height().saturating_sub(1);
    let mut width = pages;
    for level in 0..top {
        let mut above: BTreeMap<usize, BTreeMap<usize, Hash>> = BTreeMap::new();
        if old.top() == Some(level) {
            // What was on top was not stored as a node, and is below now.
            changed.entry(0).or_default();
        }
        for (group, children) in changed {
            let entries = entries(snapshot, (level, group), width, &children, &mut old)?;
            let node = MemoryNode::new(entries).ok_or_else(|| broken("a node has no entries"))?;
            let bytes = node.encode();
            let address = Hash::of_blob(&bytes);
            fresh.insert((Kind::Node, address), bytes);
            above.entry(group / FANOUT).or_default().insert(group % FANOUT, address);
        }
        changed = above;
        width = width.div_ceil(FANOUT);
    }
    let children = changed.remove(&0).unwrap_or_default();
    let root = match pages {
        0 => Vec::new(),
        _ => entries(snapshot, (top, 0), width, &children, &mut old)?,
    };
    let index = MemoryIndex {
        pages: u32::try_from(snapshot.bytes / PAGE_BYTES).map_err(|_| broken("too many pages"))?,
        height: u8::try_from(top).map_err(|_| broken("too high"))?,
        root,
    };
    index.check().map_err(|error| StoreError::Checkpoint(error.to_string()))?;
    Ok((index, fresh))
}

/// The groups of pages that have to be written, with the addresses of pages that changed.
fn touched(
    snapshot: &Snapshot,
    previous: Option<&MemoryIndex>,
    fresh: &mut Fresh,
) -> BTreeMap<usize, BTreeMap<usize, Hash>> {
    let mut changed: BTreeMap<usize, BTreeMap<usize, Hash>> = BTreeMap::new();
    for (page, bytes) in &snapshot.pages {
        let address = if bytes.iter().all(|byte| *byte == 0) {
            Hash::ZERO
        } else {
            let address = Hash::of_blob(bytes);
            fresh.entry((Kind::Page, address)).or_insert_with(|| bytes.to_vec());
            address
        };
        let page = usize::try_from(*page).unwrap_or(usize::MAX);
        changed.entry(page / FANOUT).or_default().insert(page % FANOUT, address);
    }
    let had = previous.map_or(0, |index| usize::try_from(index.pages).unwrap_or(usize::MAX));
    let had = had.saturating_mul(PAGE_BYTES) / STATE_PAGE;
    let pages = snapshot.bytes / STATE_PAGE;
    for group in had / FANOUT..pages.div_ceil(FANOUT) {
        if had < pages {
            changed.entry(group).or_default();
        }
    }
    changed
}

/// The entries of a node.
fn entries<R: Fn(&Hash) -> Result<Vec<u8>, StoreError>>(
    snapshot: &Snapshot,
    (level, group): (usize, usize),
    width: usize,
    changed: &BTreeMap<usize, Hash>,
    old: &mut Old<'_, R>,
) -> Result<Vec<PageEntry>, StoreError> {
    let count = width.saturating_sub(group.saturating_mul(FANOUT)).min(FANOUT);
    let before = old.entries(level, group)?;
    let values = snapshot.tree.group(level, group).map(|group| group.children().to_vec());
    let entry = |child: usize| {
        let was = before.get(child);
        let address = match (changed.get(&child), was) {
            (Some(address), _) => *address,
            (None, Some(was)) => was.address,
            (None, None) if level == 0 => Hash::ZERO,
            (None, None) => return Err(broken("a node is missing")),
        };
        let value = match &values {
            Some(values) => values.get(child).map(|value| Hash::from_bytes(*value)),
            None => was.map(|was| was.cv),
        };
        Ok(PageEntry { address, cv: value.ok_or_else(|| broken("a value is missing"))? })
    };
    (0..count).map(entry).collect()
}

impl<R: Fn(&Hash) -> Result<Vec<u8>, StoreError>> Old<'_, R> {
    fn top(&self) -> Option<usize> {
        self.index.map(|index| index.height.into())
    }

    /// The entries of a node; none of one that was not there.
    fn entries(&mut self, level: usize, group: usize) -> Result<Vec<PageEntry>, StoreError> {
        let Some(index) = self.index else { return Ok(Vec::new()) };
        let top = usize::from(index.height);
        if level >= top {
            return Ok(if level == top && group == 0 { index.root.clone() } else { Vec::new() });
        }
        if let Some(entries) = self.nodes.get(&(level, group)) {
            return Ok(entries.clone());
        }
        let above = self.entries(level.saturating_add(1), group / FANOUT)?;
        let Some(entry) = above.get(group % FANOUT) else { return Ok(Vec::new()) };
        let bytes = (self.read)(&entry.address)?;
        let node = MemoryNode::decode(&bytes).map_err(|error| broken(&error.to_string()))?;
        let entries = node.entries().to_vec();
        self.nodes.insert((level, group), entries.clone());
        Ok(entries)
    }
}

fn broken(reason: &str) -> StoreError {
    StoreError::Checkpoint(reason.to_owned())
}

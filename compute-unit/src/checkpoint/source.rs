//! Restores a process from a checkpoint: what is small at once, the memory as it is touched.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use protocol::{Checkpoint, CheckpointState, Hash, HostTableIndex, MemoryIndex, PageEntry};

use super::store::{CheckpointStore, Kind};
use crate::{
    database::StoreError,
    instance::{Image, PAGE_BYTES},
    memory::{FANOUT, GroupSource, MemoryTree, PageSource, STATE_PAGE, Unreadable},
    process::Restored,
};

/// Reads blobs by their names, checked.
pub(crate) trait Blobs: Send + Sync {
    /// A node or chunk.
    fn read(&self, kind: Kind, address: &Hash) -> Result<Vec<u8>, StoreError>;
}

impl Blobs for CheckpointStore {
    fn read(&self, kind: Kind, address: &Hash) -> Result<Vec<u8>, StoreError> {
        self.blob(kind, address)
    }
}

/// What [`crate::process::Process::restore`] needs of a checkpoint.
///
/// # Errors
///
/// If the checkpoint, or a blob that is needed at once, is damaged.
pub(crate) fn restore(
    blobs: &Arc<impl Blobs + 'static>,
    checkpoint: Checkpoint,
) -> Result<Restored, StoreError> {
    let broken = |error: protocol::CheckpointError| StoreError::Checkpoint(error.to_string());
    let spawn = checkpoint.spawn().map_err(broken)?;
    let read = |index: HostTableIndex| {
        index.read(|address| blobs.read(Kind::Chunk, address).ok()).map_err(broken)
    };
    let (state, table) = match checkpoint.state {
        CheckpointState::Dead(kind, table) => {
            (Err(kind), table.map(read).transpose()?.unwrap_or_default())
        }
        CheckpointState::Live { memory, globals, host_table } => {
            memory.check().map_err(broken)?;
            let table = read(host_table)?;
            let pages = usize::try_from(memory.pages).unwrap_or(usize::MAX);
            let bytes = pages.saturating_mul(PAGE_BYTES);
            let stored = Arc::new(Stored::new(Arc::clone(blobs), memory));
            let tree = stored.tree(bytes / STATE_PAGE);
            (Ok(Image { bytes, globals, pages: stored, tree }), table)
        }
    };
    let Checkpoint { process, position, previous, module, .. } = checkpoint;
    Ok(Restored { process, spawn, module, position, previous, state, table })
}

/// The root of the state that a checkpoint holds; none of a process that was not born.
///
/// # Errors
///
/// If the checkpoint is damaged. Pages and nodes of its memory are not looked at.
pub(crate) fn state_root(
    blobs: &impl Blobs,
    checkpoint: &Checkpoint,
) -> Result<Option<Hash>, StoreError> {
    let CheckpointState::Live { host_table, .. } = &checkpoint.state else { return Ok(None) };
    let broken = |error: protocol::CheckpointError| StoreError::Checkpoint(error.to_string());
    let table = host_table.read(|address| blobs.read(Kind::Chunk, address).ok());
    let state = checkpoint.state(&table.map_err(broken)?).map_err(broken)?;
    Ok(state.map(|state| state.root()))
}

/// The memory of a checkpoint.
struct Stored<B> {
    blobs: Arc<B>,
    index: MemoryIndex,
    /// The nodes that were read. They stay: a page is read by the node of this checkpoint, which
    /// the database drops once the process has newer ones.
    nodes: Mutex<HashMap<Place, Entries>>,
}

/// The level of a node, and its number there.
type Place = (usize, usize);
type Entries = Arc<[PageEntry]>;

impl<B: Blobs + 'static> Stored<B> {
    fn new(blobs: Arc<B>, index: MemoryIndex) -> Self {
        Self { blobs, index, nodes: Mutex::default() }
    }

    /// The tree of the memory, of which only the top is read.
    fn tree(self: &Arc<Self>, pages: usize) -> MemoryTree {
        let top: Vec<[u8; 32]> = self.index.root.iter().map(|entry| *entry.cv.as_bytes()).collect();
        let levels = usize::from(self.index.height).saturating_add(1);
        MemoryTree::restored(pages, levels, &top, Arc::clone(self) as Arc<dyn GroupSource>)
    }

    fn entries(&self, level: usize, group: usize) -> Result<Entries, StoreError> {
        let wrong = || StoreError::Checkpoint(format!("there is no node {group} at {level}"));
        if level >= usize::from(self.index.height) {
            return Ok(Arc::from(self.index.root.as_slice()));
        }
        let known = |nodes: &HashMap<Place, Entries>| nodes.get(&(level, group)).cloned();
        if let Some(entries) = known(&self.nodes.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(entries);
        }
        let above = self.entries(level.saturating_add(1), group / FANOUT)?;
        let entry = above.get(group % FANOUT).ok_or_else(wrong)?;
        let bytes = self.blobs.read(Kind::Node, &entry.address)?;
        let node = entry.node(&bytes).map_err(|error| StoreError::Checkpoint(error.to_string()))?;
        let entries: Entries = Arc::from(node.entries());
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.insert((level, group), Arc::clone(&entries));
        Ok(entries)
    }
}

impl<B: Blobs + 'static> PageSource for Stored<B> {
    fn read(&self, page: u32, into: &mut [u8]) -> Result<(), Unreadable> {
        let unreadable = |reason: String| Unreadable { page, reason };
        let index = usize::try_from(page).unwrap_or(usize::MAX);
        let entries = self.entries(0, index / FANOUT);
        let entries = entries.map_err(|error| unreadable(error.to_string()))?;
        let entry = entries.get(index % FANOUT);
        let entry = entry.ok_or_else(|| unreadable("there is no such page".to_owned()))?;
        if entry.address == Hash::ZERO {
            into.fill(0);
            return Ok(());
        }
        let bytes = self.blobs.read(Kind::Page, &entry.address);
        let bytes = bytes.map_err(|error| unreadable(error.to_string()))?;
        if bytes.len() != into.len() {
            return Err(unreadable("it is not a page".to_owned()));
        }
        into.copy_from_slice(&bytes);
        Ok(())
    }
}

impl<B: Blobs + 'static> GroupSource for Stored<B> {
    fn group(&self, level: usize, index: usize) -> Result<Vec<Hash>, Unreadable> {
        let entries = self.entries(level, index).map_err(|error| {
            let page = index.saturating_mul(FANOUT);
            let page = u32::try_from(page).unwrap_or(u32::MAX);
            Unreadable { page, reason: error.to_string() }
        })?;
        Ok(entries.iter().map(|entry| entry.cv).collect())
    }
}

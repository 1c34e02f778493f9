//! The BLAKE3 tree of a memory image, kept so that a changed page costs a path and not the image.
//!
//! BLAKE3 hashes chunks of 1 KiB and merges neighbours, an odd one at the end of a level going up
//! as it is. A state page of 4 KiB is a subtree of four chunks, 64 pages are one of 256, and so on:
//! the tree here has groups of 64, of which one is what a checkpoint stores as a node. Groups are
//! shared between processes while they are equal, and those of a restored memory are read when a
//! page under them changes.
//!
//! # Invariants
//!
//! - [`MemoryTree::root`] is `blake3::hash` of the image.
//! - What is in the tree are the pages that [`MemoryTree::update`] was told of, over zeros.

use std::sync::{Arc, OnceLock};

use protocol::{
    Hash,
    state::{empty_root, merge, merge_root, page_cv},
};

use super::{PageSet, STATE_PAGE, Unreadable};

/// Children of a group.
pub(crate) const FANOUT: usize = 64;
/// Where each level of a full group starts: 64 children, 32, 16, 8, 4, 2, 1.
const LEVELS: [usize; 7] = [0, 64, 96, 112, 120, 124, 126];
const VALUES: usize = 127;
/// Groups of zero pages that are computed once for all: those of 64 MiB.
const ZERO_GROUPS: usize = 256;

/// A BLAKE3 chaining value.
type Value = [u8; 32];

/// A group of up to 64 neighbours with all that is merged of them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Group {
    count: usize,
    values: [Value; VALUES],
}

/// Where groups of a restored memory come from.
pub(crate) trait GroupSource: Send + Sync {
    /// The chaining values of a group's children.
    fn group(&self, level: usize, index: usize) -> Result<Vec<Hash>, Unreadable>;
}

/// The tree of a memory of a number of pages.
#[derive(Clone)]
pub(crate) struct MemoryTree {
    pages: usize,
    /// From the pages upwards; none where a group is still to be read.
    levels: Vec<Vec<Option<Arc<Group>>>>,
    /// Where groups of the first so many pages are read.
    source: Option<(Arc<dyn GroupSource>, usize)>,
}

impl Group {
    /// The group of these children.
    pub(crate) fn new(children: &[Value]) -> Self {
        let count = children.len().min(FANOUT);
        let mut group = Self { count, values: [[0; 32]; VALUES] };
        for (value, child) in group.values.iter_mut().zip(children.iter().take(FANOUT)) {
            *value = *child;
        }
        group.merge(u64::MAX);
        group
    }

    /// The chaining values of the children.
    pub(crate) fn children(&self) -> &[Value] {
        self.values.get(..self.count).unwrap_or_default()
    }

    /// What the group adds to the one above it.
    fn value(&self) -> Value {
        self.values.last().copied().unwrap_or_default()
    }

    fn set(&mut self, child: usize, value: Value) {
        self.count = self.count.max(child.saturating_add(1));
        if let Some(place) = self.values.get_mut(child) {
            *place = value;
        }
    }

    /// Merges what depends on these children again.
    fn merge(&mut self, mut changed: u64) {
        let mut width = self.count;
        for (from, to) in LEVELS.into_iter().zip(LEVELS.into_iter().skip(1)) {
            let mut next = 0;
            for parent in 0..width.div_ceil(2) {
                if (changed >> (2 * parent)) & 3 == 0 {
                    continue;
                }
                next |= 1 << parent;
                let left = from.saturating_add(2 * parent);
                let merged = match self.values.get(left..left.saturating_add(2)) {
                    Some([left, right]) if 2 * parent + 1 < width => merge(left, right),
                    Some([left, ..]) => *left,
                    _ => unreachable!("parents are within their level"),
                };
                if let Some(place) = self.values.get_mut(to.saturating_add(parent)) {
                    *place = merged;
                }
            }
            changed = next;
            width = width.div_ceil(2);
        }
    }

    /// The hash of an image of which this is all.
    fn root(&self) -> Hash {
        let mut width = self.count;
        for level in LEVELS {
            if width <= 2 {
                let pair = self.values.get(level..level.saturating_add(2));
                let Some([left, right]) = pair else { break };
                return merge_root(left, right);
            }
            width = width.div_ceil(2);
        }
        unreachable!("every level halves the width")
    }
}

impl MemoryTree {
    /// The tree of no pages.
    pub(crate) fn new() -> Self {
        Self { pages: 0, levels: vec![Vec::new()], source: None }
    }

    /// The tree of a memory whose groups are read when they are needed; `top` are the chaining
    /// values at the root of so many levels.
    pub(crate) fn restored(
        pages: usize,
        levels: usize,
        top: &[Value],
        source: Arc<dyn GroupSource>,
    ) -> Self {
        let mut tree =
            Self { pages, levels: Vec::with_capacity(levels), source: Some((source, pages)) };
        let mut width = pages;
        for _ in 0..levels {
            width = width.div_ceil(FANOUT);
            tree.levels.push(vec![None; width]);
        }
        if let Some(group) = tree.levels.last_mut().and_then(|level| level.first_mut()) {
            *group = Some(Arc::new(Group::new(top)));
        }
        tree
    }

    /// How many pages the image has.
    pub(crate) const fn pages(&self) -> usize {
        self.pages
    }

    /// The number of levels above the pages, at least one.
    pub(crate) fn height(&self) -> usize {
        self.levels.len()
    }

    /// A group that is in memory: all that changed since the memory was restored are.
    pub(crate) fn group(&self, level: usize, index: usize) -> Option<&Arc<Group>> {
        self.levels.get(level)?.get(index)?.as_ref()
    }

    /// The hash of the image.
    pub(crate) fn root(&self) -> Hash {
        match self.levels.last().and_then(|level| level.first()) {
            Some(Some(top)) => top.root(),
            _ => empty_root(),
        }
    }

    /// Learns the size of the image and which pages changed. `image` is the whole memory.
    pub(crate) fn update(&mut self, image: &[u8], changed: &PageSet) -> Result<(), Unreadable> {
        let pages = image.len() / STATE_PAGE;
        if pages > self.pages {
            self.grow(pages)?;
        }
        let mut run = Run::default();
        for page in changed.iter() {
            let index = usize::try_from(page).unwrap_or(usize::MAX);
            let start = index.saturating_mul(STATE_PAGE);
            let Some(bytes) = image.get(start..start.saturating_add(STATE_PAGE)) else { continue };
            let (group, child) = (index / FANOUT, index % FANOUT);
            if run.group != Some(group) {
                self.finish(0, std::mem::take(&mut run))?;
                run.group = Some(group);
            }
            run.values.push((child, page_value(page, bytes)));
        }
        self.finish(0, run)
    }

    /// Adds pages of zeros.
    fn grow(&mut self, pages: usize) -> Result<(), Unreadable> {
        let old = self.pages;
        self.pages = pages;
        self.make_room(old)?;
        let mut index = old;
        while index < pages {
            let group = index / FANOUT;
            let end = group.saturating_add(1).saturating_mul(FANOUT).min(pages);
            if index.is_multiple_of(FANOUT) && end == index.saturating_add(FANOUT) {
                self.put(0, group, zero_group(group))?;
            } else {
                let values = (index..end).map(|page| (page % FANOUT, zero_value(page))).collect();
                self.finish(0, Run { group: Some(group), values })?;
            }
            index = end;
        }
        Ok(())
    }

    /// Widens every level for the number of pages, and adds levels until one group is on top.
    fn make_room(&mut self, old: usize) -> Result<(), Unreadable> {
        let (mut width, mut had) = (self.pages, old);
        let mut level = 0;
        loop {
            width = width.div_ceil(FANOUT);
            had = had.div_ceil(FANOUT);
            match self.levels.get_mut(level) {
                Some(groups) => groups.resize(width, None),
                None => {
                    self.levels.push(vec![None; width]);
                    // What was on top is the first child of the new top.
                    if had > 0 {
                        let top = self.loaded(level.saturating_sub(1), 0)?.value();
                        let group = Arc::new(Group::new(&[top]));
                        if let Some(first) =
                            self.levels.last_mut().and_then(|groups| groups.first_mut())
                        {
                            *first = Some(group);
                        }
                    }
                }
            }
            if width <= 1 {
                return Ok(());
            }
            level += 1;
        }
    }

    /// Replaces a whole group.
    fn put(&mut self, level: usize, index: usize, group: Arc<Group>) -> Result<(), Unreadable> {
        let value = group.value();
        if let Some(place) = self.levels.get_mut(level).and_then(|groups| groups.get_mut(index)) {
            *place = Some(group);
        }
        self.rise(level, index, value)
    }

    /// Sets children of a group and everything above it.
    fn finish(&mut self, level: usize, run: Run) -> Result<(), Unreadable> {
        let Some(index) = run.group else { return Ok(()) };
        self.loaded(level, index)?;
        let group = self.levels.get_mut(level).and_then(|groups| groups.get_mut(index));
        let Some(Some(group)) = group else { return Ok(()) };
        let group = Arc::make_mut(group);
        let mut changed = 0_u64;
        for (child, value) in run.values {
            group.set(child, value);
            changed |= 1 << child;
        }
        group.merge(changed);
        let value = group.value();
        self.rise(level, index, value)
    }

    fn rise(&mut self, level: usize, index: usize, value: Value) -> Result<(), Unreadable> {
        let above = level.saturating_add(1);
        if above >= self.levels.len() {
            return Ok(());
        }
        let values = vec![(index % FANOUT, value)];
        self.finish(above, Run { group: Some(index / FANOUT), values })
    }

    /// Makes sure that a group is in memory.
    fn loaded(&mut self, level: usize, index: usize) -> Result<&Arc<Group>, Unreadable> {
        let missing = |reason: &str| Unreadable { page: 0, reason: reason.to_owned() };
        let groups = self.levels.get_mut(level).ok_or_else(|| missing("no such level"))?;
        let group = groups.get_mut(index).ok_or_else(|| missing("no such group"))?;
        if group.is_none() {
            let below = u32::try_from(level).unwrap_or(u32::MAX).saturating_add(1);
            let first = FANOUT.saturating_pow(below).saturating_mul(index);
            // A group that was not restored is new.
            let children = match &self.source {
                Some((source, pages)) if first < *pages => source.group(level, index)?,
                _ => Vec::new(),
            };
            let children: Vec<Value> = children.iter().map(|child| *child.as_bytes()).collect();
            *group = Some(Arc::new(Group::new(&children)));
        }
        group.as_ref().ok_or_else(|| missing("no group"))
    }
}

/// Changes of one group.
#[derive(Default)]
struct Run {
    group: Option<usize>,
    values: Vec<(usize, Value)>,
}

fn page_value(page: u32, bytes: &[u8]) -> Value {
    page_cv(page, bytes.try_into().expect("a page is of one size"))
}

fn zero_value(page: usize) -> Value {
    page_value(u32::try_from(page).unwrap_or(u32::MAX), &[0; STATE_PAGE])
}

/// A group of 64 pages of zeros.
fn zero_group(group: usize) -> Arc<Group> {
    static GROUPS: [OnceLock<Arc<Group>>; ZERO_GROUPS] = [const { OnceLock::new() }; ZERO_GROUPS];
    let first = group.saturating_mul(FANOUT);
    let make = || {
        let values: Vec<Value> = (0..FANOUT).map(|page| zero_value(first + page)).collect();
        Arc::new(Group::new(&values))
    };
    GROUPS.get(group).map_or_else(make, |kept| Arc::clone(kept.get_or_init(make)))
}

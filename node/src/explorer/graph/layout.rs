//! Places a causal tree among swim lanes: a column for each process, in the order in which they
//! appear, and rows so that whatever was caused stands beneath its cause. Pure.
//!
//! Work and size are bounded by the tree's, which is bounded where it grows.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use protocol::{ProcessId, Slot, Timestamp};

use crate::trace::{Node, Tree};

/// Where everything of a tree stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The processes, from the left; none for what is in nobody's log.
    pub(super) lanes: Vec<Option<ProcessId>>,
    /// The nodes, each behind its cause.
    pub(super) places: Vec<Placed>,
    /// What stands for effects that are left out.
    pub(super) folds: Vec<Placed>,
    /// How many rows there are.
    pub(super) rows: usize,
}

/// Where a node stands, or what stands for its left out effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// The node's position in the tree.
    pub(super) node: usize,
    pub(super) lane: usize,
    pub(super) row: usize,
    /// The place of its cause, by its position in `places`.
    pub(super) cause: Option<usize>,
}

/// What is placed next: first what was assigned first, of that what stands first in its log.
type Turn = Reverse<(Timestamp, Slot, usize, Option<usize>)>;

impl Layout {
    /// Places a tree. Within a lane, entries stand in the order of their times; an effect stands
    /// beneath its cause even where clocks say otherwise.
    pub(super) fn of(tree: &Tree) -> Self {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); tree.nodes.len()];
        for (at, node) in tree.nodes.iter().enumerate() {
            if let Some(children) = node.parent.and_then(|parent| children.get_mut(parent)) {
                children.push(at);
            }
        }
        let mut placing = Placing::default();
        let mut turns: BinaryHeap<Turn> = BinaryHeap::new();
        let roots = tree.nodes.iter().enumerate().filter(|(_, node)| node.parent.is_none());
        turns.extend(roots.map(|(at, node)| turn(at, node, None, (Timestamp::ZERO, Slot::ZERO))));
        while let Some(Reverse((time, slot, at, cause))) = turns.pop() {
            let Some(node) = tree.nodes.get(at) else { continue };
            let place = placing.put(at, lane_of(node), cause);
            if node.folded > 0 {
                placing.fold(place);
            }
            for child in children.get(at).into_iter().flatten() {
                let Some(node) = tree.nodes.get(*child) else { continue };
                turns.push(turn(*child, node, Some(place), (time, slot)));
            }
        }
        placing.layout
    }
}

/// When a node has its turn; what has no place yet follows its cause.
fn turn(at: usize, node: &Node, cause: Option<usize>, after: (Timestamp, Slot)) -> Turn {
    let assignment = node.hop().map(|hop| &hop.record.assignment);
    let (time, slot) = assignment.map_or(after, |it| (it.time, it.slot));
    Reverse((time, slot, at, cause))
}

/// Whose log a node stands in, or shall stand in.
fn lane_of(node: &Node) -> Option<ProcessId> {
    match node.hop() {
        Some(hop) => Some(hop.record.assignment.process),
        None => node.item.as_ref().map(|item| item.target),
    }
}

#[derive(Debug, Default)]
struct Placing {
    layout: Layout,
    lanes: BTreeMap<Option<ProcessId>, usize>,
    /// The first free row of each lane.
    free: Vec<usize>,
}

impl Placing {
    fn put(&mut self, node: usize, process: Option<ProcessId>, cause: Option<usize>) -> usize {
        let lane = *self.lanes.entry(process).or_insert_with(|| {
            self.layout.lanes.push(process);
            self.free.push(0);
            self.free.len().saturating_sub(1)
        });
        let row = self.take(lane, cause);
        self.layout.places.push(Placed { node, lane, row, cause });
        self.layout.places.len().saturating_sub(1)
    }

    /// The first row of a lane that is free beneath a cause.
    fn take(&mut self, lane: usize, cause: Option<usize>) -> usize {
        let above = cause.and_then(|cause| self.layout.places.get(cause));
        let beneath = above.map_or(0, |above| above.row.saturating_add(1));
        let Some(free) = self.free.get_mut(lane) else { return beneath };
        let row = beneath.max(*free);
        *free = row.saturating_add(1);
        self.layout.rows = self.layout.rows.max(*free);
        row
    }

    /// Puts what stands for left out effects into the lane of what emitted them.
    fn fold(&mut self, emitter: usize) {
        let Some(Placed { node, lane, .. }) = self.layout.places.get(emitter).copied() else {
            return;
        };
        let row = self.take(lane, Some(emitter));
        self.layout.folds.push(Placed { node, lane, row, cause: Some(emitter) });
    }
}

#[cfg(test)]
mod tests;

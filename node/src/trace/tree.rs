//! The tree while it grows, and when it is done. Pure: whoever looks things up asks
//! [`Growth::next`] what, and hands what it found to [`Growth::handle`].
//!
//! Growth is breadth first, so that bounds leave out what is furthest from the message.

use std::collections::{BTreeMap, VecDeque};

use protocol::{Answer, EntryId, ItemBody, OutboxItem, ProcessId, RefusalCode, Slot, Timestamp};

use super::{
    hop::Hop,
    links::{entry_of, timer_entry},
};

/// How many firings of a timer that repeats are followed: it may never end.
const FIRINGS: u64 = 3;

/// How large a tree may become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// How many steps from the message.
    pub(crate) depth: u32,
    /// How many nodes in all.
    pub(crate) nodes: usize,
    /// How many equal effects of one slot are followed.
    pub(crate) fan: usize,
    /// The item of the message from which on its effects are followed.
    pub(crate) from: u32,
}

impl Bounds {
    /// Bounds that hold for the tree as a whole, not for what one slot emits.
    pub(crate) const fn new(depth: u32, nodes: usize) -> Self {
        Self { depth, nodes, fan: usize::MAX, from: 0 }
    }
}

/// How a node follows from its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Via {
    /// It is the message asked for.
    Root,
    /// It is an outbox item of the parent, or what that became.
    Item,
    /// It is a firing of a timer that the parent set.
    Firing(u64),
    /// It is the end of an ask or birth of the parent, at its deadline.
    Deadline,
    /// It is the end of an ask of the parent whose target nobody orders.
    NoTarget,
    /// It is a scheduler's word about the ask that the parent ended.
    Answer,
}

impl Via {
    /// Whether nobody expects it, so that its absence says nothing.
    const fn is_rare(self) -> bool {
        match self {
            Self::Root | Self::Item | Self::Firing(0) => false,
            Self::Firing(_) | Self::Deadline | Self::NoTarget | Self::Answer => true,
        }
    }
}

/// An entry to be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The entry.
    pub(crate) entry: EntryId,
    place: Place,
}

/// Where a node belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// The parent, by its place in `nodes`.
    parent: Option<usize>,
    /// The item of the slot that emitted it.
    index: u32,
    via: Via,
    depth: u32,
}

/// What was found of an entry.
#[derive(Debug, Clone)]
pub(crate) enum Reached {
    /// It has its place in a log.
    Hop(Box<Hop>),
    /// No scheduler that answers has it, yet.
    UnderWay,
    /// Its target's scheduler has refused it for good.
    Refused(RefusalCode),
    /// It never becomes an entry of a log.
    Kept,
    /// It cannot be told.
    Unknown(String),
}

/// A node of a tree.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The parent's position in the tree.
    pub(crate) parent: Option<usize>,
    /// How many steps from the message.
    pub(crate) depth: u32,
    /// How it follows from its parent.
    pub(crate) via: Via,
    /// Who emitted it, for an item.
    pub(crate) source: Option<(ProcessId, Slot)>,
    /// The item that it is, or that set it.
    pub(crate) item: Option<OutboxItem>,
    /// The entry, where it is or becomes one.
    pub(crate) entry: Option<EntryId>,
    /// What was found of it.
    pub(crate) reached: Reached,
    /// How many of its effects are left out.
    pub(crate) folded: usize,
    /// The first item whose effects are left out, if there is one.
    pub(crate) next: Option<u32>,
}

/// A causal tree, each node behind its parent and in front of what follows its parent.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// The nodes; the first is the message.
    pub(crate) nodes: Vec<Node>,
}

/// A tree while it grows.
#[derive(Debug)]
pub(crate) struct Growth {
    bounds: Bounds,
    nodes: Vec<(Place, Node)>,
    queue: VecDeque<(Place, Option<EntryId>)>,
    under_way: usize,
}

impl Growth {
    /// Begins with a message.
    pub(crate) fn new(message: EntryId, bounds: Bounds) -> Self {
        let root = Place { parent: None, index: 0, via: Via::Root, depth: 0 };
        let queue = VecDeque::from([(root, Some(message))]);
        Self { bounds, nodes: Vec::new(), queue, under_way: 0 }
    }

    /// The entry to be looked up next; none for as long as others must be handled first, or once the
    /// tree is complete. Each must be handled, in this order.
    pub(crate) fn next(&mut self) -> Option<Wanted> {
        loop {
            // The message itself is always looked up.
            if self.nodes.len() + self.under_way >= self.bounds.nodes.max(1) {
                return None;
            }
            let (place, entry) = self.queue.pop_front()?;
            match entry {
                Some(entry) => {
                    self.under_way += 1;
                    return Some(Wanted { entry, place });
                }
                None => self.put(place, None, Reached::Kept),
            }
        }
    }

    /// Takes what was found of an entry.
    pub(crate) fn handle(&mut self, wanted: Wanted, reached: Reached) {
        let Wanted { entry, place } = wanted;
        self.under_way = self.under_way.saturating_sub(1);
        if place.via.is_rare() && !matches!(reached, Reached::Hop(_)) {
            return;
        }
        self.put(place, Some(entry), reached);
        self.extend();
    }

    /// The tree, once nothing is wanted any more.
    pub(crate) fn finish(mut self) -> Tree {
        for (place, _) in std::mem::take(&mut self.queue) {
            self.fold(&place);
        }
        in_order(self.nodes)
    }

    fn put(&mut self, place: Place, entry: Option<EntryId>, reached: Reached) {
        let source = self.emitter(&place);
        let item = self.item(&place).cloned();
        let Place { parent, depth, via, .. } = place;
        let node = Node { parent, depth, via, source, item, entry, reached, folded: 0, next: None };
        self.nodes.push((place, node));
    }

    /// Wants what the node that was put last has caused.
    fn extend(&mut self) {
        let Some(last) = self.nodes.len().checked_sub(1) else { return };
        let Some((place, node)) = self.nodes.get(last) else { return };
        let (place, depth) = (*place, place.depth.saturating_add(1));
        let Reached::Hop(hop) = &node.reached else { return };
        let (process, slot) = (hop.record.assignment.process, hop.record.assignment.slot);
        let outbox = hop.outcome().map(|outcome| &outcome.outbox);
        let mut wanted = Vec::new();
        if matches!(place.via, Via::Deadline | Via::NoTarget)
            && let Some((item, (source, _))) = node.item.as_ref().zip(node.source)
            && let Some(pair) = item.pair
        {
            let entry = Answer::id_of(&source, &item.target, pair.number);
            let place = Place { parent: Some(last), index: item.index, via: Via::Answer, depth };
            wanted.push((place, Some(entry)));
        }
        let mut left = Vec::new();
        let mut alike: BTreeMap<(u8, &str), usize> = BTreeMap::new();
        // What comes before is on an earlier page of the message's effects.
        let from = if place.parent.is_none() { self.bounds.from } else { 0 };
        for item in outbox.into_iter().flatten().filter(|item| item.index >= from) {
            let many = alike.entry(likeness(item)).or_default();
            *many = many.saturating_add(1);
            let folded = depth > self.bounds.depth || *many > self.bounds.fan;
            for (via, entry) in follow(process, slot, item) {
                let place = Place { parent: Some(last), index: item.index, via, depth };
                if folded {
                    left.push(place);
                } else {
                    wanted.push((place, entry));
                }
            }
        }
        if depth <= self.bounds.depth {
            self.queue.extend(wanted);
        }
        for place in left {
            self.fold(&place);
        }
    }

    /// Counts what has a place and is left out.
    fn fold(&mut self, place: &Place) {
        if place.via.is_rare() {
            return;
        }
        if let Some((_, node)) = place.parent.and_then(|parent| self.nodes.get_mut(parent)) {
            node.folded = node.folded.saturating_add(1);
            node.next = Some(node.next.map_or(place.index, |next| next.min(place.index)));
        }
    }

    /// The slot that emitted what a place is about.
    fn emitter(&self, place: &Place) -> Option<(ProcessId, Slot)> {
        let (_, parent) = self.nodes.get(place.parent?)?;
        match (&parent.reached, place.via) {
            (_, Via::Answer) => parent.source,
            (Reached::Hop(hop), _) => {
                Some((hop.record.assignment.process, hop.record.assignment.slot))
            }
            _ => None,
        }
    }

    /// The item that a place is about.
    fn item(&self, place: &Place) -> Option<&OutboxItem> {
        let (_, parent) = self.nodes.get(place.parent?)?;
        match (&parent.reached, place.via) {
            (_, Via::Answer) => parent.item.as_ref(),
            (Reached::Hop(hop), _) => {
                hop.outcome()?.outbox.iter().find(|item| item.index == place.index)
            }
            _ => None,
        }
    }
}

/// What makes two items of a slot alike: their kind and method.
fn likeness(item: &OutboxItem) -> (u8, &str) {
    match &item.body {
        ItemBody::Tell { method, .. } => (0, method),
        ItemBody::Ask { method, .. } => (1, method),
        ItemBody::Timer { method, .. } => (2, method),
        ItemBody::Reply { .. } => (3, ""),
        ItemBody::Answered { .. } => (4, ""),
        ItemBody::Spawn(..) => (5, ""),
        ItemBody::Skip(_) => (6, ""),
        ItemBody::CancelTimer { .. } => (7, ""),
    }
}

/// What may follow from an item, and the entries that these are.
fn follow(process: ProcessId, slot: Slot, item: &OutboxItem) -> Vec<(Via, Option<EntryId>)> {
    let timer = |occurrence| Some(timer_entry(process, slot, item.index, occurrence));
    let itself = (Via::Item, entry_of(process, slot, item));
    match &item.body {
        ItemBody::Timer { every, .. } => {
            let firings = if every.is_some() { FIRINGS } else { 1 };
            (0..firings).map(|number| (Via::Firing(number), timer(number))).collect()
        }
        ItemBody::Ask { .. } => {
            vec![itself, (Via::Deadline, timer(0)), (Via::NoTarget, timer(1))]
        }
        ItemBody::Spawn(_, Some(_)) => vec![itself, (Via::Deadline, timer(0))],
        _ => vec![itself],
    }
}

/// Brings nodes from the order in which they were found into the tree's.
fn in_order(found: Vec<(Place, Node)>) -> Tree {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); found.len()];
    let mut roots = Vec::new();
    for (at, (place, _)) in found.iter().enumerate() {
        match place.parent.and_then(|parent| children.get_mut(parent)) {
            Some(children) => children.push(at),
            None => roots.push(at),
        }
    }
    let rank = |at: &usize| found.get(*at).map(|(place, _)| (place.index, place.via));
    // Last in, first out, so the last child goes in first.
    for children in &mut children {
        children.sort_by_key(|at| std::cmp::Reverse(rank(at)));
    }
    let mut positions = vec![0; found.len()];
    let mut order = Vec::with_capacity(found.len());
    while let Some(at) = roots.pop() {
        if let Some(position) = positions.get_mut(at) {
            *position = order.len();
        }
        order.push(at);
        roots.extend(children.get(at).into_iter().flatten());
    }
    let mut found: Vec<Option<Node>> = found.into_iter().map(|(_, node)| Some(node)).collect();
    let nodes = order.into_iter().filter_map(|at| found.get_mut(at)?.take());
    let placed = nodes.map(|node| {
        let parent = node.parent.and_then(|parent| positions.get(parent).copied());
        Node { parent, ..node }
    });
    Tree { nodes: placed.collect() }
}

impl Tree {
    /// When the effects of a node were assigned first, by the clocks of their schedulers: by then it
    /// was executed.
    pub(crate) fn executed_before(&self, node: usize) -> Option<Timestamp> {
        let effects = self.nodes.iter().filter(|one| one.parent == Some(node));
        // What a scheduler's clock brings about follows from no execution.
        let emitted = effects.filter(|one| one.via == Via::Item);
        emitted.filter_map(|one| one.hop().map(|hop| hop.record.assignment.time)).min()
    }
}

impl Node {
    /// The entry in its log, if it has come there.
    pub(crate) const fn hop(&self) -> Option<&Hop> {
        match &self.reached {
            Reached::Hop(hop) => Some(hop),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;

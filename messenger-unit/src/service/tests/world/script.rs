//! What the scripted processes do, and what the schedulers say and accept beside deliveries.

use protocol::{
    AskAnswer, Emitted, OriginProof, OutboxItem, PairPosition, Reply, Spawn, TimerKind,
};

use super::*;

/// What is no longer waited for.
type Closed = Vec<(Slot, u32)>;

/// The spawn in a delivery.
pub(super) fn birth(entry: &Entry) -> Option<Spawn> {
    match entry {
        Entry::Delivery(delivery) => match &delivery.item.body {
            ItemBody::Spawn(bytes, _) => Some(codec::decode(bytes).unwrap()),
            _ => None,
        },
        _ => None,
    }
}

/// A scheduler's word.
pub(super) fn statement(
    seed: u8,
    (source, target, number): (ProcessId, ProcessId, PairNumber),
    verdict: Verdict,
) -> Signed<PairStatement> {
    let (version, kind, network) = (V1, Kind, NETWORK);
    let scheduler = key(seed).public().unit();
    let body = PairStatement { version, kind, network, scheduler, source, target, number, verdict };
    Signed::sign(body, &key(seed))
}

impl State {
    /// What became of a number, by the entry it would be.
    pub(super) fn verdict(
        &self,
        (source, target, number): (ProcessId, ProcessId, PairNumber),
        entry: &EntryId,
    ) -> Option<Verdict> {
        if let Some((place, code)) = self.refused.get(entry) {
            return (*place == (source, target, number)).then_some(Verdict::Refused(*code));
        }
        let slot = self.assigned.get(entry)?.assignment.slot;
        match &self.entries[entry] {
            Entry::Delivery(_) => Some(Verdict::Assigned(slot)),
            Entry::Skip(_) => Some(Verdict::Refused(RefusalCode::Skipped)),
            _ => None,
        }
    }

    /// A page of what is waited for.
    pub(super) fn agenda(&self, after: Option<AgendaKey>, limit: u32) -> AgendaPage {
        let mut rest = self.open.iter().filter(|(key, _)| after.is_none_or(|after| **key > after));
        let limit = usize::try_from(limit).unwrap();
        let timers = rest.by_ref().take(limit).map(|(_, (timer, ..))| *timer).collect();
        AgendaPage { timers, more: rest.next().is_some() }
    }

    /// What the scheduler of a process checks of its timer, from the timer alone.
    pub(super) fn admit_timer(
        &mut self,
        timer: &Timer,
        origin: Option<&OriginProof>,
    ) -> Result<Option<RefusalCode>, RefusalCode> {
        let origin = origin.ok_or(RefusalCode::BadOrigin)?;
        let item = origin.emitted.as_deref().filter(|item| timer.is_of(item));
        let item = item.expect("the item is that of the timer");
        let emitted = Emitted { source: &timer.process, slot: timer.slot, item };
        let source = self.source(timer.process);
        origin.verify(NETWORK, emitted, Some(&source), false, PublicKey::verifies).unwrap();
        if timer.due.saturating_add(self.behind) > wall_clock() {
            return Err(RefusalCode::NotDue);
        }
        self.timers.push(*timer);
        Ok(None)
    }

    /// What the scheduler of a source checks of a word on its item.
    pub(super) fn admit_answer(
        &mut self,
        statement: Signed<PairStatement>,
        introduction: Option<&Provenance>,
    ) -> Result<Option<RefusalCode>, RefusalCode> {
        let statement = statement.verify(NETWORK).unwrap().body().clone();
        if let Some(introduction) = introduction {
            let source = introduction.source(&statement.target, NETWORK).unwrap();
            assert_eq!(source.scheduler(), statement.scheduler);
            self.met.insert(statement.target);
            self.introductions += 1;
        } else if !self.met.contains(&statement.target) {
            return Err(RefusalCode::IntroductionNeeded);
        }
        self.answers.push(statement);
        Ok(None)
    }

    /// What comes of a slot, and what it closes.
    pub(super) fn outcome(&mut self, assignment: &Assignment) -> (Outcome, Closed) {
        let (process, slot) = (assignment.process, assignment.slot);
        let targets = self.script.get(&assignment.entry).cloned().unwrap_or_default();
        let tell =
            |target| (target, ItemBody::Tell { method: "hear".to_owned(), args: vec![0xa0] });
        let mut bodies: Vec<_> = targets.into_iter().map(tell).collect();
        bodies.extend(self.bodies.get(&assignment.entry).cloned().unwrap_or_default());
        let (reaction, closed) = self.react(process, &self.entries[&assignment.entry].clone());
        bodies.extend(reaction);
        let outbox = bodies.into_iter().zip(0..);
        let outbox =
            outbox.map(|((target, body), index)| self.item((process, slot, index), target, body));
        let outcome = Outcome {
            version: V1,
            process,
            slot,
            entry: assignment.entry,
            reply: Reply::Value(vec![0xf6]),
            gas: Gas::new(7),
            logs: Vec::new(),
            events: Vec::new(),
            outbox: outbox.collect(),
        };
        (outcome, closed)
    }

    /// What a process does about an entry by itself.
    fn react(
        &mut self,
        process: ProcessId,
        entry: &Entry,
    ) -> (Option<(ProcessId, ItemBody)>, Closed) {
        let Self { open, recurring, .. } = self;
        let mut close = |slot, index| open.remove(&AgendaKey { process, slot, index });
        match entry {
            Entry::Delivery(Delivery { source, slot, item }) => match &item.body {
                ItemBody::Ask { .. } | ItemBody::Spawn(..) if !self.mute => {
                    let answer = AskAnswer::Value(vec![0xf6]);
                    let reply = ItemBody::Reply { slot: *slot, index: item.index, answer };
                    (Some((*source, reply)), Vec::new())
                }
                ItemBody::Reply { slot, index, .. } => {
                    let closed = close(*slot, *index).map(|_| (*slot, *index));
                    (None, closed.into_iter().collect())
                }
                _ => (None, Vec::new()),
            },
            Entry::Timer(timer) if recurring.contains(&(process, timer.slot)) => (None, Vec::new()),
            Entry::Timer(timer) => match close(timer.slot, timer.index) {
                Some((_, target, number)) => {
                    let skip = (target, ItemBody::Skip(number));
                    let expired = timer.kind == TimerKind::AskTimeout;
                    (expired.then_some(skip), vec![(timer.slot, timer.index)])
                }
                None => (None, Vec::new()),
            },
            _ => (None, Vec::new()),
        }
    }

    fn item(
        &mut self,
        (process, slot, index): (ProcessId, Slot, u32),
        target: ProcessId,
        body: ItemBody,
    ) -> OutboxItem {
        let numbered = matches!(
            body,
            ItemBody::Tell { .. }
                | ItemBody::Ask { .. }
                | ItemBody::Reply { .. }
                | ItemBody::Spawn(..)
        );
        let pair = numbered.then(|| {
            let (number, previous) = self.numbers.entry((process, target)).or_default();
            let pair = PairPosition { number: PairNumber::new(*number), previous: *previous };
            *number += 1;
            *previous = Some(slot);
            pair
        });
        let due = match &body {
            ItemBody::Ask { deadline, .. } | ItemBody::Spawn(_, Some(deadline)) => {
                Some((*deadline, TimerKind::AskTimeout))
            }
            ItemBody::Timer { due, .. } => Some((*due, TimerKind::Timer)),
            _ => None,
        };
        if let ItemBody::Timer { every: Some(_), .. } = &body {
            self.recurring.insert((process, slot));
        }
        if let Some((due, kind)) = due {
            let timer = Timer { process, slot, index, occurrence: 0, kind, due };
            let number = pair.map_or(PairNumber::ZERO, |pair| pair.number);
            self.open.insert(AgendaKey { process, slot, index }, (timer, target, number));
        }
        OutboxItem { index, target, pair, body, hint: None }
    }
}

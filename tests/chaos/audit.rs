//! Counts what stands in all logs: everything that was emitted has come once, in order, and everything
//! that was waited for has come to one end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_client::Client;
use protocol::{
    Answer, Delivery, Entry, FailureKind, Hash, ItemBody, OutboxItem, Outcome, ProcessId, Reply,
    Slot, Timer, TimerKind, Verdict, api::LogRecord,
};
use tokio::time::Instant;

use crate::books::{Book, Books};

/// How long all that is under way may take to come to its end.
const PATIENCE: Duration = Duration::from_secs(300);

/// The pause before the logs are read once more.
const PAUSE: Duration = Duration::from_millis(500);

/// An item of an outbox: who emitted it, in which slot, at which position.
type Place = (ProcessId, Slot, u32);

/// A number of a pair: source, target, number.
type Numbered = (ProcessId, ProcessId, u64);

/// What all logs say together.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    slots: usize,
    /// How many items each pair has been given, and how many have come.
    emitted: BTreeMap<(ProcessId, ProcessId), u64>,
    arrived: BTreeMap<(ProcessId, ProcessId), u64>,
    /// In which slot each item was emitted, and what it is.
    items: BTreeMap<Numbered, (Slot, Hash)>,
    /// Numbers that their source has given up, and those that a skip stands for.
    given_up: BTreeSet<Numbered>,
    skipped: BTreeSet<Numbered>,
    /// Asks and births, and how often each was answered.
    asks: BTreeMap<Place, (Numbered, usize)>,
    places: BTreeMap<Numbered, Place>,
    /// Those whose deadline passed first.
    expired: BTreeSet<Numbered>,
    /// What schedulers have said about numbers, to the source.
    told: BTreeMap<Numbered, Verdict>,
    children: BTreeSet<ProcessId>,
    /// The occurrences of each timer that rang.
    rung: BTreeMap<Place, Vec<u64>>,
}

/// What an account says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) process: ProcessId,
    pub(crate) balance: i128,
    pub(crate) doubts: Vec<Doubt>,
}

/// Money that an account has sent and does not know to have come.
#[derive(Debug, Clone)]
pub(crate) struct Doubt {
    /// The slot that sent it.
    pub(crate) slot: Slot,
    pub(crate) to: ProcessId,
    pub(crate) amount: i128,
}

/// Compares how often the only timer of an alarm has rung with what the alarm says.
///
/// # Panics
///
/// If it has rung otherwise.
pub(crate) fn check_rings(rings: &[&[u64]], counted: i128, catch_up: bool) {
    let [occurrences] = rings else { panic!("one timer: {rings:?}") };
    assert_eq!(counted, occurrences.len() as i128);
    if catch_up {
        let dense: Vec<u64> = (0..occurrences.len() as u64).collect();
        assert_eq!(**occurrences, dense, "each occurrence once");
    }
}

impl Audit {
    /// Reads all logs until nothing is under way any more.
    ///
    /// # Panics
    ///
    /// If something has happened that must not, or does not happen that must.
    pub(crate) async fn when_done(client: &Client) -> (Books, Self) {
        let deadline = Instant::now() + PATIENCE;
        let (mut books, mut before) = (Books::default(), 0);
        loop {
            let lacking = match books.read_on(client).await {
                Err(error) => format!("not all can be read: {error}"),
                // What was read last may be about slots that were not there when theirs were read.
                Ok(()) if books.slots() > before => "the logs grow".to_owned(),
                Ok(()) => match books.unread() {
                    Some(unread) => unread,
                    None => {
                        let audit = Self::of(&books);
                        let Some(lacking) = audit.lacking() else { return (books, audit) };
                        lacking
                    }
                },
            };
            before = books.slots();
            assert!(Instant::now() < deadline, "in vain: {lacking}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// How much of what there is.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{} slots; {} pairs with {} items, {} skipped; {} asks and births, {} expired",
            self.slots,
            self.emitted.len(),
            self.emitted.values().sum::<u64>(),
            self.skipped.len(),
            self.asks.len(),
            self.expired.len()
        )
    }

    /// Whether the ask that a process made of another one in a slot has come to it.
    pub(crate) fn has_arrived(&self, source: ProcessId, slot: Slot, target: ProcessId) -> bool {
        let made = self.asks.range((source, slot, 0)..=(source, slot, u32::MAX));
        let mut made = made.filter(|(_, (numbered, _))| numbered.1 == target);
        let (_, (numbered, _)) = made.next().expect("a doubt is about an ask");
        !self.skipped.contains(numbered)
    }

    /// What all accounts have together: money of which an account does not know where it is has either
    /// come to the other one, or is its own still.
    pub(crate) fn money(&self, accounts: &[Account]) -> i128 {
        let own = |Account { process, balance, doubts }: &Account| {
            let kept =
                doubts.iter().filter(|doubt| !self.has_arrived(*process, doubt.slot, doubt.to));
            balance + kept.map(|doubt| doubt.amount).sum::<i128>()
        };
        accounts.iter().map(own).sum()
    }

    /// Processes that were spawned by others.
    pub(crate) fn children(&self) -> impl Iterator<Item = ProcessId> {
        self.children.iter().copied()
    }

    /// How often the timers of a process have rung; with the last occurrence of each.
    pub(crate) fn rings(&self, process: ProcessId) -> Vec<&[u64]> {
        let all = (process, Slot::ZERO, 0)..=(process, Slot::new(u64::MAX), u32::MAX);
        self.rung.range(all).map(|(_, occurrences)| occurrences.as_slice()).collect()
    }

    /// Counts what stands in the logs.
    ///
    /// # Panics
    ///
    /// If something has happened that must not.
    pub(crate) fn of(books: &Books) -> Self {
        let mut audit = Self { slots: books.slots(), ..Self::default() };
        // What was emitted first: what came is compared with it.
        for (process, book) in &books.books {
            for outcome in &book.outcomes {
                outcome.outbox.iter().for_each(|item| audit.emit(*process, outcome.slot, item));
            }
        }
        for (process, Book { records, outcomes }) in &books.books {
            let mut entries = BTreeSet::new();
            for (at, record) in records.iter().enumerate() {
                let entry = record.assignment.entry;
                assert!(entries.insert(entry), "{process}: {entry} is ordered once");
                audit.take(*process, record, &outcomes[at]);
            }
        }
        audit
    }

    fn emit(&mut self, source: ProcessId, slot: Slot, item: &OutboxItem) {
        if matches!(item.body, ItemBody::Spawn(..)) {
            self.children.insert(item.target);
        }
        if let ItemBody::Skip(number) = item.body {
            self.given_up.insert((source, item.target, number.get()));
        }
        let Some(pair) = item.pair else { return };
        let (target, number) = (item.target, pair.number.get());
        let next = self.emitted.entry((source, target)).or_default();
        assert_eq!(number, *next, "{source} to {target}: numbers are dense");
        *next += 1;
        self.items.insert((source, target, number), (slot, item.leaf()));
        if matches!(item.body, ItemBody::Ask { .. } | ItemBody::Spawn(_, Some(_))) {
            let (place, numbered) = ((source, slot, item.index), (source, target, number));
            self.asks.insert(place, (numbered, 0));
            self.places.insert(numbered, place);
        }
    }

    fn take(&mut self, process: ProcessId, record: &LogRecord, outcome: &Outcome) {
        // The actor was called; a slot that only takes note uses no gas.
        let called = outcome.gas.get() > 0;
        if let Reply::Failure(failure) = &outcome.reply {
            let slot = outcome.slot;
            assert_eq!(failure.kind, FailureKind::Actor, "{process}, {slot}: {failure:?}");
        }
        match &record.entry {
            Entry::Delivery(delivery) => self.arrive(process, delivery, called),
            Entry::Skip(Delivery { source, item, .. }) => {
                let ItemBody::Skip(number) = item.body else { panic!("a skip: {item:?}") };
                self.count(*source, process, number.get());
                let numbered = (*source, process, number.get());
                assert!(self.given_up.contains(&numbered), "{numbered:?} was not given up");
                self.skipped.insert(numbered);
            }
            Entry::Timer(timer) => self.ring(timer, called),
            Entry::Answer(Answer { statement }) => {
                let said = statement.unverified();
                let numbered = (process, said.target, said.number.get());
                let before = self.told.insert(numbered, said.verdict);
                assert_eq!(before, None, "{numbered:?} is told once");
                if called {
                    self.answer(self.places[&numbered]);
                }
            }
            Entry::Spawn(_) | Entry::Message(_) | Entry::Control(_) => {}
        }
    }

    fn arrive(&mut self, process: ProcessId, delivery: &Delivery, called: bool) {
        let number = delivery.item.pair.expect("what is delivered has a number").number;
        self.count(delivery.source, process, number.get());
        let came = (delivery.slot, delivery.item.leaf());
        let numbered = (delivery.source, process, number.get());
        assert_eq!(Some(&came), self.items.get(&numbered), "{numbered:?} comes as it was emitted");
        if let (true, ItemBody::Reply { slot, index, .. }) = (called, &delivery.item.body) {
            self.answer((process, *slot, *index));
        }
    }

    fn ring(&mut self, timer: &Timer, called: bool) {
        let place = (timer.process, timer.slot, timer.index);
        match timer.kind {
            TimerKind::AskTimeout | TimerKind::NoTarget if called => {
                self.answer(place);
                self.expired.insert(self.asks[&place].0);
            }
            TimerKind::AskTimeout | TimerKind::NoTarget => {}
            TimerKind::Timer => {
                let rung = self.rung.entry(place).or_default();
                assert!(rung.last().is_none_or(|last| *last < timer.occurrence), "{timer:?}");
                if called {
                    rung.push(timer.occurrence);
                }
            }
        }
    }

    /// What comes to a process comes in the order of its numbers, without gaps.
    fn count(&mut self, source: ProcessId, target: ProcessId, number: u64) {
        let next = self.arrived.entry((source, target)).or_default();
        assert_eq!(number, *next, "{source} to {target}: each number comes in its turn");
        *next += 1;
        let emitted = self.emitted.get(&(source, target)).copied().unwrap_or_default();
        assert!(number < emitted, "{source} has not emitted {number} to {target}");
    }

    fn answer(&mut self, place: Place) {
        let (numbered, answers) = self.asks.get_mut(&place).expect("an answer is of an ask");
        *answers += 1;
        assert_eq!(*answers, 1, "{numbered:?} of {place:?} is answered once");
    }

    /// What has not come yet, if anything.
    ///
    /// # Panics
    ///
    /// If somebody was told a lie.
    pub(crate) fn lacking(&self) -> Option<String> {
        for ((source, target), emitted) in &self.emitted {
            let arrived = self.arrived.get(&(*source, *target)).copied().unwrap_or_default();
            if arrived < *emitted {
                return Some(format!("{arrived} of {emitted} have come from {source} to {target}"));
            }
        }
        if let Some((place, (numbered, _))) =
            self.asks.iter().find(|(_, (_, answers))| *answers == 0)
        {
            return Some(format!("{numbered:?} of {place:?} is not answered"));
        }
        let untold = self.expired.iter().find(|numbered| !self.told.contains_key(numbered));
        if let Some(numbered) = untold {
            return Some(format!("nobody tells what became of {numbered:?}"));
        }
        for (numbered, verdict) in &self.told {
            let assigned = matches!(verdict, Verdict::Assigned(_));
            assert_eq!(assigned, !self.skipped.contains(numbered), "{numbered:?}: {verdict:?}");
        }
        None
    }
}

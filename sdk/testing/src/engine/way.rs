//! The way of what is sent: under way, delivered, refused.

use antiphon::Error;
use protocol::{
    AskAnswer, Delivery, Entry, ItemBody, Kind, PairNumber, PairStatement, Principal, ProcessId,
    RefusalCode, Reply, Signed, Spawn, Timer, TimerKind, Timestamp, V1, Verdict, codec,
};

use super::{Engine, Letter, NETWORK, SLOTS_MAX, process::Process};

/// How long schedulers are asked for a process that is nowhere, in milliseconds.
const SEARCH: u64 = 500;

impl Engine {
    pub(super) fn put(&mut self, from: Principal, to: ProcessId, letter: Letter) {
        self.under_way.entry((from, to)).or_default().push_back(letter);
    }

    /// Delivers until nothing is under way. No time passes.
    pub(crate) fn run(&mut self) {
        while let Some((from, to)) = self.choose() {
            let Some(letters) = self.under_way.get_mut(&(from, to)) else { return };
            let letter = letters.pop_front();
            if letters.is_empty() {
                self.under_way.remove(&(from, to));
            }
            if let Some(letter) = letter {
                self.deliver(to, letter);
            }
        }
    }

    /// One of the pairs whose next letter is handed over.
    fn choose(&mut self) -> Option<(Principal, ProcessId)> {
        let pairs = self.under_way.iter();
        let ready = pairs.filter(|((_, to), letters)| {
            letters.front().is_some_and(|letter| self.is_taken(to, letter))
        });
        let ready: Vec<_> = ready.map(|(pair, _)| *pair).collect();
        // Xorshift, as by Marsaglia.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let at = self.random.checked_rem(u64::try_from(ready.len()).ok()?)?;
        ready.get(usize::try_from(at).ok()?).copied()
    }

    /// Whether a letter is handed over. What is for a process that does not exist waits, as messengers
    /// try again: it may be born yet.
    fn is_taken(&self, to: &ProcessId, letter: &Letter) -> bool {
        let begins = letter.ticket.is_some() || is_spawn(&letter.entry);
        begins || self.processes.contains_key(to)
    }

    /// The ends of asks whose target is nowhere, with the times at which that is known.
    pub(super) fn astray(&self) -> impl Iterator<Item = (Timestamp, Timer)> {
        let pairs = self.under_way.iter().filter(|((_, to), _)| self.is_nowhere(to));
        pairs.flat_map(|(_, letters)| letters).filter_map(|letter| {
            let Entry::Delivery(delivery) = &letter.entry else { return None };
            let ItemBody::Ask { .. } = delivery.item.body else { return None };
            let (asked, deadline) = self.processes.get(&delivery.source)?.open_ask(delivery)?;
            let end = Timer { kind: TimerKind::NoTarget, occurrence: 1, ..deadline };
            Some((asked.saturating_add(SEARCH), end))
        })
    }

    /// Whether a scheduler would not know a process.
    fn is_nowhere(&self, process: &ProcessId) -> bool {
        let mut coming = self.under_way.iter().filter(|((_, to), _)| to == process);
        let is_coming =
            coming.any(|(_, letters)| letters.iter().any(|letter| is_spawn(&letter.entry)));
        !self.processes.contains_key(process) && !is_coming
    }

    fn deliver(&mut self, to: ProcessId, letter: Letter) {
        let refused = match spawn_of(&letter.entry) {
            Some(spawn) => match self.modules.get(&spawn.module) {
                Some(module) => {
                    self.processes.insert(to, Process::new(to, spawn, module));
                    None
                }
                None => Some(RefusalCode::UnknownModule),
            },
            // Only clients learn so.
            None => (!self.processes.contains_key(&to)).then_some(RefusalCode::UnknownProcess),
        };
        match refused {
            Some(code) => self.refuse(to, &letter, code),
            None => self.execute(to, letter),
        }
    }

    /// Has a process execute an entry, and takes what comes of it.
    pub(super) fn execute(&mut self, to: ProcessId, letter: Letter) {
        self.slots += 1;
        assert!(self.slots < SLOTS_MAX, "the actors talk for ever");
        let Letter { entry, ticket } = letter;
        let Some(process) = self.processes.get_mut(&to) else { return };
        let outcome = process.execute(self.time, entry);
        let (slot, reply, outbox) = (outcome.slot, outcome.reply.clone(), outcome.outbox.clone());
        if let Some(ticket) = ticket {
            match reply {
                Reply::Value(value) => drop(self.replies.insert(ticket, Ok(value))),
                Reply::Failure(failure) => {
                    let error = Error::new(failure.code, failure.detail);
                    self.replies.insert(ticket, Err(error));
                }
                Reply::Later => drop(self.open.insert((to, slot), ticket)),
            }
        }
        for item in outbox {
            self.take(Delivery { source: to, slot, item });
        }
    }

    /// Takes an item of a process.
    fn take(&mut self, delivery: Delivery) {
        let (source, target) = (delivery.source, delivery.item.target);
        match &delivery.item.body {
            ItemBody::Tell { .. }
            | ItemBody::Ask { .. }
            | ItemBody::Reply { .. }
            | ItemBody::Spawn(..) => {
                let letter = Letter { entry: Entry::Delivery(delivery), ticket: None };
                self.put(source.into(), target, letter);
            }
            ItemBody::Skip(number) => self.skip(*number, delivery),
            ItemBody::Answered { call, answer } => {
                if let Some(ticket) = self.open.remove(&(source, *call)) {
                    self.replies.insert(ticket, answered(answer));
                }
            }
            // The process itself tells what it waits for.
            ItemBody::Timer { .. } | ItemBody::CancelTimer { .. } => {}
        }
    }

    /// Takes the place of an ask that is still under way: its source does not wait any more.
    fn skip(&mut self, number: PairNumber, skip: Delivery) {
        let pair = (skip.source.into(), skip.item.target);
        let Some(letters) = self.under_way.get_mut(&pair) else { return };
        let is_it = |letter: &&mut Letter| match &letter.entry {
            Entry::Delivery(Delivery { item, .. }) => {
                item.pair.is_some_and(|pair| pair.number == number)
            }
            _ => false,
        };
        if let Some(letter) = letters.iter_mut().find(is_it) {
            letter.entry = Entry::Skip(skip);
        }
    }

    /// Says that a message or a spawn is in no log and never will be, to whoever waits.
    fn refuse(&mut self, to: ProcessId, letter: &Letter, code: RefusalCode) {
        if let Some(ticket) = letter.ticket {
            let error = Error::new(code.word(), "the message was refused and has no effect");
            self.replies.insert(ticket, Err(error));
        }
        let Entry::Delivery(Delivery { source, item, .. }) = &letter.entry else { return };
        let Some(pair) = item.pair else { return };
        let statement = PairStatement {
            version: V1,
            kind: Kind,
            network: NETWORK,
            scheduler: self.scheduler.public().unit(),
            source: *source,
            target: to,
            number: pair.number,
            verdict: Verdict::Refused(code),
        };
        let statement = Signed::sign(statement, &self.scheduler);
        let entry = Entry::Answer(protocol::Answer { statement });
        self.put(to.into(), *source, Letter { entry, ticket: None });
    }
}

/// Whether an entry begins a log.
const fn is_spawn(entry: &Entry) -> bool {
    match entry {
        Entry::Spawn(_) => true,
        Entry::Delivery(delivery) => matches!(delivery.item.body, ItemBody::Spawn(..)),
        _ => false,
    }
}

/// The spawn in an entry that begins a log.
fn spawn_of(entry: &Entry) -> Option<Spawn> {
    match entry {
        Entry::Spawn(spawn) => Some(spawn.unverified().clone()),
        Entry::Delivery(Delivery { item, .. }) => match &item.body {
            ItemBody::Spawn(spawn, _) => {
                Some(codec::decode(spawn).expect("a compute unit has checked it"))
            }
            _ => None,
        },
        _ => None,
    }
}

fn answered(answer: &AskAnswer) -> Result<Vec<u8>, Error> {
    match answer {
        AskAnswer::Value(value) => Ok(value.clone()),
        AskAnswer::Failure(failure, _) => {
            Err(Error::new(failure.code.clone(), failure.detail.clone()))
        }
    }
}

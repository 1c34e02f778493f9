//! A unit, those who submit to it, and everything that goes wrong between them and below it.

use std::{collections::BTreeMap, sync::Arc};

use protocol::{
    EntryId, Hash, ProcessId,
    api::{Submission, SubmitEvent},
};

use super::{
    checker::{Broken, Checker},
    numbers::Numbers,
    peers::{Client, Messenger},
    platter::Platter,
    unit::{Unit, Variant},
};
use crate::{
    clock::testing::Clocks,
    fixture::{NOW, Teller},
    store::testing::FaultDisk,
};

mod happenings;

const CLIENTS: usize = 2;
const MESSENGERS: usize = 2;
const PEERS: usize = CLIENTS + MESSENGERS;

/// Sources that tell, and how often each tells each of its targets.
const TELLERS: u64 = 2;
const TELLS: u32 = 5;

/// How long everything goes wrong, and how long there is for everything to end well, in
/// milliseconds.
const CHAOS: u64 = 4_000;
const CALM: u64 = 20_000;

/// How much goes wrong; every seed has its own.
#[derive(Debug)]
struct Weather {
    /// Of 100 messages on the network.
    dropped: u64,
    doubled: u64,
    /// The longest delay, in milliseconds.
    delay: u64,
    /// Between two troubles, in milliseconds.
    peace: u64,
    /// The farthest step of the host's clock, in milliseconds.
    step: i64,
}

/// Something that happens.
#[derive(Debug)]
enum Event {
    /// A peer does something new.
    Act(usize),
    /// A client sends an entry again unless it knows what became of it.
    Retry(usize, EntryId),
    /// Submissions reach the unit.
    Arrive(usize, Vec<Submission>),
    /// The sequencer takes a batch.
    Step,
    /// The indexer runs.
    Index,
    /// Word reaches a peer.
    Told(usize, Box<SubmitEvent>),
    /// Something goes wrong.
    Trouble,
    /// The unit starts, if it is down.
    Start,
}

/// All there is.
pub(super) struct World {
    numbers: Numbers,
    weather: Weather,
    variant: Variant,
    calm: bool,
    now: u64,
    events: BTreeMap<(u64, u64), Event>,
    /// Counts events, and tags.
    order: u64,
    tags: u64,
    clocks: Clocks,
    /// How far the host's clock is off, in milliseconds.
    stepped: i64,
    platter: Arc<Platter>,
    disk: Arc<FaultDisk>,
    unit: Option<Unit>,
    clients: Vec<Client>,
    messengers: Vec<Messenger>,
    tellers: Vec<Arc<Teller>>,
    /// All processes that somebody spawned, assigned or not.
    processes: Vec<ProcessId>,
    checker: Checker,
    report: Report,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Report {
    /// Durable batches, and entries in them.
    pub(super) batches: usize,
    pub(super) entries: usize,
    /// Entries that the unit acknowledged.
    pub(super) acknowledged: usize,
    /// Events that reached peers.
    pub(super) told: usize,
    /// How often the unit started.
    pub(super) starts: usize,
    /// The beginning of a digest of the log.
    pub(super) log: u64,
}

impl Report {
    pub(super) const fn add(&mut self, other: &Self) {
        self.batches += other.batches;
        self.entries += other.entries;
        self.acknowledged += other.acknowledged;
        self.told += other.told;
        self.starts += other.starts;
        self.log ^= other.log;
    }
}

impl World {
    pub(super) fn new(seed: u64, variant: Variant) -> Self {
        let mut numbers = Numbers::new(seed);
        let weather = Weather {
            dropped: numbers.below(30),
            doubled: numbers.below(30),
            delay: 1 + numbers.below(400),
            peace: 100 + numbers.below(1_500),
            step: [1_500, 10_000, 400_000, 86_400_000][numbers.index(4)],
        };
        let lies = variant == Variant::AcknowledgesEarly;
        Self {
            numbers,
            weather,
            variant,
            calm: false,
            now: 0,
            events: BTreeMap::new(),
            order: 0,
            tags: 0,
            clocks: Clocks::at(NOW),
            stepped: 0,
            platter: Arc::new(if lies { Platter::lying() } else { Platter::default() }),
            disk: FaultDisk::new(),
            unit: None,
            clients: (0..CLIENTS).map(|number| Client::new(number.try_into().unwrap())).collect(),
            messengers: (0..MESSENGERS).map(|_| Messenger::new()).collect(),
            tellers: Vec::new(),
            processes: Vec::new(),
            checker: Checker::default(),
            report: Report::default(),
        }
    }

    /// Lets everything go wrong for a while, then lets it end well.
    pub(super) fn run(mut self) -> Result<Report, Broken> {
        self.after(0, Event::Start);
        self.after(self.weather.peace, Event::Trouble);
        (0..PEERS).for_each(|peer| self.after(10, Event::Act(peer)));
        self.play(CHAOS)?;
        self.calm = true;
        self.crash()?;
        self.clocks.step(-self.stepped);
        self.play(CHAOS + CALM)?;
        self.check_end()?;
        let log = self.platter.durable(0).concat();
        let digest = *Hash::of_blob(&log).as_bytes();
        self.report.log = u64::from_le_bytes(*digest.first_chunk().unwrap());
        self.report.batches = self.checker.batches;
        self.report.entries = self.checker.places.len();
        self.report.acknowledged = self.checker.acknowledged.len();
        Ok(self.report)
    }

    fn play(&mut self, until: u64) -> Result<(), Broken> {
        while let Some(first) = self.events.first_entry().filter(|first| first.key().0 <= until) {
            let ((at, _), event) = first.remove_entry();
            self.clocks.pass(at - self.now);
            self.now = at;
            self.happen(event)?;
            let segments = self.platter.durable(self.checker.batches);
            self.checker.durable(&segments)?;
        }
        Ok(())
    }

    fn after(&mut self, millis: u64, event: Event) {
        self.order += 1;
        self.events.insert((self.now + millis, self.order), event);
    }
}

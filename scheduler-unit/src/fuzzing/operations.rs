//! Bytes as operations on logs: births, messages, deliveries, time, commits, failures, restarts.

use std::{sync::LazyLock, time::Duration};

use protocol::{
    Acceptance, ComputePolicy, Entry, EntryId, Kind, Limits, Message, ModuleId, NetworkId,
    PairNumber, Principal, ProcessId, Profile, SecretKey, Signed, Spawn, Timestamp, UnitId, V1,
    codec,
};

use super::model::Model;
use crate::{
    clock::{Reading, UnitTime},
    order::{Checked, CheckedBody, Decision, EXPIRY_WINDOW, Head, Order, StoredLog, may_precede},
    verify::Proven,
};

const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);
const START: u64 = 1_700_000_000_000;

/// Processes there may be, and messages to each.
const PROCESSES: u8 = 3;
const MESSAGES: u8 = 16;

/// Expiries that messages have, from the start, in milliseconds.
const EXPIRIES: [u64; 4] = [0, 10_000, EXPIRY_WINDOW, 2 * EXPIRY_WINDOW];

/// Entries that are signed once, for all runs.
struct Cast {
    spawns: Vec<(Spawn, Checked)>,
    messages: Vec<(Message, Checked)>,
}

static CAST: LazyLock<Cast> = LazyLock::new(Cast::new);

/// Runs the order of logs as a sequencer would, and checks each decision against a model.
///
/// # Panics
///
/// If the order breaks a promise.
pub fn order(bytes: &[u8]) {
    let mut run = Run::new();
    let mut bytes = bytes.iter().copied();
    while let Some(operation) = bytes.next() {
        let mut byte = || bytes.next().unwrap_or_default();
        match operation % 9 {
            0 => run.spawn(byte()),
            1 => run.message(byte(), byte()),
            2 => run.delivery(byte(), byte(), byte()),
            3 => run.pass(u64::from(byte()) << (byte() % 12)),
            4 => run.commit(),
            5 => run.roll_back(),
            6 => run.restart(),
            7 => run.step_clock(i64::from(byte()) << (byte() % 20), byte() % 2 == 0),
            _ => run.begin_batch(),
        }
    }
}

/// An order between two batches, or in one.
struct Run {
    order: Order,
    /// What the log holds, and what it will hold once the batch is durable.
    durable: Model,
    model: Model,
    births: Vec<ProcessId>,
    reading: Reading,
    time: UnitTime,
    started: Timestamp,
    /// The time of the batch, if it has begun, and of the last durable one.
    batch: Option<Timestamp>,
    floor: Timestamp,
}

impl Run {
    fn new() -> Self {
        let host = Duration::from_millis(START);
        let reading = Reading { monotonic: Duration::ZERO, host };
        Self {
            order: Order::resume(me(), [], [], []),
            durable: Model::default(),
            model: Model::default(),
            births: Vec::new(),
            reading,
            time: UnitTime::start(Duration::ZERO, reading),
            started: Timestamp::new(START),
            batch: None,
            floor: Timestamp::ZERO,
        }
    }

    fn begin_batch(&mut self) {
        if self.batch.is_none() {
            let now = millis(self.time.advance(self.reading));
            assert!(now >= self.floor, "time went back");
            self.batch = Some(now);
        }
    }

    fn now(&mut self) -> Timestamp {
        self.begin_batch();
        self.batch.expect("it has begun")
    }

    fn spawn(&mut self, choice: u8) {
        let now = self.now();
        let (spawn, checked) = pick(&CAST.spawns, choice);
        let decision = self.order.handle(now, checked);
        if matches!(decision, Decision::Assigned(_)) {
            self.births.push(ProcessId::of_spawn(checked.id));
        }
        self.model.check_signed(now, checked.id, spawn.expiry, &decision);
    }

    fn message(&mut self, process: u8, choice: u8) {
        let now = self.now();
        let choice = (process % PROCESSES) * MESSAGES + choice % MESSAGES;
        let (message, checked) = pick(&CAST.messages, choice);
        // As verification does, which looks up in the index what may be older than the order.
        if may_precede(message.expiry, self.started) && self.model.is_from_before(&checked.id) {
            return;
        }
        let decision = self.order.handle(now, checked);
        if self.model.has(&message.target) {
            self.model.check_signed(now, checked.id, message.expiry, &decision);
        } else {
            assert!(matches!(decision, Decision::Refused(_)), "{decision:?}");
        }
    }

    fn delivery(&mut self, process: u8, source: u8, number: u8) {
        let now = self.now();
        let (_, spawn) = pick(&CAST.spawns, process);
        let target = ProcessId::of_spawn(spawn.id);
        let source = ProcessId::from_bytes([0xd0 | (source % 2); 32]);
        // Near the number that is due.
        let near = self.model.next_number(target, source) + u64::from(number % 3);
        let number = near.saturating_sub(1);
        let mut id = *source.as_bytes();
        for (byte, digit) in id.iter_mut().zip(number.to_be_bytes().iter().chain(target.as_bytes()))
        {
            *byte = *digit;
        }
        id[31] = *source.as_bytes().first().expect("it has 32 bytes");
        let proven = Proven::assume(source, target, PairNumber::new(number));
        // A skip takes the place of an item, and is as good in its turn.
        let body = match number % 2 {
            0 => CheckedBody::Delivery(proven),
            _ => CheckedBody::Skip(proven),
        };
        let id = EntryId::from_bytes(id);
        let checked =
            Checked { id, entry: vec![0].into(), origin: None, looked_up: Timestamp::ZERO, body };
        let decision = self.order.handle(now, &checked);
        if self.model.has(&target) {
            self.model.check_delivery(now, id, (target, source), number, &decision);
        } else {
            assert!(matches!(decision, Decision::Refused(_)), "{decision:?}");
        }
    }

    fn pass(&mut self, millis: u64) {
        self.reading.monotonic += Duration::from_millis(millis);
        self.reading.host += Duration::from_millis(millis);
    }

    fn step_clock(&mut self, millis: i64, back: bool) {
        let by = Duration::from_millis(millis.unsigned_abs());
        let host = self.reading.host;
        self.reading.host = if back { host.saturating_sub(by) } else { host + by };
    }

    /// The batch is durable.
    fn commit(&mut self) {
        if let Some(time) = self.batch.take() {
            self.order.commit(time);
            self.durable = self.model.clone();
            self.floor = time;
        }
    }

    /// The batch is not durable.
    fn roll_back(&mut self) {
        if self.batch.take().is_some() {
            self.order.roll_back();
            self.model = self.durable.clone();
            self.births.retain(|process| self.durable.has(process));
        }
    }

    /// The unit stops, with what was not durable lost, and starts again.
    fn restart(&mut self) {
        self.roll_back();
        self.model.restart();
        self.durable.restart();
        let floor = Duration::from_millis(self.floor.get());
        self.time = UnitTime::start(floor, self.reading);
        self.started = millis(self.time.now());
        let ends: std::collections::BTreeMap<_, _> = self.durable.ends().collect();
        let stored = (0..).zip(&self.births).filter_map(|(number, process)| {
            let head = Head::after(ends.get(process)?);
            let spawned =
                CAST.spawns.iter().find(|(_, spawn)| ProcessId::of_spawn(spawn.id) == *process);
            let (born, changes) = (at_start(), Vec::new());
            let (process, spawn) = (*process, spawned?.0.clone());
            Some(StoredLog { process, number, born, spawn, changes, head })
        });
        let pairs = self.durable.pairs().map(|(pair, next)| (pair, PairNumber::new(next)));
        self.order = Order::resume(me(), stored, pairs, []);
    }
}

/// The scheduler of all logs.
fn me() -> UnitId {
    SecretKey::from_seed(&[1; 32]).public().unit()
}

const fn at_start() -> Timestamp {
    Timestamp::new(START)
}

impl Cast {
    fn new() -> Self {
        let client = SecretKey::from_seed(&[3; 32]);
        let sender = Principal::Account(client.public().account());
        let at = |after: u64| Timestamp::new(START + after);
        let mut cast = Self { spawns: Vec::new(), messages: Vec::new() };
        for nonce in 0..PROCESSES {
            let body = spawn(&client, u64::from(nonce), at(EXPIRY_WINDOW * u64::from(nonce)));
            let spawn = Signed::sign(body.clone(), &client).verify(NETWORK).expect("signed");
            let entry = codec::encode(&Entry::Spawn(spawn.signed().clone())).into();
            let id = spawn.entry_id();
            let checked = CheckedBody::Spawn(Box::new(spawn));
            cast.spawns.push((
                body,
                Checked { id, entry, origin: None, looked_up: Timestamp::ZERO, body: checked },
            ));
            for (number, expiry) in (0..MESSAGES).zip(EXPIRIES.iter().cycle()) {
                let body = Message {
                    version: V1,
                    kind: Kind,
                    network: NETWORK,
                    sender,
                    target: ProcessId::of_spawn(id),
                    method: "add".to_owned(),
                    args: vec![0xa0],
                    nonce: u64::from(number),
                    expiry: at(*expiry + 1_000 * u64::from(number)),
                    tags: Vec::new(),
                    reply_to: None,
                    credit: None,
                    trace_parent: None,
                    evidence: None,
                };
                let message = Signed::sign(body.clone(), &client).verify(NETWORK).expect("signed");
                let entry = codec::encode(&Entry::Message(message.signed().clone())).into();
                let id = message.entry_id();
                let checked = CheckedBody::Message(Box::new(message));
                cast.messages.push((
                    body,
                    Checked { id, entry, origin: None, looked_up: Timestamp::ZERO, body: checked },
                ));
            }
        }
        cast
    }
}

fn spawn(client: &SecretKey, nonce: u64, expiry: Timestamp) -> Spawn {
    let (module, profile) = (ModuleId::of(b""), Profile::current().id());
    let (compute, sender) = (client.public().unit(), client.public().account());
    Spawn {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: Principal::Account(sender),
        module,
        acceptance: Acceptance::sign(client, NETWORK, &module, &profile),
        args: vec![0xa0],
        name: String::new(),
        tags: Vec::new(),
        nonce,
        expiry,
        scheduler: me(),
        policy: ComputePolicy { units: vec![compute], quorum: 1, version: 0, previous: None },
        profile,
        controller: Principal::Account(sender),
        limits: Limits::DEFAULT,
    }
}

fn pick<T>(list: &[T], choice: u8) -> &T {
    list.get(usize::from(choice) % list.len()).expect("the position is within the list")
}

fn millis(since: Duration) -> Timestamp {
    Timestamp::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

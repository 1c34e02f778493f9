//! Bytes to begin with: the vectors of the protocol, and what is written by hand.

use std::{fs, sync::LazyLock};

use data_encoding::HEXLOWER;
use protocol::{
    Delivery, Entry, ItemBody, Message, PairNumber, Principal, ProcessId, Profile, RefusalCode,
    SecretKey, Signed, Slot, Spawn, Timer, TimerKind, Timestamp,
    api::{AgendaKey, AgendaPage, Cursor, OutboxPage, Request, WaitingPair, WaitingState},
    codec,
};

use crate::Family;

/// Where the vectors are.
const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol/vectors");

/// An object of a vector file.
struct Vector {
    kind: String,
    bytes: Vec<u8>,
}

/// Reads a vector file: `type:` lines begin objects, lines without a colon are their bytes.
fn parse(text: &str) -> Vec<Vector> {
    let mut vectors: Vec<Vector> = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(kind) = line.strip_prefix("type: ") {
            vectors.push(Vector { kind: kind.to_owned(), bytes: Vec::new() });
        } else if !line.contains(':')
            && let Some(vector) = vectors.last_mut()
        {
            let hex = line.replace(' ', "");
            vector.bytes.extend(HEXLOWER.decode(hex.as_bytes()).expect("vectors are hex"));
        }
    }
    vectors
}

fn all() -> Vec<Vector> {
    let files = fs::read_dir(VECTORS).expect("the vectors are in the repository");
    let texts = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
    texts.flat_map(|text| parse(&text)).collect()
}

/// What the vectors are of.
#[cfg(test)]
pub(crate) fn kinds() -> impl Iterator<Item = String> {
    all().into_iter().map(|vector| vector.kind)
}

/// The vectors of a family, each behind the number of its decoder.
pub(crate) fn vectors(family: Family) -> Vec<Vec<u8>> {
    let place = |kind: &str| family.iter().position(|(name, _)| *name == kind);
    let seed = |vector: Vector| {
        let choice = u8::try_from(place(&vector.kind)?).ok()?;
        Some([&[choice], vector.bytes.as_slice()].concat())
    };
    let mut seeds: Vec<_> = all().into_iter().filter_map(seed).collect();
    seeds.sort();
    seeds
}

/// Batches as a scheduler stores them.
pub(crate) fn segments() -> Vec<Vec<u8>> {
    let frames = all().into_iter().filter(|vector| vector.kind == "TailFrame");
    frames.map(|vector| vector.bytes).collect()
}

/// Operations on logs: births, messages, deliveries, waits, commits, failures and restarts.
pub(crate) fn operations() -> Vec<Vec<u8>> {
    vec![
        vec![0, 0, 1, 0, 0, 1, 0, 1, 4, 1, 0, 0, 2, 0, 0, 0, 2, 0, 0, 1, 4, 3, 200, 0, 6, 1, 0, 0],
        vec![0, 0, 0, 1, 4, 1, 0, 2, 1, 1, 2, 5, 1, 0, 2, 4, 3, 255, 255, 1, 0, 2, 4, 7, 9, 9, 4],
        vec![0, 2, 2, 2, 1, 0, 2, 2, 1, 1, 4, 6, 2, 2, 1, 2, 5, 2, 2, 1, 2, 4],
    ]
}

/// A process, and the spawn of it.
pub(crate) fn parent() -> (ProcessId, Spawn) {
    let vectors = parse(include_str!("../../../protocol/vectors/entry-spawn.txt"));
    let entries = vectors.iter().filter_map(|vector| codec::decode(&vector.bytes).ok());
    let mut spawns = entries.filter_map(|entry| match &entry {
        Entry::Spawn(spawn) => Some((entry.target(), spawn.unverified().clone())),
        _ => None,
    });
    let (process, mut spawn) = spawns.next().expect("the file has a spawn");
    // As processes have it that spawn others.
    spawn.profile = Profile::current().id();
    (process, spawn)
}

/// A message that shows another one.
fn showing() -> Signed<Message> {
    let vectors = parse(include_str!("../../../protocol/vectors/entry-message.txt"));
    let entries = vectors.iter().filter_map(|vector| codec::decode(&vector.bytes).ok());
    let mut messages = entries.filter_map(|entry| match entry {
        Entry::Message(message) => Some(message),
        _ => None,
    });
    let shown = messages.next().expect("the file has a message");
    let key = SecretKey::from_seed(&[3; 32]);
    let body = Message {
        sender: Principal::Account(key.public().account()),
        evidence: Some(codec::encode(&shown).into()),
        ..shown.unverified().clone()
    };
    Signed::sign(body, &key)
}

/// Entries and messages that have no vector of their own.
pub(crate) fn entries() -> Vec<Vec<u8>> {
    let showing = showing();
    let entry = codec::encode(&Entry::Message(showing.clone()));
    let mut birth = delivery();
    birth.item.body = ItemBody::Spawn(codec::encode(&parent().1), Some(Timestamp::new(9)));
    let birth = codec::encode(&Entry::Delivery(birth));
    vec![
        [vec![0], entry].concat(),
        [vec![0], birth].concat(),
        [vec![2], codec::encode(&showing)].concat(),
    ]
}

/// What messengers ask and tell: timers, pairs that wait, cursors.
pub(crate) fn pages() -> (AgendaPage, OutboxPage, Vec<Request>) {
    let Delivery { source: process, item, .. } = delivery();
    let (slot, index, number) = (Slot::new(3), 1, PairNumber::new(4));
    let (kind, due) = (TimerKind::AskTimeout, Timestamp::new(9));
    let timer = Timer { process, slot, index, occurrence: 0, kind, due };
    let ticking = Timer { occurrence: 7, kind: TimerKind::Timer, ..timer };
    let pair = |state| WaitingPair {
        source: process,
        target: item.target,
        number,
        slot: Some(slot),
        count: 2,
        state,
    };
    let reason = RefusalCode::Unreachable;
    let pairs = vec![
        pair(WaitingState::Moving),
        pair(WaitingState::Retrying { reason, retry_in: 5 }),
        pair(WaitingState::Blocked(RefusalCode::PairConflict)),
    ];
    let requests = vec![
        Request::Agenda { after: Some(AgendaKey { process, slot, index }), limit: 9 },
        Request::Outbox { source: Some(process), limit: 9 },
        Request::PutCursors(vec![Cursor { process, slot }]),
    ];
    let agenda = AgendaPage { timers: vec![timer, ticking], more: true };
    (agenda, OutboxPage { pairs, total: 3, timers: 2 }, requests)
}

/// A tell of another process.
pub(crate) fn delivery() -> Delivery {
    static DELIVERY: LazyLock<Delivery> = LazyLock::new(|| {
        let vectors = parse(include_str!("../../../protocol/vectors/entry-delivery.txt"));
        let entries = vectors.iter().filter_map(|vector| codec::decode(&vector.bytes).ok());
        let deliveries = entries.filter_map(|entry| match entry {
            Entry::Delivery(delivery) => Some(delivery),
            _ => None,
        });
        { deliveries }.next().expect("the file has a delivery")
    });
    DELIVERY.clone()
}

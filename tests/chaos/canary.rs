//! The audit finds nothing in logs where all is right, and every wrong that is put into them.

use protocol::{
    Answer, Assignment, Delivery, Entry, Epoch, Gas, Hash, ItemBody, Kind, Message, NetworkId,
    OutboxItem, Outcome, PairNumber, PairPosition, PairStatement, Principal, ProcessId, Reply,
    SecretKey, Signed, Slot, Timer, TimerKind, Timestamp, V1, Verdict, api::LogRecord,
};

use crate::{
    audit::{Account, Audit, Doubt, check_rings},
    books::{Book, Books},
    wrongs::{self, is_noticed},
};

const ASKER: ProcessId = ProcessId::from_bytes([1; 32]);
const ASKED: ProcessId = ProcessId::from_bytes([2; 32]);
const NETWORK: NetworkId = NetworkId::from_bytes([3; 32]);
const LATER: Timestamp = Timestamp::new(9);

fn message() -> Entry {
    let key = SecretKey::from_seed(&[1; 32]);
    let sender = Principal::Account(key.public().account());
    Entry::Message(Signed::sign(
        Message {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender,
            target: ASKER,
            method: "go".to_owned(),
            args: vec![0xa0],
            nonce: 1,
            expiry: LATER,
            tags: Vec::new(),
            reply_to: None,
            credit: None,
            trace_parent: None,
            evidence: None,
        },
        &key,
    ))
}

fn tell(word: u8) -> ItemBody {
    ItemBody::Tell { method: "hear".to_owned(), args: vec![word] }
}

fn ask(word: u8) -> ItemBody {
    ItemBody::Ask { method: "hear".to_owned(), args: vec![word], deadline: LATER }
}

fn reply(index: u32) -> ItemBody {
    ItemBody::Reply { slot: Slot::ZERO, index, answer: protocol::AskAnswer::Value(vec![0xf6]) }
}

fn item(index: u32, target: ProcessId, number: u64, body: ItemBody) -> OutboxItem {
    let number = PairNumber::new(number);
    let pair = Some(PairPosition { number, previous: None });
    OutboxItem { index, target, pair, body, hint: None }
}

fn skip(number: u64) -> OutboxItem {
    let body = ItemBody::Skip(PairNumber::new(number));
    OutboxItem { index: 0, target: ASKED, pair: None, body, hint: None }
}

/// The end of an ask, or a ring, of what the first slot emitted.
fn due(index: u32, kind: TimerKind) -> Entry {
    let (process, slot) = (ASKER, Slot::ZERO);
    Entry::Timer(Timer { process, slot, index, occurrence: 0, kind, due: LATER })
}

fn told(number: u64, verdict: Verdict) -> Entry {
    let key = SecretKey::from_seed(&[2; 32]);
    let statement = PairStatement {
        version: V1,
        kind: Kind,
        network: NETWORK,
        scheduler: key.public().unit(),
        source: ASKER,
        target: ASKED,
        number: PairNumber::new(number),
        verdict,
    };
    Entry::Answer(Answer { statement: Signed::sign(statement, &key) })
}

/// A log, with what each slot emitted, and whether the actor was called for it.
fn book(process: ProcessId, slots: Vec<(Entry, bool, Vec<OutboxItem>)>) -> Book {
    let mut book = Book::default();
    for ((entry, called, outbox), slot) in slots.into_iter().zip(0..) {
        let (slot, id, chain) = (Slot::new(slot), entry.id(), Hash::ZERO);
        let (epoch, time) = (Epoch::ZERO, LATER);
        let assignment = Assignment { process, epoch, slot, time, entry: id, chain };
        book.records.push(LogRecord { assignment, entry });
        book.outcomes.push(Outcome {
            version: V1,
            process,
            slot,
            entry: id,
            reply: Reply::Value(vec![0xf6]),
            gas: Gas::new(called.into()),
            logs: Vec::new(),
            events: Vec::new(),
            outbox,
        });
    }
    book
}

/// One process tells and asks another: of three asks the first is answered, the second passed over,
/// the third comes but is answered too late. A timer rings meanwhile.
fn right() -> Books {
    let first = [tell(0), ask(1), ask(2), ask(3), tell(4)];
    let first: Vec<_> =
        first.into_iter().zip(0..).map(|(body, at)| item(at, ASKED, at.into(), body)).collect();
    let come = |at: usize| {
        let (source, slot, item) = (ASKER, Slot::ZERO, first[at].clone());
        Entry::Delivery(Delivery { source, slot, item })
    };
    let back = |slot: u64, item: OutboxItem| {
        Entry::Delivery(Delivery { source: ASKED, slot: Slot::new(slot), item })
    };
    let (prompt, late) = (item(0, ASKER, 0, reply(1)), item(0, ASKER, 1, reply(3)));
    let passed = Delivery { source: ASKER, slot: Slot::new(2), item: skip(2) };
    let asker = vec![
        (message(), true, first.clone()),
        (back(1, prompt.clone()), true, vec![]),
        (due(2, TimerKind::AskTimeout), true, vec![skip(2)]),
        (due(3, TimerKind::AskTimeout), true, vec![skip(3)]),
        (told(2, Verdict::Refused(protocol::RefusalCode::Skipped)), false, vec![]),
        (told(3, Verdict::Assigned(Slot::new(3))), false, vec![]),
        (back(4, late.clone()), false, vec![]),
        (due(5, TimerKind::Timer), true, vec![]),
    ];
    let asked = vec![
        (come(0), true, vec![]),
        (come(1), true, vec![prompt]),
        (Entry::Skip(passed), false, vec![]),
        (come(3), true, vec![]),
        (come(4), true, vec![late]),
    ];
    let books = [(ASKER, book(ASKER, asker)), (ASKED, book(ASKED, asked))];
    Books { books: books.into_iter().collect() }
}

#[test]
fn nothing_is_wrong_where_all_is_right() {
    assert_eq!(Audit::of(&right()).lacking(), None);
}

#[test]
fn every_wrong_is_noticed() {
    assert_eq!(wrongs::check_all(&right()), wrongs::ALL.len());
}

#[test]
fn money_that_is_made_or_lost_is_noticed() {
    let audit = Audit::of(&right());
    let doubt = |slot: u64, amount| Doubt { slot: Slot::new(slot), to: ASKED, amount };
    let account = |process, balance, doubts| Account { process, balance, doubts };
    let all = |own, other, doubts| {
        audit.money(&[account(ASKER, own, doubts), account(ASKED, other, Vec::new())])
    };
    assert_eq!(all(70, 130, Vec::new()), 200);
    assert_ne!(all(70, 131, Vec::new()), 200, "a coin is made");
    assert_ne!(all(69, 130, Vec::new()), 200, "a coin is lost");
    // The first ask of the slot that the doubt is about has come.
    assert_eq!(all(70, 130, vec![doubt(0, 30)]), 200);
    let mut books = right();
    passes_over_all(&mut books);
    let audit = Audit::of(&books);
    let kept = account(ASKER, 70, vec![doubt(0, 30)]);
    assert_eq!(audit.money(&[kept, account(ASKED, 100, Vec::new())]), 200);
}

/// Puts a skip in the place of the ask that was answered.
fn passes_over_all(books: &mut Books) {
    let asker = books.books.get_mut(&ASKER).unwrap();
    asker.outcomes[2].outbox.push(skip(1));
    let asked = books.books.get_mut(&ASKED).unwrap();
    let passed = Delivery { source: ASKER, slot: Slot::new(2), item: skip(1) };
    asked.records[1].entry = Entry::Skip(passed);
}

#[test]
fn rings_that_are_missed_or_doubled_are_noticed() {
    check_rings(&[&[0, 1, 2]], 3, true);
    check_rings(&[&[0, 2, 5]], 3, false);
    let wrong: [(&[&[u64]], i128, bool); 5] = [
        (&[&[0, 1, 2]], 2, true),
        (&[&[0, 2]], 2, true),
        (&[&[0, 1, 1]], 3, true),
        (&[&[0], &[0]], 2, false),
        (&[], 0, false),
    ];
    for (rings, counted, catch_up) in wrong {
        let noticed = is_noticed(|| check_rings(rings, counted, catch_up));
        assert!(noticed, "{rings:?}");
    }
}

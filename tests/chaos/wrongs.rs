//! Wrongs that are put into logs: the audit must notice every one.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, PoisonError},
};

use protocol::{
    Answer, Entry, EntryId, Failure, FailureKind, Gas, ItemBody, PairNumber, PairStatement,
    ProcessId, RefusalCode, Reply, SecretKey, Signed, TimerKind, Verdict, api::LogRecord,
};

use crate::{
    audit::Audit,
    books::{Book, Books},
};

/// Puts something wrong into logs; `None` if there is nothing to put it to.
type Wrong = fn(&mut Books) -> Option<()>;

/// All wrongs, by what they are.
pub(crate) const ALL: &[(&str, Wrong)] = &[
    ("a delivery is lost", |books| {
        let (process, at) = find(books, is_delivery)?;
        books.book(process).remove(at);
        Some(())
    }),
    ("a delivery comes twice", |books| double(books, is_delivery)),
    ("a reply comes twice", |books| double(books, is_reply)),
    ("an ask is answered twice, under two numbers", answer_again),
    ("two deliveries of a pair are swapped", |books| {
        swap(books, |one, other| {
            std::mem::swap(one, other);
        })
    }),
    ("what two deliveries of a pair carry is swapped", |books| {
        swap(books, |one, other| {
            let (Entry::Delivery(one), Entry::Delivery(other)) = (&mut one.entry, &mut other.entry)
            else {
                panic!("they are deliveries")
            };
            std::mem::swap(&mut one.item.body, &mut other.item.body);
        })
    }),
    ("a delivery was never emitted", |books| {
        let (process, at) = find(books, is_delivery)?;
        let Entry::Delivery(delivery) = &books.book(process).records[at].entry else { return None };
        let (source, target) = (delivery.source, delivery.item.target);
        for outcome in &mut books.books.get_mut(&source)?.outcomes {
            outcome.outbox.retain(|item| item.pair.is_none() || item.target != target);
        }
        Some(())
    }),
    ("a delivery is another than was emitted", |books| {
        let (process, at) = find(books, |record| is_delivery(record) && !is_reply(record))?;
        let Entry::Delivery(delivery) = &mut books.book(process).records[at].entry else {
            return None;
        };
        match &mut delivery.item.body {
            ItemBody::Tell { args, .. } | ItemBody::Ask { args, .. } => args.push(0),
            ItemBody::Spawn(bytes, _) => bytes.push(0),
            _ => return None,
        }
        Some(())
    }),
    ("a number is given twice", |books| {
        let with_item = |book: &Book| {
            book.outcomes
                .iter()
                .position(|outcome| outcome.outbox.iter().any(|item| item.pair.is_some()))
        };
        let (book, at) = books.books.values_mut().find_map(|book| {
            let at = with_item(book)?;
            Some((book, at))
        })?;
        let outbox = &mut book.outcomes[at].outbox;
        let item = outbox.iter().find(|item| item.pair.is_some())?.clone();
        outbox.push(item);
        Some(())
    }),
    ("a reply is not handled", |books| {
        let (process, at) = find_called(books, is_reply)?;
        books.book(process).outcomes[at].gas = Gas::ZERO;
        Some(())
    }),
    ("a message is ordered twice", |books| {
        double(books, |record| matches!(record.entry, Entry::Message(_)))
    }),
    ("a timer rings twice", |books| {
        double(
            books,
            |record| matches!(&record.entry, Entry::Timer(timer) if timer.kind == TimerKind::Timer),
        )
    }),
    ("a slot fails", |books| {
        let book = books.books.values_mut().find(|book| !book.outcomes.is_empty())?;
        let failure = Failure::of(FailureKind::Trapped);
        book.outcomes.last_mut()?.reply = Reply::Failure(failure);
        Some(())
    }),
    ("what was passed over was never given up", |books| {
        let (process, at) = find(books, |record| matches!(record.entry, Entry::Skip(_)))?;
        let Entry::Skip(skip) = &books.book(process).records[at].entry else { return None };
        let (source, number) = (skip.source, skip.item.body.clone());
        for outcome in &mut books.books.get_mut(&source)?.outcomes {
            outcome.outbox.retain(|item| item.target != process || item.body != number);
        }
        Some(())
    }),
    ("somebody is told a lie", |books| {
        let (process, at) = find(books, is_answer)?;
        tell(&mut books.book(process).records[at], |verdict| match verdict {
            Verdict::Assigned(_) => Verdict::Refused(RefusalCode::Skipped),
            Verdict::Refused(_) => Verdict::Assigned(protocol::Slot::new(1)),
        });
        Some(())
    }),
    ("somebody is told twice", |books| double(books, is_answer)),
    ("somebody is not told", |books| {
        let (process, at) = find(books, is_answer)?;
        books.book(process).remove(at);
        Some(())
    }),
];

/// Held while panics are silent.
static QUIET: Mutex<()> = Mutex::new(());

/// Puts each wrong into a copy of logs in which all is right; how many there was something to put to.
///
/// # Panics
///
/// If one of them is not noticed.
pub(crate) fn check_all(books: &Books) -> usize {
    let mut noticed = 0;
    for (wrong, put) in ALL {
        let mut books = books.clone();
        if put(&mut books).is_none() {
            continue;
        }
        let audited = is_noticed(|| {
            let lacking = Audit::of(&books).lacking();
            assert_eq!(lacking, None);
        });
        assert!(audited, "{wrong}, and nobody notices");
        noticed += 1;
    }
    noticed
}

/// Whether a check fails; without a word about that.
pub(crate) fn is_noticed(check: impl FnOnce()) -> bool {
    // Of two at once the second would take the silence of the first for what was there before.
    let _turn = QUIET.lock().unwrap_or_else(PoisonError::into_inner);
    let loud = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let checked = panic::catch_unwind(AssertUnwindSafe(check));
    panic::set_hook(loud);
    checked.is_err()
}

fn is_delivery(record: &LogRecord) -> bool {
    matches!(record.entry, Entry::Delivery(_))
}

fn is_reply(record: &LogRecord) -> bool {
    matches!(&record.entry, Entry::Delivery(delivery)
        if matches!(delivery.item.body, ItemBody::Reply { .. }))
}

fn is_answer(record: &LogRecord) -> bool {
    matches!(record.entry, Entry::Answer(_))
}

/// The last record of its kind.
fn find(books: &Books, wanted: impl Fn(&LogRecord) -> bool) -> Option<(ProcessId, usize)> {
    books.books.iter().find_map(|(process, book)| {
        let at = book.records.iter().rposition(&wanted)?;
        Some((*process, at))
    })
}

/// The last record of its kind for which the actor was called.
fn find_called(books: &Books, wanted: impl Fn(&LogRecord) -> bool) -> Option<(ProcessId, usize)> {
    books.books.iter().find_map(|(process, book)| {
        let called = |at: &usize| wanted(&book.records[*at]) && book.outcomes[*at].gas > Gas::ZERO;
        Some((*process, (0..book.records.len()).rev().find(called)?))
    })
}

fn double(books: &mut Books, wanted: impl Fn(&LogRecord) -> bool) -> Option<()> {
    let (process, at) = find(books, wanted)?;
    let book = books.book(process);
    let (mut record, outcome) = (book.records[at].clone(), book.outcomes[at].clone());
    if !matches!(record.entry, Entry::Message(_)) {
        // What it says must betray it, not only its id.
        record.assignment.entry = EntryId::from_bytes([9; 32]);
    }
    book.records.push(record);
    book.outcomes.push(outcome);
    Some(())
}

/// Does something to two tells or asks of a pair that differ.
fn swap(books: &mut Books, swap: impl FnOnce(&mut LogRecord, &mut LogRecord)) -> Option<()> {
    let call = |record: &LogRecord| match &record.entry {
        Entry::Delivery(delivery) if !is_reply(record) => {
            Some((delivery.source, delivery.item.body.clone()))
        }
        _ => None,
    };
    for book in books.books.values_mut() {
        for first in 0..book.records.len() {
            let Some((source, body)) = call(&book.records[first]) else { continue };
            let behind = book.records.iter().enumerate().skip(first + 1);
            let mut behind = behind.filter_map(|(at, record)| Some((at, call(record)?)));
            let second = behind.find(|(_, (from, other))| *from == source && *other != body);
            let Some((second, _)) = second else { continue };
            let (before, after) = book.records.split_at_mut(second);
            swap(&mut before[first], &mut after[0]);
            return Some(());
        }
    }
    None
}

/// Lets the process that was asked reply once more, in its next number.
fn answer_again(books: &mut Books) -> Option<()> {
    let (asker, at) = find_called(books, is_reply)?;
    let book = books.book(asker);
    let (mut record, outcome) = (book.records[at].clone(), book.outcomes[at].clone());
    let Entry::Delivery(delivery) = &mut record.entry else { return None };
    let source = books.books.get_mut(&delivery.source)?;
    let outboxes = source.outcomes.iter().flat_map(|outcome| &outcome.outbox);
    let numbers = outboxes.filter(|item| item.target == asker).filter_map(|item| item.pair);
    let next = numbers.map(|pair| pair.number.get()).max()? + 1;
    delivery.item.pair.as_mut()?.number = PairNumber::new(next);
    let last = source.outcomes.last_mut()?;
    delivery.slot = last.slot;
    last.outbox.push(delivery.item.clone());
    record.assignment.entry = delivery.delivery_id();
    let book = books.book(asker);
    book.records.push(record);
    book.outcomes.push(outcome);
    Some(())
}

fn tell(record: &mut LogRecord, lie: impl FnOnce(Verdict) -> Verdict) {
    let Entry::Answer(Answer { statement }) = &mut record.entry else { panic!("it is a word") };
    let said = statement.unverified().clone();
    let verdict = lie(said.verdict);
    // Nobody who counts looks at the signature.
    *statement = Signed::sign(PairStatement { verdict, ..said }, &SecretKey::from_seed(&[1; 32]));
}

impl Books {
    fn book(&mut self, process: ProcessId) -> &mut Book {
        self.books.get_mut(&process).expect("it was found there")
    }
}

impl Book {
    fn remove(&mut self, at: usize) {
        self.records.remove(at);
        self.outcomes.remove(at);
    }
}

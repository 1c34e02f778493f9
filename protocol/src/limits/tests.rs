use super::*;
use crate::{Message, Spawn, Tag, UnitRecord};

/// What the fields of a message or spawn other than arguments, names and tags take at the most.
const FIXED_FIELDS: usize = 8 << 10;

const _: () = {
    // Everything a message may carry beside its arguments fits the smallest sensible entry.
    let tags = Limits::TAGS_MAX * (2 * Tag::TEXT_MAX + 8);
    assert!(Message::METHOD_MAX + tags + FIXED_FIELDS <= Limits::DEFAULT.message_bytes as usize);
    assert!(Spawn::NAME_MAX + tags + FIXED_FIELDS <= Limits::DEFAULT.message_bytes as usize);
    // A whole policy and a whole record fit the fixed fields.
    assert!(crate::ComputePolicy::UNITS_MAX * 34 <= FIXED_FIELDS);
    assert!(UnitRecord::ADDRESSES_MAX * 64 <= FIXED_FIELDS);
    // One largest message can be told, and every item of a full outbox can say something.
    assert!(Limits::DEFAULT.message_bytes <= Limits::DEFAULT.outbox_bytes);
    assert!(Limits::MAX.message_bytes <= Limits::MAX.outbox_bytes);
    assert!(Limits::MAX.outbox_items * 1_024 <= Limits::MAX.outbox_bytes);
    // The largest outcome fits a frame, with its leaf, paths and proof.
    let outcome = 2 * Limits::MAX.reply_bytes as usize + Limits::MAX.outbox_bytes as usize;
    assert!(outcome + (64 << 10) <= crate::api::OUTCOME_FRAME_MAX);
    // A module's image fits the memory it runs in.
    assert!(Limits::MODULE_BYTES_MAX <= Limits::DEFAULT.memory_pages as usize * 65_536);
    // A core WebAssembly memory has at most 65,536 pages.
    assert!(Limits::MAX.memory_pages <= 65_536);
    // Replies and timers are admitted beyond the pending limit and are bounded by these two.
    assert!(Limits::MAX.open_asks <= Limits::MAX.pending);
    assert!(Limits::MAX.timers <= Limits::MAX.pending);
};

#[test]
fn the_default_and_the_most_are_allowed() {
    assert_eq!(Limits::DEFAULT.check(), Ok(()));
    assert_eq!(Limits::MAX.check(), Ok(()));
    assert_eq!(Limits::default(), Limits::DEFAULT);
}

#[test]
fn every_limit_has_an_upper_bound() {
    let max = Limits::MAX;
    for above in [
        Limits { gas: max.gas + 1, ..max },
        Limits { memory_pages: max.memory_pages + 1, ..max },
        Limits { outbox_items: max.outbox_items + 1, ..max },
        Limits { outbox_bytes: max.outbox_bytes + 1, ..max },
        Limits { message_bytes: max.message_bytes + 1, ..max },
        Limits { reply_bytes: max.reply_bytes + 1, ..max },
        Limits { open_asks: max.open_asks + 1, ..max },
        Limits { timers: max.timers + 1, ..max },
        Limits { pending: max.pending + 1, ..max },
    ] {
        assert!(above.check().is_err(), "{above:?}");
    }
}

#[test]
fn a_process_that_could_do_nothing_is_refused() {
    let max = Limits::MAX;
    for zero in [
        Limits { gas: 0, ..max },
        Limits { memory_pages: 0, ..max },
        Limits { message_bytes: 0, ..max },
        Limits { reply_bytes: 0, ..max },
        Limits { pending: 0, ..max },
    ] {
        assert!(zero.check().is_err(), "{zero:?}");
    }
    let silent = Limits { outbox_items: 0, outbox_bytes: 0, open_asks: 0, timers: 0, ..max };
    assert_eq!(silent.check(), Ok(()));
}

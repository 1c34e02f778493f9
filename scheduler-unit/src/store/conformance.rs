//! What every backend of the log and of the modules must do, as tests that a backend runs by
//! [`conformance!`].

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::{LogStore, ModuleStore, StoreError};

/// Where a backend keeps a log and modules, and what can happen there.
pub(crate) trait Site {
    /// Opens the log, as a program does that starts.
    fn log(&self) -> Result<Arc<dyn LogStore>, StoreError>;

    /// Opens the modules.
    fn modules(&self) -> Result<Box<dyn ModuleStore>, StoreError>;

    /// Whatever has the stores open ends without closing them. What it still holds is of no effect.
    fn crash(&self);

    /// Makes the next append fail; nothing if that cannot be done here.
    fn fail(&self) -> Option<()>;
}

/// Runs all tests on a kind of [`Site`].
macro_rules! conformance {
    ($site:expr) => {
        $crate::store::conformance::conformance! { $site =>
            an_empty_log_has_nothing
            what_is_appended_is_read_in_order
            numbers_are_dense
            segments_may_have_any_length
            a_range_has_one_segment_at_least_and_ends_at_its_limit
            what_was_acknowledged_survives_a_crash
            reads_go_on_during_writes
            after_a_failed_append_the_log_tells_and_goes_on
            nothing_works_after_the_end
            there_is_one_writer_at_a_time
            modules_are_durable_once_put
        }
    };
    ($site:expr => $($name:ident)*) => {
        $(#[test]
        fn $name() {
            $crate::store::conformance::$name(&$site);
        })*
    };
}
pub(crate) use conformance;

/// A segment of a length that tells its number.
fn segment(number: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new_derive_key("a segment")
        .update(&number.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// Appends segments of a length up to a number; small logs of a test have many files.
fn fill(log: &dyn LogStore, through: u64, length: usize) {
    for number in log.count().unwrap()..through {
        log.append(number, &segment(number, length)).unwrap();
    }
}

#[track_caller]
fn check(log: &dyn LogStore, count: u64, length: usize) {
    assert_eq!(log.count().unwrap(), count);
    for number in 0..count {
        assert_eq!(log.segment(number).unwrap(), segment(number, length), "batch {number}");
    }
    let mut number = 0;
    while number < count {
        for found in log.segments(number, 3 * length).unwrap() {
            assert_eq!(found, segment(number, length), "batch {number} in a range");
            number += 1;
        }
    }
    assert_eq!(number, count);
}

pub(crate) fn an_empty_log_has_nothing(site: &dyn Site) {
    let log = site.log().unwrap();
    assert_eq!(log.count().unwrap(), 0);
    assert!(log.segment(0).is_err());
    assert!(log.segments(0, 1_000).unwrap().is_empty());
    log.close();
    assert_eq!(site.log().unwrap().count().unwrap(), 0, "it is empty when it is opened again");
}

pub(crate) fn what_is_appended_is_read_in_order(site: &dyn Site) {
    for count in [50, 100] {
        let log = site.log().unwrap();
        fill(&*log, count, 1_000);
        check(&*log, count, 1_000);
        assert!(log.segment(count).is_err());
        log.close();
    }
    let log = site.log().unwrap();
    check(&*log, 100, 1_000);
}

pub(crate) fn numbers_are_dense(site: &dyn Site) {
    let log = site.log().unwrap();
    let refused = |number, count| {
        let told = log.append(number, b"wrong");
        let expected = matches!(
            told,
            Err(StoreError::Misnumbered { number: n, count: c }) if (n, c) == (number, count)
        );
        assert!(expected, "{told:?}");
    };
    refused(1, 0);
    fill(&*log, 20, 1_000);
    [0, 19, 21, u64::MAX].into_iter().for_each(|number| refused(number, 20));
    fill(&*log, 21, 1_000);
    check(&*log, 21, 1_000);
}

pub(crate) fn segments_may_have_any_length(site: &dyn Site) {
    let lengths = (0..9).chain(4_000..4_100).step_by(3).chain([
        8_150,
        8_192,
        12_288,
        65_536,
        300_000,
        (1 << 20) - 20,
        (4 << 20) - 1,
        4 << 20,
    ]);
    let lengths: Vec<usize> = lengths.collect();
    let log = site.log().unwrap();
    for (number, length) in (0..).zip(&lengths) {
        log.append(number, &segment(number, *length)).unwrap();
    }
    for _ in 0..2 {
        for (number, length) in (0..).zip(&lengths) {
            assert_eq!(log.segment(number).unwrap(), segment(number, *length), "{length} bytes");
        }
        log.recover().unwrap();
    }
}

pub(crate) fn a_range_has_one_segment_at_least_and_ends_at_its_limit(site: &dyn Site) {
    let log = site.log().unwrap();
    fill(&*log, 3, 1_000);
    let lengths = |from, limit| log.segments(from, limit).unwrap().len();
    assert_eq!(lengths(0, 0), 1);
    assert_eq!(lengths(0, 1_999), 1);
    assert_eq!(lengths(0, 2_000), 2);
    assert_eq!(lengths(1, 1_000_000), 2);
    assert_eq!(lengths(3, 1_000_000), 0);
    assert_eq!(lengths(u64::MAX, 1_000_000), 0);
}

pub(crate) fn what_was_acknowledged_survives_a_crash(site: &dyn Site) {
    for round in 1..8 {
        let log = site.log().unwrap();
        check(&*log, (round - 1) * 9, 1_500);
        fill(&*log, round * 9, 1_500);
        site.crash();
    }
}

pub(crate) fn reads_go_on_during_writes(site: &dyn Site) {
    let log = site.log().unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for reader in 0..2_u64 {
            let (log, done) = (&log, &done);
            scope.spawn(move || {
                let mut at = reader;
                while !done.load(Ordering::Acquire) {
                    let count = log.count().unwrap();
                    if count > 0 {
                        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        let number = (at >> 33) % count;
                        assert_eq!(log.segment(number).unwrap(), segment(number, 700));
                        let range = log.segments(number, 5_000).unwrap();
                        assert_eq!(range.first(), Some(&segment(number, 700)));
                    }
                }
            });
        }
        fill(&*log, 200, 700);
        done.store(true, Ordering::Release);
    });
    check(&*log, 200, 700);
}

pub(crate) fn after_a_failed_append_the_log_tells_and_goes_on(site: &dyn Site) {
    let log = site.log().unwrap();
    fill(&*log, 30, 1_000);
    for _ in 0..3 {
        if site.fail().is_none() {
            return;
        }
        let number = log.count().unwrap();
        log.append(number, &segment(number, 1_000)).unwrap_err();
        assert!(log.append(number, b"another").is_err(), "nothing is appended in doubt");
        log.recover().unwrap();
        let count = log.count().unwrap();
        assert!((number..=number + 1).contains(&count), "{count} batches after {number}");
        fill(&*log, count + 20, 1_000);
        check(&*log, count + 20, 1_000);
    }
}

pub(crate) fn nothing_works_after_the_end(site: &dyn Site) {
    let log = site.log().unwrap();
    fill(&*log, 20, 1_000);
    log.close();
    assert!(matches!(log.append(20, b"late"), Err(StoreError::Closed)));
    assert!(matches!(log.recover(), Err(StoreError::Closed)));
    assert!(matches!(log.count(), Err(StoreError::Closed)));
    assert!(matches!(log.segment(0), Err(StoreError::Closed)));
    assert!(log.segments(0, 1).is_err());
    let modules = site.modules().unwrap();
    modules.close();
    assert!(modules.put(b"late").is_err());
    check(&*site.log().unwrap(), 20, 1_000);
}

pub(crate) fn there_is_one_writer_at_a_time(site: &dyn Site) {
    let first = site.log().unwrap();
    fill(&*first, 10, 1_000);
    let second = match site.log() {
        Err(error) => {
            assert!(matches!(error, StoreError::InUse(_)), "{error}");
            fill(&*first, 11, 1_000);
            return check(&*first, 11, 1_000);
        }
        Ok(second) => second,
    };
    fill(&*second, 11, 1_000);
    for number in [10, 11] {
        assert!(matches!(first.append(number, b"too late"), Err(StoreError::Fenced)));
        assert!(matches!(first.recover(), Err(StoreError::Fenced)));
    }
    fill(&*second, 12, 1_000);
    check(&*second, 12, 1_000);
}

pub(crate) fn modules_are_durable_once_put(site: &dyn Site) {
    let modules = site.modules().unwrap();
    let wasm: Vec<Vec<u8>> = (0..3).map(|number| segment(number, 100_000)).collect();
    let ids: Vec<_> = wasm.iter().map(|wasm| modules.put(wasm).unwrap()).collect();
    assert_eq!(modules.put(&wasm[0]).unwrap(), ids[0]);
    site.crash();
    let modules = site.modules().unwrap();
    for (id, wasm) in ids.iter().zip(&wasm) {
        assert!(modules.contains(id));
        assert_eq!(modules.get(id).unwrap().as_ref(), Some(wasm));
    }
    let other = protocol::ModuleId::of(b"another");
    assert!(!modules.contains(&other));
    assert_eq!(modules.get(&other).unwrap(), None);
}

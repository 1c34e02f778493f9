//! When a process counts as absent.

use protocol::{ProcessId, RefusalCode, Timestamp};

use super::{Absences, FRESH, GRACE, LOOKS_MAX};

const NOBODY: ProcessId = ProcessId::from_bytes([9; 32]);

fn at(time: u64) -> Timestamp {
    Timestamp::new(10_000 + time)
}

#[track_caller]
fn wait(absences: &Absences, time: u64) {
    let refusal = absences.check(at(time), &NOBODY).unwrap_err();
    assert_eq!((refusal.code, refusal.retry_after.is_some()), (RefusalCode::NotDue, true));
}

#[track_caller]
fn looked(absences: &Absences, time: u64, absent: bool) {
    assert_eq!(absences.take_wanted().into_iter().collect::<Vec<_>>(), [NOBODY]);
    wait(absences, time);
    assert!(absences.take_wanted().is_empty(), "a look is under way");
    absences.handle_looked(at(time), NOBODY, absent);
}

#[test]
fn nobody_is_absent_for_one_look() {
    let absences = Absences::default();
    wait(&absences, 0);
    looked(&absences, 1, true);
    wait(&absences, GRACE);
    assert!(absences.take_wanted().is_empty(), "the look still tells");
    assert_eq!(absences.check(at(GRACE + 1), &NOBODY), Ok(()));
}

#[test]
fn a_look_does_not_tell_for_long() {
    let absences = Absences::default();
    wait(&absences, 0);
    looked(&absences, 0, true);
    wait(&absences, FRESH + 1);
    looked(&absences, FRESH + 2, true);
    assert_eq!(absences.check(at(FRESH + 3), &NOBODY), Ok(()), "it was looked for long enough");
}

#[test]
fn whoever_was_found_or_may_be_somewhere_is_not_absent() {
    let absences = Absences::default();
    wait(&absences, 0);
    looked(&absences, 0, true);
    wait(&absences, FRESH + 1);
    looked(&absences, FRESH + 1, false);
    wait(&absences, FRESH + 2);
    looked(&absences, FRESH + 2, true);
    wait(&absences, FRESH + GRACE);
}

#[test]
fn looks_are_bounded() {
    let absences = Absences::default();
    for number in 0..2 * u64::try_from(LOOKS_MAX).unwrap() {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        absences.check(at(0), &ProcessId::from_bytes(bytes)).unwrap_err();
    }
    assert_eq!(absences.take_wanted().len(), LOOKS_MAX);
    wait(&absences, 0);
    assert!(absences.take_wanted().is_empty());
}

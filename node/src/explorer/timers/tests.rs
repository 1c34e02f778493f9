use protocol::{Slot, Timestamp};

use super::*;
use crate::explorer::testing;

fn timer(slot: u64, kind: TimerKind) -> Timer {
    let process = testing::process("source");
    let due = Timestamp::new(1_700_000_000_000);
    Timer { process, slot: Slot::new(slot), index: 2, occurrence: 1_234, kind, due }
}

#[test]
fn timers_and_deadlines_stand_with_their_time_and_the_slot_that_set_them() {
    let process = testing::process("source");
    let set = vec![timer(7, TimerKind::Timer), timer(8, TimerKind::AskTimeout)];
    let shown = section(&process, &Ok(TimerFacts { set, more: true })).into_string();
    for text in ["2023-11-14", "timer", "deadline", "1,234 times", "slot 7", "effect 2", "2+"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert!(shown.contains(&format!("/process/{process}?upto=8")), "{shown}");
}

#[test]
fn a_process_that_waits_for_nothing_has_no_such_section() {
    let process = testing::process("source");
    assert!(!section(&process, &Ok(TimerFacts::default())).into_string().contains("<section"));
    let unknown = section(&process, &Err(testing::problem())).into_string();
    assert!(unknown.contains("unreachable"), "{unknown}");
}

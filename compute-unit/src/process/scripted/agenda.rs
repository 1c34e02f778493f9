//! What of a process's waiting is told when its slots are published.

use super::*;
use crate::agenda::AgendaChange;

#[test]
fn slots_that_follow_tell_changes_and_others_tell_everything() {
    let mut scripted = Scripted::new(Limits::DEFAULT);
    let mut known = None;
    let mut tell = |scripted: &Scripted, executed: &Executed| {
        AgendaChange::of(&mut executed.clone(), &mut known, &scripted.process)
    };
    let birth = scripted.seen[0].clone();
    assert_eq!(tell(&scripted, &birth), None);
    let set = scripted.do_now(null(), vec![timer(1, 500, Some(10), None), ask(1, None)]);
    let told = tell(&scripted, &set).unwrap();
    assert_eq!((told.whole, &told.waits), (false, &set.waits));
    let nothing = scripted.do_now(null(), vec![]);
    assert_eq!(tell(&scripted, &nothing), None);
    let fired = scripted.due(TimerKind::Timer, (1, 0), 3);
    let told = tell(&scripted, &fired).unwrap();
    assert_eq!((told.waits.len(), told.waits[0].occurrence), (1, 4));
    // A slot that was not published is missing.
    scripted.replied(1, 1, AskAnswer::Value(NULL.to_vec()));
    let after = scripted.do_now(null(), vec![timer(2, 900, None, None)]);
    let told = tell(&scripted, &after).unwrap();
    assert!(told.whole && told.closed.is_empty());
    let due: Vec<u64> = told.waits.iter().map(|timer| timer.due.get()).collect();
    assert_eq!(due, [540, 900]);
}

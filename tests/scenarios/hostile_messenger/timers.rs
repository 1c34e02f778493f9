//! Timers that nobody set, and those that were set at other times than theirs.

use protocol::{
    ItemBody, RefusalCode, Reply, Slot, Timer, Timestamp,
    abi::{GuestEffect, Input},
};

use super::{puppet::puppet, rogue::Rogue};
use crate::support::{Cluster, directory, process};

fn set(token: u64, due: Timestamp, every: Option<u64>, catch_up: bool) -> GuestEffect {
    let (method, args) = ("tick".to_owned(), vec![0xa0]);
    GuestEffect::SetTimer { token, due, every, catch_up, method, args, call: None }
}

/// Whether an input is an occurrence of the timer of a token.
fn is_tick(input: &Input, token: u64, occurrence: u64) -> bool {
    matches!(input, Input::Timer { token: t, occurrence: o, method, .. }
        if (*t, *o, method.as_str()) == (token, occurrence, "tick"))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told step by step")]
fn a_timer_fires_as_it_was_set_or_not_at_all() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let spawn = || process(&cluster.spawn(&puppet(), "{}"));
    let (clock, other) = (spawn(), spawn());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut rogue = Rogue::of(&cluster).await;
        let now = rogue.time(clock).await;
        let tomorrow = now.saturating_add(86_400_000);
        let effects = vec![
            set(1, now, None, false),
            set(2, tomorrow, None, false),
            set(3, Timestamp::new(now.get() - 10_000), Some(1_000), true),
            set(4, Timestamp::new(now.get() - 10_000), Some(1_000), false),
        ];
        let timers = rogue.command(clock, effects).await;
        let [once, later, each, newest] = timers.as_slice() else { panic!("{timers:?}") };
        let elsewhere = rogue.command(other, vec![set(1, now, None, false)]).await;

        let due = Timestamp::new(1);
        let renamed = once.altered(|parcel| {
            if let ItemBody::Timer { method, .. } = &mut parcel.item.body {
                "steal".clone_into(method);
            }
        });
        let hasty = later.altered(|parcel| {
            if let ItemBody::Timer { due: set, .. } = &mut parcel.item.body {
                *set = due;
            }
        });
        let first = once.timer();
        let forged = [
            ("another occurrence", Timer { occurrence: 1, ..first }, once),
            ("another time", Timer { due, ..first }, once),
            ("another method", first, &renamed),
            ("an earlier time of an item of that", Timer { due, ..later.timer() }, &hasty),
            ("another position", Timer { index: 1, ..first }, once),
            ("another slot", Timer { slot: Slot::new(9), ..first }, once),
            ("another process", Timer { process: other, ..first }, once),
            ("another process's item", first, &elsewhere[0]),
            ("an occurrence past the end", Timer { occurrence: u64::MAX, ..each.timer() }, each),
        ];
        for (what, timer, parcel) in forged {
            let answer = rogue.fire(timer, parcel).await;
            assert_eq!(answer, Err(RefusalCode::BadOrigin), "{what}");
        }
        assert_eq!(rogue.fire(later.timer(), later).await, Err(RefusalCode::NotDue));

        let slot = rogue.fire(first, once).await.unwrap();
        assert!(is_tick(&rogue.last_input(clock, slot).await, 1, 0));
        assert_eq!(rogue.fire(first, once).await, Ok(slot), "once");

        let nth = |timer: Timer, occurrence: u64| {
            let due = timer.due.saturating_add(occurrence * 1_000);
            Timer { occurrence, due, ..timer }
        };
        let answer = rogue.fire(nth(each.timer(), 1), each).await;
        assert_eq!(answer, Err(RefusalCode::OutOfOrder), "each of its occurrences is made up for");
        let answer = rogue.fire(nth(each.timer(), 1_000), each).await;
        assert_eq!(answer, Err(RefusalCode::NotDue));
        for occurrence in 0..3 {
            let slot = rogue.fire(nth(each.timer(), occurrence), each).await.unwrap();
            assert!(is_tick(&rogue.last_input(clock, slot).await, 3, occurrence));
        }
        let slot = rogue.fire(nth(newest.timer(), 5), newest).await.unwrap();
        assert!(is_tick(&rogue.last_input(clock, slot).await, 4, 5));
        let answer = rogue.fire(nth(newest.timer(), 4), newest).await;
        assert_eq!(answer, Err(RefusalCode::Expired), "a later one has come");

        // What is cancelled is in the log if somebody insists, and does nothing.
        rogue.command(clock, vec![GuestEffect::CancelTimer { token: 4 }]).await;
        let slot = rogue.fire(nth(newest.timer(), 6), newest).await.unwrap();
        assert_eq!(rogue.outcome(clock, slot).await.reply, Reply::Value(vec![0xf6]));
        let input = rogue.last_input(clock, slot).await;
        assert!(matches!(input, Input::Call { .. }), "the one that cancelled it: {input:?}");
        rogue.check_log(clock).await;
        rogue.check_log(other).await;
    });
    cluster.stop();
}

//! What becomes of void slots that an earlier run has executed.

use super::*;

/// The frames of a log of which a unit has executed and stored slots that a takeover makes void: 4 to
/// 7 of 8.
fn void_behind_3(bench: &mut Bench) -> [TailFrame; 3] {
    let spawn = Entry::Spawn(bench.log.spawn.clone());
    let first = bench.log.frame(&[spawn]);
    let second = bench.messages(3);
    let fork = bench.log.head();
    let void = bench.messages(4);
    bench.follow(&[&first, &second, &void], &[0, 1, 2, 3, 4, 5, 6, 7]);
    bench.save();
    bench.keep();
    [&first, &second, &void].into_iter().for_each(|frame| bench.note(frame, false));
    let takeover = bench.take_over(fork);
    [first, second, takeover]
}

#[test]
fn void_outcomes_of_an_earlier_run_are_replaced_wherever_the_process_goes_on() {
    for keep_checkpoints in [true, false] {
        let mut bench = Bench::new();
        let [first, second, takeover] = void_behind_3(&mut bench);
        if !keep_checkpoints {
            bench.lose_checkpoints();
        }
        let position = bench.restart();
        assert_eq!(position.map(|at| at.slot.get()), keep_checkpoints.then_some(7));
        let later = bench.messages(2);
        bench.follow(&[&first, &second, &takeover, &later], &[4, 5, 6]);
        assert_eq!(bench.chain(3), Some(second.records[2].assignment.chain));
        assert_eq!(bench.chain(4), Some(takeover.records[0].assignment.chain));
        assert_eq!(bench.chain(7), None);
        bench.keep();
        bench.restart();
        assert_eq!(bench.chain(6), Some(later.records[1].assignment.chain));
        assert_eq!(bench.chain(7), None);
    }
}

#[test]
fn what_was_given_in_the_place_of_a_takeover_is_noted_as_it_is_now() {
    let mut bench = Bench::new();
    let [first, second, takeover] = void_behind_3(&mut bench);
    bench.lose_checkpoints();
    bench.restart();
    let given = |bench: &Bench, record: &protocol::api::TailRecord| {
        let entry = codec::decode(&record.entry).unwrap();
        bench.executor.given(&bench.log.process, &record.assignment, &entry).get()
    };
    assert_eq!(given(&bench, &second.records[2]), 8, "it was noted before");
    assert_eq!(given(&bench, &takeover.records[0]), 4);
    let later = bench.messages(1);
    bench.follow(&[&first, &second, &takeover], &[4]);
    assert_eq!(given(&bench, &takeover.records[0]), 5, "it is noted once");
    assert_eq!(given(&bench, &later.records[0]), 5);
}

#[test]
fn a_process_does_not_go_on_from_slots_whose_outcomes_are_not_stored_yet() {
    let mut bench = Bench::new();
    let [first, second, takeover] = void_behind_3(&mut bench);
    let later = bench.messages(2);
    bench.follow(&[&first, &second, &takeover, &later], &[4, 5, 6]);
    bench.save();
    bench.note(&takeover, true);
    bench.note(&later, false);
    // What was published since then is lost.
    let position = bench.restart();
    assert!(position.is_none_or(|at| at.slot <= Slot::new(3)), "{position:?}");
    bench.follow(&[&first, &second, &takeover, &later], &[4, 5, 6]);
    // Once they are stored it does.
    bench.save();
    bench.keep();
    assert_eq!(bench.restart().map(|at| (at.slot.get(), at.epoch.get())), Some((6, 1)));
    let last = bench.messages(1);
    bench.follow(&[&first, &second, &takeover, &later, &last], &[7]);
}

#[test]
fn a_checkpoint_of_void_slots_is_dropped_when_the_takeover_is_known_already() {
    let mut bench = Bench::new();
    let [first, second, takeover] = void_behind_3(&mut bench);
    bench.note(&takeover, true);
    let position = bench.restart();
    assert!(position.is_none_or(|at| at.slot <= Slot::new(3)), "{position:?}");
    assert!(bench.newest_checkpoint().is_none_or(|slot| slot <= Slot::new(3)));
    bench.follow(&[&first, &second, &takeover], &[4]);
}

#[test]
fn a_process_that_has_moved_goes_on_from_its_newest_checkpoint() {
    let mut bench = Bench::new();
    let spawn = Entry::Spawn(bench.log.spawn.clone());
    let action = ControlAction::Move(next_scheduler().public().unit());
    let first = bench.log.frame(&[spawn]);
    let control = bench.log.control(action);
    let second = bench.log.frame(&[control]);
    bench.log.turn(Some(&next_scheduler()));
    let third = bench.messages(2);
    bench.follow(&[&first, &second, &third], &[0, 1, 2, 3]);
    bench.save();
    bench.keep();
    [(&first, true), (&second, false), (&third, true)]
        .into_iter()
        .for_each(|(frame, opens)| bench.note(frame, opens));
    assert_eq!(bench.restart().map(|at| (at.slot.get(), at.epoch.get())), Some((3, 1)));
    let moved = bench.moves.of(&bench.log.process).unwrap();
    assert_eq!(moved.scheduler(), next_scheduler().public().unit());
    assert_eq!(moved.position.slot, Slot::new(1));
    let last = bench.messages(1);
    assert_eq!(bench.bring(&last), 1, "nothing else has to be read");
    assert_eq!(bench.publish(1), [4]);
    assert_eq!(bench.metrics.slots_executed.get(), 1);
}

#[test]
fn outcomes_of_a_forked_log_are_replaced_after_a_restart() {
    for (executed, counting) in FORKS {
        for keep_checkpoints in [true, false] {
            let mut bench = Bench::new();
            let [first, counts, takeover] = fork_behind_0(&mut bench, executed, counting);
            bench.keep();
            if !keep_checkpoints {
                bench.lose_checkpoints();
            }
            bench.restart();
            let slots: Vec<u64> = (0..).take(counting + 2).collect();
            bench.follow(&[&first, &counts, &takeover], &slots);
            assert_eq!(bench.chain(1), Some(counts.records[0].assignment.chain));
            let end = slots.last().unwrap() + 1;
            assert_eq!(bench.chain(end), None, "what was there is void");
        }
    }
}

#[test]
fn a_log_that_was_forked_without_a_takeover_is_not_published_twice() {
    let mut bench = Bench::new();
    let [first, counts, _] = fork_behind_0(&mut bench, 1, 3);
    bench.keep();
    bench.lose_checkpoints();
    let before = bench.chain(1);
    bench.restart();
    bench.bring(&first);
    assert_eq!(bench.bring(&counts), 3);
    while bench.metrics.slots_executed.get() < 4 {
        std::thread::yield_now();
    }
    assert_eq!(bench.metrics.processes_halted.get(), 0);
    bench.executor.stop();
    assert!(bench.queue.recv_timeout(Duration::from_secs(60)).is_err(), "nothing is published");
    assert_eq!(bench.chain(1), before);
}

use std::{
    sync::{Arc, mpsc::channel},
    thread::{JoinHandle, spawn},
};

use super::*;

/// A thread that waits for a turn; when it has one, it says its number and keeps the turn.
fn asks(long: &Arc<Long>, number: usize, had: &std::sync::mpsc::Sender<usize>) -> JoinHandle<()> {
    let before = lock(&long.state).waiting.len();
    let (asking, had) = (Arc::clone(long), had.clone());
    let thread = spawn(move || {
        if asking.take_turn().is_ok() {
            had.send(number).unwrap();
        }
    });
    while lock(&long.state).waiting.len() == before {
        std::thread::yield_now();
    }
    thread
}

#[test]
fn turns_go_to_those_that_wait_in_the_order_in_which_they_asked() {
    let long = Arc::new(Long::new(2));
    long.take_turn().unwrap();
    long.take_turn().unwrap();
    let (had, order) = channel();
    let threads: Vec<_> = (0..3).map(|number| asks(&long, number, &had)).collect();
    for expected in 0..3 {
        long.end_turn();
        assert_eq!(order.recv(), Ok(expected));
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    long.end_turn();
    assert_eq!(lock(&long.state).free, 1);
}

#[test]
fn whoever_passes_a_turn_waits_behind_those_that_wait() {
    let long = Arc::new(Long::new(1));
    long.take_turn().unwrap();
    // Nobody waits: the turn stays.
    long.pass_turn().unwrap();
    let (had, order) = channel();
    let threads: Vec<_> = (0..2).map(|number| asks(&long, number, &had)).collect();
    let passing = {
        let (long, had) = (Arc::clone(&long), had.clone());
        spawn(move || {
            long.pass_turn().unwrap();
            had.send(2).unwrap();
        })
    };
    for expected in 0..3 {
        assert_eq!(order.recv(), Ok(expected));
        long.end_turn();
    }
    passing.join().unwrap();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_stop_ends_every_wait_and_all_that_would_follow() {
    let long = Arc::new(Long::new(1));
    long.take_turn().unwrap();
    let (had, order) = channel();
    let thread = asks(&long, 0, &had);
    long.stop();
    thread.join().unwrap();
    drop(had);
    order.recv().unwrap_err();
    assert_eq!(long.take_turn(), Err(Stopped));
    assert_eq!(long.pass_turn(), Err(Stopped));
    assert_eq!(long.join(), Err(Stopped));
}

#[test]
fn there_are_no_more_long_messages_than_there_may_be() {
    let long = Long::new(1);
    (0..LONG_MAX).for_each(|_| assert_eq!(long.join(), Ok(true)));
    assert_eq!(long.join(), Ok(false));
    long.leave();
    assert_eq!([long.join(), long.join()], [Ok(true), Ok(false)]);
}

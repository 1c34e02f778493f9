//! Turns of long messages: so many execute at a time, a slice each, in the order in which they
//! came. The rest wait, however many they are, and hold nothing but their threads.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard,
        mpsc::{SyncSender, sync_channel},
    },
};

use super::lock;
use crate::instance::Stopped;

/// Long messages that may be in progress at once, each on a thread of its own.
const LONG_MAX: usize = 1_024;

/// The long messages in progress.
#[derive(Debug)]
pub(super) struct Long {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Places left for further messages.
    places: usize,
    /// Turns that nobody has.
    free: usize,
    /// Those that wait for a turn. There are none while a turn is free.
    waiting: VecDeque<SyncSender<()>>,
    stopping: bool,
}

impl Long {
    /// Lets so many long messages execute at a time.
    pub(super) fn new(turns: usize) -> Self {
        let (places, free, waiting) = (LONG_MAX, turns, VecDeque::new());
        Self { state: Mutex::new(State { places, free, waiting, stopping: false }) }
    }

    /// Takes a place for a message that has become long, if one is left.
    pub(super) fn join(&self) -> Result<bool, Stopped> {
        let mut state = self.running()?;
        let left = state.places.checked_sub(1);
        state.places = left.unwrap_or(0);
        Ok(left.is_some())
    }

    /// Gives back a place whose message is not in progress any more, or not here.
    pub(super) fn leave(&self) {
        let mut state = lock(&self.state);
        state.places = state.places.saturating_add(1);
    }

    /// Waits for a turn.
    pub(super) fn take_turn(&self) -> Result<(), Stopped> {
        let mut state = self.running()?;
        match state.free.checked_sub(1) {
            Some(free) => {
                state.free = free;
                Ok(())
            }
            None => wait(state),
        }
    }

    /// Lets whoever waits for a turn have this one first.
    pub(super) fn pass_turn(&self) -> Result<(), Stopped> {
        let mut state = self.running()?;
        if state.waiting.is_empty() {
            return Ok(());
        }
        state.hand_over();
        wait(state)
    }

    /// Gives a turn back.
    pub(super) fn end_turn(&self) {
        lock(&self.state).hand_over();
    }

    /// Ends every wait, those to come as well.
    pub(super) fn stop(&self) {
        let mut state = lock(&self.state);
        state.stopping = true;
        state.waiting.clear();
    }

    fn running(&self) -> Result<MutexGuard<'_, State>, Stopped> {
        let state = lock(&self.state);
        if state.stopping { Err(Stopped) } else { Ok(state) }
    }
}

impl State {
    fn hand_over(&mut self) {
        match self.waiting.pop_front() {
            // Whoever waits does so until it is told, and it is told once.
            Some(next) => drop(next.try_send(())),
            None => self.free = self.free.saturating_add(1),
        }
    }
}

/// Waits behind all others; in vain where they are told that the unit stops.
fn wait(mut state: MutexGuard<'_, State>) -> Result<(), Stopped> {
    let (turn, told) = sync_channel(1);
    state.waiting.push_back(turn);
    drop(state);
    told.recv().map_err(|_| Stopped)
}

#[cfg(test)]
mod tests;

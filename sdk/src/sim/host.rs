//! What runs one process of a simulation: its runtime, and the log of all it was handed.
//!
//! # Invariants
//!
//! - The log alone makes the runtime: one that is lost, or whose slot is undone, is made again from
//!   it, and must say the same bytes while it is.
//! - A slot that is undone leaves its place in the log, and nothing else.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use protocol::{
    FailureKind, Slot, Value,
    abi::{self, Input, Output, SavedState},
    codec,
};

use crate::{Actor, Runtime};

/// A runtime, whatever the type of its actor.
pub(super) trait Guest {
    /// As [`Runtime::handle`].
    fn handle(&mut self, input: &[u8]) -> Vec<u8>;
    /// As [`Runtime::view`].
    fn view(&self, input: &[u8]) -> Vec<u8>;
    /// As [`Runtime::save`].
    fn save(&self, input: &[u8]) -> Vec<u8>;
}

impl<A: Actor> Guest for Runtime<A> {
    fn handle(&mut self, input: &[u8]) -> Vec<u8> {
        self.handle(input)
    }

    fn view(&self, input: &[u8]) -> Vec<u8> {
        self.view(input)
    }

    fn save(&self, input: &[u8]) -> Vec<u8> {
        self.save(input)
    }
}

/// Makes a runtime before slot 0.
pub(super) type Make = fn() -> Box<dyn Guest>;

/// Makes a runtime of a type of actor.
pub(super) fn make<A: Actor + 'static>() -> Box<dyn Guest> {
    Box::new(Runtime::<A>::new())
}

/// A slot of a simulated process: what the actor was handed, and what it said.
#[derive(Clone, PartialEq, Eq)]
pub struct LoggedSlot {
    input: Vec<u8>,
    output: Option<Vec<u8>>,
    undone: bool,
}

impl LoggedSlot {
    /// The encoded input of the guest contract.
    pub fn input(&self) -> &[u8] {
        &self.input
    }

    /// The encoded output of the guest contract; none of a slot that panicked.
    pub fn output(&self) -> Option<&[u8]> {
        self.output.as_deref()
    }

    /// Whether nothing of the slot happened: the actor panicked, or wanted more than it may have.
    pub const fn is_undone(&self) -> bool {
        self.undone
    }
}

impl fmt::Debug for LoggedSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let output = self.output.as_ref().map(|output| codec::decode::<Output>(output));
        f.debug_struct("LoggedSlot")
            .field("input", &codec::decode::<Input>(&self.input))
            .field("output", &output)
            .field("undone", &self.undone)
            .finish()
    }
}

/// How a process differs when its log is run again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Difference {
    /// A slot says something else.
    #[error("slot {slot} says {again:?} when it is run again, after {first:?}")]
    Output { slot: Slot, first: Box<LoggedSlot>, again: Option<Box<Output>> },
    /// The last slot leaves another state.
    #[error(
        "its log leaves the state {} when it is run again, after {}",
        shown(again),
        shown(first)
    )]
    State { first: Vec<u8>, again: Vec<u8> },
}

/// A runtime and its log.
pub(super) struct Host {
    make: Make,
    /// None while it is down.
    guest: Option<Box<dyn Guest>>,
    /// What the runtime saved when it went down.
    saved: Option<Vec<u8>>,
    log: Vec<LoggedSlot>,
}

impl Host {
    pub(super) fn new(make: Make) -> Self {
        Self { make, guest: Some(make()), saved: None, log: Vec::new() }
    }

    pub(super) const fn is_up(&self) -> bool {
        self.guest.is_some()
    }

    pub(super) fn log(&self) -> &[LoggedSlot] {
        &self.log
    }

    /// Handles the next slot. One that panics is undone, and so is one whose output is refused.
    pub(super) fn handle(
        &mut self,
        input: Vec<u8>,
        check: impl FnOnce(&Output) -> Result<(), FailureKind>,
    ) -> Result<Output, FailureKind> {
        let guest = self.guest.as_mut().expect("nothing is delivered to what is down");
        let output = attempt(|| guest.handle(&input));
        let said = output.as_deref().map(read).ok_or(FailureKind::Trapped);
        let said = said.and_then(|said| check(&said).map(|()| said));
        let undone = said.is_err();
        if undone {
            let rebuilt = rebuild(self.make, &self.log);
            self.guest = Some(rebuilt.unwrap_or_else(|difference| panic!("{difference}")));
        }
        self.log.push(LoggedSlot { input, output, undone });
        said
    }

    /// Answers a view; none if it panicked.
    pub(super) fn view(&self, input: &[u8]) -> Option<Output> {
        let guest = self.guest.as_ref()?;
        attempt(|| guest.view(input)).as_deref().map(read)
    }

    /// Loses the runtime.
    pub(super) fn crash(&mut self, context: abi::Context) {
        if let Some(guest) = self.guest.take() {
            self.saved = Some(save(&*guest, context));
        }
    }

    /// Makes the runtime again from the log.
    pub(super) fn restart(&mut self, context: abi::Context) -> Result<(), Difference> {
        if self.guest.is_none() {
            self.guest = Some(self.replay(context)?);
            self.saved = None;
        }
        Ok(())
    }

    /// Runs the whole log in another runtime, and compares all it says and the state it comes to.
    pub(super) fn replay(&self, context: abi::Context) -> Result<Box<dyn Guest>, Difference> {
        let mut guest = (self.make)();
        for (at, logged) in self.log.iter().enumerate() {
            let again = attempt(|| guest.handle(&logged.input));
            if again != logged.output {
                return Err(difference(at, logged, again.as_deref()));
            }
            if logged.undone {
                guest = rebuild(self.make, self.log.get(..at).unwrap_or_default())?;
            }
        }
        let first = match &self.guest {
            Some(running) => Some(save(&**running, context.clone())),
            None => self.saved.clone(),
        };
        let again = save(&*guest, context);
        match first {
            Some(first) if first != again => Err(Difference::State { first, again }),
            _ => Ok(guest),
        }
    }
}

/// A runtime that has handled every slot of a log that is not undone.
fn rebuild(make: Make, log: &[LoggedSlot]) -> Result<Box<dyn Guest>, Difference> {
    let mut guest = make();
    for (at, logged) in log.iter().enumerate() {
        if logged.undone {
            continue;
        }
        let again = attempt(|| guest.handle(&logged.input));
        if again != logged.output {
            return Err(difference(at, logged, again.as_deref()));
        }
    }
    Ok(guest)
}

/// Runs an actor's code; none if it panics. What it leaves half done must not be used.
fn attempt(run: impl FnOnce() -> Vec<u8>) -> Option<Vec<u8>> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

fn save(guest: &dyn Guest, context: abi::Context) -> Vec<u8> {
    guest.save(&codec::encode(&Input::Save { context }))
}

fn read(output: &[u8]) -> Output {
    codec::decode(output).expect("an output is canonical")
}

fn difference(at: usize, first: &LoggedSlot, again: Option<&[u8]>) -> Difference {
    let slot = Slot::new(u64::try_from(at).unwrap_or(u64::MAX));
    let again = again.map(|again| Box::new(read(again)));
    Difference::Output { slot, first: Box::new(first.clone()), again }
}

/// A saved state, for people.
fn shown(saved: &[u8]) -> String {
    let saved: SavedState = codec::decode(saved).expect("a saved state is canonical");
    let state: Vec<u8> = saved.chunks.iter().flat_map(|chunk| chunk.iter()).copied().collect();
    Value::decode_any(&state).map_or_else(|error| error.to_string(), |state| format!("{state:?}"))
}

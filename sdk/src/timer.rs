//! Time in an actor: sleeping, and timers that call methods.

use std::{
    pin::Pin,
    task::{self, Poll},
    time::Duration,
};

use protocol::{Timestamp, abi::GuestEffect};
use serde::{Deserialize, Serialize};

use crate::{Args, Call, Context, ask::Pending};

/// The bit that tells names from numbers that are made of slots.
const NAMED: u64 = 1 << 63;

/// A span of seconds.
#[must_use]
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A span of milliseconds.
#[must_use]
pub const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The longest that an ask or a birth may be waited for, in milliseconds: 30 days.
const PATIENCE_MAX: u64 = 30 * 24 * 60 * 60 * 1_000;

/// How long to wait for an ask or a birth, within what the guest contract allows.
pub(crate) fn patience(span: Duration) -> u64 {
    milliseconds(span).clamp(1, PATIENCE_MAX)
}

/// Whole milliseconds, as many as there can be.
pub(crate) const fn milliseconds(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000).saturating_add(span.subsec_millis() as u64)
}

/// Names a timer of this process, to replace or cancel it. It can be kept in the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimerId(u64);

impl TimerId {
    /// The timer of this number, which the author chooses; below 2^63.
    pub const fn new(number: u64) -> Self {
        Self(number | NAMED)
    }
}

/// When a timer is due.
///
/// ```
/// use antiphon::prelude::*;
///
/// const RENT: TimerId = TimerId::new(1);
///
/// # let cx = Context::mock();
/// let first = Schedule::at(Timestamp::new(1_750_000_000_000));
/// cx.set_timer(RENT, first.every(secs(24 * 60 * 60)).catch_up(), "pay", args! { amount: 900 });
/// cx.cancel_timer(RENT);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    due: Timestamp,
    every: Option<u64>,
    catch_up: bool,
}

impl Schedule {
    /// Once. At once if the time has passed.
    pub const fn at(due: Timestamp) -> Self {
        Self { due, every: None, catch_up: false }
    }

    /// Again after each such span, which counts from when the timer was due, not from when it was
    /// handled. At least a millisecond.
    #[must_use]
    pub const fn every(self, period: Duration) -> Self {
        let every = milliseconds(period);
        Self { every: Some(if every == 0 { 1 } else { every }), ..self }
    }

    /// Makes up for occurrences that were missed while units were down, one slot each. Otherwise
    /// only the latest of them is handled.
    #[must_use]
    pub const fn catch_up(self) -> Self {
        Self { catch_up: true, ..self }
    }

    const fn effect(
        self,
        token: u64,
        method: String,
        args: Vec<u8>,
        call: Option<u64>,
    ) -> GuestEffect {
        let Self { due, every, catch_up } = self;
        GuestEffect::SetTimer { token, due, every, catch_up, method, args, call }
    }
}

/// A while that passes. Dropped before, its timer is cancelled.
#[derive(Debug)]
#[must_use = "time passes while it is awaited"]
pub struct Sleep {
    pending: Pending,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        self.pending.poll_answer(cx).map(drop)
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let Pending { world, token } = &self.pending;
        if world.give_up(*token) {
            world.push(GuestEffect::CancelTimer { token: *token });
        }
    }
}

impl Context {
    /// Lets a while pass, from the slot at hand, in an async method. Other messages are handled
    /// meanwhile.
    pub fn sleep(&self, span: Duration) -> Sleep {
        let pending = Pending::new(self);
        let schedule = Schedule::at(self.now().saturating_add(milliseconds(span)));
        let args = Args::new().encode();
        self.push(schedule.effect(pending.token, String::new(), args, self.open_call()));
        Sleep { pending }
    }

    /// Makes a call of this process's own again and again; the first time after one period.
    ///
    /// The sender is this process; a method that only its own timer may call asks for that.
    ///
    /// ```
    /// # use antiphon::prelude::*;
    /// # #[actor]
    /// # #[derive(Serialize, Deserialize)]
    /// # pub struct Clock { ticks: u64 }
    /// # #[actor]
    /// # impl Clock {
    /// #     #[init]
    /// #     fn new() -> Self { Self { ticks: 0 } }
    /// fn begin(&mut self, cx: &Context) -> TimerId {
    ///     cx.every(secs(60), Self::own(cx).tick())
    /// }
    ///
    /// fn tick(&mut self, cx: &Context) -> Result<(), Error> {
    ///     require!(cx.is_own(), "the timer ticks");
    ///     self.ticks += 1;
    ///     Ok(())
    /// }
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// As [`after`](Self::after).
    pub fn every<R>(&self, period: Duration, call: Call<R>) -> TimerId {
        let first = self.now().saturating_add(milliseconds(period));
        self.schedule(Schedule::at(first).every(period), &call)
    }

    /// Makes a call of this process's own after a while.
    ///
    /// # Panics
    ///
    /// If the call is of another process.
    pub fn after<R>(&self, span: Duration, call: Call<R>) -> TimerId {
        self.schedule(Schedule::at(self.now().saturating_add(milliseconds(span))), &call)
    }

    /// Sets a timer that calls a method; replaces the timer of this name. The call it makes is no
    /// ask: nobody gets its reply. Method and arguments together have at most 1,024 bytes.
    ///
    /// # Panics
    ///
    /// If the method has no name, or an argument no CBOR form, which undoes the slot.
    pub fn set_timer(
        &self,
        timer: TimerId,
        schedule: Schedule,
        method: &str,
        args: impl Into<Args>,
    ) {
        assert!(!method.is_empty(), "a timer calls a method");
        self.push(schedule.effect(timer.0, method.to_owned(), args.into().encode(), None));
    }

    /// Cancels a timer. One that is not set is none the worse.
    pub fn cancel_timer(&self, timer: TimerId) {
        self.push(GuestEffect::CancelTimer { token: timer.0 });
    }

    fn schedule<R>(&self, schedule: Schedule, call: &Call<R>) -> TimerId {
        let own = self.process();
        assert!(call.target() == own, "a timer calls its own process");
        let timer = TimerId(self.world().fresh());
        self.push(schedule.effect(timer.0, call.method().to_owned(), call.args(), None));
        timer
    }
}

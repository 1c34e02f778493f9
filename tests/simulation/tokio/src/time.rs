//! Time that passes when nothing else can be done.

use std::{
    fmt,
    ops::{Add, AddAssign, Sub},
    pin::{Pin, pin},
    task::{Context, Poll},
};

use crate::simulation;

pub use ::tokio::time::{Duration, MissedTickBehavior};

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// This moment.
    pub fn now() -> Self {
        Self(simulation::now())
    }

    /// The time since then.
    pub fn elapsed(&self) -> Duration {
        Self::now().duration_since(*self)
    }

    /// The time since an earlier moment; zero if it was not earlier.
    pub const fn duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The same.
    pub const fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, time: Duration) {
        *self = *self + time;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}

/// Completes at a moment.
#[derive(Debug)]
pub struct Sleep {
    until: Instant,
    timer: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.cancel();
        if Instant::now() >= self.until {
            return Poll::Ready(());
        }
        self.timer = Some(simulation::set_timer(self.until.0, cx.waker()));
        Poll::Pending
    }
}

impl Sleep {
    fn cancel(&mut self) {
        if let Some(timer) = self.timer.take() {
            simulation::cancel_timer(self.until.0, timer);
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Waits for a while.
pub fn sleep(time: Duration) -> Sleep {
    sleep_until(Instant::now() + time)
}

/// Waits until a moment.
pub const fn sleep_until(until: Instant) -> Sleep {
    Sleep { until, timer: None }
}

/// The time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is up")
    }
}

impl std::error::Error for Elapsed {}

/// Waits for something for a while.
pub async fn timeout<F: Future>(time: Duration, work: F) -> Result<F::Output, Elapsed> {
    timeout_at(Instant::now() + time, work).await
}

/// Waits for something until a moment.
pub async fn timeout_at<F: Future>(until: Instant, work: F) -> Result<F::Output, Elapsed> {
    let mut work = pin!(work);
    let mut end = sleep_until(until);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        Pin::new(&mut end).poll(cx).map(|()| Err(Elapsed(())))
    })
    .await
}

/// Something that comes again and again.
#[derive(Debug)]
pub struct Interval {
    next: Instant,
    period: Duration,
}

/// Begins at once, then once in a period.
pub fn interval(period: Duration) -> Interval {
    Interval { next: Instant::now(), period }
}

impl Interval {
    /// Changes nothing: nobody is late here.
    pub const fn set_missed_tick_behavior(&mut self, _: MissedTickBehavior) {}

    /// Waits for the next time.
    pub async fn tick(&mut self) -> Instant {
        sleep_until(self.next).await;
        self.next = Instant::now() + self.period;
        self.next
    }
}

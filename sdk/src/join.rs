//! Waiting for several things at once.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
};

/// Which of two things came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first of them.
    First(A),
    /// The second.
    Second(B),
}

/// A future and, once it has ended, what it came to.
enum Progress<F: Future> {
    Running(Pin<Box<F>>),
    Ended(F::Output),
}

impl<F: Future> Progress<F> {
    /// Polls it; tells whether it has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        if let Self::Running(future) = self
            && let Poll::Ready(output) = future.as_mut().poll(cx)
        {
            *self = Self::Ended(output);
        }
        matches!(self, Self::Ended(_))
    }
}

/// Waits for both.
///
/// ```
/// # use antiphon::prelude::*;
/// # #[actor]
/// # #[derive(Default, Serialize, Deserialize)]
/// # pub struct Counter { n: u64 }
/// # #[actor]
/// # impl Counter {
/// #     #[init]
/// #     fn new() -> Self { Self::default() }
/// #     fn get(&self) -> u64 { self.n }
/// #     fn add(&mut self, by: u64) -> u64 { self.n += by; self.n }
/// async fn of_both(
///     _this: State<Self>,
///     cx: Context,
///     a: ActorRef<Self>,
///     b: ActorRef<Self>,
/// ) -> Result<u64, AskError> {
///     // Both are asked in this slot, and answered in any order.
///     let (a, b) = join(a.get().ask(&cx), b.get().ask(&cx)).await;
///     Ok(a? + b?)
/// }
/// # }
/// ```
pub async fn join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        poll_into(a.as_mut(), &mut first, cx);
        poll_into(b.as_mut(), &mut second, cx);
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

/// Polls a future that has not ended and keeps what it comes to.
fn poll_into<F: Future>(future: Pin<&mut F>, output: &mut Option<F::Output>, cx: &mut Context<'_>) {
    if output.is_none()
        && let Poll::Ready(value) = future.poll(cx)
    {
        *output = Some(value);
    }
}

/// Waits for all, and gives what they came to in their own order.
///
/// ```
/// # use antiphon::prelude::*;
/// # #[actor]
/// # #[derive(Default, Serialize, Deserialize)]
/// # pub struct Counter { n: u64 }
/// # #[actor]
/// # impl Counter {
/// #     #[init]
/// #     fn new() -> Self { Self::default() }
/// #     fn get(&self) -> u64 { self.n }
/// #     fn add(&mut self, by: u64) -> u64 { self.n += by; self.n }
/// async fn reached(_this: State<Self>, cx: Context, peers: Vec<ActorRef<Self>>) -> usize {
///     let answers = join_all(peers.iter().map(|peer| peer.get().ask(&cx))).await;
///     answers.iter().filter(|answer| answer.is_ok()).count()
/// }
/// # }
/// ```
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let boxed = |future| Progress::Running(Box::pin(future));
    let mut all: Vec<Progress<F>> = futures.into_iter().map(boxed).collect();
    // Each is polled, whether or not one before it has ended.
    poll_fn(|cx| {
        let running = all.iter_mut().filter_map(|one| (!one.poll(cx)).then_some(())).count();
        if running == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let output = |one| match one {
        Progress::Ended(output) => Some(output),
        Progress::Running(_) => None,
    };
    all.into_iter().filter_map(output).collect()
}

/// Waits for whichever comes first, the first of them if both do; the other is dropped.
///
/// ```
/// # use antiphon::prelude::*;
/// # #[actor]
/// # #[derive(Default, Serialize, Deserialize)]
/// # pub struct Counter { n: u64 }
/// # #[actor]
/// # impl Counter {
/// #     #[init]
/// #     fn new() -> Self { Self::default() }
/// #     fn get(&self) -> u64 { self.n }
/// #     fn add(&mut self, by: u64) -> u64 { self.n += by; self.n }
/// async fn soon(_this: State<Self>, cx: Context, peer: ActorRef<Self>) -> Option<u64> {
///     match select(peer.get().ask(&cx), cx.sleep(millis(200))).await {
///         Either::First(answer) => answer.ok(),
///         Either::Second(()) => None,
///     }
/// }
/// # }
/// ```
pub async fn select<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| {
        if let Poll::Ready(a) = a.as_mut().poll(cx) {
            return Poll::Ready(Either::First(a));
        }
        b.as_mut().poll(cx).map(Either::Second)
    })
    .await
}

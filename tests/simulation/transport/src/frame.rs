//! Streams.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use simulated_tokio::time::{Instant, sleep_until};

use crate::{
    Error, Network, StreamCode,
    link::{End, Link, lost},
};

/// Frames on the way, past which a sender waits.
const WINDOW: usize = 64;

/// One direction of a stream.
#[derive(Debug)]
struct Pipe {
    link: Arc<Link>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// With the time of their arrival.
    frames: VecDeque<(Instant, Bytes)>,
    last: Instant,
    finished: bool,
    dropped: bool,
    stopped: bool,
}

impl Pipe {
    fn new(link: &Arc<Link>) -> Arc<Self> {
        let (frames, last) = (VecDeque::new(), Instant::now());
        let state = State { frames, last, finished: false, dropped: false, stopped: false };
        Arc::new(Self { link: Arc::clone(link), state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending half of a stream.
#[derive(Debug)]
pub struct FrameSender {
    network: Network,
    pipe: Arc<Pipe>,
    end: End,
    limit: usize,
}

/// The receiving half of a stream.
#[derive(Debug)]
pub struct FrameReceiver {
    pipe: Arc<Pipe>,
    end: End,
}

/// The longest frame at first.
const FRAME_MAX: usize = 4 << 20;

/// Both halves of a new stream at both ends: the dialer's, then the listener's.
pub(crate) fn stream(network: &Network, link: &Arc<Link>) -> [(FrameSender, FrameReceiver); 2] {
    let (up, down) = (Pipe::new(link), Pipe::new(link));
    let half = |out: &Arc<Pipe>, back: &Arc<Pipe>, end| {
        let (network, limit) = (network.clone(), FRAME_MAX);
        let sender = FrameSender { network, pipe: Arc::clone(out), end, limit };
        (sender, FrameReceiver { pipe: Arc::clone(back), end })
    };
    [half(&up, &down, End::Dialer), half(&down, &up, End::Listener)]
}

impl FrameSender {
    /// Changes the limit of the frames still to come, in bytes.
    pub const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Sends one frame; waits while too many are on the way.
    pub async fn send(&mut self, body: &[u8]) -> Result<(), Error> {
        self.put(Bytes::copy_from_slice(body)).await
    }

    /// Sends many frames.
    pub async fn send_all(&mut self, bodies: impl IntoIterator<Item = Bytes>) -> Result<(), Error> {
        for body in bodies {
            self.put(body).await?;
        }
        Ok(())
    }

    async fn put(&self, body: Bytes) -> Result<(), Error> {
        if body.len() > self.limit {
            return Err(Error::TooLarge { length: body.len(), limit: self.limit });
        }
        let link = &self.pipe.link;
        let mut changed = link.changed();
        loop {
            if link.is_lost(self.end) {
                return Err(lost());
            }
            {
                let mut state = self.pipe.lock();
                if state.stopped && link.carries(Instant::now()) {
                    return Err(Error::Abandoned(StreamCode::Dropped));
                }
                if state.frames.len() < WINDOW {
                    let arrival = (Instant::now() + self.network.way(link)).max(state.last);
                    state.last = arrival;
                    state.frames.push_back((arrival, body));
                    break;
                }
            }
            simulated_tokio::select! {
                _ = changed.changed() => {}
                error = link.lost(self.end) => return Err(error),
            }
        }
        link.touch();
        Ok(())
    }

    /// Ends the stream after the frames sent so far.
    pub async fn finish(self) -> Result<(), Error> {
        self.pipe.lock().finished = true;
        self.pipe.link.touch();
        Ok(())
    }

    /// Completes when the peer has stopped listening, or the connection is gone.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let (pipe, end) = (Arc::clone(&self.pipe), self.end);
        async move {
            let mut changed = pipe.link.changed();
            while !pipe.lock().stopped || !pipe.link.carries(Instant::now()) {
                simulated_tokio::select! {
                    _ = changed.changed() => {}
                    _ = pipe.link.lost(end) => return,
                }
            }
        }
    }
}

impl Drop for FrameSender {
    fn drop(&mut self) {
        self.pipe.lock().dropped = true;
        self.pipe.link.touch();
    }
}

impl FrameReceiver {
    /// Changes nothing: the sender keeps to the limit.
    pub const fn set_limit(&mut self, _: usize) {}

    /// Receives the next frame; `None` once the peer has finished the stream.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        let link = &self.pipe.link;
        let mut changed = link.changed();
        loop {
            if link.is_lost(self.end) {
                return Err(lost());
            }
            let due = {
                let mut state = self.pipe.lock();
                let first = state.frames.front().map(|(at, _)| *at);
                match first {
                    Some(at) if at <= Instant::now() && link.carries(at) => {
                        let taken = state.frames.pop_front();
                        drop(state);
                        link.touch();
                        return Ok(taken.map(|(_, body)| body));
                    }
                    // It never arrives.
                    Some(at) if !link.carries(at) => None,
                    Some(at) => Some(at),
                    // What the other end did before a break is not heard of.
                    None if !link.carries(Instant::now()) => None,
                    None if state.finished => return Ok(None),
                    None if state.dropped => return Err(Error::Abandoned(StreamCode::Dropped)),
                    None => None,
                }
            };
            simulated_tokio::select! {
                _ = changed.changed() => {}
                error = link.lost(self.end) => return Err(error),
                () = arrival(due) => {}
            }
        }
    }
}

impl Drop for FrameReceiver {
    fn drop(&mut self) {
        self.pipe.lock().stopped = true;
        self.pipe.link.touch();
    }
}

async fn arrival(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

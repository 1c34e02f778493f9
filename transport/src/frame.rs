//! Frames on a QUIC stream: a length of four bytes, little-endian, then the body.
//!
//! # Invariants
//!
//! - A length is compared with the limit before a byte of the body is taken, and the buffer grows
//!   only as bytes arrive.
//! - A call that is cancelled loses and repeats nothing: what was read stays in the receiver's
//!   buffer, what was to be sent goes out before the next frame.
//! - A sender that is dropped without [`FrameSender::finish`] resets the stream: the peer never
//!   takes a broken stream for a finished one.

use std::future::Future;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use quinn::{RecvStream, SendStream};

use crate::{Error, StreamCode};

/// Bytes of a frame's length.
const HEADER: usize = 4;

/// Bodies up to this length share a buffer with their neighbours; longer ones are not copied.
const COPY_MAX: usize = 4 << 10;

/// How much [`FrameSender::send_all`] gathers before it writes.
const GATHER_MAX: usize = 256 << 10;

/// Pieces taken from QUIC at once; each is at most a datagram.
const PIECES: usize = 32;

/// The sending half of a stream.
#[derive(Debug)]
pub struct FrameSender {
    stream: SendStream,
    limit: usize,
    /// Small frames not yet in `pending`.
    gathered: BytesMut,
    /// What QUIC has not taken yet, in order.
    pending: Vec<Bytes>,
    open: bool,
}

impl FrameSender {
    pub(crate) fn new(stream: SendStream, limit: usize) -> Self {
        Self { stream, limit, gathered: BytesMut::new(), pending: Vec::new(), open: true }
    }

    /// Puts a byte in front of the first frame.
    pub(crate) fn put_kind(&mut self, kind: u8) {
        self.gathered.put_u8(kind);
    }

    /// Changes the limit of the frames still to come, in bytes; both ends of a stream whose frames
    /// may be longer than [`crate::Limits::frame`] do so.
    pub const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Sends one frame; waits while the peer's window is full.
    pub async fn send(&mut self, body: &[u8]) -> Result<(), Error> {
        self.flush().await?;
        self.put_header(body.len())?;
        self.gathered.put_slice(body);
        self.flush().await
    }

    /// Sends many frames in as few writes as possible; waits while the peer's window is full.
    ///
    /// A frame above the limit ends the call; the frames before it are sent.
    pub async fn send_all(&mut self, bodies: impl IntoIterator<Item = Bytes>) -> Result<(), Error> {
        self.flush().await?;
        let mut waiting = 0;
        for body in bodies {
            let length = body.len();
            if let Err(error) = self.put(body) {
                self.flush().await?;
                return Err(error);
            }
            waiting += HEADER + length;
            if waiting >= GATHER_MAX {
                self.flush().await?;
                waiting = 0;
            }
        }
        self.flush().await
    }

    /// Ends the stream after the frames sent so far.
    pub async fn finish(mut self) -> Result<(), Error> {
        self.flush().await?;
        self.open = false;
        // Already closed means the peer has stopped listening, which is no news to the sender.
        let _ = self.stream.finish();
        Ok(())
    }

    /// Completes when the peer has stopped listening, or the connection is gone.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let stopped = self.stream.stopped();
        async move {
            let _ = stopped.await;
        }
    }

    /// Ends the stream with a reason, dropping what is still on its way.
    pub(crate) fn abandon(&mut self, code: StreamCode) {
        if self.open {
            self.open = false;
            let _ = self.stream.reset(code.number());
        }
    }

    fn put(&mut self, body: Bytes) -> Result<(), Error> {
        self.put_header(body.len())?;
        if body.len() <= COPY_MAX {
            self.gathered.put(body);
        } else {
            self.pending.push(self.gathered.split().freeze());
            self.pending.push(body);
        }
        Ok(())
    }

    fn put_header(&mut self, length: usize) -> Result<(), Error> {
        let too_large = Error::TooLarge { length, limit: self.limit };
        if length > self.limit {
            return Err(too_large);
        }
        self.gathered.put_u32_le(u32::try_from(length).map_err(|_| too_large)?);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        if !self.gathered.is_empty() {
            self.pending.push(self.gathered.split().freeze());
        }
        // Each step empties or shortens what it wrote, so a cancelled flush is taken up again.
        self.pending.retain(|piece| !piece.is_empty());
        self.stream.write_all_chunks(&mut self.pending).await?;
        self.pending.clear();
        Ok(())
    }
}

impl Drop for FrameSender {
    fn drop(&mut self) {
        self.abandon(StreamCode::Dropped);
    }
}

/// The receiving half of a stream.
#[derive(Debug)]
pub struct FrameReceiver {
    stream: RecvStream,
    limit: usize,
    arrived: Arrived,
}

impl FrameReceiver {
    pub(crate) fn new(stream: RecvStream, limit: usize) -> Self {
        Self { stream, limit, arrived: Arrived::default() }
    }

    /// Receives the next frame; `None` once the peer has finished the stream. Safe to cancel.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(length) = self.announced().await? else {
            return Ok(None);
        };
        loop {
            if let Some(body) = self.arrived.take(length) {
                return Ok(Some(body));
            }
            self.must_fill().await?;
        }
    }

    /// Takes the byte in front of the first frame.
    pub(crate) async fn kind(&mut self) -> Result<u8, Error> {
        while self.arrived.is_empty() {
            self.must_fill().await?;
        }
        Ok(self.arrived.0.get_u8())
    }

    /// Changes the limit of the frames still to come, in bytes; both ends of a stream whose frames
    /// may be longer than [`crate::Limits::frame`] do so.
    pub const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The length of the next frame, known to be within the limit; takes nothing.
    pub(crate) async fn announced(&mut self) -> Result<Option<usize>, Error> {
        loop {
            match self.arrived.announced(self.limit) {
                Ok(None) => {}
                Ok(length) => return Ok(length),
                Err(error) => {
                    self.stop(StreamCode::TooLarge);
                    return Err(error);
                }
            }
            if !self.fill().await? {
                return if self.arrived.is_empty() { Ok(None) } else { Err(Error::Truncated) };
            }
        }
    }

    /// Tells the peer to send no more.
    pub(crate) fn stop(&mut self, code: StreamCode) {
        let _ = self.stream.stop(code.number());
    }

    /// As [`Self::fill`], where the stream may not end.
    async fn must_fill(&mut self) -> Result<(), Error> {
        if self.fill().await? { Ok(()) } else { Err(Error::Truncated) }
    }

    /// Moves what has arrived into the buffer, waiting for something; `false` at the end.
    async fn fill(&mut self) -> Result<bool, Error> {
        let mut pieces: [Bytes; PIECES] = std::array::from_fn(|_| Bytes::new());
        let Some(count) = self.stream.read_chunks(&mut pieces).await? else {
            return Ok(false);
        };
        for piece in pieces.iter().take(count) {
            self.arrived.push(piece);
        }
        Ok(true)
    }
}

/// What has arrived of a stream and is not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Arrived(BytesMut);

impl Arrived {
    /// Adds what comes next.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
    }

    /// The length of the next frame, once it is there; takes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] if it is above the limit.
    pub(crate) fn announced(&self, limit: usize) -> Result<Option<usize>, Error> {
        let Some(header) = self.0.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*header)).unwrap_or(usize::MAX);
        if length > limit {
            return Err(Error::TooLarge { length, limit });
        }
        Ok(Some(length))
    }

    /// Takes the next frame, whose length was announced, once it is there as a whole.
    pub(crate) fn take(&mut self, length: usize) -> Option<Bytes> {
        if self.0.len().checked_sub(HEADER)? < length {
            return None;
        }
        self.0.advance(HEADER);
        Some(self.0.split_to(length).freeze())
    }

    /// Whether nothing has arrived that is not taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;

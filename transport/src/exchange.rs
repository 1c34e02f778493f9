//! The accepting side of an exchange: from a QUIC stream to a request or a long-lived stream.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use quinn::{RecvStream, SendStream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{Error, FrameReceiver, FrameSender, Limits, StreamCode};

/// The first byte of a stream that carries one request.
pub(crate) const REQUEST: u8 = 1;

/// The first byte of a long-lived stream.
pub(crate) const STREAM: u8 = 2;

/// Bodies up to this length are not counted against [`Limits::inbound`].
const UNCOUNTED: usize = 64 << 10;

/// The unit in which [`Limits::inbound`] is counted.
const COUNTED: usize = 1 << 10;

/// The slowest a long body may arrive, in bytes a second.
const SLOWEST: usize = 1 << 20;

/// What a peer has begun.
#[derive(Debug)]
pub enum Incoming {
    /// One question.
    Request {
        /// What is asked.
        body: Bytes,
        /// Takes the answer.
        responder: Responder,
    },
    /// A long-lived stream.
    Stream {
        /// Its first frame, which says what it is for.
        opening: Bytes,
        /// The frames to the peer.
        sender: FrameSender,
        /// The frames from the peer.
        receiver: FrameReceiver,
    },
}

/// Takes the answer to one request; dropped without one, it tells the peer so.
#[derive(Debug)]
pub struct Responder {
    sender: FrameSender,
    /// The body's share of the memory for long bodies, held until the answer is on its way.
    _share: Option<OwnedSemaphorePermit>,
}

impl Responder {
    /// Answers, with a body of any length up to [`Limits::bulk`].
    pub async fn respond(mut self, body: impl Into<Bytes>) -> Result<(), Error> {
        match self.sender.send_all([body.into()]).await {
            Ok(()) => self.sender.finish().await,
            Err(error) => {
                if matches!(error, Error::TooLarge { .. }) {
                    self.sender.abandon(StreamCode::TooLarge);
                }
                Err(error)
            }
        }
    }
}

/// The memory for long bodies, over all connections of an endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Inbound {
    free: Arc<Semaphore>,
    total: u32,
}

impl Inbound {
    pub(crate) fn new(limits: &Limits) -> Self {
        let total = u32::try_from(limits.inbound.max(limits.bulk).div_ceil(COUNTED));
        let total = total.unwrap_or(u32::MAX);
        let permits = usize::try_from(total).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(permits)), total }
    }

    async fn share(&self, length: usize) -> Option<OwnedSemaphorePermit> {
        if length <= UNCOUNTED {
            return None;
        }
        let wanted = u32::try_from(length.div_ceil(COUNTED)).unwrap_or(u32::MAX).min(self.total);
        // Never closed, so the only outcome is a share.
        Arc::clone(&self.free).acquire_many_owned(wanted).await.ok()
    }
}

/// Reads the opening of a stream within its deadlines; `None` if there is nothing to hand out.
pub(crate) async fn open(
    (send, recv): (SendStream, RecvStream),
    limits: Limits,
    inbound: Inbound,
) -> Option<Incoming> {
    let mut sender = FrameSender::new(send, limits.bulk);
    let mut receiver = FrameReceiver::new(recv, limits.bulk);
    match read(&mut receiver, &limits, &inbound).await {
        Ok((REQUEST, body, share)) => {
            Some(Incoming::Request { body, responder: Responder { sender, _share: share } })
        }
        Ok((_, opening, _)) => {
            sender.set_limit(limits.frame);
            Some(Incoming::Stream { opening, sender, receiver })
        }
        Err(code) => {
            tracing::debug!(%code, "refused an exchange");
            sender.abandon(code);
            receiver.stop(code);
            None
        }
    }
}

type Opening = (u8, Bytes, Option<OwnedSemaphorePermit>);

async fn read(
    receiver: &mut FrameReceiver,
    limits: &Limits,
    inbound: &Inbound,
) -> Result<Opening, StreamCode> {
    let begun = timeout(limits.opening_timeout, async {
        let kind = receiver.kind().await.map_err(code_of)?;
        match kind {
            REQUEST => {}
            STREAM => receiver.set_limit(limits.frame),
            _ => return Err(StreamCode::UnknownKind),
        }
        let length = receiver.announced().await.map_err(code_of)?.ok_or(StreamCode::Dropped)?;
        Ok((kind, length, inbound.share(length).await))
    });
    let (kind, length, share) = begun.await.map_err(|_| StreamCode::TooSlow)??;
    let seconds = u64::try_from(length / SLOWEST).unwrap_or(u64::MAX);
    let patience = limits.opening_timeout.saturating_add(Duration::from_secs(seconds));
    let body = timeout(patience, receiver.recv()).await.map_err(|_| StreamCode::TooSlow)?;
    let body = body.map_err(code_of)?.ok_or(StreamCode::Dropped)?;
    Ok((kind, body, share))
}

fn code_of(error: Error) -> StreamCode {
    match error {
        Error::TooLarge { .. } => StreamCode::TooLarge,
        _ => StreamCode::Dropped,
    }
}

#[cfg(test)]
mod tests;

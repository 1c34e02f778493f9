use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, poll};
use quinn::SendStream;
use tokio::time::timeout;

use super::{FrameReceiver, FrameSender};
use crate::{
    Connection, Error, Incoming, Limits, StreamCode,
    testing::{noise, pair},
};

/// Far longer than anything here takes, far shorter than a test run.
const LONG: Duration = Duration::from_secs(20);

/// Longer than a frame needs on loopback when nothing holds it up.
const STALLED: Duration = Duration::from_millis(500);

struct Pipe {
    sender: FrameSender,
    receiver: FrameReceiver,
    /// Keeps the other halves and the connections.
    _rest: (Connection, Connection, FrameReceiver, FrameSender),
}

async fn pipe(limits: Limits) -> Pipe {
    let (dialed, accepted) = pair(limits).await;
    let (sender, back) = dialed.open_stream(b"opening").await.unwrap();
    let incoming = accepted.accept_exchange().await.unwrap();
    let Incoming::Stream { opening, sender: forth, receiver } = incoming else {
        panic!("a stream was opened");
    };
    assert_eq!(opening.as_ref(), b"opening");
    Pipe { sender, receiver, _rest: (dialed, accepted, back, forth) }
}

/// A receiver fed by hand.
async fn raw() -> (SendStream, FrameReceiver, (Connection, Connection)) {
    let (dialed, accepted) = pair(Limits::default()).await;
    let (mut send, _) = dialed.quic().open_bi().await.unwrap();
    send.write_all(&[0]).await.unwrap();
    let (_, mut recv) = accepted.quic().accept_bi().await.unwrap();
    recv.read_exact(&mut [0]).await.unwrap();
    (send, FrameReceiver::new(recv, 100), (dialed, accepted))
}

#[tokio::test]
async fn many_frames_of_all_sizes_arrive_in_order() {
    let Pipe { mut sender, mut receiver, _rest } = pipe(Limits::default()).await;
    let frame = |index: usize| {
        let length = if index % 1_000 == 999 { 300_000 } else { index % 97 };
        Bytes::from(noise(index as u64, length))
    };
    let sending = tokio::spawn(async move {
        for batch in 0..20 {
            sender.send_all((0..1_000).map(|index| frame(batch * 1_000 + index))).await.unwrap();
        }
        sender.send(b"last").await.unwrap();
        sender.finish().await.unwrap();
    });
    for index in 0..20_000 {
        assert_eq!(receiver.recv().await.unwrap().unwrap(), frame(index), "frame {index}");
    }
    assert_eq!(receiver.recv().await.unwrap().unwrap().as_ref(), b"last");
    assert_eq!(receiver.recv().await, Ok(None));
    assert_eq!(receiver.recv().await, Ok(None), "the end stays the end");
    sending.await.unwrap();
}

#[tokio::test]
async fn a_cancelled_recv_loses_nothing() {
    let (mut send, mut receiver, _rest) = raw().await;
    for byte in [3, 0, 0, 0, b'a', b'b'] {
        let before = receiver.arrived.0.len();
        send.write_all(&[byte]).await.unwrap();
        while receiver.arrived.0.len() == before {
            assert!(receiver.recv().now_or_never().is_none(), "the frame is not whole yet");
            tokio::task::yield_now().await;
        }
    }
    send.write_all(b"c").await.unwrap();
    assert_eq!(receiver.recv().await.unwrap().unwrap().as_ref(), b"abc");
}

#[tokio::test]
async fn a_cancelled_send_leaves_frames_whole_and_in_order() {
    let Pipe { mut sender, mut receiver, _rest } = pipe(Limits::default()).await;
    let frame = |index: u64| noise(index, 1 << 20);
    let mut sent = 0;
    // Until one is stuck half-way; then that one is cancelled.
    while timeout(STALLED, sender.send(&frame(sent))).await.is_ok() {
        sent += 1;
    }
    let reading = tokio::spawn(async move {
        for index in 0..=sent {
            assert_eq!(receiver.recv().await.unwrap().unwrap(), frame(index), "frame {index}");
        }
        receiver.recv().await.unwrap().unwrap()
    });
    sender.send(b"after").await.unwrap();
    assert_eq!(reading.await.unwrap().as_ref(), b"after");
}

#[tokio::test]
async fn a_peer_that_does_not_read_makes_the_sender_wait() {
    let Pipe { mut sender, mut receiver, _rest } = pipe(Limits::default()).await;
    let body = vec![1; 64 << 10];
    let mut taken = 0;
    while timeout(STALLED, sender.send(&body)).await.is_ok() {
        taken += body.len();
        assert!(taken <= 4 << 20, "more is queued than the window of a stream");
    }
    assert!(taken > 0);
    let reading = tokio::spawn(async move {
        while let Some(frame) = receiver.recv().await.unwrap() {
            assert_eq!(frame.len(), 64 << 10);
        }
    });
    timeout(LONG, sender.send(&body)).await.expect("reading makes room").unwrap();
    sender.finish().await.unwrap();
    reading.await.unwrap();
}

#[tokio::test]
async fn an_oversize_frame_is_refused_before_memory_is_taken() {
    let (mut send, mut receiver, _rest) = raw().await;
    send.write_all(&u32::MAX.to_le_bytes()).await.unwrap();
    let refused = Err(Error::TooLarge { length: u32::MAX as usize, limit: 100 });
    assert_eq!(receiver.recv().await, refused);
    assert!(receiver.arrived.0.capacity() < 10_000);
    assert_eq!(receiver.recv().await, refused, "and stays refused");
    let stopped = timeout(LONG, send.stopped()).await.unwrap().unwrap();
    assert_eq!(stopped, Some(StreamCode::TooLarge.number()));
}

#[tokio::test]
async fn the_own_oversize_frame_is_refused_and_the_stream_goes_on() {
    let limits = Limits { frame: 100, ..Limits::default() };
    let Pipe { mut sender, mut receiver, _rest } = pipe(limits).await;
    let refused = Err(Error::TooLarge { length: 101, limit: 100 });
    assert_eq!(sender.send(&[0; 101]).await, refused);
    let frames = [&[1; 100][..], &[2; 101], &[3; 100]].map(Bytes::copy_from_slice);
    assert_eq!(sender.send_all(frames).await, refused);
    sender.send(b"fine").await.unwrap();
    assert_eq!(receiver.recv().await.unwrap().unwrap().as_ref(), [1; 100]);
    assert_eq!(receiver.recv().await.unwrap().unwrap().as_ref(), b"fine");
}

#[tokio::test]
async fn a_stream_that_ends_inside_a_frame_is_an_error() {
    for cut in [&[1, 0][..], &[2, 0, 0, 0, b'a']] {
        let (mut send, mut receiver, _rest) = raw().await;
        send.write_all(cut).await.unwrap();
        send.finish().unwrap();
        assert_eq!(receiver.recv().await, Err(Error::Truncated));
    }
}

#[tokio::test]
async fn a_dropped_sender_does_not_pass_for_a_finished_one() {
    let Pipe { sender, mut receiver, _rest } = pipe(Limits::default()).await;
    drop(sender);
    assert_eq!(receiver.recv().await, Err(Error::Abandoned(StreamCode::Dropped)));
}

#[tokio::test]
async fn a_sender_learns_that_nobody_listens() {
    let Pipe { sender, receiver, _rest } = pipe(Limits::default()).await;
    let mut stopped = Box::pin(sender.stopped());
    assert!(poll!(&mut stopped).is_pending());
    drop(receiver);
    timeout(LONG, stopped).await.unwrap();
}

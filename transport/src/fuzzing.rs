//! What fuzzers drive: the decoders of this crate, without a network.

pub use crate::discovery::fuzzing::Admission;
use crate::frame::Arrived;

/// The frames of a stream that arrives in these pieces; whether it ended after a whole one.
pub fn frames<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limit: usize,
) -> (Vec<Vec<u8>>, bool) {
    let (mut arrived, mut frames) = (Arrived::default(), Vec::new());
    for piece in pieces {
        arrived.push(piece);
        loop {
            let Ok(announced) = arrived.announced(limit) else { return (frames, false) };
            let Some(frame) = announced.and_then(|length| arrived.take(length)) else { break };
            frames.push(frame.to_vec());
        }
    }
    (frames, arrived.is_empty())
}

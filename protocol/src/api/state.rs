//! What compute units hand out of a process's state.

use minicbor::{Decode, Encode, bytes::ByteVec};

use crate::{Signed, StateStatement};

/// The most addresses of one request for blobs. Pages and nodes have at most 4 KiB, so an answer
/// of these has at most 2 MiB and a little.
pub const BLOBS_MAX: usize = 512;

/// A checkpoint with a unit's word for it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CheckpointAnswer {
    /// The unit's word.
    #[n(0)]
    pub statement: Signed<StateStatement>,
    /// The canonical bytes of the [`crate::Checkpoint`].
    #[cbor(n(1), with = "minicbor::bytes")]
    pub checkpoint: Vec<u8>,
}

/// Pages, nodes or chunks of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Blobs {
    /// In the order in which they were asked for.
    #[n(0)]
    pub blobs: Vec<ByteVec>,
}

//! What the submissions of a frame share of their proofs: checked once, by whichever thread needs it
//! first.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use protocol::{
    OpenBasis, OriginBasis, OriginLink, OriginProof, OutboxItem, Refusal, RefusalCode, codec,
};

use super::Share;

/// The basis of a frame, as it came.
#[derive(Debug)]
pub(crate) struct Basis {
    bytes: Bytes,
    open: OnceLock<Option<Arc<OpenBasis>>>,
    /// Its part of the memory for submissions.
    share: OnceLock<Share>,
}

/// What shows where an entry comes from.
#[derive(Debug)]
pub(super) enum Shown {
    /// A proof, and its canonical bytes.
    Whole(Box<OriginProof>, Bytes),
    /// A link to what others share.
    Linked(Arc<OpenBasis>, Box<OriginLink>),
}

/// What has shown where an entry comes from, to be stored beside it.
#[derive(Debug)]
pub(crate) enum Origin {
    /// The canonical bytes of a proof.
    Whole(Bytes),
    /// A link to what others share.
    Linked(Arc<OpenBasis>, Box<OriginLink>),
}

impl Basis {
    /// The basis with these bytes.
    pub(crate) const fn new(bytes: Bytes) -> Self {
        Self { bytes, open: OnceLock::new(), share: OnceLock::new() }
    }

    /// How many bytes it has.
    pub(crate) const fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Takes its part of the memory for submissions, until it is dropped.
    pub(crate) fn hold(&self, share: Share) {
        // There is one already only if it came twice, which it does not.
        let _ = self.share.set(share);
    }

    /// The basis with all digests that follow from it.
    pub(super) fn open(&self) -> Result<Arc<OpenBasis>, Refusal> {
        let open = || codec::decode::<OriginBasis>(&self.bytes).ok()?.open().map(Arc::new);
        self.open.get_or_init(open).clone().ok_or_else(|| {
            let detail = "the basis of the frame cannot be read, or is not that of its batches";
            Refusal::new(RefusalCode::BadOrigin, detail)
        })
    }
}

impl Shown {
    /// The item that it carries.
    pub(super) fn emitted(&self) -> Option<&OutboxItem> {
        match self {
            Self::Whole(proof, _) => proof.emitted.as_deref(),
            Self::Linked(..) => None,
        }
    }
}

impl From<Shown> for Origin {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::Whole(_, bytes) => Self::Whole(bytes),
            Shown::Linked(basis, link) => Self::Linked(basis, link),
        }
    }
}

impl Origin {
    /// About how many bytes it takes in a batch.
    pub(crate) fn length(&self) -> usize {
        /// Bytes of a link with its share of the basis, of one receipt.
        const LINK: usize = 384;
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Linked(_, link) => LINK * link.receipts.len().max(1),
        }
    }
}

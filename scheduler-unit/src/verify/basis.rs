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
    open: OnceLock<Option<OpenBasis>>,
    /// Its part of the memory for what frames share.
    share: OnceLock<Share>,
}

/// What shows where an entry comes from.
#[derive(Debug)]
pub(super) enum Shown {
    /// A proof, and its canonical bytes.
    Whole(Box<OriginProof>, Bytes),
    /// A link to what others share, which is open.
    Linked(Arc<Basis>, Box<OriginLink>),
}

/// What has shown where an entry comes from, to be stored beside it.
#[derive(Debug)]
pub(crate) enum Origin {
    /// The canonical bytes of a proof.
    Whole(Bytes),
    /// A link to what others share, which is open.
    Linked(Arc<Basis>, Box<OriginLink>),
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

    /// Takes its part of the memory, until all that leads to it is decided.
    pub(crate) fn hold(&self, share: Share) {
        // There is one already only if it came twice, which it does not.
        let _ = self.share.set(share);
    }

    /// Computes all digests that follow from it.
    pub(super) fn open(&self) -> Result<&OpenBasis, Refusal> {
        let open = || codec::decode::<OriginBasis>(&self.bytes).ok()?.open();
        self.open.get_or_init(open).as_ref().ok_or_else(|| {
            let detail = "the basis of the frame cannot be read, or is not that of its batches";
            Refusal::new(RefusalCode::BadOrigin, detail)
        })
    }

    /// The basis, of what was found to lead to it.
    pub(crate) fn opened(&self) -> &OpenBasis {
        self.open.get().and_then(Option::as_ref).expect("a link was followed to it")
    }
}

/// The most bytes of a link with what it leads to: a chunk of them fits into a batch beside the
/// longest proof.
pub(crate) const LINK_BYTES: usize = 16 << 10;

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
    /// The bytes it takes in a batch, at the most.
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Linked(basis, link) => basis.opened().bytes_of(link),
        }
    }
}

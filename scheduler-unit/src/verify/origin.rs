//! Proofs of origin: what makes a delivery credible without trusting who brings it.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;
use protocol::{
    Delivery, Hash, ItemBody, NetworkId, OriginProof, OriginProofError, PairNumber, ProcessId,
    Provenance, PublicKey, Refusal, RefusalCode, Signature, Source,
};

use super::refuse_storage;
use crate::archive::Archive;

/// Signatures of batches that are remembered as good.
const SIGNATURES_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("it is not zero");

/// Sources that are remembered in memory; the others are read from disk.
const SOURCES_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("it is not zero");

/// The most bytes of a proof of origin; with its entry it must fit into a batch.
pub(crate) const PROOF_BYTES: usize = 3 << 19;

/// A delivery that its source provably emitted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proven {
    source: ProcessId,
    target: ProcessId,
    number: PairNumber,
}

impl Proven {
    /// Who emitted it.
    pub(crate) const fn source(&self) -> ProcessId {
        self.source
    }

    /// Who receives it.
    pub(crate) const fn target(&self) -> ProcessId {
        self.target
    }

    /// Its place in the pair.
    pub(crate) const fn number(&self) -> PairNumber {
        self.number
    }

    /// A delivery that nobody has proven.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) const fn assume(source: ProcessId, target: ProcessId, number: PairNumber) -> Self {
        Self { source, target, number }
    }
}

/// Verifies proofs of origin.
#[derive(Debug)]
pub(crate) struct Origins {
    network: NetworkId,
    archive: Arc<Archive>,
    /// Good signatures: many deliveries come under one batch.
    signatures: Mutex<LruCache<(PublicKey, Hash, Signature), ()>>,
    sources: Mutex<LruCache<ProcessId, Arc<Source>>>,
}

impl Origins {
    pub(crate) fn new(network: NetworkId, archive: Arc<Archive>) -> Self {
        Self {
            network,
            archive,
            signatures: Mutex::new(LruCache::sparse(SIGNATURES_MAX)),
            sources: Mutex::new(LruCache::sparse(SOURCES_MAX)),
        }
    }

    /// Remembers who a process is, if this is its provenance.
    pub(crate) fn meet(&self, process: &ProcessId, provenance: &Provenance) {
        if !lock(&self.sources).contains(process)
            && let Ok(source) = provenance.source(process)
        {
            lock(&self.sources).put(*process, Arc::new(source));
        }
    }

    /// Checks that the source emitted the delivery. The proof's canonical encoding has so many bytes.
    pub(crate) fn prove(
        &self,
        delivery: &Delivery,
        proof: &OriginProof,
        size: usize,
    ) -> Result<Proven, Refusal> {
        if !matches!(delivery.item.body, ItemBody::Tell { .. }) {
            let detail = "this scheduler accepts tells only";
            return Err(Refusal::new(RefusalCode::UnsupportedEntry, detail));
        }
        let Some(pair) = delivery.item.pair else {
            let detail = "a tell has a number in its pair";
            return Err(Refusal::new(RefusalCode::BadBody, detail));
        };
        if size > PROOF_BYTES {
            let detail = format!("the proof of origin has {size} bytes, {PROOF_BYTES} are allowed");
            return Err(Refusal::new(RefusalCode::TooLarge, detail));
        }
        let known = self.source(&delivery.source)?;
        let holds = |key: &PublicKey, digest: &Hash, signature: &Signature| {
            self.holds(key, digest, signature)
        };
        proof.verify(self.network, delivery, known.as_deref(), holds).map_err(refuse)?;
        Ok(Proven { source: delivery.source, target: delivery.item.target, number: pair.number })
    }

    fn source(&self, process: &ProcessId) -> Result<Option<Arc<Source>>, Refusal> {
        if let Some(source) = lock(&self.sources).get(process) {
            return Ok(Some(Arc::clone(source)));
        }
        let Some(provenance) = self.archive.source(process).map_err(refuse_storage)? else {
            return Ok(None);
        };
        let Ok(source) = provenance.source(process) else {
            return Ok(None);
        };
        let source = Arc::new(source);
        lock(&self.sources).put(*process, Arc::clone(&source));
        Ok(Some(source))
    }

    fn holds(&self, key: &PublicKey, digest: &Hash, signature: &Signature) -> bool {
        let seen = (*key, *digest, *signature);
        if lock(&self.signatures).get(&seen).is_some() {
            return true;
        }
        let holds = key.verifies(digest, signature);
        if holds {
            lock(&self.signatures).put(seen, ());
        }
        holds
    }
}

fn refuse(error: OriginProofError) -> Refusal {
    let code = match error {
        OriginProofError::Unknown => RefusalCode::IntroductionNeeded,
        _ => RefusalCode::BadOrigin,
    };
    Refusal::new(code, error.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Signatures of batches that are known to be good: many deliveries come under one batch.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;
use protocol::{Authority, BatchHeader, Hash, PublicKey, Signature, Signed};

/// How many are remembered.
const MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("it is not zero");

/// The latest good signatures.
#[derive(Debug)]
pub(crate) struct Signatures(Mutex<LruCache<(PublicKey, Hash, Signature), ()>>);

impl Default for Signatures {
    fn default() -> Self {
        Self(Mutex::new(LruCache::sparse(MAX)))
    }
}

impl Signatures {
    /// Whether a signature holds; good ones are remembered.
    pub(crate) fn holds(&self, key: &PublicKey, digest: &Hash, signature: &Signature) -> bool {
        let seen = (*key, *digest, *signature);
        if self.lock().get(&seen).is_some() {
            return true;
        }
        let holds = key.verifies(digest, signature);
        if holds {
            self.lock().put(seen, ());
        }
        holds
    }

    /// Takes note of a batch that was signed here: what its entries emit often comes back.
    pub(crate) fn note(&self, batch: &Signed<BatchHeader>) {
        let Authority::Ed25519 { key, signature } = batch.authority();
        self.lock().put((*key, batch.digest(), *signature), ());
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<(PublicKey, Hash, Signature), ()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

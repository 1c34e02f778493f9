//! Keys that have signed lately, ready to check the next signature: making a key ready costs a
//! tenth of a check or more.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use lru::LruCache;
use protocol::{PublicKey, ReadyKey};

/// Parts, so that threads seldom wait for each other.
const PARTS: usize = 16;

/// Keys in a part; each takes about 300 bytes.
const PART_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("it is not zero");

/// Keys that have signed lately.
#[derive(Debug)]
pub(super) struct Keys {
    parts: [Mutex<LruCache<PublicKey, ReadyKey>>; PARTS],
}

impl Default for Keys {
    fn default() -> Self {
        Self { parts: std::array::from_fn(|_| Mutex::new(LruCache::sparse(PART_MAX))) }
    }
}

impl Keys {
    /// The key made ready, if signatures of it can hold.
    pub(super) fn ready(&self, key: &PublicKey) -> Option<ReadyKey> {
        let [first, ..] = key.as_bytes();
        let part = self.parts.get(usize::from(*first) % PARTS)?;
        let lock = || part.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = lock().get(key) {
            return Some(*ready);
        }
        let ready = key.ready()?;
        lock().put(*key, ready);
        Some(ready)
    }
}

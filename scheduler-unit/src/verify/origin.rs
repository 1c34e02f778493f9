//! Proofs of origin: what makes a delivery credible without trusting who brings it.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;
use protocol::{
    Delivery, Emitted, Hash, ItemBody, NetworkId, OriginProofError, OutboxItem, PairNumber,
    ProcessId, Provenance, PublicKey, Refusal, RefusalCode, Signature, Slot, Source, Spawn, Timer,
    Timestamp,
};

use super::{basis::Shown, refuse_storage};
use crate::shard::Shards;

/// Signatures of batches that are remembered as good.
const SIGNATURES_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("it is not zero");

/// Sources that are remembered in memory; the others are read from disk.
const SOURCES_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("it is not zero");

/// The most bytes of a proof of origin; with its entry it must fit into a batch.
pub(crate) const PROOF_BYTES: usize = 3 << 19;

/// An item of a pair that its source provably emitted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proven {
    source: ProcessId,
    target: ProcessId,
    number: PairNumber,
    is_call: bool,
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

    /// Its place in the pair; of a skip, the number that it passes over.
    pub(crate) const fn number(&self) -> PairNumber {
        self.number
    }

    /// Whether it asks something of the target: a reply is waited for already.
    pub(crate) const fn is_call(&self) -> bool {
        self.is_call
    }

    /// An item that nobody has proven.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) const fn assume(source: ProcessId, target: ProcessId, number: PairNumber) -> Self {
        Self { source, target, number, is_call: true }
    }
}

/// A child that its parent provably wants.
#[derive(Debug)]
pub(crate) struct Child {
    /// The process.
    pub(crate) process: ProcessId,
    /// Who wants it.
    pub(crate) parent: ProcessId,
    /// What it shall be.
    pub(crate) spawn: Spawn,
    /// The bytes of that.
    pub(crate) bytes: Vec<u8>,
}

/// A child that its parent provably wants and cannot have.
#[derive(Debug)]
pub(crate) struct Misfit {
    /// The item with its spawn.
    pub(crate) item: Proven,
    /// Whether this scheduler decides about the target while it is not born.
    pub(crate) is_own: bool,
    /// What is wrong with it.
    pub(crate) flaw: Refusal,
}

/// An occurrence of a timer that its process provably set, or the end of an ask that it made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    /// Whose.
    pub(crate) process: ProcessId,
    /// The slot that set it.
    pub(crate) slot: Slot,
    /// Its position there.
    pub(crate) index: u32,
    /// Counts the occurrences before.
    pub(crate) occurrence: u64,
    /// When.
    pub(crate) due: Timestamp,
    /// How it recurs; once if it does not.
    pub(crate) recurring: Option<Recurring>,
}

/// How a timer recurs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recurring {
    /// Whether missed occurrences are made up for.
    pub(crate) catches_up: bool,
}

impl Recurring {
    /// How the timer of an item recurs, if it does.
    pub(crate) fn of(item: &OutboxItem) -> Option<Self> {
        match item.body {
            ItemBody::Timer { every: Some(_), catch_up, .. } => Some(Self { catches_up: catch_up }),
            _ => None,
        }
    }
}

/// Verifies proofs of origin.
#[derive(Debug)]
pub(crate) struct Origins {
    network: NetworkId,
    shards: Arc<Shards>,
    /// Good signatures: many deliveries come under one batch.
    signatures: Mutex<LruCache<(PublicKey, Hash, Signature), ()>>,
    sources: Mutex<LruCache<ProcessId, Arc<Source>>>,
}

impl Origins {
    pub(crate) fn new(network: NetworkId, shards: Arc<Shards>) -> Self {
        Self {
            network,
            shards,
            signatures: Mutex::new(LruCache::sparse(SIGNATURES_MAX)),
            sources: Mutex::new(LruCache::sparse(SOURCES_MAX)),
        }
    }

    /// Remembers who a process is, if this is its provenance and says more than what is remembered.
    pub(crate) fn meet(&self, process: &ProcessId, provenance: &Provenance) {
        let known = lock(&self.sources).peek(process).map(|source| source.changes());
        if known.is_none_or(|known| known < provenance.changes.len())
            && let Ok(source) = provenance.source(process, self.network)
        {
            lock(&self.sources).put(*process, Arc::new(source));
        }
    }

    /// Checks that the source emitted the delivery.
    pub(super) fn prove(&self, delivery: &Delivery, proof: &Shown) -> Result<Proven, Refusal> {
        let is_call = match &delivery.item.body {
            ItemBody::Tell { .. } | ItemBody::Ask { .. } => true,
            ItemBody::Reply { .. } | ItemBody::Spawn(..) => false,
            ItemBody::Skip(_)
            | ItemBody::Timer { .. }
            | ItemBody::CancelTimer { .. }
            | ItemBody::Answered { .. } => {
                let detail = "a delivery is a tell, an ask, a reply or a spawn";
                return Err(Refusal::new(RefusalCode::BadBody, detail));
            }
        };
        let Some(pair) = delivery.item.pair else {
            let detail = "a delivery has a number in its pair";
            return Err(Refusal::new(RefusalCode::BadBody, detail));
        };
        self.check(delivery.into(), proof)?;
        let (source, target) = (delivery.source, delivery.item.target);
        Ok(Proven { source, target, number: pair.number, is_call })
    }

    /// Checks that the source emitted the skip.
    pub(super) fn prove_skip(&self, skip: &Delivery, proof: &Shown) -> Result<Proven, Refusal> {
        let ItemBody::Skip(number) = skip.item.body else {
            let detail = "a skip carries the item with which its source passes over a number";
            return Err(Refusal::new(RefusalCode::BadBody, detail));
        };
        self.check(skip.into(), proof)?;
        let (source, target) = (skip.source, skip.item.target);
        Ok(Proven { source, target, number, is_call: false })
    }

    /// Checks that the process itself set the timer, or made the ask.
    pub(super) fn prove_timer(&self, timer: &Timer, proof: &Shown) -> Result<Due, Refusal> {
        let Some(item) = proof.emitted().filter(|item| timer.is_of(item)) else {
            let detail = "the proof of a timer carries the item that set it";
            return Err(Refusal::new(RefusalCode::BadOrigin, detail));
        };
        let emitted = Emitted { source: &timer.process, slot: timer.slot, item };
        self.check(emitted, proof)?;
        let Timer { process, slot, index, occurrence, due, .. } = *timer;
        Ok(Due { process, slot, index, occurrence, due, recurring: Recurring::of(item) })
    }

    fn check(&self, emitted: Emitted<'_>, proof: &Shown) -> Result<(), Refusal> {
        let known = self.source(emitted.source)?;
        let known = known.as_deref();
        let holds = |key: &PublicKey, digest: &Hash, signature: &Signature| {
            self.holds(key, digest, signature)
        };
        let verified = match proof {
            Shown::Whole(_, bytes) if bytes.len() > PROOF_BYTES => {
                let size = bytes.len();
                let detail =
                    format!("the proof of origin has {size} bytes, {PROOF_BYTES} are allowed");
                return Err(Refusal::new(RefusalCode::TooLarge, detail));
            }
            Shown::Whole(proof, _) => proof.verify(self.network, emitted, known, false, holds),
            Shown::Linked(basis, link) => match known {
                Some(known) => basis.verify(link, self.network, emitted, (known, false), holds),
                None => Err(OriginProofError::Unknown),
            },
        };
        verified.map_err(refuse)
    }

    /// Who a process is, as far as it is known here.
    pub(crate) fn source(&self, process: &ProcessId) -> Result<Option<Arc<Source>>, Refusal> {
        // Of its own logs nobody knows more than the scheduler.
        if let Some(known) = self.shards.archive(process).board.process(process) {
            let met = lock(&self.sources).get(process).cloned();
            let own = known.standing.source;
            return Ok(Some(met.filter(|met| met.changes() > own.changes()).unwrap_or(own)));
        }
        if let Some(source) = lock(&self.sources).get(process) {
            return Ok(Some(Arc::clone(source)));
        }
        let Some(provenance) = self.shards.introduced(process).map_err(refuse_storage)? else {
            return Ok(None);
        };
        let Ok(source) = provenance.source(process, self.network) else {
            return Ok(None);
        };
        let source = Arc::new(source);
        lock(&self.sources).put(*process, Arc::clone(&source));
        Ok(Some(source))
    }

    /// Whether a signature holds; good ones are remembered.
    pub(crate) fn holds(&self, key: &PublicKey, digest: &Hash, signature: &Signature) -> bool {
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
        OriginProofError::Policy => RefusalCode::WrongPolicy,
        _ => RefusalCode::BadOrigin,
    };
    Refusal::new(code, error.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The sources of what stands in logs, as far as they are known.

use std::collections::HashMap;

use protocol::{
    Delivery, Emitted, Entry, NetworkId, OpenBasis, OriginProof, ProcessId, Provenance, PublicKey,
    Source, Timer, api::TailRecord, codec,
};

/// Who processes are that others hear of.
#[derive(Debug)]
pub(super) struct Origins {
    network: NetworkId,
    sources: HashMap<ProcessId, Source>,
}

impl Origins {
    /// Knows nobody.
    pub(super) fn new(network: NetworkId) -> Self {
        Self { network, sources: HashMap::new() }
    }

    /// Learns who a process is, unless more is known.
    pub(super) fn learn(&mut self, process: ProcessId, provenance: &Provenance) {
        let known = self.sources.get(&process).map(Source::changes);
        if known.is_none_or(|changes| provenance.changes.len() > changes)
            && let Ok(source) = provenance.source(&process, self.network)
        {
            self.sources.insert(process, source);
        }
    }

    /// The source of a delivery or skip that is not known as it must be to judge the proof, and is
    /// not introduced.
    pub(super) fn unknown_source(
        &self,
        record: &TailRecord,
        basis: Option<&OpenBasis>,
    ) -> Option<ProcessId> {
        let entry: Entry = codec::decode(&record.entry).ok()?;
        let origin = record.proof(&entry, basis).ok()??;
        let (Entry::Delivery(delivery) | Entry::Skip(delivery)) = entry else { return None };
        let knows = |source: &Source| {
            origin.assignment.assignment.epoch <= source.epoch()
                && origin.receipts.iter().all(|receipt| source.names(&receipt.unit(), true))
        };
        let known = self.sources.get(&delivery.source).is_some_and(knows);
        (!known && origin.introduction.is_none()).then_some(delivery.source)
    }

    /// Whether the proof of a delivery or skip holds.
    pub(super) fn holds(&mut self, delivery: &Delivery, proof: &OriginProof) -> bool {
        let known = self.sources.get(&delivery.source);
        let holds =
            proof.verify(self.network, delivery.into(), known, true, PublicKey::verifies).is_ok();
        if let (true, Some(introduction)) = (holds, &proof.introduction) {
            self.learn(delivery.source, introduction);
        }
        holds
    }

    /// Whether the process itself set a timer, or asked what timed out.
    pub(super) fn timer_holds(&self, timer: &Timer, own: &Source, proof: &OriginProof) -> bool {
        let Some(item) = proof.emitted.as_deref() else { return false };
        let emitted = Emitted { source: &timer.process, slot: timer.slot, item };
        timer.is_of(item)
            && proof.verify(self.network, emitted, Some(own), true, PublicKey::verifies).is_ok()
    }
}

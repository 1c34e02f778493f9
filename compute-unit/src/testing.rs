//! Signed logs for the tests and benches of this crate.

#[cfg(test)]
pub(crate) mod receipts;

use protocol::{
    Acceptance, Assignment, BatchHeader, ComputePolicy, Entry, EntryId, Epoch, Hash, Kind, Limits,
    MerkleTree, Message, ModuleId, NetworkId, Principal, ProcessId, Profile, SecretKey, Signed,
    Slot, Spawn, Timestamp, V1,
    api::{TailFrame, TailRecord},
    chain_hash, codec,
};
#[cfg(test)]
use protocol::{Control, ControlAction};

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);

/// A client, a scheduler and a compute unit with fixed keys, and one growing log.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) client: SecretKey,
    pub(crate) scheduler: SecretKey,
    pub(crate) compute: SecretKey,
    pub(crate) process: ProcessId,
    pub(crate) spawn: Signed<Spawn>,
    epoch: Epoch,
    next: u64,
    /// The time of slot 0; every slot comes a millisecond later.
    clock: u64,
    chain: Hash,
}

impl Log {
    #[cfg(test)]
    pub(crate) fn new(wasm: &[u8], limits: Limits) -> Self {
        // No arguments.
        Self::with_args(wasm, limits, &[0xa0])
    }

    /// The log of a process that was born with these arguments.
    pub(crate) fn with_args(wasm: &[u8], limits: Limits, args: &[u8]) -> Self {
        let key = |seed| SecretKey::from_seed(&[seed; 32]);
        let (client, scheduler, compute) = (key(1), key(2), key(3));
        let (module, profile) = (ModuleId::of(wasm), Profile::current().id());
        let spawn = Spawn {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: Principal::Account(client.public().account()),
            module,
            acceptance: Acceptance::sign(&compute, NETWORK, &module, &profile),
            args: args.to_vec(),
            name: String::new(),
            tags: vec![],
            nonce: 1,
            expiry: Timestamp::new(1_000),
            scheduler: scheduler.public().unit(),
            policy: ComputePolicy {
                units: vec![compute.public().unit()],
                quorum: 1,
                version: 0,
                previous: None,
            },
            profile,
            controller: Principal::Account(client.public().account()),
            limits,
        };
        let spawn = Signed::sign(spawn, &client);
        let process = ProcessId::from_bytes(*spawn.digest().as_bytes());
        Self {
            client,
            scheduler,
            compute,
            process,
            spawn,
            epoch: Epoch::ZERO,
            next: 0,
            clock: 100,
            chain: Hash::ZERO,
        }
    }

    /// Changes the spawn before anything is assigned.
    #[cfg(test)]
    pub(crate) fn respawn(&mut self, change: impl FnOnce(Spawn) -> Spawn) {
        assert_eq!(self.next, 0, "the log has begun");
        self.spawn = Signed::sign(change(self.spawn.unverified().clone()), &self.client);
        self.process = ProcessId::from_bytes(*self.spawn.digest().as_bytes());
    }

    /// The same log from its start.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) fn with_args_of(other: &Self) -> Self {
        let key = |seed| SecretKey::from_seed(&[seed; 32]);
        let (client, scheduler, compute) = (key(1), key(2), key(3));
        let (process, spawn) = (other.process, other.spawn.clone());
        Self {
            client,
            scheduler,
            compute,
            process,
            spawn,
            epoch: Epoch::ZERO,
            next: 0,
            clock: 100,
            chain: Hash::ZERO,
        }
    }

    pub(crate) fn message(&self, method: &str, args: &[u8]) -> Entry {
        let message = Message {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: Principal::Account(self.client.public().account()),
            target: self.process,
            method: method.to_owned(),
            args: args.to_vec(),
            nonce: self.next,
            expiry: Timestamp::new(1_000),
            tags: vec![],
            reply_to: None,
            credit: None,
            trace_parent: None,
            evidence: None,
        };
        Entry::Message(Signed::sign(message, &self.client))
    }

    /// Lets time pass before the next slot.
    #[cfg(test)]
    pub(crate) fn pass(&mut self, millis: u64) {
        self.clock += millis;
    }

    /// Assigns the next slot to an entry.
    pub(crate) fn assign(&mut self, entry: EntryId) -> Assignment {
        let (slot, time) = (Slot::new(self.next), Timestamp::new(self.clock + self.next));
        self.next += 1;
        self.chain = chain_hash(&self.chain, self.epoch, slot, time, &entry);
        let (process, epoch, chain) = (self.process, self.epoch, self.chain);
        Assignment { process, epoch, slot, time, entry, chain }
    }

    /// An order of the controller.
    #[cfg(test)]
    pub(crate) fn control(&self, action: ControlAction) -> Entry {
        let control = Control {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: Principal::Account(self.client.public().account()),
            target: self.process,
            nonce: self.next,
            expiry: Timestamp::new(1_000),
            action,
        };
        Entry::Control(Signed::sign(control, &self.client))
    }

    /// Goes on to the next epoch, of a scheduler if it is another one.
    #[cfg(test)]
    pub(crate) fn turn(&mut self, scheduler: Option<&SecretKey>) {
        self.epoch = Epoch::new(self.epoch.get() + 1);
        if let Some(scheduler) = scheduler {
            self.scheduler = scheduler.clone();
        }
    }

    /// The last slot and its chain hash.
    #[cfg(test)]
    pub(crate) fn head(&self) -> (Slot, Hash) {
        (Slot::new(self.next - 1), self.chain)
    }

    /// Goes back to behind a slot.
    #[cfg(test)]
    pub(crate) fn back_to(&mut self, (slot, chain): (Slot, Hash)) {
        (self.next, self.chain) = (slot.get() + 1, chain);
    }

    /// Assigns entries and signs them as one batch.
    pub(crate) fn frame(&mut self, entries: &[Entry]) -> TailFrame {
        let record = |(index, entry): (u32, &Entry)| {
            let (assignment, entry) = (self.assign(entry.id()), codec::encode(entry));
            TailRecord { index, assignment, entry, origin: None, link: None }
        };
        let records: Vec<TailRecord> = (0..).zip(entries).map(record).collect();
        self.seal(records)
    }

    pub(crate) fn seal(&self, records: Vec<TailRecord>) -> TailFrame {
        let leaves: Vec<Hash> = records.iter().map(|record| record.assignment.leaf()).collect();
        let header = BatchHeader {
            version: V1,
            kind: Kind,
            network: NETWORK,
            scheduler: self.scheduler.public().unit(),
            number: 0,
            time: Timestamp::new(100),
            count: u32::try_from(leaves.len()).expect("a batch is small"),
            root: MerkleTree::new(leaves.clone()).root(),
        };
        let batch = Signed::sign(header, &self.scheduler);
        TailFrame { batch, leaves, records, refusals: None, basis: None }
    }
}

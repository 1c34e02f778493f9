//! Accounts, processes, messages and deliveries, made without any unit that would execute them.

use std::thread;

use protocol::{
    Acceptance, Assignment, AssignmentProof, BatchHeader, ComputePolicy, Delivery, Entry, Epoch,
    Gas, Hash, ItemBody, Kind, Limits, MerkleTree, Message, ModuleId, NetworkId, OriginProof,
    OutboxItem, Outcome, PairNumber, PairPosition, Principal, ProcessId, Profile, Provenance,
    Receipt, ReceiptBatch, ReceiptLeaf, Reply, SecretKey, Signed, Slot, Spawn, Timestamp, UnitId,
    V1, Value, api::Submission, chain_hash,
};

use crate::clock;

/// What is sent and told.
const METHOD: &str = "hear";

/// As far ahead as entries may expire: what may have been signed before the scheduler started is
/// looked up by it, and that is not what is measured.
const EXPIRY: u64 = 300_000;

/// Keys and what they speak of.
pub(super) struct World {
    network: NetworkId,
    accounts: Vec<SecretKey>,
    /// The one unit of all policies.
    compute: SecretKey,
    /// Who orders the logs of sources.
    elsewhere: SecretKey,
    module: ModuleId,
    args: Vec<u8>,
}

impl World {
    /// A world with so many accounts, whose messages have so many bytes of arguments.
    pub(super) fn new(network: NetworkId, accounts: u32, args: usize) -> Self {
        let key = |kind: u8, number: u32| {
            let mut seed = [kind; 32];
            seed.iter_mut().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
            SecretKey::from_seed(&seed)
        };
        Self {
            network,
            accounts: (0..accounts.max(1)).map(|number| key(1, number)).collect(),
            compute: key(2, 0),
            elsewhere: key(3, 0),
            module: ModuleId::of(example_modules::COUNTER),
            args: args_of(args),
        }
    }

    /// The unit that executes all processes.
    pub(super) const fn compute(&self) -> &SecretKey {
        &self.compute
    }

    fn account(&self, number: usize) -> &SecretKey {
        let some = self.accounts.get(number % self.accounts.len().max(1));
        some.expect("a remainder is less than its divisor, and there is an account")
    }

    fn spawn(&self, nonce: u64, scheduler: UnitId) -> Signed<Spawn> {
        let profile = Profile::current().id();
        let account = self.account(0);
        let sender = Principal::Account(account.public().account());
        let body = Spawn {
            version: V1,
            kind: Kind,
            network: self.network,
            sender,
            module: self.module,
            acceptance: Acceptance::sign(&self.compute, self.network, &self.module, &profile),
            args: args_of(0),
            name: format!("bench-{nonce}"),
            tags: Vec::new(),
            nonce,
            expiry: clock::now().saturating_add(EXPIRY),
            scheduler,
            policy: ComputePolicy {
                units: vec![self.compute.public().unit()],
                quorum: 1,
                version: 0,
                previous: None,
            },
            profile,
            controller: sender,
            limits: Limits::DEFAULT,
        };
        Signed::sign(body, account)
    }

    /// Spawns of so many processes of a scheduler.
    pub(super) fn spawns(&self, count: u32, scheduler: UnitId) -> Vec<Submission> {
        on_all_cores(usize_of(count), |number| {
            submission(Entry::Spawn(self.spawn(u64_of(number), scheduler)))
        })
    }

    /// So many messages, the accounts and the processes taking turns.
    pub(super) fn messages(&self, processes: &[ProcessId], count: usize) -> Vec<Submission> {
        self.messages_from(0, processes, count)
    }

    /// As [`World::messages`], numbered from a nonce on.
    pub(super) fn messages_from(
        &self,
        first: usize,
        processes: &[ProcessId],
        count: usize,
    ) -> Vec<Submission> {
        let expiry = clock::now().saturating_add(EXPIRY);
        on_all_cores(count, |number| {
            let number = first + number;
            let account = self.account(number);
            let target = processes.get(number % processes.len().max(1));
            let body = Message {
                version: V1,
                kind: Kind,
                network: self.network,
                sender: Principal::Account(account.public().account()),
                target: *target.expect("a remainder is less than its divisor"),
                method: METHOD.to_owned(),
                args: self.args.clone(),
                nonce: u64_of(number),
                expiry,
                tags: Vec::new(),
                reply_to: None,
                credit: None,
                trace_parent: None,
                evidence: None,
            };
            submission(Entry::Message(Signed::sign(body, account)))
        })
    }

    /// Processes of another scheduler, each with what introduces it.
    pub(super) fn sources(&self, count: u32) -> Vec<Source> {
        on_all_cores(usize_of(count), |number| {
            let spawn = self.spawn(u64::MAX - u64_of(number), self.elsewhere.public().unit());
            let provenance = Provenance { spawn: spawn.body_bytes().to_vec(), changes: Vec::new() };
            let process = Entry::Spawn(spawn).target();
            Source { process, provenance, slot: Slot::ZERO, chain: Hash::ZERO }
        })
    }

    /// What all sources say in their next slot: something to each of these targets. The slots stand
    /// in one batch, and so do their receipts.
    pub(super) fn tell(
        &self,
        sources: &mut [Source],
        targets: &[ProcessId],
        introduce: bool,
    ) -> Vec<Vec<Submission>> {
        let now = clock::now();
        let mut assignments: Vec<Assignment> = Vec::new();
        for source in sources.iter() {
            let entry = source.process.spawn_entry();
            let chain = chain_hash(&source.chain, Epoch::ZERO, source.slot, now, &entry);
            let (process, slot) = (source.process, source.slot);
            assignments.push(Assignment {
                process,
                epoch: Epoch::ZERO,
                slot,
                time: now,
                entry,
                chain,
            });
        }
        let outcomes: Vec<Outcome> =
            sources.iter().map(|source| self.outcome(source, targets)).collect();
        let trees: Vec<MerkleTree> = outcomes.iter().map(Outcome::tree).collect();
        let batches = self.batches(now, &assignments, (&outcomes, &trees));
        let told = on_all_cores(sources.len(), |number| {
            let (source, outcome, tree) =
                (sources.get(number)?, outcomes.get(number)?, trees.get(number)?);
            let (assignment, receipt) = batches.proofs(number)?;
            let tell = |item: &OutboxItem| {
                let origin = OriginProof {
                    item: tree.path(item.index + 1)?,
                    receipts: vec![receipt.clone()],
                    assignment: assignment.clone(),
                    introduction: introduce.then(|| source.provenance.clone()),
                    emitted: None,
                };
                let (source, slot, item) = (source.process, source.slot, item.clone());
                let entry = Entry::Delivery(Delivery { source, slot, item });
                let origin = Some(Box::new(origin));
                Some(Submission { origin, ..Submission::bare(0, entry) })
            };
            Some(outcome.outbox.iter().filter_map(tell).collect())
        });
        for (source, assignment) in sources.iter_mut().zip(assignments) {
            source.slot = source.slot.next().unwrap_or(source.slot);
            source.chain = assignment.chain;
        }
        told.into_iter().flatten().collect()
    }

    fn outcome(&self, source: &Source, targets: &[ProcessId]) -> Outcome {
        let previous = source.slot.get().checked_sub(1).map(Slot::new);
        let pair = PairPosition { number: PairNumber::new(source.slot.get()), previous };
        let item = |(index, target): (u32, &ProcessId)| OutboxItem {
            index,
            target: *target,
            pair: Some(pair),
            body: ItemBody::Tell { method: METHOD.to_owned(), args: self.args.clone() },
            hint: None,
        };
        Outcome {
            version: V1,
            process: source.process,
            slot: source.slot,
            entry: source.process.spawn_entry(),
            reply: Reply::Value(vec![0xf6]),
            gas: Gas::new(1),
            logs: Vec::new(),
            events: Vec::new(),
            outbox: (0..).zip(targets).map(item).collect(),
        }
    }

    fn batches(
        &self,
        time: Timestamp,
        assignments: &[Assignment],
        (outcomes, trees): (&[Outcome], &[MerkleTree]),
    ) -> Batches {
        let (version, network, count) =
            (V1, self.network, u32::try_from(assignments.len()).unwrap_or(u32::MAX));
        let assigned = MerkleTree::new(assignments.iter().map(Assignment::leaf).collect());
        let header = BatchHeader {
            version,
            kind: Kind,
            network,
            scheduler: self.elsewhere.public().unit(),
            number: 0,
            time,
            count,
            root: assigned.root(),
        };
        let profile = Profile::current().id();
        let leaf =
            |((outcome, tree), assignment): ((&Outcome, &MerkleTree), &Assignment)| ReceiptLeaf {
                process: outcome.process,
                slot: outcome.slot,
                chain: assignment.chain,
                profile,
                outcome: tree.root(),
                gas: outcome.gas,
                previous: None,
                state_root: None,
            };
        let leaves: Vec<_> = outcomes.iter().zip(trees).zip(assignments).map(leaf).collect();
        let received = MerkleTree::new(leaves.iter().map(ReceiptLeaf::leaf).collect());
        let body = ReceiptBatch {
            version,
            kind: Kind,
            network,
            unit: self.compute.public().unit(),
            count,
            root: received.root(),
            engine: String::new(),
        };
        Batches {
            assignments: assignments.to_vec(),
            assigned: (assigned, Signed::sign(header, &self.elsewhere)),
            leaves,
            received: (received, Signed::sign(body, &self.compute)),
        }
    }
}

/// A process that tells.
pub(super) struct Source {
    pub(super) process: ProcessId,
    provenance: Provenance,
    /// The next slot, and the chain hash before it.
    slot: Slot,
    chain: Hash,
}

/// One slot of each source: assigned, and executed.
struct Batches {
    assignments: Vec<Assignment>,
    assigned: (MerkleTree, Signed<BatchHeader>),
    leaves: Vec<ReceiptLeaf>,
    received: (MerkleTree, Signed<ReceiptBatch>),
}

impl Batches {
    fn proofs(&self, number: usize) -> Option<(AssignmentProof, Receipt)> {
        let index = u32::try_from(number).ok()?;
        let (tree, batch) = &self.assigned;
        let assignment = *self.assignments.get(number)?;
        let assignment =
            AssignmentProof { assignment, path: tree.path(index)?, batch: batch.clone() };
        let (tree, batch) = &self.received;
        let leaf = self.leaves.get(number)?.clone();
        Some((assignment, Receipt { leaf, path: tree.path(index)?, batch: batch.clone() }))
    }
}

fn submission(entry: Entry) -> Submission {
    Submission::bare(0, entry)
}

/// Arguments of so many bytes, give or take those of their frame.
fn args_of(length: usize) -> Vec<u8> {
    let data = Value::Bytes(vec![7; length.saturating_sub(8)]);
    let args = (length > 0).then(|| (Value::Text("data".to_owned()), data));
    Value::Map(args.into_iter().collect()).encode().unwrap_or_default()
}

/// Makes so many things on all cores, in order.
fn on_all_cores<T: Send>(count: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = count.div_ceil(cores).max(1);
    thread::scope(|scope| {
        let make = &make;
        let range = |core: usize| (core * share).min(count)..((core + 1) * share).min(count);
        let made =
            (0..cores).map(|core| scope.spawn(move || range(core).map(make).collect::<Vec<_>>()));
        let made: Vec<_> = made.collect();
        let join = |made: thread::ScopedJoinHandle<'_, Vec<T>>| made.join().unwrap_or_default();
        made.into_iter().flat_map(join).collect()
    })
}

fn usize_of(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn u64_of(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

//! A long log, written as a unit would have written it.

use std::{collections::HashMap, sync::Arc};

use minicbor::bytes::ByteVec;
use protocol::{
    Assignment, BatchHeader, Epoch, Kind, MerkleTree, ProcessId, Signed, Timestamp, V1,
    api::{Submission, TailFrame, TailRecord},
    chain_hash, codec,
};

use crate::{
    Config,
    layout::Layout,
    order::Head,
    running::Error,
    store::{Disk, Files, LogStore, RedbLog, StoreError},
};

/// Writes the log of a unit that has one shard and has never started: batch by batch, what arrived when
/// gets its slots. Nothing is verified, and the index is left to the first start.
///
/// # Errors
///
/// [`Error`] says which part of the environment does not allow it.
pub fn write_log(
    config: &Config,
    batches: impl IntoIterator<Item = (Timestamp, Vec<Submission>)>,
) -> Result<(), Error> {
    let layout = Layout::establish(config)?;
    let directory = layout.directories(&config.data).into_iter().next();
    let directory = directory.ok_or_else(|| StoreError::Failed("there is no shard".to_owned()))?;
    let disk: Arc<dyn Disk> = Arc::new(Files(directory));
    let log = RedbLog::open(disk)?;
    let mut heads = HashMap::new();
    for (number, (time, submissions)) in (log.count()?..).zip(batches) {
        let segment = segment(config, &mut heads, (number, time), submissions);
        log.append(number, &segment)?;
    }
    log.close();
    Ok(())
}

/// The bytes of a batch.
fn segment(
    config: &Config,
    heads: &mut HashMap<ProcessId, Head>,
    (number, time): (u64, Timestamp),
    submissions: Vec<Submission>,
) -> Vec<u8> {
    let mut records = Vec::with_capacity(submissions.len());
    for (index, Submission { entry, origin, .. }) in (0..).zip(submissions) {
        let (process, id) = (entry.target(), entry.id());
        let head = heads.entry(process).or_insert(Head::EMPTY);
        let (epoch, slot, time) = (Epoch::ZERO, head.next, head.time.max(time));
        let chain = chain_hash(&head.chain, epoch, slot, time, &id);
        let assignment = Assignment { process, epoch, slot, time, entry: id, chain };
        *head = Head::after(&assignment);
        let origin = origin.map(|proof| ByteVec::from(codec::encode(&*proof)));
        let entry = codec::encode(&entry);
        records.push(TailRecord { index, assignment, entry, origin, link: None });
    }
    let leaves: Vec<_> = records.iter().map(|record| record.assignment.leaf()).collect();
    let header = BatchHeader {
        version: V1,
        kind: Kind,
        network: config.network,
        scheduler: config.key.public().unit(),
        number,
        time,
        count: u32::try_from(leaves.len()).unwrap_or(u32::MAX),
        root: MerkleTree::new(leaves.clone()).root(),
    };
    let batch = Signed::sign(header, &config.key);
    codec::encode(&TailFrame { batch, leaves, records, refusals: None, basis: None })
}

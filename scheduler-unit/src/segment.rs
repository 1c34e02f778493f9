//! A stored group commit: the canonical bytes of a [`TailFrame`](protocol::api::TailFrame), read
//! in place.
//!
//! Only bytes this unit wrote itself are read here. Anything unexpected in them is damage.

use minicbor::Decoder;
use protocol::{
    Assignment, AssignmentProof, BatchHeader, EntryId, Hash, MerkleTree, ProcessId, RefusalProof,
    Signed, Slot, api::RefusalRecord, codec,
};

mod basis;

use crate::{store::StoreError, verify::Origin};
use basis::BasisBuilder;

/// The bytes of a group commit, taken apart.
#[derive(Debug)]
pub(crate) struct Segment<'b> {
    batch: &'b [u8],
    leaves: &'b [u8],
    /// Its assignments, in order.
    pub(crate) records: Vec<Record<'b>>,
    /// Its final refusals, in order.
    pub(crate) refusals: Vec<RefusalRecord>,
    /// The canonical bytes of what links lead to.
    basis: Option<&'b [u8]>,
}

/// One assignment of a group commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'b> {
    raw: &'b [u8],
    /// Its leaf's position.
    pub(crate) index: u32,
    /// The assignment.
    pub(crate) assignment: Assignment,
    /// The canonical bytes of the entry.
    pub(crate) entry: &'b [u8],
    /// The canonical bytes of the proof of origin.
    pub(crate) origin: Option<&'b [u8]>,
    /// The canonical bytes of the link that stands in its place.
    pub(crate) link: Option<&'b [u8]>,
}

impl<'b> Segment<'b> {
    /// Takes the bytes of a group commit apart.
    pub(crate) fn read(bytes: &'b [u8]) -> Result<Self, StoreError> {
        read(bytes).map_err(|error| damaged(&error))
    }

    /// The signed batch.
    pub(crate) fn batch(&self) -> Result<Signed<BatchHeader>, StoreError> {
        codec::decode_trusted(self.batch).map_err(|error| damaged(&error))
    }

    /// The tree over all leaves.
    pub(crate) fn tree(&self) -> Result<MerkleTree, StoreError> {
        let leaves: Vec<Hash> =
            codec::decode_trusted(self.leaves).map_err(|error| damaged(&error))?;
        Ok(MerkleTree::new(leaves))
    }

    /// The record of a slot.
    pub(crate) fn record(&self, process: &ProcessId, slot: Slot) -> Option<&Record<'b>> {
        self.records
            .iter()
            .find(|record| record.assignment.slot == slot && record.assignment.process == *process)
    }

    /// Shows that a slot stands in this batch.
    pub(crate) fn proof(
        &self,
        process: &ProcessId,
        slot: Slot,
    ) -> Result<Option<AssignmentProof>, StoreError> {
        let Some(record) = self.record(process, slot) else {
            return Ok(None);
        };
        let path = self.tree()?.path(record.index).ok_or_else(|| damaged(&"a leaf is missing"))?;
        Ok(Some(AssignmentProof { assignment: record.assignment, path, batch: self.batch()? }))
    }

    /// Shows that an entry was refused for good in this batch.
    pub(crate) fn refusal(&self, entry: &EntryId) -> Result<Option<RefusalProof>, StoreError> {
        let Some(record) = self.refusals.iter().find(|record| record.refusal.entry == *entry)
        else {
            return Ok(None);
        };
        let path = self.tree()?.path(record.index).ok_or_else(|| damaged(&"a leaf is missing"))?;
        Ok(Some(RefusalProof { refusal: record.refusal, path, batch: self.batch()? }))
    }

    /// The same group commit with these of its records and refusals only.
    pub(crate) fn with_records(
        &self,
        records: &[Record<'b>],
        refusals: &[RefusalRecord],
    ) -> Vec<u8> {
        let length = records.iter().map(|record| record.raw.len()).sum::<usize>();
        let basis = self.basis.filter(|_| records.iter().any(|record| record.link.is_some()));
        let shared = self.batch.len() + self.leaves.len() + basis.map_or(0, <[u8]>::len);
        let mut bytes = Vec::with_capacity(shared + length + 16);
        let count = u64::try_from(records.len()).expect("records fit in memory");
        let mut encoder = minicbor::Encoder::new(&mut bytes);
        encoder
            .array(fields(refusals.is_empty(), basis.is_none()))
            .expect("writing to memory cannot fail");
        encoder.writer_mut().extend_from_slice(self.batch);
        encoder.writer_mut().extend_from_slice(self.leaves);
        encoder.array(count).expect("writing to memory cannot fail");
        for record in records {
            encoder.writer_mut().extend_from_slice(record.raw);
        }
        if !refusals.is_empty() {
            encoder.encode(refusals).expect("writing to memory cannot fail");
        }
        if let Some(basis) = basis {
            if refusals.is_empty() {
                encoder.null().expect("writing to memory cannot fail");
            }
            encoder.writer_mut().extend_from_slice(basis);
        }
        bytes
    }
}

/// How many fields the bytes of a group commit have.
const fn fields(unrefused: bool, unlinked: bool) -> u64 {
    match (unrefused, unlinked) {
        (_, false) => 5,
        (false, true) => 4,
        (true, true) => 3,
    }
}

/// The records of a group commit in the making, encoded one by one.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    records: Vec<u8>,
    count: u64,
    basis: BasisBuilder,
}

impl Builder {
    /// Adds an assignment with the canonical bytes of its entry, and what has shown its origin.
    pub(crate) fn add(
        &mut self,
        index: u32,
        assignment: &Assignment,
        entry: &[u8],
        origin: Option<&Origin>,
    ) {
        let mut encode = || {
            let mut encoder = minicbor::Encoder::new(&mut self.records);
            let fields = match origin {
                None => 3,
                Some(Origin::Whole(_)) => 4,
                Some(Origin::Linked(..)) => 5,
            };
            encoder.array(fields)?.u32(index)?;
            encoder.encode(assignment)?.bytes(entry)?;
            match origin {
                None => {}
                Some(Origin::Whole(proof)) => drop(encoder.bytes(proof)?),
                Some(Origin::Linked(basis, link)) => {
                    encoder.null()?.encode(self.basis.link(basis, link))?;
                }
            }
            Ok::<_, minicbor::encode::Error<_>>(())
        };
        encode().expect("writing to memory cannot fail");
        self.count += 1;
    }

    /// The bytes of the group commit of everything added since the last time.
    pub(crate) fn finish(
        &mut self,
        batch: &Signed<BatchHeader>,
        leaves: &[Hash],
        refusals: &[RefusalRecord],
    ) -> Vec<u8> {
        let records = std::mem::take(&mut self.records);
        let basis = std::mem::take(&mut self.basis).finish();
        // A leaf takes 34 bytes, a header about 200.
        let mut bytes = Vec::with_capacity(records.len() + leaves.len() * 34 + 512);
        let mut encode = || {
            let mut encoder = minicbor::Encoder::new(&mut bytes);
            encoder
                .array(fields(refusals.is_empty(), basis.is_none()))?
                .encode(batch)?
                .encode(leaves)?
                .array(std::mem::take(&mut self.count))?;
            encoder.writer_mut().extend_from_slice(&records);
            if !refusals.is_empty() {
                encoder.encode(refusals)?;
            }
            if let Some(basis) = &basis {
                if refusals.is_empty() {
                    encoder.null()?;
                }
                encoder.encode(basis)?;
            }
            Ok::<_, minicbor::encode::Error<_>>(())
        };
        encode().expect("writing to memory cannot fail");
        bytes
    }
}

/// A page of a log in the making.
#[derive(Debug, Default)]
pub(crate) struct PageBuilder {
    records: Vec<u8>,
    count: usize,
}

impl PageBuilder {
    /// How many slots it has.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// Whether it has none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds the next slot, as a [`LogRecord`](protocol::api::LogRecord).
    pub(crate) fn add(&mut self, record: &Record<'_>) {
        let mut encoder = minicbor::Encoder::new(&mut self.records);
        let encoded = encoder.array(2).and_then(|encoder| encoder.encode(record.assignment));
        encoded.expect("writing to memory cannot fail");
        self.records.extend_from_slice(record.entry);
        self.count += 1;
    }

    /// The bytes of the [`LogPage`](protocol::api::LogPage).
    pub(crate) fn finish(self, next: Slot) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.records.len() + 32);
        let count = u64::try_from(self.count).expect("records fit in memory");
        let mut encode = || {
            let mut encoder = minicbor::Encoder::new(&mut bytes);
            encoder.array(2)?.array(count)?;
            encoder.writer_mut().extend_from_slice(&self.records);
            encoder.encode(next).map(drop)
        };
        encode().expect("writing to memory cannot fail");
        bytes
    }
}

fn read(bytes: &[u8]) -> Result<Segment<'_>, minicbor::decode::Error> {
    let mut d = Decoder::new(bytes);
    let fields = expect_array(&mut d, 3..=5)?;
    let batch = raw(&mut d)?;
    let leaves = raw(&mut d)?;
    let count = d.array()?.unwrap_or_default();
    let mut records = Vec::new();
    for _ in 0..count {
        records.push(record(&mut d)?);
    }
    let refusals = if fields > 3 { d.decode::<Option<_>>()? } else { None };
    let basis = if fields > 4 { Some(raw(&mut d)?) } else { None };
    Ok(Segment { batch, leaves, records, refusals: refusals.unwrap_or_default(), basis })
}

fn record<'b>(d: &mut Decoder<'b>) -> Result<Record<'b>, minicbor::decode::Error> {
    let start = d.position();
    let fields = expect_array(d, 3..=5)?;
    let index = d.u32()?;
    let assignment: Assignment = d.decode()?;
    // Every slot that was assigned has one behind it.
    assignment.slot.next().ok_or_else(|| minicbor::decode::Error::message("the last slot"))?;
    let entry = d.bytes()?;
    let origin = if fields > 3 { d.decode::<Option<&minicbor::bytes::ByteSlice>>()? } else { None };
    let origin = origin.map(|origin| &**origin);
    let link = if fields > 4 { Some(raw(d)?) } else { None };
    Ok(Record { raw: since(d, start), index, assignment, entry, origin, link })
}

fn raw<'b>(d: &mut Decoder<'b>) -> Result<&'b [u8], minicbor::decode::Error> {
    let start = d.position();
    d.skip()?;
    Ok(since(d, start))
}

fn since<'b>(d: &Decoder<'b>, start: usize) -> &'b [u8] {
    d.input().get(start..d.position()).unwrap_or_default()
}

fn expect_array(
    d: &mut Decoder<'_>,
    lengths: std::ops::RangeInclusive<u64>,
) -> Result<u64, minicbor::decode::Error> {
    match d.array()? {
        Some(length) if lengths.contains(&length) => Ok(length),
        _ => Err(minicbor::decode::Error::message("an array of another length")),
    }
}

fn damaged(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("a batch in the log cannot be read: {error}"))
}

#[cfg(test)]
mod tests;

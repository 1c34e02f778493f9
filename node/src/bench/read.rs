//! A long log read from its beginning: as pages, and as a tail.

use std::time::Duration;

use futures::StreamExt;
use protocol::{
    Assignment, ProcessId, Slot,
    api::{Cursor, LogPage, Opening, Request, TailFrame, TailReport},
    codec,
};
use serde::Serialize;
use transport::{FrameReceiver, FrameSender};

use super::{
    flood::{Stream, flood},
    machine::{micros, now},
    subject::{Line, Subject, own_cpu},
    synthetic::World,
};
use crate::{error::NodeError, output::note, units::Spreading};

/// Slots asked for in a page.
const PAGE: u32 = 4_096;

/// Pages on their way at a time.
const AHEAD: usize = 4;

/// What `bench read` found out.
#[derive(Debug, Serialize)]
pub(crate) struct ReadReport {
    pub(crate) scenario: &'static str,
    pub(crate) slots: u64,
    /// How fast the log was written.
    pub(crate) assignments_per_second: u64,
    pub(crate) page: Reading,
    pub(crate) tail: Reading,
}

/// The whole log, read once.
#[derive(Debug, Serialize)]
pub(crate) struct Reading {
    pub(crate) entries_per_second: u64,
    pub(crate) bytes_per_second: u64,
    pub(crate) scheduler_cpu_ns: u64,
    pub(crate) reader_cpu_ns: u64,
}

/// Measures a scheduler program of its own, with a log of so many slots.
pub(crate) async fn read(slots: usize) -> Result<ReadReport, NodeError> {
    let subject = Subject::start(&Spreading::default()).await?;
    let world = World::new(subject.network(), 1_000, 64);
    let processes = subject.populate(&world, 1).await?;
    note(&format!("writing {slots} slots"));
    let stream = Stream::encode(world.messages(&processes, slots), 64);
    let line = subject.connect_as(world.compute()).await?;
    let written = tokio::select! {
        written = flood(&subject, vec![stream], 4_000) => written?,
        ended = execute(&line) => return Err(ended?),
    };
    subject.settle().await;
    let process = processes.first().copied().unwrap_or_else(|| ProcessId::from_bytes([0; 32]));
    let wanted = written.entries + 1;
    note("reading");
    let page = timed(&subject, wanted, pages(&line, process, wanted)).await?;
    let tail = timed(&subject, wanted, tail(&line, wanted)).await?;
    subject.stop().await;
    let assignments_per_second = written.per_second();
    Ok(ReadReport { scenario: "read", slots: wanted, assignments_per_second, page, tail })
}

async fn timed(
    subject: &Subject,
    entries: u64,
    reading: impl Future<Output = Result<u64, NodeError>>,
) -> Result<Reading, NodeError> {
    let cpu = (subject.cpu()?, own_cpu()?);
    let begun = now();
    let bytes = reading.await?;
    let elapsed = micros(begun.elapsed()).max(1);
    let cpu = (subject.cpu()?.saturating_sub(cpu.0), own_cpu()?.saturating_sub(cpu.1));
    let each = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / entries.max(1);
    Ok(Reading {
        entries_per_second: entries.saturating_mul(1_000_000) / elapsed,
        bytes_per_second: bytes.saturating_mul(1_000_000) / elapsed,
        scheduler_cpu_ns: each(cpu.0),
        reader_cpu_ns: each(cpu.1),
    })
}

/// Reads page after page; gives their bytes.
async fn pages(line: &Line, process: ProcessId, wanted: u64) -> Result<u64, NodeError> {
    let ask = |from: u64| async move {
        let request = Request::Log { process, from: Slot::new(from), limit: PAGE };
        let answer = line.ask(&request).await?;
        let bytes = u64::try_from(answer.len()).unwrap_or_default();
        let read = tokio::task::spawn_blocking(move || read_page(&answer, from));
        Ok::<_, NodeError>((read.await.map_err(NodeError::system)??, bytes))
    };
    let (mut from, mut bytes) = (0, 0);
    while from < wanted {
        // Pages are asked for ahead, as if each of them were full.
        let begins = (from..wanted).step_by(usize::try_from(PAGE).unwrap_or(usize::MAX));
        let mut pages = futures::stream::iter(begins).map(ask).buffered(AHEAD);
        while let Some(page) = pages.next().await {
            let (next, length) = page?;
            bytes += length;
            let full = next == from + u64::from(PAGE);
            from = next;
            if !full {
                break;
            }
        }
    }
    Ok(bytes)
}

/// Reads a page that begins with a slot; gives the slot after it.
fn read_page(answer: &[u8], from: u64) -> Result<u64, NodeError> {
    let page: LogPage = codec::decode_trusted(answer).map_err(NodeError::system)?;
    let mut next = from;
    for record in &page.records {
        check(&mut next, record.assignment.slot)?;
    }
    match next > from {
        true => Ok(next),
        false => Err(NodeError::System("the log ends early".to_owned())),
    }
}

/// Says of everything that comes down a tail that it is executed: only so many entries of a process
/// may wait for that. Gives what it breaks off with.
async fn execute(line: &Line) -> Result<NodeError, NodeError> {
    let (mut sender, mut receiver) = open_tail(line).await?;
    loop {
        let frame = next_frame(&mut receiver).await?;
        let read: TailFrame = codec::decode_trusted(frame.as_ref()).map_err(NodeError::system)?;
        let Some(last) = read.records.last() else { continue };
        let Assignment { process, slot, .. } = last.assignment;
        let slot = slot.next().unwrap_or(slot);
        let report =
            TailReport { executed: vec![Cursor { process, slot }], superseded: Vec::new() };
        sender.send(&codec::encode(&report)).await.map_err(NodeError::system)?;
    }
}

async fn open_tail(line: &Line) -> Result<(FrameSender, FrameReceiver), NodeError> {
    let opening = codec::encode(&Opening::Tail { cursors: Vec::new(), present: None });
    line.connection.open_stream(&opening).await.map_err(NodeError::system)
}

async fn next_frame(receiver: &mut FrameReceiver) -> Result<impl AsRef<[u8]>, NodeError> {
    let frame = receiver.recv().await.map_err(NodeError::system)?;
    frame.ok_or_else(|| NodeError::System("the tail ends early".to_owned()))
}

/// Reads what a compute unit would; gives the bytes of the frames.
async fn tail(line: &Line, wanted: u64) -> Result<u64, NodeError> {
    let (_sender, mut receiver) = open_tail(line).await?;
    let (mut next, mut bytes) = (0, 0);
    while next < wanted {
        let frame = next_frame(&mut receiver).await?;
        let read: TailFrame = codec::decode_trusted(frame.as_ref()).map_err(NodeError::system)?;
        for record in &read.records {
            check(&mut next, record.assignment.slot)?;
        }
        bytes += u64::try_from(frame.as_ref().len()).unwrap_or_default();
    }
    Ok(bytes)
}

/// Slots come without gap and repetition.
fn check(next: &mut u64, slot: Slot) -> Result<(), NodeError> {
    if slot.get() != *next {
        return Err(NodeError::System(format!("slot {slot} comes instead of {next}")));
    }
    *next += 1;
    Ok(())
}

impl ReadReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        let reading = |reading: &Reading| {
            format!(
                "{} entries a second, {} bytes; processor time an entry: scheduler {} ns, reader {} ns",
                reading.entries_per_second,
                reading.bytes_per_second,
                reading.scheduler_cpu_ns,
                reading.reader_cpu_ns,
            )
        };
        format!(
            "a log of {} slots, written at {} a second\npages  {}\ntail   {}",
            self.slots,
            self.assignments_per_second,
            reading(&self.page),
            reading(&self.tail),
        )
    }
}

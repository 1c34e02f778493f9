//! The disk fails, fills up or loses power at every single moment of a run, and nothing that was
//! acknowledged is lost. The checker must also find a store that keeps its word less well.

mod stores;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock, Mutex},
};

use protocol::{Assignment, Hash, ProcessId, RefusalCode, Signed, Slot, api::Submission};

use super::testing::{Bench, Told};
use crate::{
    fixture::{
        NETWORK, NOW, WASM, client, message_body, process, reopen, scheduler, spawn, submission,
    },
    running::Opened,
    segment::Segment,
    store::{LogStore, StoreError, testing::FaultDisk},
};

/// What happens to the disk, and when.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// A change or a sync fails, after so many.
    Passing(u64),
    /// Everything fails from then on, until somebody repairs the disk.
    Broken(u64),
    /// There are so many blocks left, until somebody makes room.
    Full(u64),
    /// The power fails after so many changes and syncs.
    Power(u64),
}

/// What the run is done with.
type Open = fn(&Arc<FaultDisk>) -> Result<Opened, StoreError>;

fn honest(disk: &Arc<FaultDisk>) -> Result<Opened, StoreError> {
    let opened = reopen(disk)?;
    opened.shards.modules.put(WASM)?;
    Ok(opened)
}

/// Two spawns and five batches of messages to both, which are more than a file of the log takes.
fn batches() -> &'static [Vec<Submission>] {
    static BATCHES: LazyLock<Vec<Vec<Submission>>> = LazyLock::new(|| {
        let mut batches = vec![vec![submission(0, spawn(1, NOW)), submission(1, spawn(2, NOW))]];
        for batch in 0..5 {
            let message = |nonce: u64| {
                let mut body =
                    message_body(process(1 + nonce % 2, NOW), nonce, NOW.saturating_add(60_000));
                body.args = [&[0xa1, 0x61, 0x61, 0x59, 0x01, 0xf4][..], &[7; 500]].concat();
                submission(nonce, protocol::Entry::Message(Signed::sign(body, &client())))
            };
            // One that lies in one row, and one that lies in pieces.
            let count = 2 + 3 * (batch % 2);
            batches.push((batch * 10..batch * 10 + count).map(message).collect());
        }
        batches
    });
    &BATCHES
}

/// How long the logs of both processes are when everything has been sent.
fn lengths() -> [u64; 2] {
    [1, 2].map(|nonce| {
        let of = |submission: &&Submission| submission.entry.target() == process(nonce, NOW);
        u64::try_from(batches().iter().flatten().filter(of).count()).unwrap()
    })
}

/// What was acknowledged, and what the log had.
#[derive(Debug, Default)]
struct Known {
    acknowledged: Vec<Assignment>,
    segments: Vec<Vec<u8>>,
}

/// Sends everything; whoever is not acknowledged is not heard of again.
fn send(bench: &mut Bench, known: &mut Known) -> Result<(), String> {
    for batch in batches() {
        for (_, told) in bench.submit(batch.clone()) {
            if let Told::Assigned(proof) = told {
                let unit = scheduler().public().unit();
                proof.verify(NETWORK, &unit).map_err(|error| format!("a proof: {error}"))?;
                known.acknowledged.push(proof.assignment);
            }
        }
        let log = &bench.archive().log;
        for number in known.segments.len().. {
            match log.segment(u64::try_from(number).unwrap()) {
                Ok(segment) => known.segments.push(segment),
                Err(_) => break,
            }
        }
        read(&**log, known)?;
    }
    Ok(())
}

/// Checks that everything that was read before can be read.
fn read(log: &dyn LogStore, known: &Known) -> Result<(), String> {
    for (number, segment) in (0..).zip(&known.segments) {
        let found = log.segment(number).map_err(|error| format!("batch {number}: {error}"))?;
        if found != *segment {
            return Err(format!("batch {number} is another one"));
        }
    }
    Ok(())
}

/// Checks that a log is dense and chained, gives nothing two slots, and has what it must have.
fn check(log: &dyn LogStore, known: &Known) -> Result<BTreeMap<ProcessId, u64>, String> {
    let failed = |error: StoreError| error.to_string();
    let (mut ends, mut entries) = (BTreeMap::<ProcessId, (Slot, Hash)>::new(), BTreeSet::new());
    let mut assigned = BTreeSet::new();
    for number in 0..log.count().map_err(failed)? {
        let bytes = log.segment(number).map_err(failed)?;
        let segment = Segment::read(&bytes).map_err(failed)?;
        let header = segment.batch().map_err(failed)?;
        if header.unverified().number != number {
            return Err(format!("batch {number} calls itself {}", header.unverified().number));
        }
        for record in &segment.records {
            let assignment = record.assignment;
            let (next, chain) = ends.entry(assignment.process).or_insert((Slot::ZERO, Hash::ZERO));
            if assignment.slot != *next || !assignment.follows(chain) {
                return Err(format!("{assignment:?} does not follow slot {next:?}"));
            }
            (*next, *chain) = (next.next().unwrap(), assignment.chain);
            if !entries.insert(assignment.entry) {
                return Err(format!("{assignment:?} is there twice"));
            }
            assigned.insert((assignment.process, assignment.slot, assignment.chain));
        }
    }
    let lost = |known: &&Assignment| !assigned.contains(&(known.process, known.slot, known.chain));
    match known.acknowledged.iter().find(lost) {
        Some(lost) => Err(format!("{lost:?} was acknowledged and is lost")),
        None => Ok(ends.into_iter().map(|(process, (next, _))| (process, next.get())).collect()),
    }
}

/// Checks that all is there that was sent.
fn is_complete(bench: &Bench, known: &Known) -> Result<(), String> {
    let found = check(&*bench.archive().log, known)?;
    let wanted = [1, 2].map(|nonce| process(nonce, NOW)).into_iter().zip(lengths()).collect();
    match found == wanted {
        true => read(&*bench.archive().log, known),
        false => Err(format!("{found:?} instead of {wanted:?}")),
    }
}

/// One run: trouble, then the disk works again, and all is sent once more; then the power fails.
/// Tells if the trouble came in time to be noticed.
fn run(trouble: Trouble, open: Open) -> Result<bool, String> {
    let disk = FaultDisk::new();
    match trouble {
        Trouble::Passing(left) => disk.fail_after(left, 1),
        Trouble::Broken(left) | Trouble::Power(left) => disk.fail_after(left, u64::MAX),
        Trouble::Full(blocks) => disk.fill_up(blocks),
    }
    let mut known = Known::default();
    let (mut seed, mut complete) = (11, false);
    // It may fail before there is a unit.
    if let Ok(opened) = open(&disk) {
        let mut bench = Bench::new(opened);
        send(&mut bench, &mut known)?;
        if !matches!(trouble, Trouble::Power(_)) {
            disk.heal();
            send(&mut bench, &mut known)?;
            is_complete(&bench, &known)?;
            complete = true;
        }
        seed += disk.done();
    }
    let in_time = disk.has_failed();
    disk.crash(seed);
    let opened = open(&disk).map_err(|error| format!("it does not open again: {error}"))?;
    let mut bench = Bench::new(opened);
    check(&*bench.archive().log, &known)?;
    read(&*bench.archive().log, &known)?;
    if !complete {
        send(&mut bench, &mut known)?;
    }
    is_complete(&bench, &known)?;
    Ok(in_time)
}

/// Runs with a trouble at every moment, until it comes too late to be noticed.
#[track_caller]
fn at_every_moment(trouble: impl Fn(u64) -> Trouble) {
    for moment in 0.. {
        match run(trouble(moment), honest) {
            Ok(true) => {}
            Ok(false) => return assert!(moment > 20, "a run does more than {moment} things"),
            Err(error) => panic!("{:?}: {error}", trouble(moment)),
        }
    }
}

#[test]
fn a_run_goes_through_files_of_the_log() {
    let disk = FaultDisk::new();
    let mut bench = Bench::new(honest(&disk).unwrap());
    send(&mut bench, &mut Known::default()).unwrap();
    let files = disk.files().into_iter().filter(|file| file.starts_with("log/0"));
    assert!(files.count() > 1);
}

#[test]
fn a_passing_fault_at_any_moment_loses_and_doubles_nothing() {
    at_every_moment(Trouble::Passing);
}

#[test]
fn a_disk_that_breaks_at_any_moment_can_be_read_and_written_again_once_it_works() {
    at_every_moment(Trouble::Broken);
}

#[test]
fn a_disk_that_is_full_at_any_moment_can_be_read_and_written_again_once_there_is_room() {
    at_every_moment(Trouble::Full);
}

#[test]
fn a_power_failure_at_any_moment_loses_and_doubles_nothing() {
    at_every_moment(Trouble::Power);
}

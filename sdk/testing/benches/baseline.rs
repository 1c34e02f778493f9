//! What a message to an actor takes, beside the gas that it costs, and how large the examples' modules
//! are: `cargo bench -p antiphon-testing`.
//!
//! A message is handed over on the stage of modules, executed, and its outcome hashed as for a receipt.
//! Nothing is signed, stored or sent over a network. The actor that is written by hand goes the same
//! way, so that the difference is what the SDK takes.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench reads the clock and prints what it has measured"
)]

use std::time::{Duration, Instant};

#[path = "baseline/subjects.rs"]
mod subjects;

use subjects::{Subject, Subjects};

/// Messages that are executed together.
const BATCH: u32 = 256;

/// Batches, of which the median counts.
const BATCHES: u32 = 41;

/// The gas that the test compares with.
const GAS: &str = include_str!("baseline/gas.txt");

fn main() {
    let mut subjects = Subjects::new();
    // Before anything else is sent, as in the test: numbers of slots cost gas, too.
    let gas = Subject::ALL.map(|subject| subjects.gas(subject));
    println!("{:<40} {:>12} {:>12} {:>12}", "one message", "gas before", "gas", "time");
    let mut written = Duration::ZERO;
    for (subject, gas) in Subject::ALL.into_iter().zip(gas) {
        let (name, time) = (subject.name(), time(&mut subjects, subject));
        println!("{name:<40} {:>12} {gas:>12} {:>9} ns", before(name), time.as_nanos());
        match subject {
            Subject::Written => written = time,
            Subject::Empty => {
                let more = time.saturating_sub(written).as_nanos();
                println!("{:<40} {:>12} {:>12} {more:>9} ns", "  of which the SDK's", "", "");
            }
            _ => {}
        }
    }
    println!("\n{:<40} {:>12}", "module", "bytes");
    for (name, module) in example_modules::ALL {
        println!("{name:<40} {:>12}", module.len());
    }
}

/// What one message takes: the median over batches, divided by their size.
fn time(subjects: &mut Subjects, subject: Subject) -> Duration {
    let mut times: Vec<Duration> = (0..BATCHES)
        .map(|_| {
            for _ in 0..BATCH {
                subjects.post(subject);
            }
            let start = Instant::now();
            subjects.run(subject);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times.get(times.len() / 2).map_or(Duration::ZERO, |median| *median / BATCH)
}

/// What the baseline says of a subject.
fn before(name: &str) -> &str {
    let line = |line: &'static str| line.strip_prefix(name)?.strip_prefix(": ");
    GAS.lines().find_map(line).unwrap_or("none")
}

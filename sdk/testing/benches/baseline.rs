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

use std::time::Instant;

#[path = "baseline/subjects.rs"]
mod subjects;

use subjects::{Subject, Subjects};

/// Messages that are executed together.
const BATCH: u32 = 256;

/// Batches, of which the median counts.
const BATCHES: u32 = 41;

/// Pairs of batches whose times are compared.
const PAIRS: u32 = 401;

/// The gas that the test compares with.
const GAS: &str = include_str!("baseline/gas.txt");

fn main() {
    let mut subjects = Subjects::new();
    // Before anything else is sent, as in the test: numbers of slots cost gas, too.
    let gas = Subject::ALL.map(|subject| subjects.gas(subject));
    println!("{:<40} {:>12} {:>12} {:>12}", "one message", "gas before", "gas", "time");
    for (subject, gas) in Subject::ALL.into_iter().zip(gas) {
        let (name, time) = (subject.name(), time(&mut subjects, subject));
        println!("{name:<40} {:>12} {gas:>12} {time:>9.0} ns", before(name));
    }
    let more = more(&mut subjects);
    println!("\n{:<40} {more:>35.0} ns", "of an empty message, the SDK's");
    println!("\n{:<40} {:>12}", "module", "bytes");
    for (name, module) in example_modules::ALL {
        println!("{name:<40} {:>12}", module.len());
    }
}

/// What one message takes, in nanoseconds.
fn time(subjects: &mut Subjects, subject: Subject) -> f64 {
    median((0..BATCHES).map(|_| batch(subjects, subject)).collect())
}

/// How much more an empty message takes than one to the actor that is written by hand, in
/// nanoseconds. Batches of the two alternate: a pace that changes meanwhile changes for both.
fn more(subjects: &mut Subjects) -> f64 {
    let pair = |_| batch(subjects, Subject::Empty) - batch(subjects, Subject::Written);
    median((0..PAIRS).map(pair).collect())
}

/// What one message of a batch takes, in nanoseconds.
fn batch(subjects: &mut Subjects, subject: Subject) -> f64 {
    for _ in 0..BATCH {
        subjects.post(subject);
    }
    let start = Instant::now();
    subjects.run();
    start.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
}

/// The one in the middle.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// What the baseline says of a subject.
fn before(name: &str) -> &str {
    let line = |line: &'static str| line.strip_prefix(name)?.strip_prefix(": ");
    GAS.lines().find_map(line).unwrap_or("none")
}

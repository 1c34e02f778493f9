//! The gas of a few messages is about what it was. Where the crates lie moves how the compiler orders
//! functions and what it inlines, so a tenth more or less says nothing; a module has its own gas
//! wherever it runs. Whoever changes what actors cost sees by how much:
//! `UPDATE_BASELINE=1 cargo test -p antiphon-testing --test baseline` writes it anew, to be read before
//! it is kept. Their time is a matter of the machine: `cargo bench -p antiphon-testing`.

use std::{env, fmt::Write, fs, path::Path};

#[path = "../benches/baseline/subjects.rs"]
mod subjects;

use subjects::{Subject, Subjects};

#[test]
fn messages_cost_the_gas_that_they_did() {
    let mut subjects = Subjects::new();
    let found = Subject::ALL.iter().fold(String::new(), |mut lines, subject| {
        writeln!(lines, "{}: {}", subject.name(), subjects.gas(*subject)).unwrap();
        lines
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/baseline/gas.txt");
    if env::var_os("UPDATE_BASELINE").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let alike = |(kept, found): (&str, &str)| {
        let (Some((kept, was)), Some((found, is))) =
            (kept.split_once(": "), found.split_once(": "))
        else {
            return false;
        };
        let (was, is): (u64, u64) = (was.parse().unwrap(), is.parse().unwrap());
        kept == found && was.abs_diff(is) <= was / 10
    };
    assert!(
        kept.lines().count() == found.lines().count() && kept.lines().zip(found.lines()).all(alike),
        "gas was\n{kept}and is\n{found}: read what UPDATE_BASELINE=1 writes to {}",
        path.display()
    );
}

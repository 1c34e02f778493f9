//! The suite as it is committed: modules, calls, and what must come of them.

use super::{Difference, Nonconformity};
use crate::instance::Export;

/// The calls, in order. A line is `CASE EXPORT GAS INPUT -> RESULT USED MEMORY GLOBALS`: the export of
/// the guest contract without `antiphon_`, the gas limit, the input in hexadecimal digits (`-` if
/// empty), the output in such digits or why there is none, the gas used, and BLAKE3 of the memory and
/// of the mutable globals after the call. Lines that begin with `#` are for people. Calls of one case
/// follow each other on one instance.
pub(super) const TEXT: &str = include_str!("../../conformance/expected.txt");

macro_rules! modules {
    ($($name:literal),* $(,)?) => {
        /// The names of all cases.
        #[cfg(test)]
        pub(super) const NAMES: &[&str] = &[$($name),*];

        /// The binary of a case.
        pub(super) fn module(case: &str) -> &'static [u8] {
            match case {
                $($name => include_bytes!(concat!("../../conformance/", $name, ".wasm")),)*
                other => unreachable!("the suite has no module {other}"),
            }
        }
    };
}

modules![
    "integers",
    "floats",
    "vectors",
    "memory",
    "growth",
    "ceiling",
    "globals",
    "control",
    "recursion",
    "gas",
    "contract",
];

/// One call of the suite.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    /// The module called.
    pub(super) case: &'a str,
    /// Which of its calls this is, from 1 on.
    pub(super) number: usize,
    /// The export called.
    pub(super) export: Export,
    /// The gas limit.
    pub(super) gas: u64,
    /// The input.
    pub(super) input: Vec<u8>,
}

impl Call<'_> {
    /// What is wrong with this call.
    pub(super) fn differs(&self, what: Difference) -> Nonconformity {
        Nonconformity { case: self.case.to_owned(), call: self.number, what }
    }
}

/// What a call comes to, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// The output, or the fault.
    pub(super) result: String,
    /// The gas used.
    pub(super) gas: String,
    /// The digest of the memory.
    pub(super) memory: String,
    /// The digest of the globals.
    pub(super) globals: String,
}

impl Expected {
    /// The first part of what was found that differs.
    pub(super) fn first_difference(&self, found: &Self) -> Option<Difference> {
        let parts = [
            ("the result", &self.result, &found.result),
            ("the gas used", &self.gas, &found.gas),
            ("the digest of the memory", &self.memory, &found.memory),
            ("the digest of the globals", &self.globals, &found.globals),
        ];
        let (part, expected, found) =
            parts.into_iter().find(|(_, expected, found)| expected != found)?;
        let (expected, found) = (expected.clone(), found.clone());
        Some(Difference::Found { part, expected, found })
    }
}

/// The calls of the suite with what must come of them.
pub(super) fn calls() -> impl Iterator<Item = (Call<'static>, Expected)> {
    let mut last = ("", 0_usize);
    lines(TEXT).map(move |line| {
        let (mut call, expected) = parse(line).expect("a test parses the committed text");
        last = (call.case, if call.case == last.0 { last.1.saturating_add(1) } else { 1 });
        call.number = last.1;
        (call, expected)
    })
}

/// The lines that are calls.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Reads one line. What is not written yet is expected to be nothing.
fn parse(line: &str) -> Option<(Call<'_>, Expected)> {
    let (call, expected) = line.split_once("->")?;
    let mut words = call.split_whitespace();
    let case = words.next()?;
    let export = match words.next()? {
        "handle" => Export::Handle,
        "view" => Export::View,
        "save" => Export::Save,
        _ => return None,
    };
    let gas = words.next()?.parse().ok()?;
    let input = unhex(words.next()?)?;
    let mut words = expected.split_whitespace().map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    let expected = Expected { result: word(), gas: word(), memory: word(), globals: word() };
    Some((Call { case, number: 0, export, gas, input }, expected))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text == "-" {
        return Some(Vec::new());
    }
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

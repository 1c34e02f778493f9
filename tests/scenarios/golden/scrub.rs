//! Replaces what differs from run to run.

use std::collections::BTreeMap;

/// The kinds of ids, by their prefixes.
const KINDS: [&str; 7] = ["proc", "msg", "mod", "acct", "unit", "net", "op"];

/// Findings that differ from machine to machine.
const OF_THE_MACHINE: [&str; 4] = ["toolchain", "open files", "disk", "clock"];

/// Gives everything that differs a name, the same for the same.
#[derive(Debug, Default)]
pub(super) struct Scrubber {
    names: Vec<(String, String)>,
    ids: BTreeMap<String, String>,
}

impl Scrubber {
    /// Gives a text a name.
    pub(super) fn name(&mut self, text: &str, name: &str) {
        self.names.push((text.to_owned(), name.to_owned()));
    }

    /// A text without what differs.
    pub(super) fn scrub(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.names {
            text = text.replace(from, to);
        }
        let mut lines = Vec::new();
        let mut hidden = false;
        for line in text.lines() {
            let check = line.split("  ").filter(|cell| !cell.is_empty()).nth(1).unwrap_or_default();
            let fresh = !line.starts_with("    ");
            hidden = if fresh { OF_THE_MACHINE.contains(&check.trim()) } else { hidden };
            if !hidden {
                lines.push(self.line(line).trim_end().to_owned());
            }
        }
        sort_units(&mut lines);
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn line(&mut self, line: &str) -> String {
        let mut scrubbed = String::new();
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            if word == 0 {
                scrubbed.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let (token, after) = rest.split_at(word);
            scrubbed.push_str(&self.token(token, after));
            rest = after;
        }
        spaces(&ages(&scrubbed))
    }

    fn token(&mut self, token: &str, after: &str) -> String {
        let kind = KINDS.iter().find(|kind| token.starts_with(&format!("{kind}1")));
        let hex = token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
        match kind {
            Some(kind) if token.len() > 50 => {
                let number =
                    self.ids.values().filter(|id| id.starts_with(&format!("{{{kind}-"))).count();
                let name = || format!("{{{kind}-{}}}", number + 1);
                self.ids.entry(token.to_owned()).or_insert_with(name).clone()
            }
            Some(kind) if token.len() == 12 && after.starts_with("...") => format!("{{{kind}}}"),
            _ if hex => "{hash}".to_owned(),
            _ if token.len() > 3 && token.bytes().all(|byte| byte.is_ascii_digit()) => {
                "{n}".to_owned()
            }
            _ => token.to_owned(),
        }
    }
}

/// Units are listed by their ids, and who of them has done what is chance: the lines below the
/// heading of a list of units are sorted, without the work.
fn sort_units(lines: &mut [String]) {
    let Some(at) = lines.iter().position(|line| line.starts_with("unit  state")) else { return };
    let rows = &mut lines[at..];
    for row in rows.iter_mut() {
        let cells: Vec<&str> = row.split("  ").collect();
        if let [unit, state, _, address] = cells[..] {
            *row = format!("{unit}  {state}  {address}");
        }
    }
    if let Some(rows) = rows.get_mut(1..) {
        rows.sort();
    }
}

/// Ages, sizes and gas, in words.
fn ages(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |word: &str| word.parse::<f64>().is_ok();
    let is = |at: usize, unit: &[&str]| words.get(at).is_some_and(|word| unit.contains(word));
    let scrubbed = words.iter().enumerate().map(|(at, word)| {
        let age = is(at + 1, &["s", "min", "h"])
            && (is(at + 2, &["ago"]) || at > 0 && is(at - 1, &["up"]));
        if number(word) && (age || is(at + 1, &["GiB", "ms", "us"])) { "{n}" } else { word }
    });
    scrubbed.collect::<Vec<_>>().join(" ")
}

/// Columns are as wide as what stands in them, which differs: two spaces between any two.
fn spaces(line: &str) -> String {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let (start, rest) = line.split_at(indent);
    let cells = rest.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
    format!("{start}{}", cells.collect::<Vec<_>>().join("  "))
}

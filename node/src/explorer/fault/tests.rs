use std::{collections::BTreeSet, fs};

use super::Fault;

#[test]
fn every_fault_has_its_row_on_the_page_of_errors() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
    let page = fs::read_to_string(page).unwrap();
    let section = page.lines().skip_while(|line| *line != "## Errors of the gateway").skip(1);
    let rows = section.take_while(|line| !line.starts_with("## "));
    let rows = rows.filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = rows.map(|row| row.split(" | ").take(3).map(str::to_owned).collect::<Vec<_>>());
    let found: Vec<_> = cells.filter(|row| row[0].parse::<u16>().is_ok()).collect();
    let expected = Fault::ALL.iter().map(|fault| {
        vec![fault.number().to_string(), format!("`{}`", fault.word()), fault.status().to_string()]
    });
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[test]
fn no_two_faults_share_a_number_or_a_word() {
    let numbers: BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.number()).collect();
    let words: BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.word()).collect();
    assert_eq!((numbers.len(), words.len()), (Fault::ALL.len(), Fault::ALL.len()));
}

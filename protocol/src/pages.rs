//! Compares the pages in `docs/` with the enums and limits they describe.

use std::{fs, path::Path};

use crate::{Domain, FailureKind, HostTableIndex, Limits, Message, RefusalCode, STATE_PAGE_BYTES};

fn page(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// The cells of the rows whose first cell is a number, below a heading.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let lines = page.lines().skip_while(|line| *line != heading).skip(1);
    let section = lines.take_while(|line| !line.starts_with("## "));
    let cells = section.filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = cells.map(|row| row.split(" | ").map(str::to_owned).collect::<Vec<_>>());
    rows.filter(|row| row[0].parse::<u16>().is_ok()).collect()
}

#[test]
fn every_refusal_has_its_row() {
    let rows = rows(&page("errors.md"), "## Refusals");
    assert_eq!(rows.len(), RefusalCode::ALL.len());
    for (row, code) in rows.iter().zip(RefusalCode::ALL) {
        let [number, word, retry, meaning, remedy] = row.as_slice() else {
            panic!("five cells: {row:?}");
        };
        assert_eq!(*number, code.number().to_string());
        assert_eq!(*word, format!("`{}`", code.word()));
        assert_eq!(retry, if code.is_retryable() { "yes" } else { "no" }, "{word}");
        assert!(meaning.ends_with('.') && remedy.ends_with('.'), "{word}");
    }
}

#[test]
fn every_failure_has_its_row() {
    let rows = rows(&page("errors.md"), "## Failures");
    assert_eq!(rows.len(), FailureKind::ALL.len());
    for (row, kind) in rows.iter().zip(FailureKind::ALL) {
        let [number, word, meaning, remedy] = row.as_slice() else {
            panic!("four cells: {row:?}");
        };
        assert_eq!(*number, kind.number().to_string());
        assert_eq!(*word, format!("`{}`", kind.code()));
        assert!(meaning.ends_with('.') && remedy.ends_with('.'), "{word}");
    }
}

#[test]
fn every_domain_is_on_the_page() {
    let page = page("protocol.md");
    for domain in Domain::ALL {
        assert!(page.contains(&format!("`{}`", domain.context())), "{domain:?}");
    }
}

#[test]
fn every_vector_file_is_on_the_page() {
    let page = page("protocol.md");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let stem = path.file_stem().unwrap().to_str().unwrap();
            assert!(page.contains(&format!("`{stem}`")), "{stem}");
        }
    }
}

#[test]
fn limits_are_on_the_page_as_they_are() {
    let row = |name: &str, default: u64, most: u64| format!("| {name} | {default} | {most} |");
    let (default, max) = (Limits::DEFAULT, Limits::MAX);
    let page = page("protocol.md").replace(',', "");
    for row in [
        row("gas", default.gas, max.gas),
        row("memory pages", default.memory_pages.into(), max.memory_pages.into()),
        row("outbox items", default.outbox_items.into(), max.outbox_items.into()),
        row("outbox bytes", default.outbox_bytes.into(), max.outbox_bytes.into()),
        row("message bytes", default.message_bytes.into(), max.message_bytes.into()),
        row("reply bytes", default.reply_bytes.into(), max.reply_bytes.into()),
        row("open asks", default.open_asks.into(), max.open_asks.into()),
        row("timers", default.timers.into(), max.timers.into()),
        row("pending", default.pending.into(), max.pending.into()),
        row("children", default.children.unwrap().into(), max.children.unwrap().into()),
    ] {
        assert!(page.contains(&row), "{row}");
    }
    assert!(page.contains(&format!("{} ms", Message::EXPIRY_MAX)));
    assert!(page.contains(&format!("{} bytes of a module", Limits::MODULE_BYTES_MAX)));
    assert!(page.contains(&format!("{} bytes of a frame", crate::api::OUTCOME_FRAME_MAX)));
    assert!(page.contains(&format!("{} addresses", crate::api::BLOBS_MAX)));
    assert!(page.contains(&format!("A page of a state has {STATE_PAGE_BYTES} bytes")));
    assert!(page.contains(&format!("at most {} bytes; else form 1", HostTableIndex::INLINE_BYTES)));
    let (boundary, most) = (HostTableIndex::BOUNDARY, HostTableIndex::CHUNK_ENTRIES_MAX);
    assert!(page.contains(&format!("multiple of {boundary} or with {most} entries")));
}

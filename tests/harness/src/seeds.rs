//! Bytes to begin with: the vectors of the protocol, and what is written by hand.

use std::{fs, sync::LazyLock};

use data_encoding::HEXLOWER;
use protocol::{Delivery, Entry, codec};

use crate::Family;

/// Where the vectors are.
const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol/vectors");

/// An object of a vector file.
struct Vector {
    kind: String,
    bytes: Vec<u8>,
}

/// Reads a vector file: `type:` lines begin objects, lines without a colon are their bytes.
fn parse(text: &str) -> Vec<Vector> {
    let mut vectors: Vec<Vector> = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(kind) = line.strip_prefix("type: ") {
            vectors.push(Vector { kind: kind.to_owned(), bytes: Vec::new() });
        } else if !line.contains(':')
            && let Some(vector) = vectors.last_mut()
        {
            let hex = line.replace(' ', "");
            vector.bytes.extend(HEXLOWER.decode(hex.as_bytes()).expect("vectors are hex"));
        }
    }
    vectors
}

fn all() -> Vec<Vector> {
    let files = fs::read_dir(VECTORS).expect("the vectors are in the repository");
    let texts = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
    texts.flat_map(|text| parse(&text)).collect()
}

/// What the vectors are of.
#[cfg(test)]
pub(crate) fn kinds() -> impl Iterator<Item = String> {
    all().into_iter().map(|vector| vector.kind)
}

/// The vectors of a family, each behind the number of its decoder.
pub(crate) fn vectors(family: Family) -> Vec<Vec<u8>> {
    let place = |kind: &str| family.iter().position(|(name, _)| *name == kind);
    let seed = |vector: Vector| {
        let choice = u8::try_from(place(&vector.kind)?).ok()?;
        Some([&[choice], vector.bytes.as_slice()].concat())
    };
    let mut seeds: Vec<_> = all().into_iter().filter_map(seed).collect();
    seeds.sort();
    seeds
}

/// Batches as a scheduler stores them.
pub(crate) fn segments() -> Vec<Vec<u8>> {
    let frames = all().into_iter().filter(|vector| vector.kind == "TailFrame");
    frames.map(|vector| vector.bytes).collect()
}

/// Operations on logs: births, messages, deliveries, waits, commits, failures and restarts.
pub(crate) fn operations() -> Vec<Vec<u8>> {
    vec![
        vec![0, 0, 1, 0, 0, 1, 0, 1, 4, 1, 0, 0, 2, 0, 0, 0, 2, 0, 0, 1, 4, 3, 200, 0, 6, 1, 0, 0],
        vec![0, 0, 0, 1, 4, 1, 0, 2, 1, 1, 2, 5, 1, 0, 2, 4, 3, 255, 255, 1, 0, 2, 4, 7, 9, 9, 4],
        vec![0, 2, 2, 2, 1, 0, 2, 2, 1, 1, 4, 6, 2, 2, 1, 2, 5, 2, 2, 1, 2, 4],
    ]
}

/// A tell of another process.
pub(crate) fn delivery() -> Delivery {
    static DELIVERY: LazyLock<Delivery> = LazyLock::new(|| {
        let vectors = parse(include_str!("../../../protocol/vectors/entry-delivery.txt"));
        let entries = vectors.iter().filter_map(|vector| codec::decode(&vector.bytes).ok());
        let deliveries = entries.filter_map(|entry| match entry {
            Entry::Delivery(delivery) => Some(delivery),
            _ => None,
        });
        { deliveries }.next().expect("the file has a delivery")
    });
    DELIVERY.clone()
}

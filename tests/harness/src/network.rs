//! What comes over the network before it is an object: frames, and records of discovery.

use protocol::{Signed, UnitRecord, codec};
use transport::fuzzing::{Admission, frames};

use crate::{Family, NETWORK, choose, seeds};

pub(crate) const FAMILY: Family = &[("Stream", stream), ("Signed<UnitRecord>", record)];

/// The longest frame of [`stream`].
const LIMIT: usize = 300;

pub(crate) fn network(bytes: &[u8]) {
    choose(FAMILY, bytes);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::vectors(FAMILY);
    let stream =
        [[3_u32.to_le_bytes().as_slice(), b"one"].concat(), vec![0; 4], vec![1, 0, 0, 0, 9]];
    seeds.push([&[0, 4], stream.concat().as_slice()].concat());
    seeds
}

/// A stream gives the same frames in whatever pieces it arrives: those that a plain reading finds.
fn stream(bytes: &[u8]) {
    let Some((piece, bytes)) = bytes.split_first() else { return };
    let pieces = bytes.chunks(usize::from(*piece).max(1));
    let (found, whole) = frames(pieces, LIMIT);
    let (expected, end) = read(bytes);
    assert_eq!(found, expected);
    assert_eq!(whole, end);
    assert_eq!(frames([bytes], LIMIT), (found, whole));
}

/// The frames of a stream up to the first that is too long or cut off; whether there is none such.
fn read(mut bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut frames = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let Some((frame, rest)) = rest.split_at_checked(length).filter(|_| length <= LIMIT) else {
            return (frames, false);
        };
        frames.push(frame.to_vec());
        bytes = rest;
    }
    (frames, bytes.is_empty())
}

/// A record under the key of its own unit, then under the one that the input says.
fn record(bytes: &[u8]) {
    let admission = Admission::new(NETWORK);
    let record = codec::decode::<Signed<UnitRecord>>(bytes);
    let (key, value) = bytes.split_at(bytes.len().min(49));
    admission.admit(key, value);
    if let Ok(record) = record {
        let unit = record.unverified().unit;
        let admitted = admission.admit_of(&unit, bytes);
        assert_eq!(admission.known(&unit).is_some(), admitted);
        if admitted {
            assert_eq!(admission.known(&unit).as_ref(), Some(&record));
        }
    }
}

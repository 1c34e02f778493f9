use proptest::prelude::*;
use protocol::{ProcessId, api::SubmitFrame};

use super::*;
use crate::fixture::{NOW, Teller, message, process, spawn, submission};

fn frame() -> SubmitFrame {
    let target = process(1, NOW);
    let teller = Teller::new(target, 3);
    let submissions = vec![
        submission(1, spawn(1, NOW)),
        submission(u64::MAX, message(target, 1, NOW)),
        teller.delivery(300, 0),
        teller.delivery_without_introduction(24, 1),
    ];
    SubmitFrame { submissions, basis: None }
}

/// All submissions of a frame, if every one of them can be read.
fn taken_apart(bytes: &[u8]) -> Option<Vec<Submission>> {
    let received = Received::read(&Bytes::copy_from_slice(bytes)).ok()?;
    received.into_iter().map(|one| Some(one.decode().ok()?.submission)).collect()
}

#[test]
fn parts_are_the_canonical_bytes_of_what_they_say() {
    let frame = frame();
    let received = Received::read(&codec::encode(&frame).into()).unwrap();
    assert_eq!(received.len(), frame.submissions.len());
    for (received, submission) in received.into_iter().zip(frame.submissions) {
        assert_eq!(received.tag, submission.tag);
        assert_eq!(received.entry, codec::encode(&submission.entry));
        let origin = submission.origin.as_ref().map(|origin| codec::encode(&**origin));
        assert_eq!(received.origin.as_deref(), origin.as_deref());
        assert_eq!(received.length(), codec::encode(&submission).len());
        assert_eq!(received.decode().map(|said| said.submission).ok(), Some(submission));
    }
}

#[test]
fn who_introduces_nobody_is_not_decoded_early() {
    let received = Received::read(&codec::encode(&frame()).into()).unwrap();
    let introductions: Vec<_> =
        received.iter().filter_map(Received::introduction).map(|said| said.tag).collect();
    assert_eq!(introductions, [300]);
}

#[test]
fn many_submissions_have_a_longer_head() {
    for count in [0, 1, 23, 24, 255, 256, 300] {
        let message = submission(7, message(ProcessId::from_bytes([1; 32]), 1, NOW));
        let frame = SubmitFrame { submissions: vec![message; count], basis: None };
        assert_eq!(taken_apart(&codec::encode(&frame)), Some(frame.submissions));
    }
}

#[test]
fn a_head_that_could_be_shorter_is_refused() {
    let good = codec::encode(&SubmitFrame { submissions: Vec::new(), basis: None });
    assert_eq!(good, [0x81, 0x80]);
    for bad in [&[0x81, 0x98, 0][..], &[0x98, 1, 0x80], &[0x81, 0x9f, 0xff], &[0x81, 0x80, 0]] {
        assert_eq!(taken_apart(bad), None, "{bad:02x?}");
    }
}

proptest! {
    /// What is taken apart is what a strict decoder of the whole would have found.
    #[test]
    fn changed_bytes_are_read_as_strictly_as_ever(at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = codec::encode(&frame());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let whole = codec::decode::<SubmitFrame>(&bytes).ok().map(|frame| frame.submissions);
        prop_assert_eq!(taken_apart(&bytes), whole);
    }

    #[test]
    fn arbitrary_bytes_are_read_as_strictly_as_ever(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        head in prop::sample::select(vec![vec![], vec![0x81], vec![0x81, 0x81, 0x83, 0x01]]),
    ) {
        let bytes = [head, bytes].concat();
        let whole = codec::decode::<SubmitFrame>(&bytes).ok().map(|frame| frame.submissions);
        prop_assert_eq!(taken_apart(&bytes), whole);
    }
}

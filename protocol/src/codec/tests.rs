use std::fmt::Debug;

use proptest::{
    collection::vec,
    prelude::{Strategy, any, prop_oneof},
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};

use super::*;
use crate::examples;

/// Checks that a decoder accepts every example and one spelling of it only, and that it survives
/// everything else.
#[track_caller]
fn check_decoder<T>(examples: &[T])
where
    T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + Debug,
{
    let spelled: Vec<Vec<u8>> = examples.iter().map(encode).collect();
    assert!(!spelled.is_empty());
    for (example, bytes) in examples.iter().zip(&spelled) {
        assert_eq!(decode::<T>(bytes).as_ref(), Ok(example), "round trip");
        check_exact_length::<T>(bytes);
        check_other_spellings::<T>(bytes);
    }
    check_bombs::<T>();
    check_arbitrary::<T>(spelled);
}

#[track_caller]
fn refuse<T>(bytes: &[u8], why: &str)
where
    T: Encode<()> + for<'b> Decode<'b, ()> + Debug,
{
    let decoded = decode::<T>(bytes);
    assert!(decoded.is_err(), "{why}: {bytes:02x?} was read as {decoded:?}");
}

#[track_caller]
fn check_exact_length<T>(bytes: &[u8])
where
    T: Encode<()> + for<'b> Decode<'b, ()> + Debug,
{
    for length in 0..bytes.len() {
        refuse::<T>(&bytes[..length], "truncated");
    }
    for byte in 0..=u8::MAX {
        refuse::<T>(&[bytes, &[byte]].concat(), "a byte too many");
    }
}

/// Objects are arrays: their header can be written longer, without a length, or with one element
/// more that a lenient decoder would skip.
#[track_caller]
fn check_other_spellings<T>(bytes: &[u8])
where
    T: Encode<()> + for<'b> Decode<'b, ()> + Debug,
{
    let (header, rest) = bytes.split_first().unwrap();
    assert!((0x80..0x97).contains(header), "an object is a short array");
    refuse::<T>(&[&[0x98, header - 0x80], rest].concat(), "a longer header");
    refuse::<T>(&[&[0x9f], rest, &[0xff]].concat(), "an indefinite length");
    refuse::<T>(&[&[header + 1], rest, &[0xf6]].concat(), "a null more");
    refuse::<T>(&[&[header + 1], rest, &[0xa0]].concat(), "a field more");
    refuse::<T>(&[&[0xc1, *header], rest].concat(), "a tag");
}

/// Announced lengths that no memory could hold, and nesting that no stack could.
#[track_caller]
fn check_bombs<T>()
where
    T: Encode<()> + for<'b> Decode<'b, ()> + Debug,
{
    for kind in [0x5b, 0x7b, 0x9b, 0xbb] {
        for number in 0..16 {
            refuse::<T>(&[&[kind], [0xff; 8].as_slice()].concat(), "a huge item");
            let field = [&[0x82, number, kind], [0xff; 8].as_slice()].concat();
            refuse::<T>(&field, "a huge field");
        }
    }
    refuse::<T>(&[0x81; 200_000], "deep arrays");
    refuse::<T>(&[0x9f; 200_000], "deep indefinite arrays");
}

fn check_arbitrary<T>(spelled: Vec<Vec<u8>>)
where
    T: Encode<()> + for<'b> Decode<'b, ()> + Debug,
{
    let config = Config { cases: 512, failure_persistence: None, ..Config::default() };
    let bytes = prop_oneof![1 => vec(any::<u8>(), 0..200), 3 => mutated(spelled)];
    let outcome = TestRunner::new(config).run(&bytes, |bytes| {
        if let Ok(object) = decode::<T>(&bytes) {
            assert_eq!(encode(&object), bytes, "another spelling of {object:?}");
        }
        Ok(())
    });
    outcome.unwrap();
}

/// A change of one byte.
#[derive(Debug, Clone)]
enum Edit {
    Replace(u8),
    Flip(u8),
    Insert(u8),
    Remove,
    Truncate,
}

/// Valid bytes with a few edits.
fn mutated(spelled: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edit = prop_oneof![
        4 => any::<u8>().prop_map(Edit::Replace),
        4 => (0..8_u8).prop_map(|bit| Edit::Flip(1 << bit)),
        1 => any::<u8>().prop_map(Edit::Insert),
        1 => proptest::strategy::Just(Edit::Remove),
        1 => proptest::strategy::Just(Edit::Truncate),
    ];
    let edits = vec((any::<Index>(), edit), 1..4);
    (select(spelled), edits).prop_map(|(mut bytes, edits)| {
        for (place, edit) in edits {
            if bytes.is_empty() {
                break;
            }
            let place = place.index(bytes.len());
            match edit {
                Edit::Replace(byte) => bytes[place] = byte,
                Edit::Flip(bits) => bytes[place] ^= bits,
                Edit::Insert(byte) => bytes.insert(place, byte),
                Edit::Remove => drop(bytes.remove(place)),
                Edit::Truncate => bytes.truncate(place),
            }
        }
        bytes
    })
}

macro_rules! decoders {
    ($($name:ident: $examples:expr;)*) => {
        $(#[test] fn $name() { check_decoder(&$examples[..]); })*
    };
}

/// Round trip; exact length; arbitrary bytes never panic; what decodes encodes to the same bytes.
mod four_properties_hold_for {
    use super::*;
    use crate::{FailureKind, Principal, Profile, Verdict};
    use examples::{frames, guest, statements, states};

    decoders! {
        entry: examples::entries();
        signed_message: [examples::message()];
        signed_spawn: [examples::spawn()];
        signed_control: examples::control_actions().into_iter().map(examples::control).collect::<Vec<_>>();
        signed_batch_header: [examples::assignment_proof().batch];
        signed_receipt_batch: [examples::receipt().batch];
        signed_unit_record: [statements::unit_record()];
        signed_view_answer: statements::view_answers();
        signed_head_statement: [statements::head()];
        signed_pair_statement: [
            examples::pair_statement(Verdict::Assigned(crate::Slot::new(5))),
            examples::pair_statement(Verdict::Refused(crate::RefusalCode::Expired)),
        ];
        signed_state_statement: states::checkpoints().iter().map(states::statement).collect::<Vec<_>>();
        message: [examples::message_body()];
        spawn: [examples::spawn_body()];
        unit_record: [statements::unit_record_body()];
        principal: [
            Principal::Anonymous,
            examples::account(),
            Principal::Process(examples::other_process()),
        ];
        delivery: [examples::delivery()];
        timer: [examples::timer()];
        assignment: examples::assignments();
        assignment_proof: [examples::assignment_proof()];
        merkle_path: [examples::assignment_proof().path];
        refusal_leaf: [statements::refusal_leaf()];
        receipt: [examples::receipt(), statements::conflicting_receipt()];
        receipt_leaf: [
            examples::receipt_leaf(),
            crate::ReceiptLeaf { previous: None, ..examples::receipt_leaf() },
            crate::ReceiptLeaf { state_root: None, ..examples::receipt_leaf() },
        ];
        outcome: [examples::outcome()];
        outbox_item: examples::outbox();
        failure: FailureKind::ALL.iter().copied().map(crate::Failure::of).collect::<Vec<_>>();
        origin_proof: [
            examples::origin_proof(),
            crate::OriginProof { introduction: None, ..examples::origin_proof() },
        ];
        provenance: [
            examples::provenance(),
            crate::Provenance { changes: vec![statements::change()], ..examples::provenance() },
        ];
        change: [statements::change()];
        fault: statements::faults();
        compute_policy: [examples::policy(), statements::next_policy()];
        acceptance: [examples::acceptance()];
        profile: [Profile::v1()];
        limits: [crate::Limits::DEFAULT, crate::Limits::MAX];
        view_request: [
            statements::view_request(),
            crate::ViewRequest { at_least: None, ..statements::view_request() },
        ];
        input: guest::inputs();
        output: guest::outputs();
        saved_state: [guest::saved_state()];
        schema: [guest::schema(), guest::shaped_schema()];
        request: frames::requests();
        response: frames::responses();
        refusal: frames::refusals();
        opening: frames::openings();
        submit_frame: [frames::submit_frame(), frames::linked_submit_frame()];
        submit_event: frames::submit_events();
        tail_frame: [
            frames::tail_frame(),
            frames::refusing_frame(),
            frames::linked_tail_frame(),
        ];
        tail_report: [frames::tail_report()];
        adopted: [frames::adopted()];
        head_page: [frames::head_page()];
        follow_frame: [frames::follow_frame(), frames::whole_follow_frame()];
        unit_status: [frames::unit_status()];
        records: [frames::records()];
        log_page: [frames::log_page()];
        next_number: [frames::next_number()];
        process_page: [frames::process_page()];
        stored: [crate::api::Stored { module: examples::module() }];
        module_bytes: [frames::module_bytes()];
        outcome_page: [frames::outcome_page()];
        checkpoint_answer: [frames::checkpoint_answer()];
        blobs: [frames::blobs()];
        global_value: states::globals();
        state: [states::state()];
        proof: states::proofs();
        page_proof: states::page_proofs(&states::image(), &[0, 3, 79]);
        key_proof: states::key_proofs();
        position: [states::position()];
        checkpoint: states::checkpoints();
        memory_index: [states::memory_index()];
        page_entry: states::memory_node().entries();
    }
}

#[test]
fn absent_fields_are_null_in_the_middle_and_left_out_at_the_end() {
    let leaf = crate::ReceiptLeaf { previous: None, ..examples::receipt_leaf() };
    let bytes = encode(&leaf);
    assert_eq!(bytes[0], 0x88);
    assert_eq!(bytes[bytes.len() - 35], 0xf6);
    let bare = crate::ReceiptLeaf { state_root: None, ..leaf };
    let bytes = encode(&bare);
    assert_eq!(bytes[0], 0x86);
    refuse::<crate::ReceiptLeaf>(
        &[&[0x87], &bytes[1..], &[0xf6]].concat(),
        "a null at the end has a shorter spelling",
    );
}

#[test]
fn an_error_names_the_object_and_what_is_wrong() {
    let malformed = decode::<crate::Signed<crate::Message>>(&[0x00]).unwrap_err();
    assert!(matches!(malformed, DecodeError::Malformed { what: "Signed", .. }), "{malformed:?}");
    let bytes = [encode(&examples::timer()), vec![0x00]].concat();
    assert_eq!(decode::<crate::Timer>(&bytes), Err(DecodeError::NotCanonical { what: "Timer" }),);
}

#[test]
fn another_version_or_kind_is_refused() {
    let mut bytes = encode(&examples::message_body());
    assert_eq!(bytes[1..3], [0x01, 0x01], "version, kind");
    bytes[1] = 0x02;
    refuse::<crate::Message>(&bytes, "version 2");
    bytes[1] = 0x01;
    bytes[2] = 0x02;
    refuse::<crate::Message>(&bytes, "kind 2");
}

#[test]
fn a_trusted_decoder_does_not_compare_spellings() {
    let bytes = [encode(&examples::timer()), vec![0x00]].concat();
    assert_eq!(decode_trusted::<crate::Timer>(&bytes), Ok(examples::timer()));
    assert!(decode_trusted::<crate::Timer>(&bytes[..5]).is_err());
}

use protocol::{
    ModuleId, ProcessId, Timestamp, UnitId,
    abi::{Output, SavedState},
    codec,
};

use super::*;

const TARGET: ProcessId = ProcessId::from_bytes([7; 32]);

fn bytes(len: u8) -> Vec<u8> {
    (0..len).collect()
}

fn effects(hint: Option<UnitId>, call: Option<u64>, every: Option<u64>) -> Vec<GuestEffect> {
    let (method, args) = (|| "add".to_owned(), || bytes(40));
    vec![
        GuestEffect::Log { level: 4, text: "ä".repeat(200) },
        GuestEffect::Event { name: "Added".into(), data: bytes(3) },
        GuestEffect::Tell { target: TARGET, method: method(), args: args(), hint },
        GuestEffect::Ask {
            target: TARGET,
            method: method(),
            args: args(),
            token: 1 << 20,
            patience: 60_000,
            hint,
            call,
        },
        GuestEffect::Reply { call: 24, result: GuestResult::Later },
        GuestEffect::Reply { call: 0, result: GuestResult::Reply(bytes(2)) },
        GuestEffect::Reply {
            call: 1,
            result: GuestResult::Error { code: "refused".into(), detail: "no".into() },
        },
        GuestEffect::SpawnBare {
            module: ModuleId::from_bytes([9; 32]),
            args: args(),
            name: String::new(),
            nonce: 255,
        },
        GuestEffect::SetTimer {
            token: u64::MAX,
            due: Timestamp::new(1 << 32),
            every,
            catch_up: every.is_some(),
            method: method(),
            args: args(),
            call,
        },
        GuestEffect::CancelTimer { token: 23 },
        GuestEffect::Spawn { spawn: bytes(250), token: 256, patience: 65_536, call },
    ]
}

#[test]
fn every_output_is_written_as_the_codec_does() {
    let answers = [
        Ok(Answer::Nothing),
        Ok(Answer::Reply(bytes(24))),
        Err(Error::refused("no")),
        Ok(Answer::Later),
        Ok(Answer::Held),
    ];
    let mut written = Vec::new();
    for answer in answers {
        let result = match answer.clone() {
            Ok(answer) => answer.into_result(),
            Err(error) => error.into_result(),
        };
        for hint in [None, Some(UnitId::from_bytes([3; 32]))] {
            for (call, every) in
                [(None, None), (Some(5), None), (None, Some(7)), (Some(0), Some(0))]
            {
                let effects = effects(hint, call, every);
                // In the place of the one before.
                write(&mut written, &answer, &effects);
                assert_eq!(written, codec::encode(&Output { result: result.clone(), effects }));
            }
        }
    }
}

#[test]
fn much_memory_is_not_kept_for_the_next_output() {
    let mut written = Vec::new();
    write(&mut written, &Ok(Answer::Reply(vec![7; KEPT])), &[]);
    assert!(written.len() > KEPT);
    write(&mut written, &Ok(Answer::Nothing), &[]);
    assert_eq!(written, [0x82, 0x82, 0x00, 0x41, 0xf6, 0x80]);
    assert!(written.capacity() <= KEPT);
}

#[test]
fn a_saved_state_is_written_as_the_codec_does() {
    let state = bytes(100);
    for size in [7, 100, 1000] {
        let chunks = state.chunks(size).map(|chunk| chunk.to_vec().into()).collect();
        let expected = codec::encode(&SavedState { version: 300, chunks, image_of: None });
        assert_eq!(write_saved(300, state.chunks(size)), expected);
    }
}

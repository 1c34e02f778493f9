use protocol::{AccountId, Principal, ProcessId, Tag, codec};

use super::*;

fn spawn(children: Option<u32>, previous: Option<Hash>) -> Spawn {
    Spawn {
        version: V1,
        kind: Kind,
        network: NetworkId::from_bytes([1; 32]),
        sender: Principal::Account(AccountId::from_bytes([2; 32])),
        module: ModuleId::from_bytes([3; 32]),
        acceptance: Acceptance {
            unit: UnitId::from_bytes([4; 32]),
            signature: Signature::from_bytes([5; 64]),
        },
        args: Vec::new(),
        name: String::new(),
        tags: Vec::new(),
        nonce: 300,
        expiry: Timestamp::new(1 << 40),
        scheduler: UnitId::from_bytes([6; 32]),
        policy: ComputePolicy {
            units: vec![UnitId::from_bytes([4; 32]), UnitId::from_bytes([7; 32])],
            quorum: 2,
            version: 0,
            previous,
        },
        profile: ProfileId::from_bytes([8; 32]),
        controller: Principal::Process(ProcessId::from_bytes([9; 32])),
        limits: Limits { children, ..Limits::DEFAULT },
    }
}

fn spawns() -> [Spawn; 3] {
    [
        spawn(None, None),
        spawn(Some(7), Some(Hash::from_bytes([10; 32]))),
        Spawn { controller: Principal::Anonymous, ..spawn(Some(0), None) },
    ]
}

fn named(spawn: &Spawn) -> Spawn {
    let tag = Tag { name: "kind".into(), value: "ä".repeat(100) };
    let tags = vec![tag.clone(), tag];
    Spawn { args: vec![0xa0; 30], name: "child".into(), tags, ..spawn.clone() }
}

#[test]
fn a_spawn_is_written_as_the_codec_does() {
    for spawn in spawns() {
        assert_eq!(write(&spawn), codec::encode(&spawn));
        assert_eq!(write(&named(&spawn)), codec::encode(&named(&spawn)));
    }
}

#[test]
fn a_spawn_is_read_but_for_what_a_child_has_of_its_own() {
    for spawn in spawns() {
        assert_eq!(read(&codec::encode(&named(&spawn))), Some(spawn));
    }
}

#[test]
fn a_spawn_that_is_cut_off_is_none() {
    let bytes = codec::encode(&named(&spawn(None, None)));
    for len in 0..bytes.len() {
        assert_eq!(read(&bytes[..len]), None, "{len}");
    }
}

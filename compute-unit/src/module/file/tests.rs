use super::*;

fn key() -> Key {
    Key { secret: [1; 32], profile: ProfileId::from_bytes([2; 32]), engine: [3; 32] }
}

fn module() -> ModuleId {
    ModuleId::of(b"module")
}

fn facts() -> Facts {
    let kinds =
        [GlobalKind::I32, GlobalKind::I64, GlobalKind::F32, GlobalKind::F64, GlobalKind::V128];
    let global = |(index, kind)| MutableGlobal { export: format!("global.{index}"), kind };
    Facts {
        genesis: vec![
            Segment { offset: 8, bytes: b"one".to_vec() },
            Segment { offset: u32::MAX, bytes: vec![] },
        ],
        initial_pages: 17,
        globals: (0..).zip(kinds).map(global).collect(),
    }
}

fn unusable(key: &Key, module: &ModuleId, bytes: &[u8]) -> Unusable {
    match open(key, module, bytes) {
        Ok(_) => panic!("believed"),
        Err(unusable) => unusable,
    }
}

#[test]
fn what_was_kept_comes_back() {
    let bytes = compiled(&key(), &module(), &facts(), b"code");
    match open(&key(), &module(), &bytes).unwrap() {
        Content::Compiled(found, code) => {
            assert_eq!(found, facts());
            assert_eq!(code.bytes(), b"code");
        }
        Content::Refused(_) => panic!("not a refusal"),
    }
    let bytes = refused(&key(), &module(), "it imports something").unwrap();
    match open(&key(), &module(), &bytes).unwrap() {
        Content::Refused(text) => assert_eq!(text, "it imports something"),
        Content::Compiled(..) => panic!("not a module"),
    }
    assert!(refused(&key(), &module(), &"x".repeat(REFUSAL_BYTES_MAX + 1)).is_none());
}

#[test]
fn every_changed_bit_is_noticed() {
    let whole = compiled(&key(), &module(), &facts(), b"code");
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            assert_eq!(unusable(&key(), &module(), &bytes), Unusable::Damaged, "{at}.{bit}");
        }
    }
}

#[test]
fn files_cut_off_or_lengthened_are_noticed() {
    let mut bytes = compiled(&key(), &module(), &facts(), b"code");
    for length in 0..bytes.len() {
        assert_eq!(unusable(&key(), &module(), &bytes[..length]), Unusable::Damaged);
    }
    bytes.push(0);
    assert_eq!(unusable(&key(), &module(), &bytes), Unusable::Damaged);
}

#[test]
fn files_of_other_units_and_other_modules_are_not_believed() {
    let bytes = compiled(&key(), &module(), &facts(), b"code");
    let stranger = Key { secret: [9; 32], ..key() };
    assert_eq!(unusable(&stranger, &module(), &bytes), Unusable::Damaged);
    let other = ModuleId::of(b"another module");
    assert_eq!(unusable(&key(), &other, &bytes), Unusable::Damaged);
}

#[test]
fn files_of_other_engines_and_profiles_are_stale() {
    let bytes = compiled(&key(), &module(), &facts(), b"code");
    let newer = Key { engine: [9; 32], ..key() };
    assert_eq!(unusable(&newer, &module(), &bytes), Unusable::Stale);
    let newer = Key { profile: ProfileId::from_bytes([9; 32]), ..key() };
    assert_eq!(unusable(&newer, &module(), &bytes), Unusable::Stale);
}

#[test]
fn lengths_that_lie_are_noticed_even_under_a_checksum() {
    let whole = compiled(&key(), &module(), &facts(), b"code");
    let lengths = 52 + 3 * 32 + 1;
    for at in lengths..lengths + 12 {
        let mut body = whole[52..].to_vec();
        body[at - 52] = 0xff;
        let checksum = hash(&key(), &prefix_now(), &body);
        let bytes = [&prefix_now(), checksum.as_bytes().as_slice(), &body].concat();
        assert_eq!(unusable(&key(), &module(), &bytes), Unusable::Damaged, "{at}");
    }
}

/// Format 1, byte for byte: a change needs another version.
#[test]
fn the_format_is_as_documented() {
    let bytes = refused(&key(), &module(), "no").unwrap();
    let (checksum, module) = (hash(&key(), &bytes[..20], &bytes[52..]), module());
    let expected = [
        b"antiphon module\0".as_slice(),
        &[1, 0, 0, 0],
        checksum.as_bytes(),
        module.as_bytes(),
        &[2; 32],
        &[3; 32],
        &[1],
        &[0, 0, 0, 0],
        &[2, 0, 0, 0, 0, 0, 0, 0],
        b"no",
    ];
    assert_eq!(bytes, expected.concat());
    let stored = codec::encode(&Stored::from(&facts()));
    let global = |index: u8, kind| [&[0x82, 0x68], b"global.".as_slice(), &[index, kind]].concat();
    let expected = [
        // [17, [[8, h'6f6e65'], [4294967295, h'']], [["global.0", 0], ... ["global.4", 4]]]
        [0x83, 0x11, 0x82, 0x82, 0x08, 0x43].as_slice(),
        b"one",
        &[0x82, 0x1a, 0xff, 0xff, 0xff, 0xff, 0x40, 0x85],
    ];
    let globals = (0..5).flat_map(|kind| global(b'0' + kind, kind));
    assert_eq!(stored, expected.concat().into_iter().chain(globals).collect::<Vec<_>>());
}

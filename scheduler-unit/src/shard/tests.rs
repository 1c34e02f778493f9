use proptest::prelude::*;

use super::*;

fn count(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

#[test]
fn the_shard_of_a_process_is_fixed() {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&[0x05, 0x01, 0, 0, 0, 0, 0, 0x80]);
    let process = ProcessId::from_bytes(bytes);
    // 0x8000000000000105, little-endian.
    assert_eq!(shard_of(&process, count(1)), 0);
    assert_eq!(shard_of(&process, count(2)), 1);
    assert_eq!(shard_of(&process, count(10)), 9);
    assert_eq!(shard_of(&process, count(256)), 5);
    bytes[8..].fill(0xff);
    assert_eq!(shard_of(&ProcessId::from_bytes(bytes), count(256)), 5, "the rest has no say");
    assert_eq!(shard_of(&ProcessId::from_bytes([0xff; 32]), count(u16::MAX)), 0);
}

proptest! {
    #[test]
    fn a_process_has_one_of_the_shards(bytes: [u8; 32], shards in 1..=u16::MAX) {
        prop_assert!(shard_of(&ProcessId::from_bytes(bytes), count(shards)) < shards);
    }
}

use std::collections::BTreeSet;

use super::*;
use crate::codec;

#[test]
fn codes_have_numbers_and_words_of_their_own() {
    let words: BTreeSet<&str> = RefusalCode::ALL.iter().map(|code| code.word()).collect();
    assert_eq!(words.len(), RefusalCode::ALL.len());
    for (number, code) in (1..).zip(RefusalCode::ALL) {
        assert_eq!(code.number(), number);
    }
}

#[test]
fn words_are_kebab_case() {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    assert!(RefusalCode::ALL.iter().all(|code| code.word().bytes().all(plain)));
}

#[test]
fn a_code_is_its_number_on_the_wire() {
    assert_eq!(codec::encode(&RefusalCode::Malformed), [0x01]);
    assert_eq!(codec::encode(&RefusalCode::Stopped), [0x18, 0x20]);
    assert!(codec::decode::<RefusalCode>(&[0x00]).is_err());
    assert!(codec::decode::<RefusalCode>(&[0x18, 0x18 + 200]).is_err());
}

#[test]
fn a_refusal_reads_as_word_and_sentence() {
    let refusal = Refusal::new(RefusalCode::Expired, "sign it again");
    assert_eq!(refusal.to_string(), "expired: sign it again");
    assert_eq!(refusal.retry_after, None);
    assert!(!refusal.code.is_retryable());
    assert!(RefusalCode::Busy.is_retryable());
}

use bech32::{Bech32m, Hrp};
use proptest::prelude::*;

use super::*;

fn of_the_library(prefix: &str, bytes: &[u8]) -> String {
    bech32::encode_lower::<Bech32m>(Hrp::parse_unchecked(prefix), bytes).unwrap()
}

#[test]
fn the_lengths_of_bytes_and_prefixes_are_told_apart() {
    let long = of_the_library("proc", &[1; 33]);
    assert_eq!(read(&long, "proc"), Err("it is too long"));
    let short = of_the_library("proc", &[1; 31]);
    assert_eq!(read(&short, "proc"), Err("it is too short"));
    assert!(read(&of_the_library("proc", &[]), "proc").is_err());
    let other = of_the_library("proca", &[1; 32]);
    assert_eq!(read(&other, "proc"), Err("it names something of another kind"));
}

proptest! {
    #[test]
    fn spellings_are_those_of_the_library(bytes: [u8; 32], prefix in "[a-z]{1,10}") {
        let text = spell(&prefix, &bytes);
        prop_assert_eq!(&text, &of_the_library(&prefix, &bytes));
        prop_assert_eq!(read(&text, &prefix), Ok(bytes));
    }

    #[test]
    fn what_is_read_is_the_one_spelling(text in "[a-z0-9]{0,4}1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{0,70}") {
        if let Ok(bytes) = read(&text, "proc") {
            prop_assert_eq!(spell("proc", &bytes), text);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text: String) {
        let _ = read(&text, "proc");
    }
}

use super::*;

/// Little, for tests.
const WORK: u8 = 4;

fn passphrase(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

#[test]
fn what_is_sealed_opens_with_its_passphrase_alone() {
    let sealed = seal("ed25519:secret\n", &passphrase("open sesame"), WORK).unwrap();
    assert!(is_sealed(&sealed) && !sealed.contains("secret"), "{sealed}");
    assert_eq!(&*open(&sealed, &passphrase("open sesame")).unwrap(), "ed25519:secret\n");
    let wrong = open(&sealed, &passphrase("open barley"));
    assert!(matches!(wrong, Err(SealError::Passphrase)), "{wrong:?}");
}

#[test]
fn two_seals_of_one_text_have_nothing_in_common() {
    let seals = [(); 2].map(|()| seal("text", &passphrase("p"), WORK).unwrap());
    let body = |sealed: &str| sealed.lines().nth(2).unwrap().to_owned();
    assert_ne!(body(&seals[0]), body(&seals[1]));
}

#[test]
fn other_files_are_told_from_a_wrong_passphrase() {
    let sealed = seal("text", &passphrase("p"), WORK).unwrap();
    let cut = sealed.get(..sealed.len() / 2).unwrap();
    for text in ["", "ed25519:00", "-----BEGIN AGE ENCRYPTED FILE-----\n", cut] {
        let opened = open(text, &passphrase("p"));
        assert!(matches!(opened, Err(SealError::Format(_))), "{text:?}: {opened:?}");
    }
}

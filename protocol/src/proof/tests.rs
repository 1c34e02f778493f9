use super::*;
use crate::examples::{NETWORK, key, statements, states};

fn page() -> PageInState {
    match states::proofs().remove(2) {
        Proof::Page(page) => *page,
        other => panic!("{other:?}"),
    }
}

fn of_key() -> KeyInState {
    match states::proofs().remove(3) {
        Proof::Key(key) => *key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_tells_what_it_is() {
    for fault in statements::faults() {
        assert_eq!(ProofFile::decode(&codec::encode(&fault)), Ok(ProofFile::Fault(fault)));
    }
    for proof in states::proofs() {
        assert_eq!(ProofFile::decode(&codec::encode(&proof)), Ok(ProofFile::Proof(proof)));
    }
    for bytes in [&[][..], &[0x80], &[0x82, 0x0f], &[0x82, 0x15, 0x00]] {
        assert!(ProofFile::decode(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_page_is_in_its_state_and_in_no_other() {
    assert_eq!(page().verify(NETWORK), Ok(states::state().root()));
    let mut other = page();
    other.page[0] ^= 1;
    assert_eq!(other.verify(NETWORK), Err(StateProofError::Page));
    let mut other = page();
    other.state.globals.pop();
    assert_eq!(other.verify(NETWORK), Err(StateProofError::OtherState), "the unit said another");
    other.statement = None;
    assert_ne!(other.verify(NETWORK), Ok(states::state().root()));
}

#[test]
fn a_key_has_its_value_or_is_absent() {
    let root = states::state().root();
    assert_eq!(of_key().verify(NETWORK), Ok(root));
    let mut absent = of_key();
    absent.value = None;
    assert_eq!(absent.verify(NETWORK), Err(StateProofError::Key));
    absent.key = b"reply".to_vec();
    absent.proof = states::host_table().prove(b"reply");
    assert_eq!(absent.verify(NETWORK), Ok(root));
    let bytes = codec::encode(&absent);
    assert_eq!(codec::decode(&bytes), Ok(absent.clone()), "with nothing at its end");
    absent.statement = page().statement;
    let bytes = codec::encode(&absent);
    assert_eq!(codec::decode(&bytes), Ok(absent), "with a gap in the middle");
}

#[test]
fn the_statement_must_be_its_units_own() {
    let mut forged = page();
    let body = forged.statement.take().expect("it has one").unverified().clone();
    forged.statement = Some(Signed::sign(body, &key(9)));
    let wrong = Err(StateProofError::Statement(VerifyError::WrongSigner));
    assert_eq!(forged.verify(NETWORK), wrong);
    let elsewhere = NetworkId::from_bytes([1; 32]);
    let wrong = Err(StateProofError::Statement(VerifyError::WrongNetwork));
    assert_eq!(page().verify(elsewhere), wrong);
}

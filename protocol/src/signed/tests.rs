use super::*;
use crate::{
    ControlAction, Message, Principal, Signature,
    examples::{self, NETWORK, client, key, message, message_body, statements},
};

fn parts(signed: &Signed<Message>) -> (PublicKey, [u8; 64]) {
    let Authority::Ed25519 { key, signature } = signed.authority();
    (*key, *signature.as_bytes())
}

fn with_signature(signed: &Signed<Message>, signature: [u8; 64]) -> Signed<Message> {
    let signature = Signature::from_bytes(signature);
    let authority = Authority::Ed25519 { key: *signed.signer(), signature };
    Signed::from_parts(signed.body_bytes().to_vec(), authority).unwrap()
}

#[test]
fn a_proper_signature_is_verified() {
    let verified = message().verify(NETWORK).unwrap();
    assert_eq!(verified.body(), &message_body());
    assert_eq!(verified.digest(), &Domain::Message.digest(&[message().body_bytes()]));
    assert_eq!(verified.entry_id().as_bytes(), verified.digest().as_bytes());
    assert_eq!(verified.signed(), &message());
    assert_eq!(verified.into_signed(), message());
}

#[test]
fn another_network_is_refused() {
    let other = NetworkId::from_bytes([0x4f; 32]);
    assert_eq!(message().verify(other), Err(VerifyError::WrongNetwork));
}

#[test]
fn another_key_is_refused() {
    let stranger = Signed::sign(message_body(), &key(9));
    assert_eq!(stranger.verify(NETWORK), Err(VerifyError::WrongSigner));
}

#[test]
fn a_key_in_place_of_the_signers_is_refused() {
    let (_, signature) = parts(&Signed::sign(message_body(), &key(9)));
    let claimed = with_signature(&message(), signature);
    assert_eq!(claimed.verify(NETWORK), Err(VerifyError::BadSignature));
}

#[test]
fn nobody_signs_for_anonymous_or_for_a_process() {
    for sender in [Principal::Anonymous, Principal::Process(examples::source())] {
        let forged = Signed::sign(Message { sender, ..message_body() }, &client());
        assert_eq!(forged.verify(NETWORK), Err(VerifyError::WrongSigner));
    }
}

#[test]
fn a_body_altered_after_signing_is_refused() {
    let altered = Message { nonce: message_body().nonce + 1, ..message_body() };
    let altered = Signed::<Message>::from_parts(codec::encode(&altered), *message().authority());
    assert_eq!(altered.unwrap().verify(NETWORK), Err(VerifyError::BadSignature));
}

#[test]
fn every_bit_of_the_signature_matters() {
    let (_, signature) = parts(&message());
    for bit in 0..512 {
        let mut changed = signature;
        changed[bit / 8] ^= 1 << (bit % 8);
        let changed = with_signature(&message(), changed);
        assert_eq!(changed.verify(NETWORK), Err(VerifyError::BadSignature), "bit {bit}");
    }
}

/// The order of the group, little-endian (RFC 8032 section 5.1).
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn a_malleable_signature_is_refused() {
    let (_, mut signature) = parts(&message());
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(GROUP_ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    let malleable = with_signature(&message(), signature);
    assert_eq!(malleable.verify(NETWORK), Err(VerifyError::BadSignature));
}

#[test]
fn a_small_order_key_signs_nothing() {
    // With the neutral element as key and as R, and S = 0, the cofactored equation holds for every
    // message; so does the plain one.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let signer = PublicKey::from_bytes(neutral);
    let mut signature = [0; 64];
    signature[0] = 1;
    let signature = Signature::from_bytes(signature);
    assert!(!signer.verifies(&Hash::ZERO, &signature));
    let body = Message { sender: Principal::Account(signer.account()), ..message_body() };
    let authority = Authority::Ed25519 { key: signer, signature };
    let forged = Signed::<Message>::from_parts(codec::encode(&body), authority).unwrap();
    assert_eq!(forged.verify(NETWORK), Err(VerifyError::BadSignature));
}

#[test]
fn a_key_that_is_no_point_signs_nothing() {
    for byte in 0..=u8::MAX {
        let key = PublicKey::from_bytes([byte; 32]);
        assert!(!key.verifies(&Hash::ZERO, &Signature::from_bytes([0; 64])));
    }
}

#[test]
fn a_body_in_another_spelling_is_refused_before_its_signature() {
    let bytes = message().body_bytes().to_vec();
    let wide = [&[0x98, bytes[0] - 0x80], &bytes[1..]].concat();
    let signature = client().sign(&Domain::Message.digest(&[&wide]));
    let authority = Authority::Ed25519 { key: client().public(), signature };
    let refused = Signed::<Message>::from_parts(wide.clone(), authority);
    assert_eq!(refused, Err(DecodeError::NotCanonical { what: "Message" }));
    let mut e = Encoder::new(Vec::new());
    e.array(2).unwrap().bytes(&wide).unwrap().encode(authority).unwrap();
    assert!(codec::decode::<Signed<Message>>(&e.into_writer()).is_err());
}

#[test]
fn a_signature_of_one_kind_is_none_of_another() {
    let digest = examples::control(ControlAction::Stop).digest();
    let bytes = examples::control(ControlAction::Stop).body_bytes().to_vec();
    assert!(Signed::<Message>::from_parts(bytes.clone(), *message().authority()).is_err());
    assert_ne!(Domain::Message.digest(&[&bytes]), digest);
}

#[test]
fn the_signature_is_looked_at_last() {
    let signed = Signed::sign(Message { method: String::new(), ..message_body() }, &key(9));
    let looked = signed.verify_by(NETWORK, &signed.digest(), |_, _, _| unreachable!());
    assert!(matches!(looked, Err(VerifyError::BadBody(_))));
}

#[test]
fn what_units_say_verifies_under_their_own_keys_only() {
    assert!(examples::assignment_proof().batch.verify(NETWORK).is_ok());
    assert!(examples::receipt().batch.verify(NETWORK).is_ok());
    assert!(statements::unit_record().verify(NETWORK).is_ok());
    assert!(statements::head().verify(NETWORK).is_ok());
    for answer in statements::view_answers() {
        assert!(answer.verify(NETWORK).is_ok());
    }
    let head = Signed::sign(statements::head().unverified().clone(), &key(9));
    assert_eq!(head.verify(NETWORK), Err(VerifyError::WrongSigner));
}

#[test]
fn a_secret_key_is_never_shown() {
    let seed = data_encoding::HEXLOWER.encode(client().seed());
    assert!(!format!("{:?}", client()).contains(&seed));
}

#[test]
fn a_ready_key_counts_only_as_itself() {
    let own = message().begin_verifying(NETWORK, PublicKey::ready).unwrap();
    let own: Vec<_> = Verifying::finish(vec![own]).collect();
    assert_eq!(own, [message().verify(NETWORK)]);
    let stranger = message().begin_verifying(NETWORK, |_| key(9).public().ready());
    assert_eq!(stranger.err(), Some(VerifyError::BadSignature));
    let nobody = message().begin_verifying(NETWORK, |_| None);
    assert_eq!(nobody.err(), Some(VerifyError::BadSignature));
}

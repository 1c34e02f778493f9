use super::*;
use crate::examples::{
    COMPUTE, NETWORK, key,
    statements::{OPERATOR, unit_record, unit_record_body},
};

fn check(body: UnitRecord) -> Result<(), UnitRecordError> {
    Signed::sign(body, &key(COMPUTE)).check_record(NETWORK, Timestamp::ZERO)
}

#[test]
fn a_record_that_its_operator_vouches_for_is_believed() {
    assert_eq!(unit_record().check_record(NETWORK, Timestamp::ZERO), Ok(()));
}

#[test]
fn a_record_is_believed_up_to_its_expiry() {
    let expires = unit_record_body().expires;
    assert_eq!(unit_record().check_record(NETWORK, expires), Ok(()));
    let after = expires.saturating_add(1);
    assert_eq!(unit_record().check_record(NETWORK, after), Err(UnitRecordError::Expired));
}

#[test]
fn a_record_signed_by_another_key_is_refused() {
    let forged = Signed::sign(unit_record_body(), &key(9));
    let expected = Err(UnitRecordError::Unit(VerifyError::WrongSigner));
    assert_eq!(forged.check_record(NETWORK, Timestamp::ZERO), expected);
}

#[test]
fn a_record_of_another_network_is_refused() {
    let checked = unit_record().check_record(NetworkId::from_bytes([0; 32]), Timestamp::ZERO);
    assert_eq!(checked, Err(UnitRecordError::Unit(VerifyError::WrongNetwork)));
}

#[test]
fn an_operator_vouches_for_one_unit_role_and_network() {
    let me = key(COMPUTE).public().unit();
    let other_network = NetworkId::from_bytes([0; 32]);
    let operator = key(OPERATOR);
    for vouch in [
        UnitRecord::vouch(&key(9), NETWORK, &me, Role::Compute),
        UnitRecord::vouch(&operator, NETWORK, &key(9).public().unit(), Role::Compute),
        UnitRecord::vouch(&operator, NETWORK, &me, Role::Scheduler),
        UnitRecord::vouch(&operator, other_network, &me, Role::Compute),
    ] {
        assert_eq!(
            check(UnitRecord { vouch, ..unit_record_body() }),
            Err(UnitRecordError::Operator)
        );
    }
    let role = UnitRecord { role: Role::Messenger, ..unit_record_body() };
    assert_eq!(check(role), Err(UnitRecordError::Operator));
    let operator = UnitRecord { operator: key(9).public().operator(), ..unit_record_body() };
    assert_eq!(check(operator), Err(UnitRecordError::Operator));
}

#[test]
fn addresses_are_few_and_of_the_form_ip_port() {
    let with = |addresses: Vec<String>| check(UnitRecord { addresses, ..unit_record_body() });
    assert_eq!(with(Vec::new()), Ok(()));
    assert_eq!(with(vec!["127.0.0.1:1".to_owned(); UnitRecord::ADDRESSES_MAX]), Ok(()));
    let refused = |checked| matches!(checked, Err(UnitRecordError::Unit(VerifyError::BadBody(_))));
    assert!(refused(with(vec!["127.0.0.1:1".to_owned(); UnitRecord::ADDRESSES_MAX + 1])));
    for address in ["", "localhost:1", "127.0.0.1", "127.0.0.1:70000", "::1:4433"] {
        assert!(refused(with(vec![address.to_owned()])), "{address}");
    }
}

#[test]
fn every_role_has_its_word() {
    assert_eq!(Role::ALL.map(Role::word), ["scheduler", "messenger", "compute"]);
    assert_eq!(format!("{:<9}|", Role::Compute), "compute  |");
}

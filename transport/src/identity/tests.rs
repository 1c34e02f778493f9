use rustls::pki_types::CertificateDer;

use super::{PUBLIC_PREFIX, unit_of};
use crate::testing::unit;

fn public(prefix: &[u8], key: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from([prefix, key].concat())
}

#[test]
fn a_raw_public_key_is_the_unit() {
    let unit = unit(1);
    assert_eq!(unit_of(&public(&PUBLIC_PREFIX, unit.as_bytes())), Ok(unit));
}

#[test]
fn other_encodings_and_weak_keys_are_refused() {
    let unit = unit(1);
    assert!(unit_of(&public(&PUBLIC_PREFIX, &unit.as_bytes()[1..])).is_err());
    assert!(
        unit_of(&public(&PUBLIC_PREFIX, &[unit.as_bytes().as_slice(), &[0]].concat())).is_err()
    );
    assert!(unit_of(&public(&[0x30; 12], unit.as_bytes())).is_err());
    let mut identity_point = [0; 32];
    identity_point[0] = 1;
    assert!(unit_of(&public(&PUBLIC_PREFIX, &identity_point)).is_err(), "anybody can sign for it");
}

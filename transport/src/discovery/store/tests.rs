use std::collections::BTreeSet;

use libp2p::kad::{
    K_VALUE, ProviderRecord, Record,
    store::{Error, RecordStore},
};
use protocol::{
    NetworkId, Role, SecretKey, Signed, Timestamp, UnitRecord, UnitRecordError, VerifyError, codec,
};

use super::{Admission, Admitted, RECORD_MAX, Refused, Store, record};
use crate::{
    Directory, RecordSigner,
    directory::testing::signer,
    discovery::names,
    testing::{NETWORK, key},
};

const NOW: Timestamp = Timestamp::new(1_000_000);

fn admission() -> (Directory, Admission) {
    let directory = Directory::new(NETWORK);
    (directory.clone(), Admission::new(directory, || NOW))
}

/// A record of unit 1, changed and signed again by it.
fn altered(alter: impl FnOnce(&mut UnitRecord)) -> Signed<UnitRecord> {
    let mut record = signer(1, Role::Compute, &[]).sign(NOW).unverified().clone();
    alter(&mut record);
    Signed::sign(record, &key(1))
}

fn refused(signed: &Signed<UnitRecord>) -> Refused {
    let (directory, admission) = admission();
    let Record { key, value, .. } = record(signed);
    let refused = admission.admit(&key, &value).unwrap_err();
    assert_eq!(directory.records(), []);
    refused
}

#[test]
fn a_record_that_holds_is_admitted_once() {
    let (directory, admission) = admission();
    let signed = signer(1, Role::Compute, &["127.0.0.1:7000".parse().unwrap()]).sign(NOW);
    let Record { key, value, .. } = record(&signed);
    assert_eq!(admission.admit(&key, &value), Ok(Admitted::New));
    assert_eq!(admission.admit(&key, &value), Ok(Admitted::Known));
    assert_eq!(directory.records(), [signed]);
}

#[test]
fn the_largest_honest_record_has_room() {
    let address = "[1111:2222:3333:4444:5555:6666:7777:8888]:65535".parse().unwrap();
    let signed = signer(1, Role::Compute, &[address; UnitRecord::ADDRESSES_MAX]).sign(NOW);
    assert!(record(&signed).value.len() <= RECORD_MAX / 2 + 64);
}

#[test]
fn a_forged_record_is_an_offence() {
    let foreign = refused(&altered(|record| record.network = NetworkId::from_bytes([8; 32])));
    assert_eq!(foreign, Refused::Invalid(VerifyError::WrongNetwork.into()));
    let promoted = refused(&altered(|record| record.role = Role::Scheduler));
    assert_eq!(promoted, Refused::Invalid(UnitRecordError::Operator));
    let (honest, other) = (altered(|_| {}), altered(|record| record.sequence += 1));
    let grafted = Signed::from_parts(other.body_bytes().to_vec(), *honest.authority()).unwrap();
    let grafted = refused(&grafted);
    assert_eq!(grafted, Refused::Invalid(VerifyError::BadSignature.into()));
    let stolen = refused(&Signed::sign(honest.unverified().clone(), &key(2)));
    assert_eq!(stolen, Refused::Invalid(VerifyError::WrongSigner.into()));
    assert!([foreign, promoted, grafted, stolen].iter().all(Refused::is_offence));
}

#[test]
fn a_record_out_of_its_time_is_refused_but_no_offence() {
    let expired = refused(&altered(|record| record.expires = Timestamp::new(NOW.get() - 1)));
    assert_eq!(expired, Refused::Invalid(UnitRecordError::Expired));
    let eternal = refused(&altered(|record| record.expires = Timestamp::new(u64::MAX)));
    assert_eq!(eternal, Refused::TooFarAhead);
    assert!(!expired.is_offence() && !eternal.is_offence());
}

#[test]
fn a_record_stands_under_its_own_key_only() {
    let (directory, admission) = admission();
    let value = record(&signer(1, Role::Compute, &[]).sign(NOW)).value;
    let keys =
        [names::record_key(&key(2).public().unit()), names::role_key(Role::Compute), vec![].into()];
    for key in keys {
        assert_eq!(admission.admit(&key, &value), Err(Refused::WrongKey));
    }
    assert_eq!(directory.records(), []);
}

#[test]
fn a_stale_record_changes_nothing() {
    let (directory, admission) = admission();
    let signer = signer(1, Role::Compute, &[]);
    let (old, new) = (signer.sign(Timestamp::new(NOW.get() - 1)), signer.sign(NOW));
    let twin = altered(|record| record.addresses = vec!["127.0.0.1:1".to_owned()]);
    directory.insert(new.clone(), NOW).unwrap();
    for stale in [old, twin] {
        let Record { key, value, .. } = record(&stale);
        assert_eq!(admission.admit(&key, &value), Err(Refused::Stale));
    }
    assert_eq!(directory.records(), [new]);
}

#[test]
fn bytes_that_are_no_record_are_refused() {
    let (directory, admission) = admission();
    let Record { key, value, .. } = record(&signer(1, Role::Compute, &[]).sign(NOW));
    for length in 0..value.len() {
        let cut = admission.admit(&key, &value[..length]);
        assert!(matches!(cut, Err(Refused::Malformed(_))), "{length}: {cut:?}");
    }
    let longer = [value.as_slice(), &[0]].concat();
    assert!(matches!(admission.admit(&key, &longer), Err(Refused::Malformed(_))));
    let oversize = vec![0; RECORD_MAX + 1];
    assert_eq!(admission.admit(&key, &oversize), Err(Refused::TooLarge(RECORD_MAX + 1)));
    assert_eq!(directory.records(), []);
}

#[test]
fn kademlia_reads_and_writes_the_directory() {
    let (directory, admission) = admission();
    let mut store = Store::new(admission);
    let carried = record(&signer(1, Role::Compute, &[]).sign(NOW));
    assert!(store.put(carried.clone()).is_ok());
    assert_eq!(store.get(&carried.key).unwrap().value, carried.value);
    assert_eq!(store.records().count(), 1);
    assert_eq!(directory.units(Role::Compute), [key(1).public().unit()]);
    let forged = Record::new(
        carried.key.clone(),
        codec::encode(&altered(|record| {
            record.sequence += 1;
            record.role = Role::Scheduler;
        })),
    );
    assert!(matches!(store.put(forged), Err(Error::ValueTooLarge)));
    store.remove(&carried.key);
    assert_eq!(store.get(&carried.key).unwrap().value, carried.value);
}

#[test]
fn only_known_units_provide_a_role() {
    let (directory, admission) = admission();
    let mut store = Store::new(admission);
    let address = "127.0.0.1:7000".parse().unwrap();
    directory.insert(signer(1, Role::Compute, &[address]).sign(NOW), NOW).unwrap();
    let compute = names::role_key(Role::Compute);
    let stranger = names::peer_id(&key(2).public().unit()).unwrap();
    assert!(store.add_provider(ProviderRecord::new(compute.clone(), stranger, vec![])).is_ok());
    let known = names::peer_id(&key(1).public().unit()).unwrap();
    let providers = store.providers(&compute);
    assert_eq!(providers, [ProviderRecord::new(compute, known, vec![])]);
    assert_eq!(providers[0].addresses, [names::multiaddr(address)]);
    assert_eq!(store.providers(&names::role_key(Role::Scheduler)), []);
    assert_eq!(store.providers(&vec![1, 2, 3].into()), []);
}

#[test]
fn many_answers_show_all_units_of_a_role() {
    let (directory, admission) = admission();
    let store = Store::new(admission);
    let operator = key(200);
    for number in 0..50 {
        let key = SecretKey::from_seed(&[number; 32]);
        let vouch = UnitRecord::vouch(&operator, NETWORK, &key.public().unit(), Role::Compute);
        let vouch = (operator.public().operator(), vouch);
        let signer = RecordSigner::new(key, NETWORK, Role::Compute, vouch, &[]);
        assert_eq!(directory.insert(signer.sign(NOW), NOW), Ok(true));
    }
    let compute = names::role_key(Role::Compute);
    let mut shown = BTreeSet::new();
    for _ in 0..3 {
        let answer = store.providers(&compute);
        assert_eq!(answer.len(), K_VALUE.get());
        shown.extend(answer.into_iter().map(|provider| provider.provider));
    }
    assert_eq!(shown.len(), 50);
}

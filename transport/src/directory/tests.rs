use protocol::{
    NetworkId, Role, SecretKey, Signed, Timestamp, UnitRecord, UnitRecordError, VerifyError,
};

use super::{Directory, RecordSigner, testing::signer};
use crate::testing::{NETWORK, key};

const NOW: Timestamp = Timestamp::new(1_000_000);

fn later(millis: u64) -> Timestamp {
    NOW.saturating_add(millis)
}

fn lifetime() -> u64 {
    u64::try_from(RecordSigner::LIFETIME.as_millis()).unwrap()
}

/// A record of unit 1, changed and signed again with a key.
fn altered(by: &SecretKey, alter: impl FnOnce(&mut UnitRecord)) -> Signed<UnitRecord> {
    let mut record = signer(1, Role::Compute, &[]).sign(NOW).unverified().clone();
    alter(&mut record);
    Signed::sign(record, by)
}

#[test]
fn a_record_that_holds_is_taken_over_once() {
    let directory = Directory::new(NETWORK);
    let record = signer(1, Role::Compute, &[]).sign(NOW);
    assert_eq!(directory.insert(record.clone(), NOW), Ok(true));
    assert_eq!(directory.insert(record.clone(), NOW), Ok(false));
    let unit = record.unverified().unit;
    assert_eq!(directory.operator(&unit), Some(record.unverified().operator));
    assert_eq!(directory.record(&unit), Some(record.clone()));
    assert_eq!(directory.records(), [record]);
}

#[test]
fn the_higher_sequence_wins_in_any_order() {
    let (signer, directory) = (signer(1, Role::Compute, &[]), Directory::new(NETWORK));
    let (old, new) = (signer.sign(NOW), signer.sign(later(1)));
    assert_eq!(directory.insert(new.clone(), NOW), Ok(true));
    assert_eq!(directory.insert(old.clone(), NOW), Ok(false));
    assert_eq!(directory.record(&new.unverified().unit), Some(new.clone()));
    let other = Directory::new(NETWORK);
    assert_eq!(other.insert(old, NOW), Ok(true));
    assert_eq!(other.insert(new.clone(), NOW), Ok(true));
    assert_eq!(other.records(), [new]);
}

#[test]
fn what_does_not_hold_is_refused() {
    let directory = Directory::new(NETWORK);
    let refused = |record| directory.insert(record, NOW).unwrap_err();
    let expired = signer(1, Role::Compute, &[]).sign(Timestamp::ZERO);
    let after = NOW.saturating_add(lifetime());
    assert_eq!(directory.insert(expired, after).unwrap_err(), UnitRecordError::Expired);
    let foreign = altered(&key(1), |record| record.network = NetworkId::from_bytes([8; 32]));
    assert_eq!(refused(foreign), UnitRecordError::Unit(VerifyError::WrongNetwork));
    let stolen = altered(&key(2), |_| {});
    assert_eq!(refused(stolen), UnitRecordError::Unit(VerifyError::WrongSigner));
    let promoted = altered(&key(1), |record| record.role = Role::Scheduler);
    assert_eq!(refused(promoted), UnitRecordError::Operator);
    let (a, b) = (altered(&key(1), |_| {}), altered(&key(1), |record| record.sequence += 1));
    let forged = Signed::from_parts(b.body_bytes().to_vec(), *a.authority()).unwrap();
    assert_eq!(refused(forged), UnitRecordError::Unit(VerifyError::BadSignature));
    assert_eq!(directory.records(), []);
}

#[test]
fn roles_are_told_apart_and_sorted() {
    let directory = Directory::new(NETWORK);
    for (number, role) in [(3, Role::Compute), (1, Role::Scheduler), (2, Role::Compute)] {
        assert_eq!(directory.insert(signer(number, role, &[]).sign(NOW), NOW), Ok(true));
    }
    let mut computes = [key(2).public().unit(), key(3).public().unit()];
    computes.sort();
    assert_eq!(directory.units(Role::Compute), computes);
    assert_eq!(directory.units(Role::Scheduler), [key(1).public().unit()]);
    assert_eq!(directory.units(Role::Messenger), []);
}

#[test]
fn expired_records_are_forgotten() {
    let directory = Directory::new(NETWORK);
    let address = "127.0.0.1:7000".parse().unwrap();
    let signer = signer(1, Role::Compute, &[address]);
    directory.insert(signer.sign(NOW), NOW).unwrap();
    let watched = directory.address(signer.unit());
    directory.prune(later(lifetime()));
    assert_eq!(directory.units(Role::Compute), [signer.unit()]);
    assert_eq!(*watched.borrow(), Some(address));
    directory.prune(later(lifetime() + 1));
    assert_eq!(directory.records(), []);
    assert_eq!(*watched.borrow(), None);
}

#[test]
fn watchers_hear_of_changes_and_of_nothing_else() {
    let directory = Directory::new(NETWORK);
    let (here, there) = ("127.0.0.1:7000".parse().unwrap(), "127.0.0.1:7001".parse().unwrap());
    let nowhere = "0.0.0.0:7000".parse().unwrap();
    let (before, after) =
        (signer(1, Role::Compute, &[nowhere, here]), signer(1, Role::Compute, &[there]));
    let (mut changed, mut address) = (directory.changed(), directory.address(before.unit()));
    assert_eq!(*address.borrow_and_update(), None);
    directory.insert(before.sign(NOW), NOW).unwrap();
    assert!(changed.has_changed().unwrap() && address.has_changed().unwrap());
    assert_eq!(*address.borrow_and_update(), Some(here));
    changed.mark_unchanged();
    directory.insert(before.sign(NOW), NOW).unwrap();
    assert!(!changed.has_changed().unwrap());
    directory.insert(before.sign(later(1)), NOW).unwrap();
    assert!(changed.has_changed().unwrap() && !address.has_changed().unwrap());
    directory.insert(after.sign(later(2)), NOW).unwrap();
    assert_eq!(*address.borrow_and_update(), Some(there));
    assert_eq!(*directory.address(after.unit()).borrow(), Some(there));
}

#[test]
fn a_renewed_record_replaces_one_from_the_future() {
    let (signer, directory) = (signer(1, Role::Compute, &[]), Directory::new(NETWORK));
    let ahead = signer.sign(later(50_000));
    directory.insert(ahead.clone(), NOW).unwrap();
    assert_eq!(directory.insert(signer.sign(NOW), NOW), Ok(false));
    assert_eq!(directory.insert(signer.renew(&ahead, NOW), NOW), Ok(true));
}

#[test]
fn a_full_directory_keeps_whom_it_knows() {
    let (directory, operator) = (Directory::new(NETWORK), key(200));
    let unit = |number: usize| {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&u64::try_from(number).unwrap().to_le_bytes());
        let key = SecretKey::from_seed(&seed);
        let vouch = UnitRecord::vouch(&operator, NETWORK, &key.public().unit(), Role::Compute);
        let vouch = (operator.public().operator(), vouch);
        RecordSigner::new(key, NETWORK, Role::Compute, vouch, &[])
    };
    for number in 0..Directory::RECORDS_MAX {
        assert_eq!(directory.insert(unit(number).sign(NOW), NOW), Ok(true));
    }
    let newcomer = unit(Directory::RECORDS_MAX);
    assert_eq!(directory.insert(newcomer.sign(NOW), NOW), Ok(false));
    assert_eq!(directory.insert(unit(0).sign(later(1)), NOW), Ok(true));
    assert_eq!(directory.records().len(), Directory::RECORDS_MAX);
    let after = later(lifetime() + 1);
    assert_eq!(directory.insert(newcomer.sign(after), after), Ok(true));
    assert_eq!(directory.records().len(), 2);
}

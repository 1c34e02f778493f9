use std::fs;

use super::*;

#[test]
fn a_key_is_kept_for_its_owner_only_and_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.key");
    let key = read_or_create(&path).unwrap();
    assert_eq!(read_or_create(&path).unwrap().seed(), key.seed());
    assert!(create(&path, &random_key().unwrap()).is_err());
    assert_eq!(read(&path).unwrap().unwrap().seed(), key.seed());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_damaged_key_is_an_error_not_a_new_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.key");
    create(&path, &random_key().unwrap()).unwrap();
    for text in ["", "ed25519:", "ed25519:00", "rsa:00", &format!("ed25519:{}", "g".repeat(64))] {
        fs::write(&path, text).unwrap();
        assert!(matches!(read(&path), Err(NodeError::BadFile { .. })), "{text:?}");
    }
    assert!(read(&directory.path().join("none")).unwrap().is_none());
}

#[test]
fn a_name_cannot_leave_the_directory_of_keys() {
    assert_eq!("alice-2_b".parse::<KeyName>().unwrap().to_string(), "alice-2_b");
    for name in ["", "a/b", "..", "a.key", "ä", &"a".repeat(65)] {
        assert!(name.parse::<KeyName>().is_err(), "{name:?}");
    }
}

use std::fs;

use tempfile::TempDir;

use super::*;

const NOW: Timestamp = Timestamp::new(1_000_000);

/// A ring on which passphrases cost little.
fn ring() -> (TempDir, Keyring) {
    let directory = tempfile::tempdir().unwrap();
    let (keys, session) = (directory.path().join("keys"), directory.path().join("session"));
    (directory, Keyring { keys, session, work: 4 })
}

fn name() -> KeyName {
    "alice".parse().unwrap()
}

fn passphrase(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn files(folder: &Path) -> Vec<String> {
    names_in(folder).unwrap()
}

#[test]
fn a_key_goes_under_a_passphrase_and_comes_out_the_same() {
    let (_directory, ring) = ring();
    let account = ring.create(&name(), None).unwrap();
    let key = ring.key(&name(), NOW).unwrap().unwrap();
    assert_eq!(ring.encrypt(&name(), &passphrase("p")).unwrap(), account);
    assert_eq!(files(&ring.keys), ["alice.account", "alice.age"], "the key as it was is gone");
    assert!(matches!(ring.key(&name(), NOW), Err(NodeError::KeyLocked { .. })));
    assert_eq!(ring.account(&name()).unwrap(), Some(account), "who it is is no secret");

    let wrong = ring.decrypt(&name(), &passphrase("q"));
    assert!(matches!(wrong, Err(NodeError::BadPassphrase { .. })), "{wrong:?}");
    ring.decrypt(&name(), &passphrase("p")).unwrap();
    assert_eq!(files(&ring.keys), ["alice.key"]);
    assert_eq!(ring.key(&name(), NOW).unwrap().unwrap().seed(), key.seed());
    assert!(ring.decrypt(&name(), &passphrase("p")).is_err(), "it is not encrypted");
}

#[test]
fn an_opened_key_serves_until_its_time_and_no_longer() {
    let (_directory, ring) = ring();
    let account = ring.create(&name(), Some(&passphrase("p"))).unwrap();
    let until = Timestamp::new(NOW.get() + 500);
    ring.unlock(&name(), &passphrase("p"), until).unwrap();
    let key = ring.key(&name(), NOW).unwrap().unwrap();
    assert_eq!(key.public().account(), account);
    assert_eq!(ring.list(NOW).unwrap()[0].open_until, Some(until));
    assert!(matches!(ring.key(&name(), until), Err(NodeError::KeyLocked { .. })));
    assert!(files(&ring.session).is_empty(), "what is over is removed");
    assert!(matches!(ring.key(&name(), NOW), Err(NodeError::KeyLocked { .. })));

    ring.unlock(&name(), &passphrase("p"), until).unwrap();
    assert!(ring.lock(&name()).unwrap() && !ring.lock(&name()).unwrap());
    assert!(matches!(ring.key(&name(), NOW), Err(NodeError::KeyLocked { .. })));
}

#[test]
fn a_copy_that_would_be_open_for_longer_than_any_may_is_not_used() {
    let (_directory, ring) = ring();
    ring.create(&name(), Some(&passphrase("p"))).unwrap();
    let until = Timestamp::new(NOW.get() + OPEN_MAX);
    ring.unlock(&name(), &passphrase("p"), until).unwrap();
    let stepped_back = Timestamp::new(NOW.get() - 1);
    assert!(matches!(ring.key(&name(), stepped_back), Err(NodeError::KeyLocked { .. })));
}

#[test]
fn a_name_is_never_given_twice() {
    let (_directory, ring) = ring();
    ring.create(&name(), Some(&passphrase("p"))).unwrap();
    assert!(ring.create(&name(), None).is_err());
    assert!(ring.encrypt(&name(), &passphrase("p")).is_err(), "it is encrypted already");
    let other = "bob".parse().unwrap();
    assert!(matches!(ring.encrypt(&other, &passphrase("p")), Err(NodeError::NoKey { .. })));
    assert!(matches!(ring.open(&other, &passphrase("p")), Err(NodeError::NoKey { .. })));
    assert!(ring.key(&other, NOW).unwrap().is_none());
}

#[cfg(unix)]
#[test]
fn no_file_that_others_may_read_is_used() {
    use std::os::unix::fs::PermissionsExt;

    let (_directory, ring) = ring();
    ring.create(&name(), None).unwrap();
    let file = ring.plain(&name());
    let set =
        |file: &Path, mode| fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o666] {
        set(&file, mode);
        let read = ring.key(&name(), NOW);
        assert!(matches!(read, Err(NodeError::KeyExposed { mode: found, .. }) if found == mode));
    }
    set(&file, 0o600);
    ring.encrypt(&name(), &passphrase("p")).unwrap();
    ring.unlock(&name(), &passphrase("p"), Timestamp::new(NOW.get() + 9)).unwrap();
    for file in [ring.sealed(&name()), ring.session_file(&name())] {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let folder = fs::metadata(&ring.session).unwrap().permissions().mode();
    assert_eq!(folder & 0o777, 0o700);
    set(&ring.session_file(&name()), 0o644);
    assert!(matches!(ring.key(&name(), NOW), Err(NodeError::KeyExposed { .. })));
}

#[test]
fn all_keys_are_listed_in_the_form_they_have() {
    let (_directory, ring) = ring();
    let plain = ring.create(&"bob".parse().unwrap(), None).unwrap();
    let sealed = ring.create(&name(), Some(&passphrase("p"))).unwrap();
    fs::write(ring.keys.join("notes.txt"), "").unwrap();
    let listed: Vec<_> = ring
        .list(NOW)
        .unwrap()
        .into_iter()
        .map(|info| (info.name.to_string(), info.account, info.encrypted, info.open_until))
        .collect();
    let expected = [
        ("alice".to_owned(), Some(sealed), true, None),
        ("bob".to_owned(), Some(plain), false, None),
    ];
    assert_eq!(listed, expected);
}

#[cfg(unix)]
#[test]
fn opened_keys_are_in_the_runtime_folder_if_nobody_else_may_enter_it() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let runtime = directory.path().join("run");
    fs::create_dir(&runtime).unwrap();
    let set = |mode| fs::set_permissions(&runtime, fs::Permissions::from_mode(mode)).unwrap();
    let (data, other) = (directory.path().join("net"), directory.path().join("other"));
    set(0o755);
    assert_eq!(session_folder(&data, Some(&runtime)), data.join("session"));
    set(0o700);
    let folder = session_folder(&data, Some(&runtime));
    assert!(folder.starts_with(&runtime));
    assert_ne!(session_folder(&other, Some(&runtime)), folder, "each directory has its own");
    assert_eq!(session_folder(&data, Some(Path::new("run"))), data.join("session"));
    assert_eq!(session_folder(&data, None), data.join("session"));
}

//! Keys under passphrases: who has not opened one signs nothing with it.

use std::{fs, path::Path};

use serde_json::Value as Json;

use crate::support::{Cluster, Ran, directory, run_in, text};

/// Writes a file for its owner only.
fn write_private(path: &Path, contents: &str) -> String {
    use std::os::unix::fs::PermissionsExt;

    fs::write(path, contents).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_encrypted_key_signs_with_its_passphrase_or_while_it_is_open() {
    let data = directory();
    let passphrase = write_private(&data.path().join("passphrase"), "open sesame\n");
    let wrong = write_private(&data.path().join("wrong"), "open barley\n");
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    let account = cluster.run(&["key", "list"]).done()["keys"][0]["account"].clone();

    let encrypted = cluster.run(&["key", "encrypt", "default", "--passphrase-file", &passphrase]);
    let encrypted = encrypted.done();
    assert_eq!((&encrypted["encrypted"], &encrypted["account"]), (&true.into(), &account));
    assert!(!data.path().join("keys/default.key").exists());
    cluster.run(&["key", "encrypt", "default"]).failed(2, "usage");

    let add = |options: &[&str]| -> Ran {
        cluster.run(&[&["send", counter.as_str(), "add", "1"], options].concat())
    };
    add(&[]).failed(2, "key-locked");
    add(&["--passphrase-file", &wrong]).failed(2, "bad-passphrase");
    assert_eq!(add(&["--passphrase-file", &passphrase]).done()["reply"], 1);
    assert_eq!(cluster.run(&["view", &counter, "get"]).done()["reply"], 1, "reading needs no key");

    let unlock = ["key", "unlock", "default", "--minutes", "5", "--passphrase-file"];
    cluster.run(&[&unlock[..], &[&wrong]].concat()).failed(2, "bad-passphrase");
    let open = cluster.run(&[&unlock[..], &[&passphrase]].concat()).done();
    assert!(open["unlocked_until"].as_u64().unwrap() > 0, "{open}");
    assert_eq!(add(&[]).done()["reply"], 2);
    let locked = cluster.run(&["key", "lock", "default"]).done();
    assert_eq!(locked.get("unlocked_until"), None, "{locked}");
    add(&[]).failed(2, "key-locked");

    // A cluster comes up again without it.
    cluster.stop();
    let cluster = Cluster::up(data.path(), &[]);
    let listed = cluster.run(&["key", "list"]).done();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["keys"][0]["account"], account);
    let decrypt = ["key", "decrypt", "default", "--passphrase-file", &passphrase];
    assert_eq!(cluster.run(&decrypt).done()["encrypted"], false);
    assert_eq!(cluster.run(&["send", &counter, "add", "1"]).done()["reply"], 3);
    cluster.stop();
}

#[test]
fn a_key_goes_to_another_directory_under_its_passphrase() {
    let (here, there) = (directory(), directory());
    let passphrase = write_private(&here.path().join("passphrase"), "open sesame");
    let with = |directory: &Path, args: &[&str]| {
        run_in(directory, &[args, &["--passphrase-file", &passphrase]].concat())
    };
    let made = with(here.path(), &["key", "new", "alice", "--encrypt"]).done();
    let exported = run_in(here.path(), &["key", "export", "alice"]).done();
    assert!(text(&exported["exported"]).starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    let file = there.path().join("alice.age");
    fs::write(&file, text(&exported["exported"])).unwrap();

    let import = ["key", "import", "alice", file.to_str().unwrap()];
    run_in(there.path(), &import).failed(2, "key-locked");
    let imported = with(there.path(), &import).done();
    assert_eq!((&imported["account"], &imported["encrypted"]), (&made["account"], &true.into()));
    with(there.path(), &import).failed(2, "usage");
    let plain = with(there.path(), &["key", "export", "alice", "--plain"]).done();
    assert!(text(&plain["exported"]).starts_with("ed25519:"), "the key itself");
    fs::write(&file, text(&plain["exported"])).unwrap();
    let again = ["key", "import", "bob", file.to_str().unwrap()];
    let again = run_in(there.path(), &again).done();
    assert_eq!((&again["account"], &again["encrypted"]), (&made["account"], &Json::from(false)));
    fs::write(&file, "nonsense").unwrap();
    let nonsense = ["key", "import", "carol", file.to_str().unwrap()];
    run_in(there.path(), &nonsense).failed(1, "bad-file");
}

#[test]
fn a_key_that_others_may_read_is_not_used_until_that_is_mended() {
    use std::os::unix::fs::PermissionsExt;

    let data = directory();
    let made = run_in(data.path(), &["key", "new", "alice"]).done();
    let file = data.path().join("keys/alice.key");
    let set = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    set(0o644);
    let refused = run_in(data.path(), &["key", "list"]);
    refused.failed(1, "key-exposed");
    assert!(text(&refused.json["error"]["detail"]).contains("chmod 600"), "{refused:?}");
    set(0o600);
    assert_eq!(run_in(data.path(), &["key", "list"]).done()["keys"][0], made);
}

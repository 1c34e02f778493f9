use super::*;
use crate::{
    cluster::KeyName,
    doctor::{Level, set_mode},
};

fn wrong(found: &[Finding]) -> Vec<&Finding> {
    found.iter().filter(|found| found.level == Level::Wrong).collect()
}

#[test]
fn a_directory_as_this_program_makes_it_is_fine() {
    let directory = tempfile::tempdir().unwrap();
    let data = DataDirectory::new(directory.path().join("net"));
    data.create().unwrap();
    data.ensure_key(&KeyName::default_key()).unwrap();
    let found = look(&data).unwrap();
    assert!(wrong(&found).is_empty(), "{found:?}");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_found_and_closed() {
    let directory = tempfile::tempdir().unwrap();
    let data = DataDirectory::new(directory.path().join("net"));
    data.create().unwrap();
    data.ensure_key(&KeyName::default_key()).unwrap();
    let key = data.keys().join("default.key");
    set_mode(&key, 0o644).unwrap();
    set_mode(data.path(), 0o777).unwrap();

    let mut found = look(&data).unwrap();
    assert_eq!(wrong(&found).len(), 2, "{found:?}");
    found.iter_mut().for_each(Finding::fix);
    assert!(wrong(&found).is_empty(), "{found:?}");
    assert_eq!(mode(&fs::metadata(&key).unwrap()), SECRET_MODE);
    assert!(wrong(&look(&data).unwrap()).is_empty());
}

#[test]
fn what_a_dead_program_began_to_write_is_removed_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let data = DataDirectory::new(directory.path().join("net"));
    data.create().unwrap();
    let at = |name: &str| data.path().join(name);
    let dead = format!("names.{}.new", i32::MAX);
    let living = format!("names.{}.new", std::process::id());
    for name in [dead.as_str(), living.as_str(), "my.new", "names.json"] {
        fs::write(at(name), "{}").unwrap();
    }
    let mut found = look(&data).unwrap();
    assert_eq!(wrong(&found).len(), 1, "{found:?}");
    found.iter_mut().for_each(Finding::fix);
    assert!(!at(&dead).exists());
    assert!(at(&living).exists() && at("my.new").exists() && at("names.json").exists());
}

#[test]
fn files_that_hold_something_else_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let data = DataDirectory::new(directory.path().join("net"));
    data.create().unwrap();
    fs::write(data.path().join("names.json"), "{").unwrap();
    fs::write(data.path().join("network"), "net1x").unwrap();
    assert_eq!(wrong(&look(&data).unwrap()).len(), 2);
}

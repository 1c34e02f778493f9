use protocol::ProfileId;
use tempfile::TempDir;

use super::*;

const LIMITS: Limits = Limits { files: 3, refusals: 2, bytes: 100, file_bytes: 60 };

fn open(directory: &TempDir) -> Disk {
    let profile = ProfileId::from_bytes([2; 32]);
    let key = Key { secret: [1; 32], profile, engine: [3; 32] };
    Disk::open(directory.path().join("modules"), key, LIMITS).unwrap()
}

fn id(number: u8) -> ModuleId {
    ModuleId::from_bytes([number; 32])
}

fn kept(disk: &Disk, numbers: std::ops::Range<u8>) -> Vec<u8> {
    numbers.filter(|number| disk.read(&id(*number)).is_some()).collect()
}

#[test]
fn files_outlive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let disk = open(&directory);
    assert!(disk.read(&id(0)).is_none());
    disk.write(&id(0), Shelf::Modules, b"one");
    disk.write(&id(1), Shelf::Refusals, b"two");
    disk.write(&id(0), Shelf::Modules, b"one again");
    for disk in [disk, open(&directory)] {
        assert_eq!(disk.read(&id(0)), Some((Shelf::Modules, b"one again".to_vec())));
        assert_eq!(disk.read(&id(1)), Some((Shelf::Refusals, b"two".to_vec())));
    }
    let disk = open(&directory);
    disk.forget(&id(0), Shelf::Modules);
    assert!(disk.read(&id(0)).is_none());
    assert!(open(&directory).read(&id(0)).is_none());
}

#[test]
fn the_file_used_longest_ago_makes_room() {
    let directory = tempfile::tempdir().unwrap();
    let disk = open(&directory);
    (0..3).for_each(|number| disk.write(&id(number), Shelf::Modules, b"small"));
    disk.read(&id(0)).unwrap();
    disk.write(&id(3), Shelf::Modules, b"small");
    assert_eq!(kept(&disk, 0..4), [0, 2, 3]);
    disk.write(&id(4), Shelf::Modules, &[0; 60]);
    disk.write(&id(5), Shelf::Modules, &[0; 60]);
    assert_eq!(kept(&disk, 0..6), [5]);
    disk.write(&id(6), Shelf::Modules, &[0; 61]);
    assert_eq!(kept(&disk, 0..7), [5]);
}

#[test]
fn refusals_push_out_no_module() {
    let directory = tempfile::tempdir().unwrap();
    let disk = open(&directory);
    disk.write(&id(0), Shelf::Modules, b"small");
    (1..9).for_each(|number| disk.write(&id(number), Shelf::Refusals, b"no"));
    assert_eq!(kept(&disk, 0..9), [0, 7, 8]);
}

#[test]
fn a_start_keeps_the_limits_and_removes_what_is_unfinished() {
    let directory = tempfile::tempdir().unwrap();
    let disk = open(&directory);
    let name = |number| disk.name(&id(number), Shelf::Modules);
    let path = |name: &str| directory.path().join("modules").join(name);
    for number in 0..5 {
        let file = File::create(path(&name(number))).unwrap();
        let used = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number.into());
        file.set_modified(used).unwrap();
    }
    let unfinished = format!("{}.7.tmp", name(9));
    fs::write(path(&unfinished), b"half").unwrap();
    fs::write(path("notes"), b"of somebody else").unwrap();
    let disk = open(&directory);
    assert_eq!(kept(&disk, 0..5), [2, 3, 4]);
    assert!(!path(&unfinished).exists());
    assert!(path("notes").exists());
}

#[test]
fn what_was_removed_or_is_too_large_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let disk = open(&directory);
    let path =
        |number| directory.path().join("modules").join(disk.name(&id(number), Shelf::Modules));
    (0..2).for_each(|number| disk.write(&id(number), Shelf::Modules, b"small"));
    fs::remove_file(path(0)).unwrap();
    fs::write(path(1), [0; 61]).unwrap();
    assert!(kept(&disk, 0..2).is_empty());
    assert!(!path(1).exists());
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_enter() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let modules = directory.path().join("modules");
    fs::create_dir(&modules).unwrap();
    fs::set_permissions(&modules, fs::Permissions::from_mode(0o777)).unwrap();
    let disk = open(&directory);
    disk.write(&id(0), Shelf::Modules, b"small");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&modules), 0o700);
    assert_eq!(mode(&modules.join(disk.name(&id(0), Shelf::Modules))), 0o600);
}

#[test]
fn binaries_and_compiled_modules_push_out_only_their_own_kind() {
    let directory = tempfile::tempdir().unwrap();
    let disk = open(&directory);
    disk.write(&id(0), Shelf::Binaries, b"small");
    (0..9).for_each(|number| disk.write(&id(number), Shelf::Modules, b"small"));
    assert_eq!(disk.read_from(&id(0), Shelf::Binaries).as_deref(), Some(b"small".as_slice()));
    (1..5).for_each(|number| disk.write(&id(number), Shelf::Binaries, b"small"));
    assert_eq!(kept(&disk, 0..9), [6, 7, 8]);
    let has = |disk: &Disk, number| disk.has(&id(number), Shelf::Binaries);
    for disk in [disk, open(&directory)] {
        assert!(!has(&disk, 0) && !has(&disk, 1) && (2..5).all(|number| has(&disk, number)));
    }
}

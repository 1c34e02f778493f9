use protocol::{NetworkId, SecretKey};

use super::*;

/// What a unit with so many shards and these further disks is told.
fn config(data: &Path, shards: Option<u16>, disks: &[&Path]) -> Config {
    let key = SecretKey::from_seed(&[1; 32]);
    let operator = key.public().operator();
    let config = Config::new(key, NetworkId::from_bytes([1; 32]), data.to_owned(), operator);
    let disks = disks.iter().map(|disk| disk.to_path_buf()).collect();
    Config { shards: shards.map(|shards| NonZeroU16::new(shards).unwrap()), disks, ..config }
}

#[test]
fn one_shard_in_the_data_directory_unless_told_otherwise() {
    let data = tempfile::tempdir().unwrap();
    let layout = Layout::establish(&config(data.path(), None, &[])).unwrap();
    assert_eq!(layout.directories(data.path()), [data.path().join("shard-0")]);
    assert_eq!(fs::read_to_string(data.path().join("shards")).unwrap(), "1\n");
}

#[test]
fn shards_take_turns_on_the_disks_and_are_found_there_again() {
    let (data, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layout = Layout::establish(&config(data.path(), Some(3), &[disk.path()])).unwrap();
    let places = [(data.path(), 0), (disk.path(), 1), (data.path(), 2)];
    let places = places.map(|(disk, number)| disk.join(format!("shard-{number}")));
    assert_eq!(layout.directories(data.path()), places);
    assert!(places.iter().all(|place| place.is_dir()));
    for (shards, disks) in [(None, vec![]), (Some(3), vec![disk.path()])] {
        let again = Layout::establish(&config(data.path(), shards, &disks)).unwrap();
        assert_eq!(again, layout);
    }
}

#[test]
fn another_number_of_shards_is_refused() {
    let data = tempfile::tempdir().unwrap();
    Layout::establish(&config(data.path(), Some(2), &[])).unwrap();
    let error = Layout::establish(&config(data.path(), Some(3), &[])).unwrap_err();
    assert!(matches!(error, LayoutError::Count { recorded: 2, wanted: 3, .. }), "{error}");
    assert!(error.to_string().contains("Start it with 2"), "{error}");
}

#[test]
fn other_disks_are_refused() {
    let disks = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [one, two] = disks.each_ref().map(tempfile::TempDir::path);
    let data = tempfile::tempdir().unwrap();
    Layout::establish(&config(data.path(), Some(3), &[one])).unwrap();
    for wanted in [vec![two], vec![one, two]] {
        let error = Layout::establish(&config(data.path(), None, &wanted)).unwrap_err();
        assert!(matches!(error, LayoutError::Disks { .. }), "{error}");
    }
}

#[test]
fn a_disk_that_is_not_mounted_is_told() {
    let (data, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    Layout::establish(&config(data.path(), Some(2), &[disk.path()])).unwrap();
    fs::remove_dir(disk.path().join("shard-1")).unwrap();
    let error = Layout::establish(&config(data.path(), None, &[])).unwrap_err();
    assert!(matches!(&error, LayoutError::Missing { path, .. } if path.ends_with("shard-1")));
}

#[test]
fn databases_without_a_record_are_not_taken_for_another_unit() {
    let (data, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = config(data.path(), Some(2), &[disk.path()]);
    Layout::establish(&config).unwrap();
    fs::remove_file(data.path().join("shards")).unwrap();
    Layout::establish(&config).expect("a start that crashed before the record is repeated");
    fs::remove_file(data.path().join("shards")).unwrap();
    fs::write(disk.path().join("shard-1/index.redb"), "").unwrap();
    let error = Layout::establish(&config).unwrap_err();
    assert!(matches!(error, LayoutError::Unrecorded { .. }), "{error}");
}

#[test]
fn a_disk_for_no_shard_is_refused() {
    let (data, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let error = Layout::establish(&config(data.path(), None, &[disk.path()])).unwrap_err();
    assert!(matches!(error, LayoutError::Idle { disks: 2, shards: 1 }), "{error}");
}

#[test]
fn a_damaged_record_is_refused() {
    let data = tempfile::tempdir().unwrap();
    for text in ["", "0\n", "many\n", "1\n/one\n", "2\nsomewhere\n", "65536\n"] {
        fs::write(data.path().join("shards"), text).unwrap();
        let error = Layout::establish(&config(data.path(), None, &[])).unwrap_err();
        assert!(matches!(error, LayoutError::Record { .. }), "{text:?}: {error}");
    }
}

use super::*;

#[test]
fn what_a_crate_depends_on_is_there_and_tests_are_not() {
    let has = |path: &str| FILES.iter().any(|(file, _)| *file == path);
    for path in
        ["Cargo.toml", LOCK, "sdk/src/lib.rs", "sdk/macros/src/lib.rs", "protocol/src/lib.rs"]
    {
        assert!(has(path), "{path}");
    }
    assert!(!FILES.iter().any(|(file, _)| file.ends_with("tests.rs") || file.contains("/tests/")));
    assert!(!FILES.iter().any(|(_, text)| text.contains("[dev-dependencies]")));
}

#[test]
fn the_sources_are_unpacked_once() {
    let home = tempfile::tempdir().unwrap();
    let place = unpack(home.path()).unwrap();
    let marker = place.join("marker");
    fs::write(&marker, "").unwrap();
    assert_eq!(unpack(home.path()).unwrap(), place);
    assert!(marker.exists());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn many_may_unpack_at_once() {
    let home = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| unpack(home.path()).unwrap())).collect();
        for one in all {
            assert_eq!(one.join().unwrap(), place(home.path()));
        }
    });
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn sources_that_were_changed_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let place = unpack(home.path()).unwrap();
    fs::write(place.join("sdk/src/lib.rs"), "").unwrap();
    let error = unpack(home.path()).unwrap_err();
    assert_eq!((error.code(), error.exit_code()), ("bad-file", 1));
    fs::remove_dir_all(&place).unwrap();
    assert_eq!(unpack(home.path()).unwrap(), place);
}

use super::*;
use crate::doctor::Level;

#[test]
fn a_clock_that_was_never_set_or_stepped_back_is_wrong() {
    let now = Timestamp::new(EPOCH + 1_000_000);
    let level = |now, newest| clock(now, newest).level;
    assert_eq!(level(now, None), Level::Fine);
    assert_eq!(level(Timestamp::new(0), None), Level::Wrong);
    assert_eq!(level(now, Some(Timestamp::new(now.get() + STEP_MAX))), Level::Fine);
    let ahead = Timestamp::new(now.get() + STEP_MAX + 60_000);
    let found = clock(now, Some(ahead));
    assert_eq!(found.level, Level::Wrong);
    assert!(found.what.ends_with("6 min ahead"), "{}", found.what);
}

#[test]
fn little_space_and_few_files_are_wrong() {
    assert_eq!(space_left(SPACE_MIN, Some(FILES_LEFT_MIN)).level, Level::Fine);
    assert_eq!(space_left(SPACE_MIN, None).level, Level::Fine);
    assert_eq!(space_left(SPACE_MIN, Some(FILES_LEFT_MIN - 1)).level, Level::Wrong);
    let found = space_left(SPACE_MIN / 2, None);
    assert_eq!((found.level, found.what.as_str()), (Level::Wrong, "only 0.5 GiB are left"));
}

#[test]
fn few_open_files_are_wrong() {
    assert_eq!(open_files(None).level, Level::Fine);
    assert_eq!(open_files(Some(OPEN_FILES_MIN)).level, Level::Fine);
    let found = open_files(Some(256));
    assert_eq!(found.level, Level::Wrong);
    assert!(found.mend.unwrap().contains("ulimit -n 4096"));
}

use super::*;

fn append(files: &FrameFiles, frames: &[&[u8]]) -> Vec<Place> {
    files.append(frames.iter().copied()).unwrap()
}

#[test]
fn frames_are_read_as_they_were_written_also_after_a_start() {
    let directory = tempfile::tempdir().unwrap();
    let files = FrameFiles::open(directory.path().join("frames"), None).unwrap();
    let first = append(&files, &[b"one", b"", b"three"]);
    assert_eq!(first, [(0, 0, 3), (0, 3, 0), (0, 3, 5)]);
    drop(files);
    let files = FrameFiles::open(directory.path().join("frames"), Some(first[2])).unwrap();
    let second = append(&files, &[b"four"]);
    let read = |place: &Place| files.read(*place).unwrap();
    assert_eq!(first.iter().map(read).collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
    assert_eq!(read(&second[0]), b"four");
}

#[test]
fn what_no_table_names_is_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let files = FrameFiles::open(directory.path().to_owned(), None).unwrap();
    let known = append(&files, &[b"known"]);
    let _lost = append(&files, &[b"lost in a crash"]);
    drop(files);
    fs::write(directory.path().join("0000000001.frames"), "of a later file").unwrap();
    let files = FrameFiles::open(directory.path().to_owned(), Some(known[0])).unwrap();
    assert!(!directory.path().join("0000000001.frames").exists());
    assert_eq!(append(&files, &[b"next"]), [(0, 5, 4)]);
    assert_eq!(fs::read(directory.path().join("0000000000.frames")).unwrap(), b"knownnext");
}

#[test]
fn a_frame_that_is_not_there_is_an_error_or_shorter() {
    let directory = tempfile::tempdir().unwrap();
    let files = FrameFiles::open(directory.path().to_owned(), None).unwrap();
    let _there = append(&files, &[b"frame"]);
    assert!(files.read((7, 0, 5)).is_err());
    assert_eq!(files.read((0, 3, 5)).unwrap(), b"me");
    assert_eq!(files.read((0, 99, u32::MAX)).unwrap(), b"");
}

#[test]
fn a_long_file_is_left_for_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let files = FrameFiles::open(directory.path().to_owned(), None).unwrap();
    let _short = append(&files, &[b"short"]);
    files.lock().offset = FILE_BYTES;
    assert_eq!(append(&files, &[b"in another"]), [(1, 0, 10)]);
}

use std::fs;

use super::*;

#[test]
fn a_file_gives_its_first_line_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("passphrase");
    private::create(&file, "open sesame \r\nsecond\n").unwrap();
    assert_eq!(from_file(&file).unwrap().expose_secret(), "open sesame ");
    for text in ["", "\n", "\nsecond"] {
        fs::write(&file, text).unwrap();
        assert!(matches!(from_file(&file), Err(NodeError::Usage(_))), "{text:?}");
    }
    assert!(matches!(from_file(&directory.path().join("none")), Err(NodeError::Usage(_))));
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("passphrase");
    fs::write(&file, "p").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(from_file(&file), Err(NodeError::KeyExposed { .. })));
}

#[test]
fn a_passphrase_is_not_shown_where_it_is_printed_by_mistake() {
    let shown = format!("{:?}", checked("open sesame").unwrap());
    assert!(!shown.contains("sesame"), "{shown}");
}

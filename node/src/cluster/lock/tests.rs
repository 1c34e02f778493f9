use super::*;

#[tokio::test]
async fn a_directory_in_use_names_the_pid_and_is_free_again_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    assert!(!Lock::is_held(directory.path(), "lock"));
    let lock = Lock::take(directory.path(), "lock").await.unwrap();
    assert!(Lock::is_held(directory.path(), "lock"));
    let error = Lock::take(directory.path(), "lock").await.unwrap_err();
    let pid = std::process::id().to_string();
    assert!(error.to_string().starts_with(&format!("data directory in use by pid {pid}")));
    assert_eq!(error.exit_code(), 1);

    drop(lock);
    assert!(!Lock::is_held(directory.path(), "lock"));
    Lock::take(directory.path(), "lock").await.unwrap();
}

#[tokio::test]
async fn a_file_left_behind_by_a_killed_process_blocks_nobody() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("lock"), "4194304\nmore text than a pid").unwrap();
    let lock = Lock::take(directory.path(), "lock").await.unwrap();
    let text = std::fs::read_to_string(directory.path().join("lock")).unwrap();
    assert_eq!(text, format!("{}\n", std::process::id()));
    drop(lock);
}

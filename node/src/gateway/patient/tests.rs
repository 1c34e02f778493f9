use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

#[tokio::test]
async fn a_write_that_nobody_takes_fails_in_the_end() {
    let (ours, _theirs) = duplex(8);
    let mut patient = Patient::new(ours, Duration::from_millis(1));
    let error = patient.write_all(&[0; 64]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_write_that_is_taken_slowly_succeeds() {
    let (ours, mut theirs) = duplex(8);
    let mut patient = Patient::new(ours, STALL_MAX);
    let read = tokio::spawn(async move {
        let mut all = Vec::new();
        theirs.read_to_end(&mut all).await.unwrap();
        all
    });
    patient.write_all(&[7; 64]).await.unwrap();
    patient.shutdown().await.unwrap();
    drop(patient);
    assert_eq!(read.await.unwrap(), [7; 64]);
}

//! Streams of one log.

use super::*;

/// Everything that a stream of a log brings, to its end.
pub(super) async fn read_log(
    client: &Client,
    process: ProcessId,
    from: u64,
) -> Result<Vec<TailFrame>, transport::Error> {
    let opening = codec::encode(&Opening::Log { process, from: Slot::new(from) });
    let (_sender, mut receiver) = client.connection.open_stream(&opening).await.unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = receiver.recv().await? {
        frames.push(codec::decode(&frame).unwrap());
    }
    Ok(frames)
}

/// A message that is larger than its process allows.
pub(super) fn too_large(target: ProcessId, nonce: u64, now: Timestamp) -> Submission {
    let mut body = message_body(target, nonce, now.saturating_add(60_000));
    body.args = codec::encode(&minicbor::bytes::ByteVec::from(vec![0; 2_000]));
    body.args.splice(0..0, [0xa1, 0x61, b'a']);
    submission(nonce, Entry::Message(Signed::sign(body, &client())))
}

#[tokio::test]
async fn a_stream_of_a_log_ends_where_the_log_does_and_has_its_refusals() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let (one, two) = (process(1, now), process(2, now));
    client.submit(vec![submission(1, spawn(1, now)), submission(2, spawn(2, now))]).await;
    for target in [one, two] {
        client.submit(messages(target, 20, now)).await;
        let refused = client.submit(vec![too_large(target, 99, now)]).await;
        assert_eq!(refused.refused[&99], RefusalCode::TooLarge);
    }
    for from in [0, 7, 21, 50] {
        let frames = read_log(&client, one, from).await.unwrap();
        let records = frames.iter().flat_map(|frame| &frame.records);
        let slots = records.map(|record| record.assignment.slot.get());
        assert!(slots.eq(from..21), "from {from}");
        let refused: Vec<_> =
            frames.iter().flat_map(|frame| frame.refusals.iter().flatten()).collect();
        assert_eq!(refused.len(), 1, "of this log, and once");
        assert_eq!(refused[0].refusal.process, one);
    }
    let unknown = ProcessId::from_bytes([1; 32]);
    assert!(read_log(&client, unknown, 0).await.is_err());
    server.stop().await;
}

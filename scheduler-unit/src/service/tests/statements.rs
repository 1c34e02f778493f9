//! What the unit signs about numbers of pairs.

use protocol::{Control, ControlAction, Kind, PairNumber, PairStatement, Principal, V1, Verdict};

use super::*;

/// An order of the controller to stop a process.
fn stop(target: ProcessId, now: Timestamp) -> Entry {
    let (sender, expiry) = (Principal::Account(client().public().account()), now);
    let (version, kind, network, nonce, action) = (V1, Kind, NETWORK, 1, ControlAction::Stop);
    let expiry = expiry.saturating_add(60_000);
    let body = Control { version, kind, network, sender, target, nonce, expiry, action };
    Entry::Control(Signed::sign(body, &client()))
}

#[tokio::test]
async fn a_statement_is_about_the_number_of_the_pair_whatever_entry_is_named() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let (target, other) = (process(1, now), process(2, now));
    client.submit(vec![submission(0, spawn(1, now)), submission(1, spawn(2, now))]).await;
    let teller = Teller::new(target, 3);
    let deliveries = [teller.delivery(0, 0), teller.delivery(1, 1)];
    let [assigned, refused] = deliveries.each_ref().map(|delivery| delivery.entry.id());
    let [first, second] = deliveries;
    assert_eq!(client.submit(vec![first]).await.assigned.len(), 1);
    client.submit(vec![submission(0, stop(target, now))]).await;
    assert_eq!(client.submit(vec![second]).await.refused[&1], RefusalCode::Stopped);
    let stranger = message(target, 1, now);
    let of_stranger = stranger.id();
    let told = client.submit(vec![submission(0, stranger)]).await;
    assert_eq!(told.refused[&0], RefusalCode::Stopped);

    let about = async |target, number, entry| {
        let (source, number) = (teller.id, PairNumber::new(number));
        let request = Request::Statement { source, target, number, entry };
        let signed: Signed<PairStatement> = client.ask(&request).await?;
        Ok::<_, Refusal>(signed.verify(NETWORK).unwrap().body().verdict)
    };
    assert_eq!(about(target, 0, assigned).await, Ok(Verdict::Assigned(Slot::new(1))));
    assert_eq!(about(target, 1, refused).await, Ok(Verdict::Refused(RefusalCode::Stopped)));
    for (target, number, entry) in [
        (other, 0, assigned),
        (target, 1, assigned),
        (target, 2, refused),
        (other, 1, refused),
        (target, 2, of_stranger),
    ] {
        let code = about(target, number, entry).await.map_err(|refusal| refusal.code);
        assert_eq!(code, Err(RefusalCode::NotFound), "{number} of {target}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_number_that_its_source_passed_over_is_refused_as_skipped() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let (target, other) = (process(1, now), process(2, now));
    client.submit(vec![submission(0, spawn(1, now)), submission(1, spawn(2, now))]).await;
    let teller = Teller::giving_up(target);
    let skip = teller.skip(1, 1);
    let skipped = skip.entry.id();
    assert_eq!(client.submit(vec![teller.delivery(0, 0), skip]).await.assigned.len(), 2);

    let about = async |target, number| {
        let (source, entry, number) = (teller.id, skipped, PairNumber::new(number));
        let request = Request::Statement { source, target, number, entry };
        let signed: Signed<PairStatement> = client.ask(&request).await?;
        Ok::<_, Refusal>(signed.verify(NETWORK).unwrap().body().verdict)
    };
    assert_eq!(about(target, 1).await, Ok(Verdict::Refused(RefusalCode::Skipped)));
    for (target, number) in [(target, 0), (target, 2), (other, 1)] {
        let code = about(target, number).await.map_err(|refusal| refusal.code);
        assert_eq!(code, Err(RefusalCode::NotFound), "{number} of {target}");
    }
    server.stop().await;
}

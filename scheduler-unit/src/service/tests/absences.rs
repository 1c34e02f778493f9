//! The ends of asks whose target nobody orders.

use protocol::{ProcessId, TimerKind};

use super::*;
use crate::fixture::{
    other_scheduler, spawn_body,
    speaker::{Speaker, ask},
};

/// The word of a messenger that the target of an ask is nowhere.
fn nowhere(speaker: &Speaker, index: u32, deadline: Timestamp) -> Submission {
    let mut submission = speaker.timer(index.into(), index, 1, deadline);
    let Entry::Timer(timer) = &mut submission.entry else { panic!("it is a timer") };
    timer.kind = TimerKind::NoTarget;
    submission
}

#[tokio::test]
async fn an_ask_ends_early_only_if_no_scheduler_knows_its_target() {
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let directory = Directory::new(NETWORK);
    let own = Server::start_as(&scheduler(), data[0].path(), &directory, |config| config);
    let other = Server::start_as(&other_scheduler(), data[1].path(), &directory, |config| config);
    let now = now();
    let (here, there) = (own.connect(&client()).await, other.connect(&client()).await);
    here.put_module().await;
    there.put_module().await;
    let scheduler = other_scheduler().public().unit();
    let elsewhere = protocol::Spawn { scheduler, ..spawn_body(2, now) };
    let elsewhere = Entry::Spawn(Signed::sign(elsewhere, &client()));
    let targets = [
        ProcessId::from_bytes([9; 32]),
        elsewhere.target(),
        process(3, now),
        ProcessId::from_bytes([8; 32]),
    ];
    assert_eq!(there.submit(vec![submission(0, elsewhere)]).await.assigned.len(), 1);
    let born = vec![submission(0, spawn(1, now)), submission(1, spawn(3, now))];
    let born = here.submit(born).await.assigned.remove(&0).unwrap();

    let deadline = now.saturating_add(3_600_000);
    let asks = targets.map(|target| (target, Some(0), ask(deadline)));
    let speaker = Speaker::new(born, asks.to_vec(), &compute());
    let words = || (0..3).map(|index| nowhere(&speaker, index, deadline)).collect();
    loop {
        let told = here.submit(words()).await;
        assert_eq!(told.refused[&1], RefusalCode::NotDue, "the other one orders it");
        assert_eq!(told.refused[&2], RefusalCode::NotDue, "it is ordered here");
        if told.assigned.contains_key(&0) {
            break;
        }
        assert_eq!(told.refused[&0], RefusalCode::NotDue, "it may be somewhere");
    }
    let timeout = speaker.timer(0, 3, 0, deadline);
    assert_eq!(here.submit(vec![timeout]).await.refused[&0], RefusalCode::NotDue);
    own.stop().await;
    other.stop().await;
}

use protocol::api::{Submission as Wire, SubmitFrame};

use crate::{
    Client, ClientOptions, Units,
    testing::{Behaviour, Cluster, NETWORK, Stage, World},
};

use super::*;

/// Long enough never to decide anything.
const LONG: Duration = Duration::from_secs(60);

async fn connect(world: &World, behaviours: &[Behaviour]) -> (Client, Cluster) {
    let cluster = Cluster::start(world, behaviours);
    let units = Units::Directory(cluster.directory.clone());
    let key = Some(world.account.clone());
    let client = Client::connect(ClientOptions { network: NETWORK, key, units }).await.unwrap();
    (client, cluster)
}

#[test]
fn the_frame_is_the_one_the_protocol_decodes() {
    let world = World::new();
    let entries: Vec<_> =
        (0..3).map(|tag| (tag, Arc::new(Entry::Message(world.message(tag))))).collect();
    let submissions = entries.iter().map(|(tag, entry)| Wire::bare(*tag, Entry::clone(entry)));
    let expected = SubmitFrame { submissions: submissions.collect(), basis: None };
    assert_eq!(frame(&entries), codec::encode(&expected));
}

#[tokio::test]
async fn many_entries_share_one_stream_and_each_gets_its_own_outcome() {
    let world = World::new();
    let (client, _cluster) = connect(&world, &[Behaviour::Answer]).await;
    let mut tickets = Vec::new();
    for nonce in 0..200 {
        tickets.push(client.submit(Entry::Message(world.message(nonce))).await.unwrap());
    }
    for ticket in tickets {
        let entry = ticket.entry();
        let result = client.finish(ticket, LONG).await.unwrap();
        assert_eq!(result.outcome.entry, entry);
        assert_eq!(result.assignment.assignment.entry, entry);
    }
}

#[tokio::test]
async fn a_broken_stream_costs_no_message() {
    let world = World::new();
    let behaviours = [Behaviour::Break, Behaviour::Break, Behaviour::Answer];
    let (client, cluster) = connect(&world, &behaviours).await;
    let ticket = client.submit(Entry::Message(world.message(1))).await.unwrap();
    let result = client.finish(ticket, LONG).await.unwrap();
    assert_eq!(result.reply().unwrap(), protocol::Value::Integer(3));
    assert_eq!(*cluster.tags.lock().unwrap(), [1, 1, 1]);
}

#[tokio::test]
async fn a_busy_messenger_is_asked_again() {
    let world = World::new();
    let (client, cluster) = connect(&world, &[Behaviour::BusyOnce]).await;
    let ticket = client.submit(Entry::Message(world.message(1))).await.unwrap();
    client.finish(ticket, LONG).await.unwrap();
    assert_eq!(*cluster.tags.lock().unwrap(), [1, 1]);
}

#[tokio::test]
async fn a_final_refusal_and_a_lie_reach_the_caller() {
    let world = World::new();
    let (client, _cluster) = connect(&world, &[Behaviour::Refuse]).await;
    let ticket = client.submit(Entry::Message(world.message(1))).await.unwrap();
    let error = client.finish(ticket, LONG).await.unwrap_err();
    assert_eq!((error.code(), error.number()), ("expired", 5));

    let (client, _cluster) = connect(&world, &[Behaviour::Lie]).await;
    let ticket = client.submit(Entry::Message(world.message(1))).await.unwrap();
    let error = client.finish(ticket, LONG).await.unwrap_err();
    assert_eq!(error.code(), "unverified");
}

#[tokio::test]
async fn a_view_is_read_and_an_unknown_process_is_refused() {
    let world = World::new();
    let (client, _cluster) = connect(&world, &[Behaviour::Answer]).await;
    let args = protocol::Value::Map(Vec::new());
    let view = client.view(world.process, "get", &args, None).await.unwrap();
    assert_eq!(view.reply, protocol::Value::Integer(8));

    let unknown = ProcessId::from_bytes([7; 32]);
    let error = client.send(unknown, "add", &args, LONG).await.unwrap_err();
    assert_eq!(error.code(), "unknown-process");
}

#[tokio::test]
async fn a_dropped_ticket_gives_its_room_back() {
    let world = World::new();
    let (client, _cluster) = connect(&world, &[Behaviour::Break]).await;
    let submitter = &client.inner.submitter;
    let ticket = client.submit(Entry::Message(world.message(1))).await.unwrap();
    assert!(submitter.shared.room.available_permits() < ROOM);
    drop(ticket);
    assert_eq!(submitter.shared.room.available_permits(), ROOM);
}

#[tokio::test]
async fn a_process_that_moves_is_found_again_and_its_next_scheduler_believed() {
    let world = World::new();
    let (client, cluster) = connect(&world, &[Behaviour::Answer]).await;
    client.describe(world.process).await.unwrap();
    *cluster.stage.lock().unwrap() = Stage::Done;
    let mut tickets = Vec::new();
    for nonce in 0..20 {
        tickets.push(client.submit(Entry::Message(world.message(nonce))).await.unwrap());
    }
    for ticket in tickets {
        let result = client.finish(ticket, LONG).await.unwrap();
        assert_eq!(result.assignment.assignment.epoch, protocol::Epoch::new(1));
    }
    let described = client.describe(world.process).await.unwrap();
    assert_eq!(described.source.scheduler(), world.next.public().unit());
}

#[tokio::test]
async fn a_refusal_for_good_reaches_the_caller_with_its_proof() {
    let world = World::new();
    let (client, _cluster) = connect(&world, &[Behaviour::Finish]).await;
    let ticket = client.submit(Entry::Message(world.message(1))).await.unwrap();
    let entry = ticket.entry();
    let error = client.finish(ticket, LONG).await.unwrap_err();
    let ClientError::Refused { refusal, proof: Some(proof) } = error else { panic!("{error}") };
    assert_eq!((refusal.code, proof.refusal.entry), (RefusalCode::Expired, entry));
    proof.verify(NETWORK, &world.scheduler.public().unit()).unwrap();
}

#[tokio::test]
async fn reads_go_to_the_present_scheduler_which_is_shown_that_it_is() {
    let world = World::new();
    let (client, cluster) = connect(&world, &[Behaviour::Answer]).await;
    assert_eq!(client.head(world.process).await.unwrap().slot.get(), 9);
    *cluster.stage.lock().unwrap() = Stage::Sealed;
    client.describe_again(world.process).await.unwrap();
    assert_eq!(client.head(world.process).await.unwrap().slot.get(), 12);
    assert_eq!(*cluster.stage.lock().unwrap(), Stage::Done);
}

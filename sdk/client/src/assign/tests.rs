use protocol::{Message, ProcessId, Signed, api::LogRecord};

use super::*;
use crate::{
    ClientOptions, Units,
    testing::{Behaviour, Cluster, NETWORK, World},
};

/// Long enough never to decide anything.
const LONG: Duration = Duration::from_secs(60);

async fn connect(world: &World) -> (Client, Cluster) {
    let cluster = Cluster::start(world, &[Behaviour::Answer]);
    let units = Units::Directory(cluster.directory.clone());
    let key = Some(world.account.clone());
    let client = Client::connect(ClientOptions { network: NETWORK, key, units }).await.unwrap();
    (client, cluster)
}

/// Lets schedulers find an entry.
fn stands(world: &World, cluster: &Cluster, entry: Entry) -> EntryId {
    let id = entry.id();
    let assignment = world.assign(id, 3).assignment;
    cluster.notes.found.lock().unwrap().push(LogRecord { assignment, entry });
    id
}

#[tokio::test]
async fn a_message_is_shown_to_a_process_in_the_name_of_who_shows_it() {
    let world = World::new();
    let (client, cluster) = connect(&world).await;
    let shown = world.message(7);
    let id = stands(&world, &cluster, Entry::Message(shown.clone()));
    let sent = client.assign(id, world.process, LONG).await.unwrap();
    let submitted = cluster.notes.submitted.lock().unwrap().pop().unwrap();
    assert_eq!((submitted.id(), sent.outcome.entry), (sent.message, sent.message));
    let Entry::Message(submitted) = submitted else { panic!("not a message") };
    let message: &Message = submitted.unverified();
    assert_eq!((message.sender, message.target), (client.principal(), world.process));
    assert_eq!((message.method.as_str(), message.args.as_slice()), ("assigned", &[0xa0][..]));
    let evidence = message.evidence.as_ref().unwrap();
    assert_eq!(codec::decode::<Signed<Message>>(evidence).unwrap(), shown);
    submitted.verify(NETWORK).unwrap();
}

#[tokio::test]
async fn only_signed_messages_that_show_none_themselves_can_be_shown() {
    let world = World::new();
    let (client, cluster) = connect(&world).await;
    let unknown = EntryId::from_bytes([8; 32]);
    let error = client.assign(unknown, world.process, LONG).await.unwrap_err();
    assert_eq!(error.code(), "not-found");
    let spawn = Entry::Spawn(Signed::sign(world.spawn.clone(), &world.account));
    let spawn = stands(&world, &cluster, spawn);
    let none = Value::Map(Vec::new());
    let shown = codec::encode(&world.message(7));
    let showing = client.sign_message(world.process, METHOD, &none, Some(shown)).unwrap();
    let showing = stands(&world, &cluster, Entry::Message(showing));
    for entry in [spawn, showing] {
        let error = client.assign(entry, world.process, LONG).await.unwrap_err();
        assert_eq!(error.code(), "bad-request", "{error}");
    }
    assert!(cluster.notes.submitted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_client_without_a_key_shows_nothing() {
    let world = World::new();
    let cluster = Cluster::start(&world, &[Behaviour::Answer]);
    let units = Units::Directory(cluster.directory.clone());
    let options = ClientOptions { network: NETWORK, key: None, units };
    let client = Client::connect(options).await.unwrap();
    let process = ProcessId::from_bytes([1; 32]);
    let error = client.assign(EntryId::from_bytes([8; 32]), process, LONG).await.unwrap_err();
    assert_eq!(error, ClientError::NoKey);
}

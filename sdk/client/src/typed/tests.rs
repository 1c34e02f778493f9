use antiphon::prelude::*;

use crate::{
    CallError, Client, ClientError, ClientOptions, SpawnOptions, Units,
    testing::{Behaviour, Cluster, NETWORK, World},
};

use super::*;

/// What the units of these tests play; whatever it is asked, they reply 3.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counter {
    n: u64,
}

#[actor]
impl Counter {
    #[init]
    fn new() -> Self {
        Self::default()
    }

    fn get(&self) -> u64 {
        self.n
    }

    fn add(&mut self, by: u64) -> u64 {
        self.n += by;
        self.n
    }

    fn name(&mut self) -> String {
        self.n.to_string()
    }
}

async fn connect(world: &World) -> (Client, Cluster) {
    let cluster = Cluster::start(world, &[Behaviour::Answer]);
    let units = Units::Directory(cluster.directory.clone());
    let key = Some(world.account.clone());
    let client = Client::connect(ClientOptions { network: NETWORK, key, units }).await.unwrap();
    (client, cluster)
}

#[tokio::test]
async fn a_call_gives_the_reply_of_its_method() {
    let world = World::new();
    let (client, _cluster) = connect(&world).await;
    let counter = client.actor::<Counter>(world.process);
    assert_eq!(counter.id(), world.process);
    assert_eq!(counter.add(1).await, Ok(3));
    assert_eq!(client.typed(Counter::at(world.process).add(1)).await, Ok(3));
    assert_eq!(counter.get().view().await, Ok(8), "what views give here");
    let proof = counter.add(1).prove().await.unwrap();
    assert_eq!(proof.outcome.process, world.process);
    // Whoever calls may be on any thread.
    assert_eq!(tokio::spawn(counter.add(1).into_future()).await.unwrap(), Ok(3));
}

#[tokio::test]
async fn a_reply_of_another_type_is_an_error_although_the_message_took_effect() {
    let world = World::new();
    let (client, _cluster) = connect(&world).await;
    let error = client.actor::<Counter>(world.process).name().await.unwrap_err();
    assert!(matches!(error, CallError::Reply(_)), "{error}");
    assert_eq!((error.code(), error.effect()), ("bad-reply", Effect::Yes));
}

#[tokio::test]
async fn a_module_of_another_interface_is_not_spawned() {
    let world = World::new();
    let (client, _cluster) = connect(&world).await;
    let spawned = client.spawn_actor::<Counter>(SpawnOptions::new(b"no module".to_vec())).await;
    assert!(matches!(spawned, Err(CallError::Client(ClientError::BadRequest(_)))));
}

#[test]
fn errors_tell_whose_they_are_and_whether_the_message_took_effect() {
    let actor =
        Failure { kind: FailureKind::Actor, code: "full".to_owned(), detail: "no room".to_owned() };
    let of = |kind| CallError::of(Failure::of(kind), Effect::No);
    let cases = [
        (CallError::of(actor, Effect::Yes), "full", Effect::Yes),
        (of(FailureKind::Trapped), "trapped", Effect::No),
        (of(FailureKind::OutOfGas), "out-of-gas", Effect::No),
        (ClientError::NoKey.into(), "no-key", Effect::No),
        (ClientError::unreachable("nobody").into(), "unreachable", Effect::Unknown),
    ];
    for (error, code, effect) in cases {
        assert_eq!((error.code(), error.effect()), (code, effect), "{error}");
    }
}

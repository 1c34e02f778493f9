//! Actors do the same natively, as Wasm modules in one program, and on a cluster; and clients call
//! their methods by type.

use alarm::Alarm;
use antiphon::{Effect, Sim, millis};
use antiphon_client::{CallError, Client, SpawnOptions};
use antiphon_testing::{Remote, Wasm};
use bank::Bank;
use counter::Counter;
use example_modules as modules;
use pingpong::PingPong;
use protocol::{ProcessId, Slot};
use supervisor::Supervisor;
use tokenring::TokenRing;
use worker::Worker;

use crate::{
    plays,
    support::{Cluster, PATIENCE, directory, integer},
};

/// Gives a stage the modules of all that plays.
macro_rules! with_modules {
    ($stage:expr) => {
        $stage
            .with::<Alarm>(modules::ALARM)
            .with::<Bank>(modules::BANK)
            .with::<Counter>(modules::COUNTER)
            .with::<PingPong>(modules::PINGPONG)
            .with::<Supervisor>(modules::SUPERVISOR)
            .with::<TokenRing>(modules::TOKENRING)
            .with::<Worker>(modules::WORKER)
    };
}

/// Plays on every stage and compares what was seen.
macro_rules! assert_same {
    ($remote:expr, $($play:path),*) => {$({
        let natively = $play(&mut Sim::seeded(7));
        assert_eq!($play(&mut with_modules!(Wasm::seeded(7))), natively, "as Wasm");
        assert_eq!($play($remote), natively, "on a cluster");
    })*};
}

#[test]
fn plays_come_to_the_same_on_every_stage() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let mut remote = with_modules!(Remote::connect(cluster.client_options()).unwrap());
    assert_same!(
        &mut remote,
        plays::counting,
        plays::playing,
        plays::paying,
        plays::ringing,
        plays::raising
    );
    drop(remote);
    cluster.stop();
}

#[tokio::test]
async fn a_client_calls_actors_by_their_types() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let client = Client::connect(cluster.client_options()).await.unwrap();
    let options =
        SpawnOptions { args: integer("start", 5), ..SpawnOptions::new(modules::COUNTER.to_vec()) };
    let counter = client.spawn_actor::<Counter>(options).await.unwrap();
    assert_eq!(counter.add(3).await, Ok(8));
    assert_eq!(counter.get().view().await, Ok(8));
    assert_eq!(counter.get().deadline(PATIENCE).await, Ok(8), "in the order of the log");
    let error = counter.add(u64::MAX).await.unwrap_err();
    assert!(matches!(&error, CallError::Actor(error) if error.code() == "refused"), "{error}");
    assert_eq!(error.effect(), Effect::Yes);
    let proof = counter.add(1).prove().await.unwrap();
    assert_eq!(proof.slot(), Slot::new(4));
    assert_eq!(proof.typed(), Ok(9_u64));

    let again = client.actor::<Counter>(counter.id());
    assert_eq!(again.get().view().await, Ok(9));
    let nobody = client.actor::<Counter>(ProcessId::from_bytes([9; 32]));
    assert_eq!(nobody.add(1).await.unwrap_err().code(), "unknown-process");
    let stranger = client.actor::<PingPong>(counter.id());
    assert_eq!(stranger.last().view().await.unwrap_err().code(), "unknown-method");

    let alarm = SpawnOptions::new(modules::ALARM.to_vec());
    let alarm = client.spawn_actor::<Alarm>(alarm).await.unwrap();
    let waiting = tokio::spawn(alarm.wait().into_future());
    let late = alarm.wait().deadline(millis(500)).await.unwrap_err();
    assert_eq!((late.code(), late.effect()), ("no-answer-yet", Effect::Unknown));
    alarm.once(1).await.unwrap();
    assert_eq!(waiting.await.unwrap(), Ok(1), "a reply of a later slot");

    let bare = SpawnOptions::new(modules::BANK.to_vec());
    let unborn = client.spawn_actor::<Bank>(bare).await.unwrap_err();
    assert_eq!(unborn.code(), "bad-arguments");
    cluster.stop();
}

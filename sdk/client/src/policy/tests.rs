use std::{collections::VecDeque, net::Ipv4Addr, sync::Mutex};

use bytes::Bytes;
use protocol::{
    PairNumber, Refusal, SecretKey,
    api::{NextNumber, Response},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use transport::{
    Directory, Endpoint, FrameReceiver, FrameSender, Handler, Limits as Bounds, serve,
};

use crate::{
    ClientOptions, Units, shell,
    testing::{NETWORK, record},
};

use super::*;

const PROCESS: ProcessId = ProcessId::from_bytes([1; 32]);

/// What a unit does with a question.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// Never answers.
    Nothing,
    /// Answers with a number.
    Says(u64),
    /// Does not execute the process.
    Refuses,
}

/// A unit that treats the first questions as told, and all later ones as the last of these.
struct Unit(Mutex<VecDeque<Does>>);

impl Handler for Unit {
    async fn request(&self, _: UnitId, _: Bytes) -> Bytes {
        let does = {
            let mut script = self.0.lock().unwrap();
            if script.len() > 1 { script.pop_front() } else { script.front().copied() }
        };
        let answer = match does.unwrap() {
            Does::Nothing => std::future::pending().await,
            Does::Says(number) => Response::done(&NextNumber { number: PairNumber::new(number) }),
            Does::Refuses => Response::refused(Refusal::new(RefusalCode::NotHosted, "elsewhere")),
        };
        answer.into()
    }

    async fn stream(&self, _: UnitId, _: Bytes, _: FrameSender, _: FrameReceiver) {}
}

/// A client and the two units of a policy, the first of which ranks first.
struct World {
    client: Client,
    policy: ComputePolicy,
    _units: Vec<AbortOnDropHandle<()>>,
}

impl World {
    async fn start(first: &[Does], second: &[Does]) -> Self {
        let mut keys = [2, 3].map(|seed| SecretKey::from_seed(&[seed; 32]));
        let units = keys.iter().map(|key| key.public().unit()).collect();
        let policy = ComputePolicy { units, quorum: 1, version: 0, previous: None };
        let ranked = policy.ranked(&PROCESS);
        keys.sort_by_key(|key| key.public().unit() != ranked[0]);
        let directory = Directory::new(NETWORK);
        let units = keys.iter().zip([first, second]).map(|(key, script)| {
            let anywhere = (Ipv4Addr::LOCALHOST, 0).into();
            let endpoint = Endpoint::bind(key, NETWORK, anywhere, Bounds::default()).unwrap();
            directory.insert(record(key, Role::Compute, &endpoint), shell::now()).unwrap();
            let unit = Arc::new(Unit(Mutex::new(script.iter().copied().collect())));
            let served = serve(endpoint, unit, CancellationToken::new());
            AbortOnDropHandle::new(tokio::spawn(served))
        });
        let _units = units.collect();
        let units = Units::Directory(directory);
        let options = ClientOptions { network: NETWORK, key: None, units };
        Self { client: Client::connect(options).await.unwrap(), policy, _units }
    }

    /// Asks for a number; zero is an answer that another unit may know better.
    async fn ask(&self) -> Result<Said<u64>, ClientError> {
        let read = |said: NextNumber| match said.number.get() {
            0 => Ok(Said::Little(0)),
            number => Ok(Said::Enough(number)),
        };
        // Any request does: the units do as they are told.
        self.client.ask_policy(PROCESS, &self.policy, Request::Status, read).await
    }

    fn is_doubtful(&self, rank: usize) -> bool {
        let unit = self.policy.ranked(&PROCESS)[rank];
        self.client.inner.doubts.is_doubtful(Instant::now(), &unit)
    }
}

#[tokio::test]
async fn the_unit_that_ranks_first_answers() {
    let world = World::start(&[Does::Says(1)], &[Does::Says(2)]).await;
    assert_eq!(world.ask().await, Ok(Said::Enough(1)));
}

#[tokio::test]
async fn a_unit_that_does_not_answer_holds_nobody_up_and_is_doubted() {
    let world = World::start(&[Does::Nothing], &[Does::Says(2)]).await;
    assert_eq!(world.ask().await, Ok(Said::Enough(2)));
    assert!(world.is_doubtful(0) && !world.is_doubtful(1));
    assert_eq!(world.ask().await, Ok(Said::Enough(2)));
}

#[tokio::test]
async fn a_unit_that_is_about_to_step_in_is_asked_until_it_does() {
    let second = [Does::Refuses, Does::Refuses, Does::Says(2)];
    let world = World::start(&[Does::Nothing], &second).await;
    assert_eq!(world.ask().await, Ok(Said::Enough(2)));
}

#[tokio::test]
async fn where_all_are_up_and_none_executes_the_process_that_is_the_answer() {
    let world = World::start(&[Does::Refuses], &[Does::Refuses]).await;
    let error = world.ask().await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Refused { refusal, .. } if refusal.code == RefusalCode::NotHosted),
        "{error}"
    );
}

#[tokio::test]
async fn little_is_taken_only_where_nobody_has_more() {
    let world = World::start(&[Does::Says(0)], &[Does::Says(2)]).await;
    assert_eq!(world.ask().await, Ok(Said::Enough(2)));
    let world = World::start(&[Does::Says(0)], &[Does::Refuses]).await;
    assert_eq!(world.ask().await, Ok(Said::Little(0)));
    let world = World::start(&[Does::Nothing], &[Does::Says(0)]).await;
    assert_eq!(world.ask().await, Ok(Said::Little(0)));
}

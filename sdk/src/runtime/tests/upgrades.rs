//! States that go from one module to the next.

use super::*;
use crate::{Definition, ModuleId};

/// The counter as it was at first.
#[derive(Serialize, Deserialize)]
struct CounterV1 {
    n: u64,
}

/// The counter as it was then.
#[derive(Serialize, Deserialize)]
struct CounterV2 {
    n: u64,
    step: u64,
}

#[actor(version = 3)]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Counter {
    total: u64,
    step: u64,
    since: Timestamp,
}

#[actor]
impl Counter {
    #[init]
    fn new() -> Self {
        Self { total: 0, step: 1, since: Timestamp::ZERO }
    }

    fn total(&self) -> u64 {
        self.total
    }

    #[migrate(from = 1)]
    fn from_v1(old: CounterV1, cx: &Context) -> Self {
        Self { total: old.n, step: 1, since: cx.time() }
    }

    #[migrate(from = 2)]
    fn from_v2(old: CounterV2) -> Result<Self, Error> {
        require!(old.step > 0, Error::new("no-step", "a counter has a step"));
        Ok(Self { total: old.n, step: old.step, since: Timestamp::ZERO })
    }
}

/// Keeps what it can compute out of what it saves.
#[actor(version = 2)]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sorted {
    numbers: Vec<u64>,
    sum: u64,
}

#[actor]
impl Sorted {
    #[init]
    fn new(numbers: Vec<u64>) -> Self {
        Self::open(numbers)
    }

    #[save]
    fn close(&self) -> Vec<u64> {
        self.numbers.clone()
    }

    #[load]
    fn open(numbers: Vec<u64>) -> Self {
        Self { sum: numbers.iter().sum(), numbers }
    }

    #[migrate(from = 1)]
    fn from_one(number: u64) -> Self {
        Self::open(vec![number])
    }
}

/// Takes over from modules that cannot save.
#[actor]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Recovered {
    n: u64,
}

#[actor]
impl Recovered {
    #[init]
    fn new() -> Self {
        Self { n: 0 }
    }

    #[recover]
    fn recover(image: MemoryImage, cx: &Context) -> Result<Self, Error> {
        require!(image.module() == OLD, Error::new("stranger", "not my memory"));
        Ok(Self { n: u64::from_le_bytes(image.read(4)?) + cx.slot().get() })
    }
}

/// The module whose memory is recovered.
const OLD: ModuleId = ModuleId::from_bytes([3; 32]);

/// Hands a memory image over, in chunks of five bytes.
fn recovered<A: Actor + 'static>(module: ModuleId, memory: &[u8]) -> (Runtime<A>, GuestResult) {
    let chunks = memory.chunks(5).map(|chunk| chunk.to_vec().into()).collect();
    handed(SavedState { version: 0, chunks, image_of: Some(module) })
}

fn loaded<A: Actor + 'static, T: Serialize>(version: u32, state: &T) -> (Runtime<A>, GuestResult) {
    let chunk = cbor::to_vec(state).unwrap();
    handed(SavedState { version, chunks: vec![chunk.into()], image_of: None })
}

fn handed<A: Actor + 'static>(saved: SavedState) -> (Runtime<A>, GuestResult) {
    let mut runtime = Runtime::new();
    let input = Input::Load { context: context(), saved, spawn: None };
    let output: Output = codec::decode(&runtime.handle(&codec::encode(&input))).unwrap();
    (runtime, output.result)
}

#[test]
fn a_state_of_an_older_version_is_migrated() {
    let (runtime, result) = loaded::<Counter, _>(1, &CounterV1 { n: 7 });
    assert_eq!(result, reply(&()));
    let since = context().time;
    assert_eq!(runtime.actor().as_deref(), Some(&Counter { total: 7, step: 1, since }));
    let (runtime, _) = loaded::<Counter, _>(2, &CounterV2 { n: 7, step: 5 });
    assert_eq!(runtime.actor().unwrap().step, 5);
}

#[test]
fn a_state_of_the_actors_own_version_is_loaded_as_it_is() {
    let counter = Counter { total: 1, step: 2, since: Timestamp::new(3) };
    let (runtime, result) = loaded::<Counter, _>(3, &counter);
    assert_eq!(result, reply(&()));
    assert_eq!(runtime.actor().as_deref(), Some(&counter));
}

#[test]
fn a_version_that_nothing_migrates_from_is_refused() {
    for version in [0, 4, u32::MAX] {
        let (runtime, result) = loaded::<Counter, _>(version, &CounterV1 { n: 7 });
        let detail = format!(
            "the state has version {version} and this module's has 3: nothing migrates from it"
        );
        assert_eq!(result, error("state-version", &detail));
        assert!(runtime.actor().is_none());
    }
}

#[test]
fn a_migration_can_refuse() {
    let (runtime, result) = loaded::<Counter, _>(2, &CounterV2 { n: 7, step: 0 });
    assert_eq!(result, error("no-step", "a counter has a step"));
    assert!(runtime.actor().is_none());
}

#[test]
fn a_state_that_is_not_what_its_version_says_is_refused() {
    let (_, result) = loaded::<Counter, _>(1, &"seven");
    assert!(matches!(result, GuestResult::Error { code, .. } if code == Error::BAD_STATE));
}

#[test]
fn an_actor_may_save_less_than_it_holds() {
    let sorted = Sorted::new(vec![1, 2]);
    let saved = Actor::save(&sorted).unwrap();
    assert_eq!(saved, cbor::to_vec(&[1, 2]).unwrap());
    let version = Sorted::STATE_VERSION;
    assert_eq!(<Sorted as Actor>::load(&Context::mock(), version, &saved), Ok(sorted));
    let (runtime, _) = loaded::<Sorted, _>(1, &5);
    assert_eq!(runtime.actor().unwrap().sum, 5);
    let (_, result) = loaded::<Sorted, _>(3, &[1, 2]);
    assert!(matches!(result, GuestResult::Error { code, .. } if code == Error::STATE_VERSION));
}

#[test]
fn a_state_is_recovered_from_a_memory_image() {
    let mut memory = vec![0xff; 20];
    memory[4..12].copy_from_slice(&35_u64.to_le_bytes());
    let (runtime, result) = recovered::<Recovered>(OLD, &memory);
    assert_eq!(result, reply(&()));
    assert_eq!(runtime.actor().unwrap().n, 35 + context().slot.get());
    let (runtime, result) = recovered::<Recovered>(OLD, &memory[..11]);
    assert!(matches!(result, GuestResult::Error { code, .. } if code == Error::BAD_STATE));
    assert!(runtime.actor().is_none());
    let (_, result) = recovered::<Recovered>(ModuleId::from_bytes([4; 32]), &memory);
    assert_eq!(result, error("stranger", "not my memory"));
}

#[test]
fn an_image_for_an_actor_that_recovers_none_is_refused() {
    let (runtime, result) = recovered::<Counter>(OLD, &cbor::to_vec(&CounterV1 { n: 7 }).unwrap());
    assert!(matches!(result, GuestResult::Error { code, .. } if code == Error::BAD_STATE));
    assert!(runtime.actor().is_none());
}

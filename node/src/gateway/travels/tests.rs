use protocol::{Hash, ProcessId, Slot};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::explorer::testing;

fn key(slot: u64) -> Key {
    (ProcessId::from_bytes([1; 32]), Slot::new(slot), Hash::ZERO)
}

#[test]
fn few_states_are_kept_and_those_asked_for_longest() {
    let (mut known, past) = (Known::default(), Arc::new(Past::of(&testing::visit(7))));
    for slot in 0..1_000 {
        keep(&mut known.states, (key(slot), Arc::clone(&past)), STATES_MAX);
        assert!(known.states.len() <= STATES_MAX);
        assert!(known.state(&key(0)).is_some(), "slot 0 is asked for all the time");
    }
    assert!(known.state(&key(1)).is_none());
    assert!(known.state(&key(999)).is_some());
}

#[tokio::test]
async fn one_replay_of_a_process_and_few_in_all_have_a_turn() {
    let travels = Travels::new(CancellationToken::new());
    let [a, b, c] = [1, 2, 3].map(|byte| ProcessId::from_bytes([byte; 32]));
    let first = travels.turn(&a).await;
    assert!(futures::FutureExt::now_or_never(travels.turn(&a)).is_none(), "a has a replay");
    let second = travels.turn(&b).await;
    assert!(futures::FutureExt::now_or_never(travels.turn(&c)).is_none(), "two replay");
    drop(first);
    assert!(futures::FutureExt::now_or_never(travels.turn(&c)).is_some());
    drop(second);
}

#[test]
fn what_is_too_costly_says_so_with_a_stable_word() {
    let far = halted(Halt::Far(1_234_567));
    assert_eq!((far.status, far.code.as_str()), (422, "too-costly"));
    assert!(far.detail.contains("1234567"), "{}", far.detail);
    assert_eq!(halted(Halt::Late).code, "too-costly");
    assert_eq!(halted(Halt::Stopped).code, "overloaded");
    assert_eq!(failed(NodeError::Verification("x".to_owned())).code, "verification-failed");
}

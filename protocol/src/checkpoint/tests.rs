use super::*;
use crate::examples::{NETWORK, other_process, spawn_body, states};

#[test]
fn a_statement_leads_to_its_checkpoint_and_that_to_its_root() {
    for checkpoint in states::checkpoints() {
        let statement = states::statement(&checkpoint).verify(NETWORK).unwrap();
        let read = statement.body().checkpoint_from(&codec::encode(&checkpoint)).unwrap();
        assert_eq!(read, checkpoint);
    }
    let checkpoint = states::checkpoint();
    let state = checkpoint.state(&states::host_table()).unwrap().unwrap();
    assert_eq!(state, states::state());
    assert_eq!(states::statement_body(&checkpoint).state_root, Some(state.root()));
}

#[test]
fn a_statement_leads_to_no_other_checkpoint() {
    let checkpoint = states::checkpoint();
    let bytes = codec::encode(&checkpoint);
    let statement = states::statement_body(&checkpoint);
    let late = Position { slot: Slot::new(9), ..statement.position };
    for other in [
        StateStatement { process: other_process(), ..statement.clone() },
        StateStatement { position: late, ..statement.clone() },
        StateStatement { previous: Hash::ZERO, ..statement.clone() },
        StateStatement { state_root: None, ..statement.clone() },
    ] {
        let refused = other.checkpoint_from(&bytes).unwrap_err();
        assert!(matches!(refused, CheckpointError::Shape(_)), "{refused}");
    }
    let other = StateStatement { checkpoint: Hash::ZERO, ..statement.clone() };
    assert_eq!(other.checkpoint_from(&bytes), Err(CheckpointError::Address(Hash::ZERO)));
    let garbage = StateStatement { checkpoint: Hash::of_blob(b"garbage"), ..statement };
    let refused = garbage.checkpoint_from(b"garbage").unwrap_err();
    assert!(matches!(refused, CheckpointError::Decode(_)), "{refused}");
}

#[test]
fn a_checkpoint_names_the_spawn_of_its_process() {
    let checkpoint = states::checkpoint();
    assert_eq!(checkpoint.spawn(), Ok(spawn_body()));
    let other = Checkpoint { process: other_process(), ..checkpoint };
    assert!(matches!(other.spawn(), Err(CheckpointError::Shape(_))));
    assert!(other.state(&HostTable::new()).is_err());
}

#[test]
fn a_process_that_failed_to_be_born_has_no_state() {
    let dead = states::checkpoints().pop().unwrap();
    assert_eq!(dead.state(&HostTable::new()), Ok(None));
}

#[test]
fn only_the_unit_signs_its_statement() {
    let statement = states::statement_body(&states::checkpoint());
    let forged = crate::Signed::sign(statement, &crate::examples::client());
    assert_eq!(forged.verify(NETWORK).unwrap_err(), crate::VerifyError::WrongSigner);
}

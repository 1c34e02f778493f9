//! A module that no entry of the log brings, and a look at a state.

use protocol::{FailureKind, Gas};

use super::{upgrades::versions, *};

fn compiled(wasm: &[u8]) -> Successor {
    Successor::Ready(Engine::new().unwrap().compile(wasm).unwrap())
}

/// A process that has handled something.
fn running() -> Scripted {
    let mut scripted = Scripted::of(&actor(), Limits::DEFAULT);
    scripted.do_now(null(), vec![timer(2, 5_000, None, None)]);
    scripted
}

#[test]
fn a_look_at_the_state_leaves_it_as_it_is() {
    let mut scripted = running();
    let before = scripted.process.state().unwrap();
    let saved = scripted.process.saved().unwrap().unwrap();
    assert_eq!((saved.version, saved.image_of), (1, None));
    assert_eq!(scripted.process.state().unwrap(), before);
    assert_eq!(scripted.process.saved().unwrap().unwrap(), saved);
    let mut unsaved = Scripted::of(&versions()[2], Limits::DEFAULT);
    assert_eq!(unsaved.process.saved().unwrap(), Err(FailureKind::Trapped));
}

#[test]
fn a_supposed_module_takes_the_state_and_the_log_goes_on_in_its_slots() {
    let mut scripted = running();
    let mut ordered = running();
    let next = versions()[1].clone();
    let (reply, gas) = scripted.process.replace(&compiled(&next), false).unwrap();
    assert!(matches!(reply, Reply::Value(_)) && gas > Gas::ZERO);
    let module = Engine::new().unwrap().compile(&next).unwrap();
    let id = module.id();
    ordered.known.insert(id, module);
    assert_eq!(ordered.upgrade(id, false).outcome.gas, gas, "as an upgrade that stands in the log");
    let slot = scripted.process.next;
    assert_eq!(scripted.do_now(null(), vec![]).outcome.slot, slot);
    assert_eq!(scripted.process.state().unwrap().unwrap().module, id);
}

#[test]
fn a_supposed_module_that_does_not_take_the_state_changes_nothing() {
    let mut scripted = running();
    let before = scripted.process.state().unwrap();
    for successor in [Successor::Unfit, compiled(&versions()[3])] {
        let (reply, _) = scripted.process.replace(&successor, false).unwrap();
        assert!(matches!(reply, Reply::Failure(_)), "{reply:?}");
        assert_eq!(scripted.process.state().unwrap(), before);
    }
}

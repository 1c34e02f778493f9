//! Actors do the same natively and as Wasm modules on the engine of compute units.

#![expect(clippy::indexing_slicing, reason = "a test panics where something is missing")]

use alarm::Alarm;
use antiphon::{Sim, Stage, args};
use antiphon_testing::Wasm;
use bank::Bank;
use counter::Counter;
use example_modules as modules;
use pingpong::PingPong;
use supervisor::Supervisor;
use tokenring::TokenRing;
use worker::Worker;

#[path = "../../../tests/plays.rs"]
mod plays;

fn wasm(seed: u64) -> Wasm {
    Wasm::seeded(seed)
        .with::<Alarm>(modules::ALARM)
        .with::<Bank>(modules::BANK)
        .with::<Counter>(modules::COUNTER)
        .with::<PingPong>(modules::PINGPONG)
        .with::<Supervisor>(modules::SUPERVISOR)
        .with::<TokenRing>(modules::TOKENRING)
        .with::<Worker>(modules::WORKER)
}

/// Plays on both stages under several seeds, and compares what was seen.
macro_rules! assert_same {
    ($play:path) => {{
        let first = $play(&mut Sim::seeded(0));
        for seed in 1..4 {
            let (mut sim, mut wasm) = (Sim::seeded(seed), wasm(seed));
            assert_eq!($play(&mut sim), first, "natively, seed {seed}");
            assert_eq!($play(&mut wasm), first, "as Wasm, seed {seed}");
            sim.check_replay();
            wasm.check_replay();
        }
    }};
}

#[test]
fn counting_is_the_same() {
    assert_same!(plays::counting);
}

#[test]
fn playing_is_the_same() {
    assert_same!(plays::playing);
}

#[test]
fn paying_is_the_same() {
    assert_same!(plays::paying);
}

#[test]
fn ringing_is_the_same() {
    assert_same!(plays::ringing);
}

#[test]
fn raising_is_the_same() {
    assert_same!(plays::raising);
}

#[test]
fn equal_seeds_give_equal_outcomes() {
    let run = |seed| {
        let mut stage = wasm(seed);
        let (a, b) = (stage.spawn::<Bank>(args! { balance: 5 }), stage.spawn(args! { balance: 5 }));
        let posted = [stage.post(a.transfer(b, 1)), stage.post(b.transfer(a, 2))];
        for ticket in posted {
            assert!(stage.wait(ticket).is_ok());
        }
        [stage.outcomes(a), stage.outcomes(b)]
    };
    assert_eq!(run(3), run(3));
}

#[test]
#[should_panic(expected = "the module is not that of counter::Counter")]
fn a_module_of_another_interface_is_not_taken() {
    let _ = Wasm::seeded(0).with::<Counter>(modules::BANK);
}

#[test]
#[should_panic(expected = "give the module of counter::Counter first")]
fn an_actor_without_a_module_is_not_spawned() {
    Wasm::seeded(0).spawn::<Counter>(args! { start: 1 });
}

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{
    unit::Variant,
    world::{Report, World},
};

/// Seeds that are run by default.
const SEEDS: u64 = 64;

/// Runs a seed; what does not hold, and what panics, is told.
fn run(seed: u64, variant: Variant) -> Result<Report, String> {
    let world = AssertUnwindSafe(|| World::new(seed, variant).run());
    catch_unwind(world).unwrap_or_else(|panic| {
        let detail = panic.downcast_ref::<String>().cloned();
        let detail = detail.or_else(|| panic.downcast_ref::<&str>().map(|str| (*str).to_owned()));
        Err(detail.unwrap_or_else(|| "a panic".to_owned()))
    })
}

/// The number in a variable of the environment.
fn number(variable: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "how a test is told which seeds to run")]
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number of seeds, or a seed"))
}

fn seeds() -> Range<u64> {
    match number("ANTIPHON_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ANTIPHON_SIM_SEEDS").unwrap_or(SEEDS),
    }
}

#[test]
fn whatever_goes_wrong_every_promise_is_kept() {
    let mut sum = Report::default();
    for seed in seeds() {
        let report = run(seed, Variant::Right).unwrap_or_else(|broken| {
            panic!(
                "{broken}\nagain: ANTIPHON_SIM_SEED={seed} cargo test -p scheduler-unit simulation"
            )
        });
        sum.add(&report);
    }
    println!("{sum:?}");
}

#[test]
fn a_seed_decides_everything() {
    assert_eq!(run(7, Variant::Right), run(7, Variant::Right));
}

/// Finds out within so many seeds that a unit is not right, and in which way.
#[track_caller]
fn catch(variant: Variant, most: u64, what: &[&str]) {
    let caught = (0..most).find_map(|seed| run(seed, variant).err());
    let caught = caught.unwrap_or_else(|| panic!("{most} seeds found nothing wrong"));
    assert!(what.iter().any(|what| caught.contains(what)), "{caught}");
}

#[test]
fn a_unit_that_acknowledges_before_the_log_is_durable_is_caught() {
    catch(Variant::AcknowledgesEarly, 1, &["is acknowledged, and None is durable"]);
}

#[test]
fn a_unit_that_forgets_ids_when_it_restarts_is_caught() {
    catch(Variant::ForgetsIds, 16, &["an entry has slots"]);
}

#[test]
fn a_unit_whose_time_may_be_behind_its_log_is_caught() {
    catch(Variant::ForgetsTime, 16, &["goes back", "is acknowledged, and then"]);
}

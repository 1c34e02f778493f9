use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use simulated_tokio::simulation;
use simulated_transport::Weather;

use crate::{
    numbers::Numbers,
    trace,
    world::{Plan, Report, World},
};

/// Seeds that are run by default, and those that are run twice to find out whether they decide.
const SEEDS: u64 = 64;
const TWICE: u64 = 3;

/// Runs something where actors may be executed, and its units' words are heard.
fn on_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let builder = thread::Builder::new().stack_size(compute_unit::THREAD_STACK_BYTES);
    let run = || tracing::subscriber::with_default(trace::Listener, run);
    builder.spawn(run).unwrap().join().unwrap()
}

/// Runs a seed; what does not hold, and what panics, is told with what happened last.
fn run(seed: u64, plan: Option<Plan>, loud: bool) -> Result<Report, String> {
    trace::begin(loud);
    let world = AssertUnwindSafe(|| {
        let mut numbers = Numbers::new(seed);
        let plan = plan.unwrap_or_else(|| Plan::of(&mut numbers));
        World::new(numbers, plan).run()
    });
    let ran = catch_unwind(world).unwrap_or_else(|panic| {
        let detail = panic.downcast_ref::<String>().cloned();
        let detail = detail.or_else(|| panic.downcast_ref::<&str>().map(|str| (*str).to_owned()));
        Err(detail.unwrap_or_else(|| "a panic".to_owned()))
    });
    simulation::end();
    ran.map_err(|wrong| {
        let last = trace::last();
        format!("{last}{wrong}\nagain: ANTIPHON_SIM_SEED={seed} cargo test -p simulation")
    })
}

/// What a variable of the environment says.
fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "how a test is told which seeds to run")]
    std::env::var(name).ok()
}

/// The seeds to run: one, or so many, or those of a range such as `1000..2000`.
fn seeds() -> Range<u64> {
    let number = |text: &str| text.parse::<u64>().expect("a number of seeds, or a seed");
    if let Some(seed) = variable("ANTIPHON_SIM_SEED") {
        let seed = number(&seed);
        return seed..seed + 1;
    }
    match variable("ANTIPHON_SIM_SEEDS") {
        None => 0..SEEDS,
        Some(seeds) => match seeds.split_once("..") {
            Some((from, to)) => number(from)..number(to),
            None => 0..number(&seeds),
        },
    }
}

#[test]
fn whatever_goes_wrong_every_promise_is_kept() {
    on_stack(|| {
        let seeds = seeds();
        let loud = seeds.end - seeds.start == 1;
        let mut sum = Report::default();
        for seed in seeds {
            let report = run(seed, None, loud).unwrap_or_else(|wrong| panic!("{wrong}"));
            sum.add(&report);
        }
        println!("{sum:?}");
    });
}

#[test]
fn where_nothing_goes_wrong_everything_ends_well() {
    on_stack(|| {
        let plan = Plan {
            schedulers: 1,
            messengers: 1,
            quorum: 1,
            trusting: false,
            weather: Weather { delay: 1, ..Weather::default() },
            peace: None,
            moves: 0,
            lying: false,
            processes: 2,
            messages: 10,
        };
        let report = run(1, Some(plan), variable("ANTIPHON_SIM_SEED").is_some())
            .unwrap_or_else(|wrong| panic!("{wrong}"));
        println!("{report:?}");
    });
}

#[test]
fn a_seed_decides_everything() {
    on_stack(|| {
        for seed in 0..TWICE {
            let one = run(seed, None, false).unwrap_or_else(|wrong| panic!("{wrong}"));
            assert_eq!(run(seed, None, false), Ok(one), "seed {seed}");
        }
    });
}

#[test]
fn schedulers_that_acknowledge_before_their_disks_are_done_are_caught() {
    on_stack(|| {
        let caught = (0..8).find_map(|seed| {
            let mut numbers = Numbers::new(seed);
            let plan = Plan { lying: true, peace: Some(200), ..Plan::of(&mut numbers) };
            run(seed, Some(plan), false).err()
        });
        let caught = caught.expect("nothing wrong was found");
        println!("{}", caught.lines().rev().nth(1).unwrap_or_default());
    });
}

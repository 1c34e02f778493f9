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

/// Seeds that are run by default.
const SEEDS: u64 = 64;

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
            processes: 2,
            messages: 10,
        };
        let report = run(1, Some(plan), number("ANTIPHON_SIM_SEED").is_some())
            .unwrap_or_else(|wrong| panic!("{wrong}"));
        println!("{report:?}");
    });
}

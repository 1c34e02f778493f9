//! A cluster whose units are killed, stopped and cut off from each other while processes ask, tell,
//! spawn and wait: in the end everything has happened exactly once, in order.
//!
//! Two schedulers, two messengers and three compute units, each a program of its own, run a bank of a
//! hundred accounts, rings, alarms and families. A schedule made from a seed kills units with
//! SIGKILL and starts them again, deletes databases of messengers, suspends units, and cuts links.
//! When all is up again and nothing is under way, the logs are read and everything in them is
//! counted. So that the count is known to notice what is wrong, it is repeated with wrongs put into
//! the logs.
//!
//! ```text
//! cargo test -p node --test chaos -- --nocapture
//! ANTIPHON_CHAOS_KILLS=200 cargo test -p node --test chaos -- --nocapture     # longer
//! ANTIPHON_CHAOS_SEED=7 cargo test -p node --test chaos -- --nocapture        # the same schedule
//! ANTIPHON_CHAOS_KEEP=DIR cargo test -p node --test chaos     # keeps the data of a run that fails
//! ```
//!
//! A link is cut in a network that only the test sees: it runs itself again in namespaces of its own,
//! which also end with it. Where the system does not permit that, both units of a link are suspended
//! instead, and the output says so. The seed gives the schedule; what the units do meanwhile is up
//! to the machine.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test panics where the cluster does not do what it must, and tells what it does to it \
              and when"
)]

#[path = "chaos/audit.rs"]
mod audit;
#[path = "chaos/books.rs"]
mod books;
#[path = "chaos/canary.rs"]
mod canary;
#[path = "chaos/cluster.rs"]
mod cluster;
#[path = "chaos/load.rs"]
mod load;
#[path = "chaos/network.rs"]
mod network;
#[path = "chaos/schedule.rs"]
mod schedule;
#[path = "chaos/wrongs.rs"]
mod wrongs;

use std::{env, time::Instant};

use crate::{audit::Audit, cluster::Cluster, load::Load, network::Place, schedule::Schedule};

/// How many kills without a wish.
const KILLS: usize = 22;

#[test]
fn whatever_dies_everything_happens_once_and_in_order() {
    let seed = wish("ANTIPHON_CHAOS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let kills = wish("ANTIPHON_CHAOS_KILLS").map_or(KILLS, |kills| usize::try_from(kills).unwrap());
    match network::enter(seed, "whatever_dies_everything_happens_once_and_in_order") {
        Place::Elsewhere => {}
        Place::Here { data, links } => {
            eprintln!("chaos: ANTIPHON_CHAOS_SEED={seed} ANTIPHON_CHAOS_KILLS={kills}");
            let cluster = Cluster::start(data, links);
            let runtime = tokio::runtime::Runtime::new().unwrap();
            run(&runtime, cluster, Schedule::new(seed), kills);
        }
    }
}

fn run(
    runtime: &tokio::runtime::Runtime,
    mut cluster: Cluster,
    mut schedule: Schedule,
    kills: usize,
) {
    let begun = Instant::now();
    let mut load =
        runtime.block_on(async { Load::begin(cluster.client().await, schedule.seed()).await });
    eprintln!("chaos: {:.1?}: all is set up", begun.elapsed());
    schedule.run(&mut cluster, kills);
    eprintln!("chaos: {:.1?}: all is up again", begun.elapsed());
    let sample = runtime.block_on(async {
        load.end().await;
        eprintln!("chaos: {:.1?}: {}", begun.elapsed(), load.summary());
        let (books, audit) = Audit::when_done(load.client()).await;
        eprintln!("chaos: {:.1?}: {}", begun.elapsed(), audit.summary());
        let noticed = wrongs::check_all(&books);
        eprintln!("chaos: {:.1?}: {noticed} wrongs are noticed", begun.elapsed());
        load.check(&audit).await;
        load.sample(&audit)
    });
    cluster.verify(&sample);
    eprintln!("chaos: {:.1?}: {} processes verified", begun.elapsed(), sample.len());
}

/// A number in a variable of the environment.
fn wish(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

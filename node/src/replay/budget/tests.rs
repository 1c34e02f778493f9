use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Budget, Halt, Pace};

fn budget(slots: u64, time: Duration) -> Budget {
    Budget { slots, until: Instant::now() + time, stop: CancellationToken::new() }
}

#[test]
fn a_replay_without_a_budget_never_halts() {
    let pace = Pace::free(indicatif::ProgressBar::hidden());
    assert!(pace.begin(u64::MAX).is_ok());
    assert!(pace.check().is_ok());
}

#[test]
fn slots_time_and_whoever_waits_end_a_replay() {
    let hour = Duration::from_secs(3_600);
    let pace = Pace::within(budget(10, hour));
    assert!(pace.allows(10).is_ok());
    assert!(matches!(pace.allows(11), Err(Halt::Far(11))));
    assert!(matches!(pace.begin(u64::MAX), Err(Halt::Far(u64::MAX))));

    let late = Pace::within(budget(10, Duration::ZERO));
    assert!(matches!(late.check(), Err(Halt::Late)));

    let given_up = budget(10, hour);
    given_up.stop.cancel();
    assert!(matches!(Pace::within(given_up).check(), Err(Halt::Stopped)));
}

use std::sync::mpsc::channel;

use super::*;

/// More stack than the threads of these tests need.
const STACK_BYTES: usize = 1 << 20;

#[tokio::test]
async fn a_thread_that_panics_is_missed() {
    let crew = Crew::default();
    crew.spawn("steady", STACK_BYTES, || ()).unwrap();
    assert!(crew.wait(Duration::from_secs(60)));
    crew.spawn("shaky", STACK_BYTES, || panic!("as told by the test")).unwrap();
    assert_eq!(crew.failed().await, "the thread shaky panicked");
    assert!(crew.wait(Duration::from_secs(60)));
}

#[test]
fn nobody_waits_for_ever_for_a_thread_that_is_busy() {
    let crew = Crew::default();
    let (go, told) = channel();
    crew.spawn("busy", STACK_BYTES, move || told.recv().unwrap()).unwrap();
    assert!(!crew.wait(Duration::ZERO));
    go.send(()).unwrap();
    assert!(crew.wait(Duration::from_secs(60)));
}

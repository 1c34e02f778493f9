use protocol::ProcessId;
use tokio_util::sync::CancellationToken;

use super::{Feed, News, WAITING_MAX};
use crate::gateway::stream::Source;

const WATCHERS_MAX: usize = 3;

fn outcome(process: u8, text: &str) -> News {
    News::Outcome(ProcessId::from_bytes([process; 32]), text.into())
}

fn feed() -> Feed {
    Feed::new(WATCHERS_MAX, CancellationToken::new())
}

#[test]
fn watchers_are_limited_and_leave_room_when_they_go() {
    let feed = feed();
    let mut watchers: Vec<_> = std::iter::from_fn(|| feed.subscribe(None)).collect();
    assert_eq!(watchers.len(), WATCHERS_MAX);
    assert_eq!(feed.listeners(), WATCHERS_MAX);
    watchers.pop();
    assert!(feed.subscribe(None).is_some());
}

#[tokio::test]
async fn a_watcher_of_one_process_hears_of_no_other() {
    let feed = feed();
    let (mut watcher, _permit) = feed.subscribe(Some(ProcessId::from_bytes([2; 32]))).unwrap();
    feed.send(outcome(1, "one"));
    feed.send(outcome(2, "two"));
    let event = format!("{:?}", watcher.next().await.unwrap());
    assert!(event.contains("two") && !event.contains("one"), "{event}");
}

#[tokio::test]
async fn a_slow_watcher_is_told_how_much_it_missed_and_goes_on() {
    let feed = feed();
    let (mut watcher, _permit) = feed.subscribe(None).unwrap();
    for _ in 0..=WAITING_MAX {
        feed.send(outcome(1, "old"));
    }
    let event = format!("{:?}", watcher.next().await.unwrap());
    assert!(event.contains("missed") && event.contains("count"), "{event}");
    let event = format!("{:?}", watcher.next().await.unwrap());
    assert!(event.contains("old"), "{event}");
}

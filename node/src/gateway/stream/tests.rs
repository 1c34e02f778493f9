use std::sync::Arc;

use tokio::sync::Semaphore;

use super::*;

/// Counts, as long as it is asked to.
struct Numbers(u64, u64);

impl Source for Numbers {
    async fn next(&mut self) -> Option<Event> {
        self.0 += 1;
        (self.0 <= self.1).then(|| Event::default().id(self.0.to_string()))
    }

    fn resume(&self) -> Option<Slot> {
        Some(Slot::new(self.0 + 1))
    }
}

fn stream(most: u64) -> Stream<Numbers> {
    let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    Stream {
        source: Numbers(0, most),
        hello: None,
        handed: None,
        ended: false,
        shutdown: CancellationToken::new(),
        _permit: permit,
    }
}

async fn shown(stream: &mut Stream<Numbers>, now: Instant) -> Option<String> {
    stream.next(now).await.map(|event| format!("{event:?}"))
}

#[tokio::test]
async fn who_takes_too_long_over_an_event_is_told_where_to_go_on_and_cut() {
    let mut stream = stream(9);
    let now = Instant::now();
    assert!(shown(&mut stream, now).await.unwrap().contains("id: 1"));
    assert!(shown(&mut stream, now + STALL_MAX / 2).await.unwrap().contains("id: 2"));
    let cut = shown(&mut stream, Instant::now() + 2 * STALL_MAX).await.unwrap();
    assert!(cut.contains("cut") && cut.contains(r#"\"resume\":3"#), "{cut}");
    assert!(shown(&mut stream, now).await.is_none());
}

#[tokio::test]
async fn a_stream_ends_with_its_source_and_when_the_gateway_stops() {
    let mut short = stream(1);
    let now = Instant::now();
    assert!(shown(&mut short, now).await.is_some());
    assert!(shown(&mut short, now).await.is_none());
    let mut stopped = stream(9);
    stopped.source = Numbers(9, 9);
    stopped.shutdown.cancel();
    assert!(shown(&mut stopped, now).await.is_none());
}

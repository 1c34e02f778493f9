//! Ranks strong earthquakes and passes the strongest on to the bulletin.

use std::cmp::Ordering;

use antiphon::prelude::*;
use bulletin::Bulletin;

pub use bulletin::Event;

/// The magnitude from which an event belongs in the bulletin.
pub const BULLETIN_MAGNITUDE: f64 = 6.0;
/// How many events are ranked; weaker ones leave.
pub const RANKED_MAX: usize = 1_000;

/// Strong events, strongest first.
#[actor]
#[derive(Debug, Serialize, Deserialize)]
pub struct Alerts {
    bulletin: ActorRef<Bulletin>,
    count: u64,
    ranking: Vec<Event>,
}

#[actor]
impl Alerts {
    /// Starts with no events, and a bulletin for the strongest.
    #[init]
    pub fn new(bulletin: ActorRef<Bulletin>) -> Self {
        Self { bulletin, count: 0, ranking: Vec::new() }
    }

    /// How many alerts there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The strongest events, strongest first; all of them without a limit.
    pub fn ranking(&self, limit: Option<u32>) -> Vec<Event> {
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(RANKED_MAX);
        self.ranking.iter().take(limit).cloned().collect()
    }

    /// Ranks an event.
    pub fn raise(&mut self, cx: &Context, event: Event) -> Result<(), Error> {
        require!(event.magnitude.is_finite(), "a magnitude is a number");
        self.count += 1;
        if event.magnitude >= BULLETIN_MAGNITUDE {
            self.bulletin.publish(event.clone()).tell(cx);
        }
        let at = self.ranking.partition_point(|ranked| rank(ranked, &event).is_le());
        self.ranking.insert(at, event);
        self.ranking.truncate(RANKED_MAX);
        Ok(())
    }
}

/// Stronger first, then earlier, then by id: the ranking does not depend on the order of arrival.
fn rank(a: &Event, b: &Event) -> Ordering {
    b.magnitude
        .total_cmp(&a.magnitude)
        .then_with(|| a.time_ms.cmp(&b.time_ms))
        .then_with(|| a.id.cmp(&b.id))
}

#[cfg(test)]
mod tests;

//! The strongest earthquakes, for the public.

use antiphon::prelude::*;

/// A seismic event, with the columns of `earthquakes.csv` as fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Kilometres below sea level; negative above.
    pub depth_km: f64,
    /// On the scale of `magnitude_type`; small events have negative ones.
    pub magnitude: f64,
    /// How the magnitude was determined.
    pub magnitude_type: String,
    /// The network that reported the event.
    pub network: String,
    /// The event's identifier.
    pub id: String,
    /// Where it was, in words.
    pub place: String,
    /// What it was: `earthquake`, `quarry blast`...
    #[serde(rename = "type")]
    pub kind: String,
}

/// The strongest events, in the order they happened.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Bulletin {
    items: Vec<Event>,
}

/// How many events the bulletin holds; older ones leave.
pub const ITEMS_MAX: usize = 1_000;

#[actor]
impl Bulletin {
    /// Starts with no events.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// The events in the order they happened.
    pub fn items(&self) -> Vec<Event> {
        self.items.clone()
    }

    /// Adds an event.
    pub fn publish(&mut self, cx: &Context, event: Event) {
        log!(cx, "magnitude {} {}", event.magnitude, event.place);
        let key = |event: &Event| (event.time_ms, event.id.clone());
        let at = self.items.partition_point(|item| key(item) <= key(&event));
        self.items.insert(at, event);
        if self.items.len() > ITEMS_MAX {
            self.items.remove(0);
        }
    }
}

#[cfg(test)]
mod tests;

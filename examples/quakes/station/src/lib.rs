//! The events that one seismic network reports.

use std::collections::VecDeque;

use alerts::Alerts;
use antiphon::prelude::*;

pub use alerts::Event;

/// The magnitude from which an event is an alert.
pub const ALERT_MAGNITUDE: f64 = 4.5;
/// How many events a station remembers.
pub const LAST_MAX: usize = 10;

/// The station of one network.
#[actor]
#[derive(Debug, Serialize, Deserialize)]
pub struct Station {
    network: String,
    alerts: ActorRef<Alerts>,
    count: u64,
    maximum: Option<f64>,
    last: VecDeque<Event>,
}

/// What a station knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The network the station belongs to.
    pub network: String,
    /// How many events it reported.
    pub count: u64,
    /// The largest magnitude among them.
    pub maximum: Option<f64>,
    /// The events that came last, latest at the end.
    pub last: Vec<Event>,
}

#[actor]
impl Station {
    /// Starts the station of a network, with the place its alerts go to.
    #[init]
    pub fn new(network: String, alerts: ActorRef<Alerts>) -> Self {
        Self { network, alerts, count: 0, maximum: None, last: VecDeque::new() }
    }

    /// What the station knows.
    pub fn summary(&self) -> Summary {
        Summary {
            network: self.network.clone(),
            count: self.count,
            maximum: self.maximum,
            last: self.last.iter().cloned().collect(),
        }
    }

    /// Takes an event of this network and replies how many there are.
    pub fn report(&mut self, cx: &Context, event: Event) -> Result<u64, Error> {
        require!(
            event.network == self.network,
            "this is the station of {}, not of {}",
            self.network,
            event.network
        );
        require!(event.magnitude.is_finite(), "a magnitude is a number");
        self.count += 1;
        self.maximum =
            Some(self.maximum.map_or(event.magnitude, |maximum| maximum.max(event.magnitude)));
        if event.magnitude >= ALERT_MAGNITUDE {
            self.alerts.raise(event.clone()).tell(cx);
        }
        if self.last.len() == LAST_MAX {
            self.last.pop_front();
        }
        self.last.push_back(event);
        Ok(self.count)
    }
}

#[cfg(test)]
mod tests;

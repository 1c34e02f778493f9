//! The earthquakes, and what the actors must make of them. Pure.

use std::collections::BTreeMap;

use station::{Event, Summary};

/// One week of seismic events: United States Geological Survey, public domain.
const EARTHQUAKES: &[u8] = include_bytes!("../../../examples/quakes/earthquakes.csv");

/// What all actors together know.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Totals {
    /// The stations, by network.
    pub(super) stations: BTreeMap<String, Summary>,
    /// The events of magnitude 4.5 or more, strongest first.
    pub(super) alerts: Vec<Event>,
    /// The events of magnitude 6.0 or more, oldest first.
    pub(super) bulletin: Vec<Event>,
}

/// Reads all events, in order of time.
pub(super) fn read() -> Result<Vec<Event>, csv::Error> {
    csv::Reader::from_reader(EARTHQUAKES).into_deserialize().collect()
}

impl Totals {
    /// What the actors must know after these events.
    pub(super) fn of(events: &[Event]) -> Self {
        let mut stations = BTreeMap::new();
        for event in events {
            let station: &mut Vec<&Event> = stations.entry(event.network.clone()).or_default();
            station.push(event);
        }
        let summary = |(network, events): (String, Vec<&Event>)| {
            let maximum = events.iter().map(|event| event.magnitude).max_by(f64::total_cmp);
            let skipped = events.len().saturating_sub(station::LAST_MAX);
            let last = events.iter().skip(skipped).map(|event| (*event).clone()).collect();
            let count = events.len() as u64;
            (network.clone(), Summary { network, count, maximum, last })
        };
        let of = |least: f64| events.iter().filter(move |event| event.magnitude >= least).cloned();
        let mut alerts: Vec<Event> = of(station::ALERT_MAGNITUDE).collect();
        alerts.sort_by(|a, b| {
            let stronger = b.magnitude.total_cmp(&a.magnitude);
            stronger.then_with(|| (a.time_ms, &a.id).cmp(&(b.time_ms, &b.id)))
        });
        let mut bulletin: Vec<Event> = of(alerts::BULLETIN_MAGNITUDE).collect();
        bulletin.sort_by(|a, b| (a.time_ms, &a.id).cmp(&(b.time_ms, &b.id)));
        Self { stations: stations.into_iter().map(summary).collect(), alerts, bulletin }
    }

    /// One sentence for each difference from what was found.
    pub(super) fn differences(&self, found: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        for (network, expected) in &self.stations {
            match found.stations.get(network) {
                Some(station) if station == expected => {}
                station => differences.push(format!(
                    "station {network}: expected {} events, maximum {:?}; found {:?}",
                    expected.count,
                    expected.maximum,
                    station.map(|station| (station.count, station.maximum)),
                )),
            }
        }
        let ids =
            |events: &[Event]| events.iter().map(|event| event.id.clone()).collect::<Vec<_>>();
        if self.alerts != found.alerts {
            differences.push(format!(
                "alerts: expected {:?}, found {:?}",
                ids(&self.alerts),
                ids(&found.alerts)
            ));
        }
        if self.bulletin != found.bulletin {
            differences.push(format!(
                "bulletin: expected {:?}, found {:?}",
                ids(&self.bulletin),
                ids(&found.bulletin)
            ));
        }
        differences
    }
}

#[cfg(test)]
mod tests;

//! Tables for people. Pure.

use std::fmt::Write as _;

use station::Event;

use super::quakes::Totals;

/// Events shown of a ranking.
const SHOWN: usize = 10;

/// What the actors know, as text.
pub(super) fn tables(found: &Totals) -> String {
    let mut text = String::new();
    write(&mut text, found).expect("writing to memory cannot fail");
    text
}

fn write(text: &mut String, found: &Totals) -> std::fmt::Result {
    writeln!(text, "station   events   maximum   last event")?;
    for station in found.stations.values() {
        let maximum = station.maximum.map_or_else(|| "-".to_owned(), |max| format!("{max:.1}"));
        let last = station.last.last().map_or("-", |event| event.place.as_str());
        writeln!(text, "{:<8} {:>7} {:>9}   {last}", station.network, station.count, maximum)?;
    }
    let total: u64 = found.stations.values().map(|station| station.count).sum();
    writeln!(text, "all      {total:>7}")?;
    writeln!(text, "\nalerts: {} of magnitude 4.5 or more, strongest first", found.alerts.len())?;
    list(text, found.alerts.iter().take(SHOWN))?;
    writeln!(text, "\nbulletin: {} of magnitude 6.0 or more", found.bulletin.len())?;
    list(text, found.bulletin.iter())
}

fn list<'a>(text: &mut String, events: impl Iterator<Item = &'a Event>) -> std::fmt::Result {
    for event in events {
        writeln!(
            text,
            "  {:>4.1} {:<5} {:>6.1} km deep   {}",
            event.magnitude, event.magnitude_type, event.depth_km, event.place
        )?;
    }
    Ok(())
}

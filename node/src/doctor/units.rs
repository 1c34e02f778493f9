//! The units: whether they run, answer, and agree on network and software; and what dead ones left.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use protocol::{NetworkId, UnitId};

use super::{Finding, Remedy, files::is_alive};
use crate::{
    cluster::{ClusterFile, DataDirectory, Lock, Place, UNIT_LOCK, UP_LOCK, is_free},
    error::NodeError,
};

/// What units of this program's version say of their software.
const OWN: &str = concat!("antiphon ", env!("CARGO_PKG_VERSION"));

/// What a unit says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What people call it.
    pub(crate) kind: String,
    pub(crate) unit: UnitId,
    /// The network that its record names.
    pub(crate) network: NetworkId,
    /// The version of its software, or why it does not answer.
    pub(crate) software: Result<String, String>,
}

/// Looks at what lies in the places of units, whether they run or not.
pub(crate) fn look_at_places(data: &DataDirectory) -> Result<Vec<Finding>, NodeError> {
    let mut found = Vec::new();
    let places = data.places()?;
    for place in &places {
        found.extend(port(place));
        found.extend(stale(&place.path, UNIT_LOCK));
    }
    found.extend(stale(data.path(), UP_LOCK));
    let running: Vec<&str> =
        places.iter().filter(|place| place.is_running).map(|place| place.name.as_str()).collect();
    match (running.as_slice(), data.cluster()) {
        ([], _) => {
            let shown = data.path().display();
            let mend = format!("`antiphon up --data {shown}` starts a cluster");
            found.push(Finding::note("cluster", format!("nothing runs on {shown}"), mend));
        }
        (running, Some(cluster)) => found.extend(
            ended(&cluster, &places)
                .or_else(|| Some(Finding::fine("cluster", format!("{} run", running.join(", "))))),
        ),
        // Units that were started one by one.
        (running, None) => {
            found.push(Finding::fine("cluster", format!("{} run", running.join(", "))));
        }
    }
    Ok(found)
}

/// Judges what the units of the cluster said when they were asked.
pub(crate) fn judge(network: NetworkId, seen: &[Seen]) -> Vec<Finding> {
    let own = OWN;
    let mut found = Vec::new();
    for Seen { kind, unit, network: named, software } in seen {
        if *named != network {
            let what = format!("{kind} {unit} belongs to {named}, not to {network}");
            let mend = "give it a data directory of its own, with --data";
            found.push(Finding::wrong("units", what, mend));
        }
        match software {
            Err(cause) => {
                let what = format!("{kind} {unit} does not answer: {cause}");
                let mend = "look at its log; restart the cluster to bring it back";
                found.push(Finding::wrong("units", what, mend));
            }
            Ok(version) if version != own => {
                let what = format!("{kind} {unit} is {version}, and this program is {own}");
                let mend = "run one version everywhere: restart the units that are older";
                found.push(Finding::wrong("units", what, mend));
            }
            Ok(_) => {}
        }
    }
    if found.is_empty() {
        let what = format!("all {} answer, and are {own}", seen.len());
        found.push(Finding::fine("units", what));
    }
    found
}

/// Units that `up` started and that do not run any more, while it does.
fn ended(cluster: &ClusterFile, places: &[Place]) -> Option<Finding> {
    let running = places.iter().filter(|place| place.is_running).count();
    let missing = cluster.units.len().checked_sub(running).filter(|missing| *missing > 0)?;
    // All in one program hold their locks as long as it lives.
    let what = format!("{missing} of the {} units of the cluster have ended", cluster.units.len());
    Some(Finding::wrong("cluster", what, "restart the cluster to bring them back"))
}

/// The port of a unit that does not run must be free for it.
fn port(place: &Place) -> Option<Finding> {
    let file = place.path.join("port");
    let text = std::fs::read_to_string(&file).ok()?;
    let shown = file.display();
    let Ok(port) = text.trim().parse() else {
        let what = format!("{shown} holds no port number");
        return Some(Finding::wrong("ports", what, format!("`rm {shown}`: a new port is chosen")));
    };
    if place.is_running {
        return None;
    }
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    if is_free(address).unwrap_or(true) {
        return None;
    }
    let what = format!("port {port} of {} is taken by another program", place.name);
    let mend = format!("stop that program, or `rm {shown}` to have a new port chosen");
    Some(Finding::wrong("ports", what, mend))
}

/// A lock file that names somebody who is gone.
fn stale(directory: &std::path::Path, name: &'static str) -> Option<Finding> {
    if Lock::is_held(directory, name) {
        return None;
    }
    let path = directory.join(name);
    let pid: i32 = std::fs::read_to_string(&path).ok()?.trim().parse().ok()?;
    if is_alive(pid) {
        return None;
    }
    let shown = path.display();
    let what = format!("{shown} names pid {pid}, which is gone; it blocks nobody");
    let finding = Finding::note("leftovers", what, format!("`: > {shown}` empties it"));
    Some(finding.with(Remedy::Forget(directory.to_owned(), name)))
}

#[cfg(test)]
mod tests;

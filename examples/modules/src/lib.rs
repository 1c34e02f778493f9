//! The example actors as Wasm modules, ready to spawn.
//!
//! Building this package builds the actors: its build script adds the Wasm target to the toolchain
//! where it is missing, and runs cargo once for each actor.

/// `counter`: a number.
pub const COUNTER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/counter.wasm"));

/// `counter2`: the second version of `counter`.
pub const COUNTER2: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/counter2.wasm"));

/// `pingpong`: one of two players.
pub const PINGPONG: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pingpong.wasm"));

/// `bank`: an account that moves money.
pub const BANK: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/bank.wasm"));

/// `tokenring`: a node that passes tokens on.
pub const TOKENRING: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tokenring.wasm"));

/// `forkjoin/supervisor`: splits jobs among workers.
pub const SUPERVISOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/supervisor.wasm"));

/// `forkjoin/worker`: does a part of a job.
pub const WORKER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/worker.wasm"));

/// `alarm`: rings when it is time.
pub const ALARM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/alarm.wasm"));

/// `quakes/station`: the events of one seismic network.
pub const STATION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/station.wasm"));

/// `quakes/alerts`: the ranking of strong events.
pub const ALERTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/alerts.wasm"));

/// `quakes/bulletin`: the strongest events.
pub const BULLETIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/bulletin.wasm"));

/// Every module with the name of its actor.
pub const ALL: [(&str, &[u8]); 11] = [
    ("counter", COUNTER),
    ("counter", COUNTER2),
    ("pingpong", PINGPONG),
    ("bank", BANK),
    ("tokenring", TOKENRING),
    ("supervisor", SUPERVISOR),
    ("worker", WORKER),
    ("alarm", ALARM),
    ("station", STATION),
    ("alerts", ALERTS),
    ("bulletin", BULLETIN),
];

#[cfg(test)]
mod tests;

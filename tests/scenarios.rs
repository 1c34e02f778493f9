//! Scenarios across units: real programs, real QUIC, real disks, each in a directory of its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a scenario panics where the cluster does not do what it must"
)]

#[path = "scenarios/support.rs"]
mod support;

#[path = "counters.rs"]
mod counters;
#[path = "plays.rs"]
mod plays;

#[path = "scenarios/accounts.rs"]
mod accounts;
#[path = "scenarios/asking.rs"]
mod asking;
#[path = "scenarios/audit.rs"]
mod audit;
#[path = "scenarios/authoring.rs"]
mod authoring;
#[path = "scenarios/bad_input.rs"]
mod bad_input;
#[path = "scenarios/basics.rs"]
mod basics;
#[path = "scenarios/commands.rs"]
mod commands;
#[path = "scenarios/crash.rs"]
mod crash;
#[path = "scenarios/discovery.rs"]
mod discovery;
#[path = "scenarios/examples.rs"]
mod examples;
#[path = "scenarios/failover.rs"]
mod failover;
#[path = "scenarios/following.rs"]
mod following;
#[path = "scenarios/forgery.rs"]
mod forgery;
#[path = "scenarios/forms.rs"]
mod forms;
#[path = "scenarios/gateway.rs"]
mod gateway;
#[path = "scenarios/golden.rs"]
mod golden;
#[path = "scenarios/handover.rs"]
mod handover;
#[path = "scenarios/hostile.rs"]
mod hostile;
#[path = "scenarios/hostile_messenger.rs"]
mod hostile_messenger;
#[path = "scenarios/keys.rs"]
mod keys;
#[path = "scenarios/languages.rs"]
mod languages;
#[path = "scenarios/residency.rs"]
mod residency;
#[path = "scenarios/savina.rs"]
mod savina;
#[path = "scenarios/sharing.rs"]
mod sharing;
#[path = "scenarios/stages.rs"]
mod stages;
#[path = "scenarios/start.rs"]
mod start;
#[path = "scenarios/takeover.rs"]
mod takeover;
#[path = "scenarios/tampering.rs"]
mod tampering;
#[path = "scenarios/timetravel.rs"]
mod timetravel;
#[path = "scenarios/tracing.rs"]
mod tracing;
#[path = "scenarios/tutorial.rs"]
mod tutorial;
#[path = "scenarios/units.rs"]
mod units;
#[path = "scenarios/upgrading.rs"]
mod upgrading;

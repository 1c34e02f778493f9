//! What an operator decides about a gateway.

use std::{net::SocketAddr, num::NonZeroU32};

use clap::Args;
use protocol::SecretKey;

use super::Origin;
use crate::{
    cluster::{DataDirectory, KeyName},
    error::NodeError,
};

/// Requests a second that one address may make, unless told.
const RATE: NonZeroU32 = NonZeroU32::new(200).expect("it is not zero");

/// Streams of events at once, unless told.
const STREAMS: usize = 1_100;

/// The most streams that an operator may allow.
const STREAMS_MAX: usize = 100_000;

/// Whom a gateway serves, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct Serving {
    /// Sign what local programs ask the gateway to call with this key of the data directory; for
    /// development, on loopback only [default: nobody signs here]
    #[arg(long, value_name = "NAME")]
    pub(crate) dev_key: Option<KeyName>,
    /// A site whose pages may use the gateway, as https://app.example; repeat for more
    /// [default: none but its own]
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) cors: Vec<Origin>,
    /// A name under which the gateway is reached, beside its addresses; repeat for more
    #[arg(long, value_name = "NAME", value_parser = parse_host)]
    pub(crate) gateway_host: Vec<String>,
    /// Requests a second that one address may make of the gateway
    #[arg(long, value_name = "N", default_value_t = RATE)]
    pub(crate) gateway_rate: NonZeroU32,
    /// Streams of events that the gateway serves at once
    #[arg(long, value_name = "N", default_value_t = STREAMS, value_parser = parse_streams)]
    pub(crate) gateway_streams: usize,
}

impl Default for Serving {
    fn default() -> Self {
        let (cors, gateway_host) = (Vec::new(), Vec::new());
        let (gateway_rate, gateway_streams) = (RATE, STREAMS);
        Self { dev_key: None, cors, gateway_host, gateway_rate, gateway_streams }
    }
}

impl Serving {
    /// The key to sign with, if the gateway is to sign.
    pub(crate) fn key(&self, data: &DataDirectory) -> Result<Option<SecretKey>, NodeError> {
        let Some(name) = &self.dev_key else { return Ok(None) };
        let missing = || NodeError::NoKey { name: name.to_string(), path: data.keys() };
        Ok(Some(data.key(name)?.ok_or_else(missing)?))
    }

    /// Refuses to sign for everybody who reaches an address.
    pub(crate) fn check(&self, gateway: Option<SocketAddr>) -> Result<(), NodeError> {
        match (&self.dev_key, gateway) {
            (Some(key), Some(address)) if !address.ip().is_loopback() => {
                Err(NodeError::Usage(format!(
                    "--dev-key {key} works on loopback only: whoever reaches the gateway on {address} \
                     could sign with that key. Leave out one of --dev-key and --gateway {address}"
                )))
            }
            _ => Ok(()),
        }
    }
}

fn parse_streams(text: &str) -> Result<usize, &'static str> {
    let streams = text.parse().ok().filter(|streams| (1..=STREAMS_MAX).contains(streams));
    streams.ok_or("a number from 1 to 100000")
}

/// A name is compared with what requests name, without its port.
fn parse_host(text: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    match !text.is_empty() && text.len() <= 253 && text.bytes().all(allowed) {
        true => Ok(text.to_owned()),
        false => Err("a name of a host, as gateway.example, without scheme and port"),
    }
}

#[cfg(test)]
mod tests;

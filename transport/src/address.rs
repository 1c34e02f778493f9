//! Where a unit is and who it must be: `unit1...@ip:port`.

use std::{
    fmt,
    net::{AddrParseError, SocketAddr},
    str,
};

use protocol::{ParseIdError, UnitId};

/// A unit and the socket address at which it is said to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnitAddress {
    /// The key that must answer.
    pub unit: UnitId,
    /// Where to reach it.
    pub address: SocketAddr,
}

/// Text that is not a unit address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseAddressError {
    /// There is no `@` between unit and address.
    #[error("a unit address is written `unit1...@ip:port`")]
    NoSeparator,
    /// What stands before the `@` is not a unit.
    #[error(transparent)]
    Unit(#[from] ParseIdError),
    /// What stands after the `@` is not an IP address and a port.
    #[error("not an `ip:port` after the `@`: {0}")]
    Socket(#[from] AddrParseError),
}

impl fmt::Display for UnitAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}@{}", self.unit, self.address))
    }
}

impl str::FromStr for UnitAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (unit, address) = text.split_once('@').ok_or(ParseAddressError::NoSeparator)?;
        Ok(Self { unit: unit.parse()?, address: address.parse()? })
    }
}

#[cfg(test)]
mod tests;

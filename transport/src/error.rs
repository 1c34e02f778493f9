//! What can go wrong between two units, sorted by what the caller can do about it.

use std::net::SocketAddr;

use protocol::UnitId;
use quinn::{ConnectionError, ReadError, TransportErrorCode, VarInt, WriteError};

/// Why an endpoint, a connection or an exchange failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another program listens there.
    #[error("{address} is already in use: stop the other program or choose another port")]
    AddressTaken {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The socket cannot be opened for another reason.
    #[error("cannot listen on {address}: {reason}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        reason: String,
    },
    /// Nothing answered in time, or the address cannot be dialed from this endpoint.
    #[error("no answer from {unit} at {address}")]
    Unreachable {
        /// The unit dialed.
        unit: UnitId,
        /// The address dialed.
        address: SocketAddr,
    },
    /// Somebody answered who does not hold the key asked for.
    #[error("{address} is not {unit}: another key answered there")]
    WrongUnit {
        /// The unit dialed.
        unit: UnitId,
        /// The address dialed.
        address: SocketAddr,
    },
    /// The unit belongs to another network.
    #[error("{address} serves another network")]
    WrongNetwork {
        /// The address dialed.
        address: SocketAddr,
    },
    /// The unit accepts no more connections at the moment.
    #[error("{address} has too many connections: try again later")]
    Busy {
        /// The address dialed.
        address: SocketAddr,
    },
    /// No connection came up in the time given.
    #[error("not connected with {unit}")]
    NotConnected {
        /// The unit asked for.
        unit: UnitId,
    },
    /// No answer came in the time given; whether the request took effect is unknown.
    #[error("{unit} did not answer in time")]
    NoAnswer {
        /// The unit asked.
        unit: UnitId,
    },
    /// The connection is gone; whether the last request took effect is unknown.
    #[error("connection lost: {reason}")]
    Lost {
        /// What ended it.
        reason: String,
    },
    /// A frame or body is longer than its limit; nothing of it was taken.
    #[error("{length} bytes are more than the limit of {limit}")]
    TooLarge {
        /// The length announced or asked for, in bytes.
        length: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The peer's stream ended inside a frame, or before a frame that was due.
    #[error("the peer's stream ended early")]
    Truncated,
    /// The peer gave up the exchange.
    #[error("the peer gave up the exchange: {0}")]
    Abandoned(StreamCode),
}

/// The numbers that travel in RESET_STREAM and STOP_SENDING (RFC 9000 sections 19.4 and 19.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamCode {
    /// 0: whoever held the stream let go of it.
    #[error("dropped")]
    Dropped,
    /// 1: a frame or body longer than the limit was announced.
    #[error("too large")]
    TooLarge,
    /// 2: the first byte is not a known kind of exchange.
    #[error("unknown kind of exchange")]
    UnknownKind,
    /// 3: the opening did not arrive in time.
    #[error("too slow")]
    TooSlow,
    /// Any other number: a newer peer.
    #[error("code {0}")]
    Other(u64),
}

impl StreamCode {
    pub(crate) fn number(self) -> VarInt {
        match self {
            Self::Dropped => VarInt::from_u32(0),
            Self::TooLarge => VarInt::from_u32(1),
            Self::UnknownKind => VarInt::from_u32(2),
            Self::TooSlow => VarInt::from_u32(3),
            Self::Other(number) => VarInt::from_u64(number).unwrap_or(VarInt::MAX),
        }
    }

    const fn from_number(number: VarInt) -> Self {
        match number.into_inner() {
            0 => Self::Dropped,
            1 => Self::TooLarge,
            2 => Self::UnknownKind,
            3 => Self::TooSlow,
            number => Self::Other(number),
        }
    }
}

/// TLS alerts (RFC 8446 section 6) that mean something here.
const ACCESS_DENIED: u8 = 49;
const NO_APPLICATION_PROTOCOL: u8 = 120;

impl Error {
    /// Why a dialed connection did not come up.
    pub(crate) fn of_dial(error: ConnectionError, unit: UnitId, address: SocketAddr) -> Self {
        match error {
            ConnectionError::TimedOut => Self::Unreachable { unit, address },
            // Our own verifier is the only one to deny access.
            ConnectionError::TransportError(error)
                if error.code == TransportErrorCode::crypto(ACCESS_DENIED) =>
            {
                Self::WrongUnit { unit, address }
            }
            ConnectionError::ConnectionClosed(close)
                if close.error_code == TransportErrorCode::crypto(NO_APPLICATION_PROTOCOL) =>
            {
                Self::WrongNetwork { address }
            }
            ConnectionError::ConnectionClosed(close)
                if close.error_code == TransportErrorCode::CONNECTION_REFUSED =>
            {
                Self::Busy { address }
            }
            error => error.into(),
        }
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        Self::Lost { reason: error.to_string() }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Reset(code) => Self::Abandoned(StreamCode::from_number(code)),
            ReadError::ConnectionLost(error) => error.into(),
            error => Self::Lost { reason: error.to_string() },
        }
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Stopped(code) => Self::Abandoned(StreamCode::from_number(code)),
            WriteError::ConnectionLost(error) => error.into(),
            error => Self::Lost { reason: error.to_string() },
        }
    }
}

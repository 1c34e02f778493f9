//! The clock and the randomness of the client; nothing else in this crate reads either.

use std::time::{SystemTime, UNIX_EPOCH};

use protocol::{Hash, SecretKey, Timestamp};

use crate::ClientError;

/// The time by this machine's clock.
pub(crate) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the client's shell reads the clock here")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A key that names this client's connections and nothing else.
pub(crate) fn connection_key() -> Result<SecretKey, ClientError> {
    Ok(SecretKey::from_seed(&random()?))
}

/// A nonce for a question, so that an old answer cannot be passed off as a new one.
pub(crate) fn nonce() -> Result<Hash, ClientError> {
    random().map(Hash::from_bytes)
}

/// A random number.
pub(crate) fn number() -> Result<u64, ClientError> {
    random().map(u64::from_le_bytes)
}

fn random<const N: usize>() -> Result<[u8; N], ClientError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| ClientError::System(format!("no randomness: {error}")))?;
    Ok(bytes)
}

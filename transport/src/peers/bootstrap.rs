//! How a program that knows one unit learns of all the others, over QUIC alone.

use protocol::{
    NetworkId,
    api::{Records, Request},
};
use tokio::time::timeout;

use super::{Peers, RequestError, ask, decode};
use crate::{Directory, Endpoint, UnitAddress, directory::wall_clock};

/// Asks a unit for the records of all units it knows, and fills a directory with those that hold.
///
/// # Errors
///
/// [`RequestError`] if the unit cannot be reached or does not answer. Records that do not hold are
/// left out, not an error.
pub async fn bootstrap(
    endpoint: &Endpoint,
    network: NetworkId,
    known: UnitAddress,
) -> Result<Directory, RequestError> {
    let UnitAddress { unit, address } = known;
    let asked = async {
        let connection = endpoint.connect(unit, address).await?;
        ask(&connection, &Request::Records).await
    };
    let answer = timeout(Peers::DEADLINE, asked).await;
    let answer = answer.unwrap_or(Err(RequestError::Timeout { unit }))?;
    let Records { records } = decode(unit, &answer)?;
    let (directory, now) = (Directory::new(network), wall_clock());
    for record in records.into_iter().take(Directory::RECORDS_MAX) {
        let about = record.unverified().unit;
        if let Err(error) = directory.insert(record, now) {
            tracing::debug!(unit = %about, %error, "a record does not hold");
        }
    }
    Ok(directory)
}

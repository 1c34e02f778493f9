//! What commands that talk to a cluster share: a client, and what people call processes.

use std::time::Duration;

use antiphon_client::{Client, ClientOptions, Units};
use protocol::{
    AccountId, Assignment, ControlAction, EntryId, ModuleId, NetworkId, OperatorId, ProcessId,
    Role, Signed, UnitId, Value, api::Adoption, json, schema::Method,
};
use tokio::time::Instant;
use transport::UnitAddress;

use super::{naming, options::Globals, passphrase};
use crate::{
    clock,
    cluster::{DataDirectory, KeyName},
    error::NodeError,
    output::Output,
};

/// How long to wait before a scheduler that takes over a process is asked how far it is.
const ADOPT_PAUSE: Duration = Duration::from_millis(100);

/// What a command may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Only read; needs no key.
    Read,
    /// Sign in the name of an account.
    Sign,
}

/// A client, with the data directory it belongs to.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) data: DataDirectory,
    pub(crate) output: Output,
    pub(crate) timeout: Duration,
}

/// A network, and where to begin to look for its units.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) network: NetworkId,
    pub(super) units: Vec<UnitAddress>,
}

impl Session {
    /// Connects to the cluster that the options name.
    pub(crate) async fn open(globals: &Globals, access: Access) -> Result<Self, NodeError> {
        let data = globals.data()?;
        let Found { network, units } = find(globals, &data)?;
        let key = match access {
            Access::Read => None,
            Access::Sign => {
                let missing =
                    || NodeError::NoKey { name: globals.key.to_string(), path: data.keys() };
                Some(passphrase::key(globals, &data)?.ok_or_else(missing)?)
            }
        };
        let units = Units::Bootstrap(units);
        let client = Client::connect(ClientOptions { network, key, units }).await?;
        Ok(Self { client, data, output: globals.output(), timeout: globals.timeout() })
    }

    /// The process that a text means: an id, the beginning of exactly one, or a name of the address
    /// book.
    pub(crate) async fn process(&self, text: &str) -> Result<ProcessId, NodeError> {
        match read_name(text)? {
            Name::Process(process) => Ok(process),
            Name::Prefix => {
                let known = self.client.processes().await?;
                let known = known.into_iter().map(|(_, entry)| entry.process);
                naming::only(text, ("process", "processes"), known, "`antiphon ps` lists them")
            }
            Name::Word => {
                let mut names = self.data.book().names()?;
                names.remove(text).ok_or_else(|| {
                    let meant = naming::meant(text, names.keys().map(String::as_str));
                    NodeError::usage(format!(
                        "no process is called `{text}`{meant}: `antiphon ps` lists them, \
                         `spawn --name` names them"
                    ))
                })
            }
        }
    }

    /// The unit of one of some roles that a text means: an id, the beginning of exactly one that is
    /// known, or its name in the data directory.
    pub(crate) fn unit(&self, text: &str, roles: &[Role]) -> Result<UnitId, NodeError> {
        if let Ok(unit) = text.parse() {
            return Ok(unit);
        }
        if text.starts_with(&format!("{}1", UnitId::PREFIX)) {
            let directory = self.client.directory();
            let known = roles.iter().flat_map(|role| directory.units(*role));
            return naming::only(text, ("unit", "units"), known, "`antiphon status` lists them");
        }
        let named =
            text.parse::<KeyName>().ok().map(|_| naming::unit_named(&self.data, text, roles));
        named.transpose()?.flatten().ok_or_else(|| {
            let roles: Vec<&str> = roles.iter().map(|role| role.word()).collect();
            NodeError::usage(format!(
                "`{text}` is no {}: `antiphon status` lists them",
                roles.join(" or ")
            ))
        })
    }

    /// The account that a text means: an id, or the name of a key of the data directory, or the
    /// beginning of the id of exactly one of these.
    pub(crate) fn account(&self, text: &str) -> Result<AccountId, NodeError> {
        if let Ok(account) = text.parse() {
            return Ok(account);
        }
        if text.starts_with(&format!("{}1", AccountId::PREFIX)) {
            let known = self.data.keyring().list(clock::now())?.into_iter();
            let known = known.filter_map(|key| key.account);
            return naming::only(text, ("key", "keys"), known, "`antiphon key list` lists them");
        }
        let name: KeyName = text.parse().map_err(|_| {
            NodeError::usage(format!("`{text}` is neither an account nor the name of a key"))
        })?;
        let missing = || NodeError::NoKey { name: name.to_string(), path: self.data.keys() };
        self.data.keyring().account(&name)?.ok_or_else(missing)
    }

    /// Orders something as the controller of a process, and waits until it is in force.
    pub(crate) async fn order(
        &self,
        process: ProcessId,
        action: ControlAction,
    ) -> Result<Assignment, NodeError> {
        let control = self.client.prepare_control(process, action)?;
        let proof = self.client.submit_control(control, self.timeout).await?;
        Ok(proof.assignment)
    }

    /// Has a scheduler take over a process until it orders it, as long as it comes on.
    pub(crate) async fn adopt(
        &self,
        scheduler: UnitId,
        adoption: &Adoption,
    ) -> Result<(), NodeError> {
        let mut patience = Instant::now() + self.timeout;
        let mut last = None;
        loop {
            let adopted = self.client.adopt(scheduler, adoption.clone()).await?;
            if adopted.done {
                return Ok(());
            }
            if last.is_some_and(|last| adopted.next > last) {
                patience = Instant::now() + self.timeout;
            }
            last = Some(adopted.next);
            if Instant::now() > patience {
                return Err(NodeError::System(format!(
                    "{scheduler} has come to slot {} and no further: run the command again",
                    adopted.next
                )));
            }
            tokio::time::sleep(ADOPT_PAUSE).await;
        }
    }
}

/// Reads JSON arguments.
pub(crate) fn read_args(text: Option<&str>, method: Option<&Method>) -> Result<Value, NodeError> {
    let json = text.map(serde_json::from_str).transpose().map_err(|error| {
        NodeError::usage(format!("the arguments are not JSON ({error}): try '{{\"by\":3}}'"))
    })?;
    json::args_from_json(json.as_ref(), method).map_err(NodeError::usage)
}

/// The network that the options name, and units of it.
pub(super) fn find(globals: &Globals, data: &DataDirectory) -> Result<Found, NodeError> {
    if !globals.bootstrap.is_empty() {
        let network = globals.network.ok_or_else(|| {
            NodeError::usage("--bootstrap needs --network as well: ask who runs the unit")
        })?;
        return Ok(Found { network, units: globals.bootstrap.clone() });
    }
    let none = || NodeError::NoCluster(data.path().to_owned());
    if !data.is_running()? {
        return Err(none());
    }
    let network = data.network()?.ok_or_else(none)?;
    Ok(Found { network, units: local_units(data)? })
}

/// Where the units of a data directory listen.
fn local_units(data: &DataDirectory) -> Result<Vec<UnitAddress>, NodeError> {
    let records = data.records()?;
    let units = records.iter().map(Signed::unverified).filter_map(|record| {
        let address = record.addresses.first()?.parse().ok()?;
        Some(UnitAddress { unit: record.unit, address })
    });
    Ok(units.collect())
}

/// What a text that names a process is.
#[derive(Debug, PartialEq, Eq)]
enum Name {
    Process(ProcessId),
    Prefix,
    Word,
}

fn read_name(text: &str) -> Result<Name, NodeError> {
    let full = ProcessId::from_bytes([0; 32]).to_string().len();
    let kinds = [
        ProcessId::PREFIX,
        EntryId::PREFIX,
        ModuleId::PREFIX,
        AccountId::PREFIX,
        UnitId::PREFIX,
        OperatorId::PREFIX,
        NetworkId::PREFIX,
    ];
    let kind = text.split_once('1').map(|(kind, _)| kind);
    let looks_like_id = text.len() >= full / 2 && kind.is_some_and(|kind| kinds.contains(&kind));
    let prefix = format!("{}1", ProcessId::PREFIX);
    if text.starts_with(&prefix) && text.len() < full {
        return Ok(Name::Prefix);
    }
    match text.parse() {
        Ok(process) => Ok(Name::Process(process)),
        Err(error) if looks_like_id || text.starts_with(&prefix) => Err(NodeError::usage(error)),
        Err(_) => Ok(Name::Word),
    }
}

#[cfg(test)]
mod tests;

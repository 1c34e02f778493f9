//! What a proof file shows, checked offline. Pure.

use data_encoding::HEXLOWER;
use protocol::{
    AssignmentProof, Fault, Hash, KeyInState, NetworkId, PageInState, Proof, ProofFile, Receipt,
    RefusalProof, Signed, StateStatement, UnitId,
};

use crate::output::ProofShape;

/// A network, and who names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// The command line.
    Option(NetworkId),
    /// The data directory.
    Data(NetworkId),
    /// What is checked names its own.
    File,
}

/// Checks the bytes of a file.
pub(crate) fn judge(bytes: &[u8], network: Network) -> ProofShape {
    match ProofFile::decode(bytes) {
        Err(error) => ProofShape {
            detail: format!("this is no proof that this program knows: {error}"),
            ..blank(None, network, None)
        },
        Ok(ProofFile::Fault(fault)) => judge_fault(&fault, network),
        Ok(ProofFile::Proof(Proof::Assignment(proof))) => judge_assignment(&proof, network),
        Ok(ProofFile::Proof(Proof::Receipt(receipt))) => judge_receipt(&receipt, network),
        Ok(ProofFile::Proof(Proof::Page(page))) => judge_page(&page, network),
        Ok(ProofFile::Proof(Proof::Key(key))) => judge_key(&key, network),
        Ok(ProofFile::Proof(Proof::Refusal(proof))) => judge_refusal(&proof, network),
    }
}

/// A verdict that something does not hold, for the network that counts.
fn blank(kind: Option<&'static str>, network: Network, own: Option<NetworkId>) -> ProofShape {
    let (network, network_from) = match network {
        // Where nothing is signed no network counts.
        _ if own.is_none() => (None, None),
        Network::Option(network) => (Some(network), Some("option")),
        Network::Data(network) => (Some(network), Some("data directory")),
        Network::File => (own, Some("file")),
    };
    ProofShape {
        kind,
        holds: false,
        detail: String::new(),
        network,
        network_from,
        culprits: None,
        facts: serde_json::Map::new(),
    }
}

/// The network to check for: any, where nothing is signed.
fn network_of(shape: &ProofShape) -> NetworkId {
    shape.network.unwrap_or(NetworkId::from_bytes([0; 32]))
}

/// Completes a verdict with what is proven, or why it is not.
fn verdict<E: std::fmt::Display>(shape: ProofShape, checked: Result<String, E>) -> ProofShape {
    match checked {
        Ok(detail) => ProofShape { holds: true, detail, ..shape },
        Err(error) => ProofShape { detail: error.to_string(), ..shape },
    }
}

fn judge_fault(fault: &Fault, network: Network) -> ProofShape {
    let (own, process, slot) = match fault {
        Fault::Assignments(one, _) => {
            (one.batch.unverified().network, one.assignment.process, one.assignment.slot)
        }
        Fault::Receipts(one, _) => {
            (one.batch.unverified().network, one.leaf.process, one.leaf.slot)
        }
        Fault::PastSeal { later, .. } => {
            (later.batch.unverified().network, later.assignment.process, later.assignment.slot)
        }
    };
    let mut shape = blank(Some("fault"), network, Some(own));
    shape.fact("process", process);
    shape.slot(slot);
    let checked = fault.culprits(network_of(&shape));
    shape.culprits = Some(checked.clone().unwrap_or_default());
    let told = checked.map(|culprits| match (fault, culprits.as_slice()) {
        (Fault::Assignments(..), units) => {
            format!("{} assigned slot {slot} of {process} twice: it is at fault", all(units))
        }
        (Fault::PastSeal { sealed, .. }, units) => format!(
            "{} ended epoch {} of {process} with slot {} and assigned slot {slot} of it: it is at fault",
            all(units), sealed.assignment.epoch, sealed.assignment.slot
        ),
        (Fault::Receipts(..), [unit]) => {
            format!("{unit} signed two outcomes of slot {slot} of {process}: it is at fault")
        }
        (Fault::Receipts(..), units) => format!(
            "{} signed different outcomes of slot {slot} of {process}: one of them at least is at fault",
            all(units)
        ),
    });
    verdict(shape, told)
}

fn all(units: &[UnitId]) -> String {
    units.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn judge_assignment(proof: &AssignmentProof, network: Network) -> ProofShape {
    let header = proof.batch.unverified();
    let (assignment, scheduler) = (&proof.assignment, header.scheduler);
    let mut shape = blank(Some("assignment"), network, Some(header.network));
    shape.fact("process", assignment.process);
    shape.slot(assignment.slot);
    shape.fact("message", assignment.entry);
    shape.fact("chain", assignment.chain);
    shape.fact("unit", scheduler);
    let checked = proof.verify(network_of(&shape), &scheduler).map(|()| {
        let (entry, slot, process) = (assignment.entry, assignment.slot, assignment.process);
        format!("{scheduler} assigned {entry} to slot {slot} of {process}")
    });
    verdict(shape, checked)
}

fn judge_refusal(proof: &RefusalProof, network: Network) -> ProofShape {
    let header = proof.batch.unverified();
    let (refusal, scheduler) = (&proof.refusal, header.scheduler);
    let mut shape = blank(Some("refusal"), network, Some(header.network));
    shape.fact("process", refusal.process);
    shape.fact("message", refusal.entry);
    shape.fact("code", refusal.code.word());
    shape.fact("unit", scheduler);
    let checked = proof.verify(network_of(&shape), &scheduler).map(|()| {
        let (entry, process, code) = (refusal.entry, refusal.process, refusal.code.word());
        format!("{scheduler} refused {entry} for {process} for good: {code}")
    });
    verdict(shape, checked)
}

fn judge_receipt(receipt: &Receipt, network: Network) -> ProofShape {
    let (leaf, unit) = (&receipt.leaf, receipt.unit());
    let mut shape = blank(Some("receipt"), network, Some(receipt.batch.unverified().network));
    shape.fact("process", leaf.process);
    shape.slot(leaf.slot);
    shape.fact("chain", leaf.chain);
    shape.fact("outcome", leaf.outcome);
    shape.fact("unit", unit);
    if let Some(root) = leaf.state_root {
        shape.fact("state_root", root);
    }
    let checked = receipt.verify(network_of(&shape)).map(|()| {
        let (slot, process, outcome) = (leaf.slot, leaf.process, leaf.outcome);
        format!("{unit} stated that slot {slot} of {process} came to the outcome {outcome}")
    });
    verdict(shape, checked)
}

fn judge_page(page: &PageInState, network: Network) -> ProofShape {
    let mut shape = blank(Some("page"), network, network_in(page.statement.as_ref()));
    let (number, digest) = (page.proof.page, Hash::of_blob(&page.page));
    shape.facts.insert("page".to_owned(), number.into());
    shape.fact("page_hash", digest);
    let checked = page.verify(network_of(&shape));
    let told = checked.map(|root| {
        let state = state(&mut shape, root, page.statement.as_ref());
        format!("page {number}, whose hash is {digest}, is in the memory of {state}")
    });
    verdict(shape, told)
}

fn judge_key(key: &KeyInState, network: Network) -> ProofShape {
    let mut shape = blank(Some("key"), network, network_in(key.statement.as_ref()));
    let name = HEXLOWER.encode(&key.key);
    let value = key.value.as_ref().map(|value| HEXLOWER.encode(value));
    shape.fact("key", &name);
    shape.facts.insert("value".to_owned(), value.clone().into());
    let checked = key.verify(network_of(&shape));
    let told = checked.map(|root| {
        let state = state(&mut shape, root, key.statement.as_ref());
        match value {
            Some(value) => format!("the host table has {value} for the key {name} in {state}"),
            None => format!("the host table has no key {name} in {state}"),
        }
    });
    verdict(shape, told)
}

fn network_in(statement: Option<&Signed<StateStatement>>) -> Option<NetworkId> {
    statement.map(|statement| statement.unverified().network)
}

/// Notes which state it is, and says it.
fn state(shape: &mut ProofShape, root: Hash, statement: Option<&Signed<StateStatement>>) -> String {
    shape.fact("state_root", root);
    let Some(said) = statement.map(Signed::unverified) else {
        return format!("the state of root {root}; whose state that is, the file does not say");
    };
    let (unit, process, slot) = (said.unit, said.process, said.position.slot);
    shape.fact("process", process);
    shape.slot(slot);
    shape.fact("unit", unit);
    format!("the state of root {root}, which {unit} stated for {process} after slot {slot}")
}

#[cfg(test)]
mod tests;

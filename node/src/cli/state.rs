//! `state`: a process after any slot, found on this machine.

use std::path::PathBuf;

use clap::Args;
use protocol::{KeyInState, PageInState, Proof, Signed, Slot, State, StateStatement, codec};

use super::{
    completing,
    options::Globals,
    session::{Access, Session},
};
use crate::{
    cluster::write_whole,
    error::NodeError,
    output::StateShape,
    replay::{self, Past, Subject, Wanted},
};

/// Show the state of a process after its last slot, or after any other, found by a replay on this
/// machine.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("proven").args(["page", "pair"]))]
pub(crate) struct StateOptions {
    /// The process: its id, the beginning of it, or a name
    #[arg(add = completing::processes())]
    process: String,
    /// After which slot [default: the last]
    #[arg(long, value_name = "N")]
    at: Option<u64>,
    /// Replay from slot 0, believing no unit's checkpoint
    #[arg(long)]
    no_checkpoint: bool,
    /// Write the memory to a file, of which `b3sum` prints the memory root
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Prove a page of 4,096 bytes of the memory
    #[arg(long, value_name = "N", requires = "prove")]
    page: Option<u32>,
    /// Prove what the process remembers of the pair with another process
    #[arg(long, value_name = "PROCESS", requires = "prove")]
    pair: Option<String>,
    /// Where the proof is written; `antiphon proof` checks it
    #[arg(long, value_name = "FILE", requires = "proven")]
    prove: Option<PathBuf>,
}

impl StateOptions {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Read).await?;
        let process = session.process(&self.process).await?;
        let subject = Subject::open(&session.client, process).await?;
        let wanted = Wanted {
            slot: self.at.map(Slot::new),
            outcome: false,
            checkpoints: !self.no_checkpoint,
        };
        let mut past = Box::pin(replay::reach(&subject, wanted, replay::progress()?)).await?;
        let state = past.replay.state().map_err(NodeError::system)?;
        if let Some(file) = &self.dump {
            write_whole(file, past.replay.memory().ok_or_else(unborn)?)?;
        }
        if let Some(file) = &self.prove {
            let proof = self.proof(&session, &mut past, state.clone().ok_or_else(unborn)?).await?;
            write_whole(file, &codec::encode(&proof))?;
        }
        let shape = shape(&subject, &mut past, state.as_ref())?;
        session.output.print(&shape, || shape.text())
    }

    async fn proof(
        &self,
        session: &Session,
        past: &mut Past,
        state: State,
    ) -> Result<Proof, NodeError> {
        let statement = statement(past, &state);
        if let Some(page) = self.page {
            let proof = past.replay.page_proof(page);
            let bytes = past.replay.page(page).map(<[u8]>::to_vec);
            let missing = || NodeError::usage(format!("the memory has no page {page}"));
            let (proof, page) = proof.zip(bytes).ok_or_else(missing)?;
            return Ok(Proof::Page(Box::new(PageInState { state, proof, page, statement })));
        }
        let pair = self.pair.as_deref().unwrap_or_default();
        let key = compute_unit::Replay::pair_key(&session.process(pair).await?);
        let table = past.replay.table();
        let (proof, value) = (table.prove(&key), table.get(&key).map(<[u8]>::to_vec));
        Ok(Proof::Key(Box::new(KeyInState { state, proof, key, value, statement })))
    }
}

/// The word of the unit whose checkpoint it is, if that is of this very state.
fn statement(past: &Past, state: &State) -> Option<Signed<StateStatement>> {
    let statement = &past.basis.as_ref()?.statement;
    let said = statement.unverified();
    let same =
        Some(&said.position) == past.replay.position() && said.state_root == Some(state.root());
    same.then(|| statement.clone())
}

fn shape(
    subject: &Subject,
    past: &mut Past,
    state: Option<&State>,
) -> Result<StateShape, NodeError> {
    let none = || NodeError::System("no slot was executed".to_owned());
    let position = *past.replay.position().ok_or_else(none)?;
    let spawn = &subject.described.spawn;
    let checkpoint = past.basis.as_ref().map(Into::into);
    Ok(StateShape {
        process: subject.process,
        slot: position.slot.get(),
        chain: position.chain.to_string(),
        state_root: state.map(|state| state.root().to_string()),
        memory_root: state.map(|state| state.memory.to_string()),
        memory_bytes: past.replay.memory().map_or(0, <[u8]>::len),
        globals: state.map(StateShape::globals).unwrap_or_default(),
        host_table_root: state.map(|state| state.host_table.to_string()),
        host_table_entries: past.replay.table().len(),
        profile: spawn.profile,
        module: state.map_or(spawn.module, |state| state.module),
        level: if checkpoint.is_some() { StateShape::BY_ONE } else { StateShape::HERE },
        checkpoint,
    })
}

fn unborn() -> NodeError {
    NodeError::usage("the process was not born: it has no memory and no state root")
}

//! What a state says to people: as its module would save it, else as its views answer, else as bytes.

use std::{collections::BTreeMap, sync::Arc};

use antiphon_client::Client;
use compute_unit::Replay;
use protocol::{
    ModuleId, Position, Reply, State, Value,
    json::{bytes_to_json, to_json},
    schema::MethodKind,
};
use serde_json::{Map, Value as Json};

use super::{Past, Subject, subject::on_thread};
use crate::error::NodeError;

/// Views that are asked of one state.
const VIEWS_MAX: usize = 32;

/// A process after a slot, ready to be compared.
#[derive(Debug)]
pub(crate) struct Portrait {
    /// After which slot.
    pub(crate) position: Position,
    /// What its root commits to; none of a process that was not born.
    pub(crate) state: Option<State>,
    /// Its memory.
    pub(crate) memory: Vec<u8>,
    /// What its host table has.
    pub(crate) table: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What it says.
    pub(crate) told: Told,
}

/// What a state says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// Everything, as the module would save it for another one.
    Saved(Json),
    /// What the views without parameters answer.
    Views(Json),
    /// Nothing that people can read.
    Nothing,
}

impl Told {
    /// The value, if there is one.
    pub(crate) const fn value(&self) -> Option<&Json> {
        match self {
            Self::Saved(value) | Self::Views(value) => Some(value),
            Self::Nothing => None,
        }
    }

    /// How it was read, in a word.
    pub(crate) const fn word(&self) -> Option<&'static str> {
        match self {
            Self::Saved(_) => Some("saved"),
            Self::Views(_) => Some("views"),
            Self::Nothing => None,
        }
    }
}

/// Looks at a process where it was found.
pub(crate) async fn portray(subject: &Arc<Subject>, past: Past) -> Result<Portrait, NodeError> {
    let mut replay = past.replay;
    let state = replay.state().map_err(NodeError::system)?;
    let module = state.as_ref().map_or(subject.described.spawn.module, |state| state.module);
    let views = views(&subject.client, module).await;
    on_thread(move |_| {
        let told = tell(&mut replay, &views)?;
        let none = || NodeError::System("no slot was executed".to_owned());
        let position = *replay.position().ok_or_else(none)?;
        let memory = replay.memory().map(<[u8]>::to_vec).unwrap_or_default();
        let entries = replay.table().iter();
        let table = entries.map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
        Ok(Portrait { position, state, memory, table, told })
    })
    .await?
}

/// The views of a module that need no arguments, as far as it says which it has.
pub(super) async fn views(client: &Client, module: ModuleId) -> Vec<String> {
    let wasm = match client.module(module).await {
        Ok(wasm) => wasm,
        Err(error) => {
            tracing::debug!(%module, %error, "no schema");
            return Vec::new();
        }
    };
    views_of(&wasm)
}

/// The views of a Wasm binary that need no arguments.
pub(super) fn views_of(wasm: &[u8]) -> Vec<String> {
    let methods = Client::schema_of(wasm).map(|schema| schema.methods).unwrap_or_default();
    let views = methods
        .into_iter()
        .filter(|method| method.kind == MethodKind::View && method.params.is_empty());
    views.take(VIEWS_MAX).map(|method| method.name).collect()
}

/// What a state says. For threads that execute actors.
pub(super) fn tell(replay: &mut Replay, views: &[String]) -> Result<Told, NodeError> {
    tell_while(replay, views, || true)
}

/// What a state says, as far as views may be asked: each can take as long as a slot.
pub(super) fn tell_while(
    replay: &mut Replay,
    views: &[String],
    goes_on: impl Fn() -> bool,
) -> Result<Told, NodeError> {
    if let Ok(saved) = replay.saved().map_err(NodeError::system)? {
        let bytes: Vec<u8> = saved.chunks.iter().flat_map(|chunk| chunk.iter().copied()).collect();
        if let Ok(value) = Value::decode_any(&bytes) {
            return Ok(Told::Saved(to_json(&value)));
        }
    }
    let mut answers = Map::new();
    let nothing = Value::Map(Vec::new()).encode().map_err(NodeError::system)?;
    for view in views.iter().take_while(|_| goes_on()) {
        if let Reply::Value(bytes) = replay.view(view, &nothing).map_err(NodeError::system)? {
            answers.insert(view.clone(), bytes_to_json(&bytes));
        }
    }
    Ok(if answers.is_empty() { Told::Nothing } else { Told::Views(Json::Object(answers)) })
}

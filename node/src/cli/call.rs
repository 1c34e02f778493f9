//! What `send` and `view` share: the method that is meant, and its arguments.

use std::sync::Arc;

use antiphon_client::ClientError;
use clap::Args;
use protocol::{
    AccountId, ProcessId, Role, UnitId, Value,
    schema::{Method, Schema, Type},
};

use super::{completing, session::Session};
use crate::{
    arguments::{Asker, Nobody, Terminal, Words, methods, nearest},
    error::NodeError,
};

/// The word of actors for a method that they do not have.
const UNKNOWN_METHOD: &str = "unknown-method";

/// A method of a process, with arguments.
#[derive(Debug, Args)]
pub(super) struct CallOptions {
    /// The process: its id, the beginning of it, or a name
    #[arg(add = completing::processes())]
    process: String,
    /// The method to call
    #[arg(add = completing::methods())]
    method: String,
    /// The arguments: NAME=VALUE for each parameter, or all in one JSON object, or a lone JSON value
    /// for a lone parameter
    #[arg(value_name = "NAME=VALUE|JSON", allow_negative_numbers = true, add = completing::params())]
    words: Vec<String>,
}

/// A call that can be made.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) process: ProcessId,
    pub(super) method: String,
    pub(super) args: Value,
    schema: Option<Arc<Schema>>,
}

impl CallOptions {
    /// Finds the process and reads the arguments by its schema. Arguments in JSON go out whatever
    /// the schema says, for it informs only people.
    pub(super) async fn prepare(self, session: &Session) -> Result<Call, NodeError> {
        let words = Words::of(&self.words).map_err(NodeError::usage)?;
        let process = session.process(&self.process).await?;
        let schema = match session.client.schema(process).await {
            Ok(schema) => schema,
            Err(error) if error.code() == "unknown-module" => None,
            Err(error) => return Err(error.into()),
        };
        let method = schema.as_ref().and_then(|schema| schema.method(&self.method));
        if let Some(schema) = &schema
            && method.is_none()
            && !matches!(words, Words::Json(_))
        {
            let detail = format!("no method `{}`{}", self.method, others(schema, &self.method));
            return Err(NodeError::UnknownMethod(detail));
        }
        let args = read(session, words, method).await?;
        Ok(Call { process, method: self.method, args, schema })
    }
}

impl Call {
    /// Adds the methods that there are to what an actor says of one that it does not have.
    pub(super) fn explain(&self, error: NodeError) -> NodeError {
        let Some(schema) = &self.schema else { return error };
        match error {
            NodeError::Answered { code, detail } if code == UNKNOWN_METHOD => {
                let detail = format!("{detail}{}", others(schema, &self.method));
                NodeError::Answered { code, detail }
            }
            NodeError::Client(ClientError::Actor(mut failure))
                if failure.code == UNKNOWN_METHOD =>
            {
                failure.detail.push_str(&others(schema, &self.method));
                ClientError::Actor(failure).into()
            }
            other => other,
        }
    }
}

/// Reads the words of a command by a method, where names stand for processes and accounts as they
/// do everywhere else on a command line.
pub(super) async fn read(
    session: &Session,
    words: Words,
    method: Option<&Method>,
) -> Result<Value, NodeError> {
    let words = match (words, method) {
        (Words::Named(mut all), Some(method)) => {
            for (name, value) in &mut all {
                let param = method.params.iter().find(|param| param.name == *name);
                if let Some(prefix) = param.and_then(|param| id_prefix(&param.ty)) {
                    *value = resolve(session, prefix, value).await?;
                }
            }
            Words::Named(all)
        }
        (words, _) => words,
    };
    let (mut nobody, mut terminal) = (Nobody, Terminal);
    let asker: &mut dyn Asker = if session.output.json { &mut nobody } else { &mut terminal };
    // People take their time to answer.
    let read = tokio::task::block_in_place(|| words.read(method, asker));
    read.map_err(NodeError::usage)
}

/// The kind of id that a parameter takes, if it takes one.
fn id_prefix(ty: &Type) -> Option<&str> {
    match ty {
        Type::Id(prefix) => Some(prefix),
        Type::Option(inner) => id_prefix(inner),
        _ => None,
    }
}

/// An id in full for what people call it.
async fn resolve(session: &Session, prefix: &str, text: &str) -> Result<String, NodeError> {
    if text == "null" {
        return Ok(text.to_owned());
    }
    Ok(match prefix {
        ProcessId::PREFIX => session.process(text).await?.to_string(),
        AccountId::PREFIX => session.account(text)?.to_string(),
        UnitId::PREFIX => session.unit(text, &Role::ALL)?.to_string(),
        _ => text.to_owned(),
    })
}

/// What there is instead of a method that there is not, as the end of a sentence.
fn others(schema: &Schema, method: &str) -> String {
    let names = schema.methods.iter().map(|method| method.name.as_str());
    let near = nearest(method, names).filter(|near| near != method);
    match near {
        Some(near) => format!(", did you mean `{near}`? Its methods: {}", methods(schema)),
        None => format!("; its methods: {}", methods(schema)),
    }
}

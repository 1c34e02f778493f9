//! Messages and views.

use std::time::Duration;

use protocol::{
    AskAnswer, AssignmentProof, Entry, EntryId, Failure, Gas, Hash, Kind, Message, NetworkId,
    Outcome, Principal, ProcessId, Receipt, Reply, SecretKey, Signed, Slot, Source, UnitId, V1,
    Value, ViewAnswer, ViewRequest,
    api::{Executed, Request},
};
use tokio::time::{Instant, timeout};

use crate::{Client, ClientError, LateAnswer, Ticket, client::remember, policy::Said, shell};

/// How long a signed message may still be submitted: a little less than schedulers allow, for
/// clocks that differ.
const EXPIRY: u64 = Message::EXPIRY_MAX - 30_000;

/// A message that was executed, with all that proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendResult {
    /// The message.
    pub message: EntryId,
    /// Its place in the log.
    pub assignment: AssignmentProof,
    /// What came of it; check [`Self::reply`].
    pub outcome: Outcome,
    /// The word of one unit of the process's policy for it.
    pub receipt: Receipt,
    /// The answer, where it came in a later slot and was waited for.
    pub late: Option<Box<LateAnswer>>,
}

/// What a view gave.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewResult {
    /// The answer.
    pub reply: Value,
    /// The last slot executed when it was given.
    pub slot: Slot,
    /// The chain hash of that slot.
    pub chain: Hash,
    /// Who answered.
    pub unit: UnitId,
}

impl SendResult {
    /// The reply.
    ///
    /// # Errors
    ///
    /// [`ClientError::Actor`] if the actor or its execution failed, [`ClientError::NoAnswerYet`] if
    /// the reply comes in a later slot that was not waited for.
    pub fn reply(&self) -> Result<Value, ClientError> {
        match (self.late.as_deref().map(|late| &late.answer), &self.outcome.reply) {
            (Some(AskAnswer::Value(bytes)), _) | (None, Reply::Value(bytes)) => Ok(value(bytes)),
            (Some(AskAnswer::Failure(failure, _)), _) | (None, Reply::Failure(failure)) => {
                Err(ClientError::Actor(failure.clone()))
            }
            (None, Reply::Later) => {
                Err(ClientError::NoAnswerYet { message: self.message, reason: None })
            }
        }
    }

    /// The failure, if there is one.
    pub fn failure(&self) -> Option<&Failure> {
        match (self.late.as_deref().map(|late| &late.answer), &self.outcome.reply) {
            (Some(AskAnswer::Failure(failure, _)), _) | (None, Reply::Failure(failure)) => {
                Some(failure)
            }
            (Some(AskAnswer::Value(_)), _) | (None, Reply::Value(_) | Reply::Later) => None,
        }
    }

    /// The slot.
    pub const fn slot(&self) -> Slot {
        self.outcome.slot
    }

    /// The gas used.
    pub const fn gas(&self) -> Gas {
        self.outcome.gas
    }
}

impl Client {
    /// Signs a message without sending it. It can be submitted for a little less than five minutes.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoKey`], or [`ClientError::BadRequest`] if method or arguments break a rule.
    pub fn prepare_message(
        &self,
        process: ProcessId,
        method: &str,
        args: &Value,
    ) -> Result<Signed<Message>, ClientError> {
        self.sign_message(process, method, args, None)
    }

    /// Signs a message, with another one as evidence if it shows one.
    pub(crate) fn sign_message(
        &self,
        process: ProcessId,
        method: &str,
        args: &Value,
        evidence: Option<Vec<u8>>,
    ) -> Result<Signed<Message>, ClientError> {
        let key = self.key()?;
        let unsigned = Unsigned { network: self.network(), process, method, args, evidence };
        unsigned.sign(key, self.next_nonce())
    }

    /// Submits an entry of a process that exists, together with many others on one stream; waits
    /// only while too much is under way.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] with `unknown-process` if no scheduler knows its process.
    pub async fn submit(&self, entry: Entry) -> Result<Ticket, ClientError> {
        let described = self.describe(entry.target()).await?;
        self.inner.submitter.submit(entry, described.source.clone()).await
    }

    /// Sends a message and waits until it is executed.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoAnswerYet`] if the time is up and the message may still take effect. An
    /// actor's error is no error here: see [`SendResult::reply`].
    pub async fn send(
        &self,
        process: ProcessId,
        method: &str,
        args: &Value,
        limit: Duration,
    ) -> Result<SendResult, ClientError> {
        let message = self.prepare_message(process, method, args)?;
        self.send_signed(message, limit).await
    }

    /// Sends a message and waits for its answer, also if that comes in a later slot.
    ///
    /// # Errors
    ///
    /// As for [`Self::send`].
    pub async fn call(
        &self,
        process: ProcessId,
        method: &str,
        args: &Value,
        limit: Duration,
    ) -> Result<SendResult, ClientError> {
        let deadline = Instant::now() + limit;
        let sent = self.send(process, method, args, limit).await?;
        self.final_reply(sent, deadline.saturating_duration_since(Instant::now())).await
    }

    /// Sends a signed message and waits until it is executed.
    ///
    /// # Errors
    ///
    /// As for [`Self::send`].
    pub async fn send_signed(
        &self,
        message: Signed<Message>,
        limit: Duration,
    ) -> Result<SendResult, ClientError> {
        let deadline = Instant::now() + limit;
        let ticket = timeout(limit, self.submit(Entry::Message(message))).await;
        let ticket = ticket.unwrap_or_else(|_| Err(not_sent()))?;
        self.finish(ticket, deadline.saturating_duration_since(Instant::now())).await
    }

    /// Waits until a submitted entry is executed.
    ///
    /// # Errors
    ///
    /// As for [`Self::send`].
    pub async fn finish(
        &self,
        mut ticket: Ticket,
        limit: Duration,
    ) -> Result<SendResult, ClientError> {
        let message = ticket.entry();
        let both = async {
            let assignment = ticket.assigned().await?;
            let Executed { outcome, receipt } = ticket.executed().await?;
            self.remember_executed(outcome.process, outcome.slot);
            Ok(SendResult { message, assignment, outcome, receipt, late: None })
        };
        match timeout(limit, both).await {
            Ok(result) => result,
            Err(_) if ticket.was_sent() => {
                Err(ClientError::NoAnswerYet { message, reason: ticket.put_off() })
            }
            Err(_) => Err(not_sent()),
        }
    }

    /// Asks a process without changing it: the units of its policy, best first, until one
    /// answers, on a state that is not older than what this client has seen to be executed.
    ///
    /// # Errors
    ///
    /// [`ClientError::Actor`] if the view failed, otherwise why no unit answered.
    pub async fn view(
        &self,
        process: ProcessId,
        method: &str,
        args: &Value,
        at_least: Option<Slot>,
    ) -> Result<ViewResult, ClientError> {
        let nonce = shell::nonce()?;
        let args = encode_args(args)?;
        // Whoever steps in for another unit may still be behind it.
        let at_least = at_least.max(self.inner.known().executed.get(&process).copied());
        let request = ViewRequest { process, method: method.to_owned(), args, nonce, at_least };
        request.check().map_err(|error| ClientError::BadRequest(error.to_owned()))?;
        let asked = Request::View(request.clone());
        let read = |source: &Source, answer: Signed<ViewAnswer>| {
            self.inner.checker.view(&request, source, &answer)?;
            Ok(Said::Enough(answer))
        };
        let answer = self.ask_executors(process, asked, read).await?;
        read_view(answer.unverified())
    }
}

impl Client {
    /// Remembers that a slot is executed, so that no view is older.
    pub(crate) fn remember_executed(&self, process: ProcessId, slot: Slot) {
        let mut known = self.inner.known();
        let last = known.executed.get(&process).copied().unwrap_or_default();
        remember(&mut known.executed, process, last.max(slot));
    }
}

/// A message before it is signed.
struct Unsigned<'a> {
    network: NetworkId,
    process: ProcessId,
    method: &'a str,
    args: &'a Value,
    evidence: Option<Vec<u8>>,
}

impl Unsigned<'_> {
    fn sign(self, key: &SecretKey, nonce: u64) -> Result<Signed<Message>, ClientError> {
        use protocol::Body;

        let message = Message {
            version: V1,
            kind: Kind,
            network: self.network,
            sender: Principal::Account(key.public().account()),
            target: self.process,
            method: self.method.to_owned(),
            args: encode_args(self.args)?,
            nonce,
            expiry: shell::now().saturating_add(EXPIRY),
            tags: Vec::new(),
            reply_to: None,
            credit: None,
            trace_parent: None,
            evidence: self.evidence.map(Into::into),
        };
        message.check().map_err(|error| ClientError::BadRequest(error.to_owned()))?;
        Ok(Signed::sign(message, key))
    }
}

fn read_view(answer: &ViewAnswer) -> Result<ViewResult, ClientError> {
    match &answer.reply {
        Reply::Value(bytes) => Ok(ViewResult {
            reply: value(bytes),
            slot: answer.slot,
            chain: answer.chain,
            unit: answer.unit,
        }),
        Reply::Failure(failure) => Err(ClientError::Actor(failure.clone())),
        Reply::Later => Err(ClientError::unverified("a view cannot answer later")),
    }
}

/// Encodes arguments canonically.
pub(crate) fn encode_args(args: &Value) -> Result<Vec<u8>, ClientError> {
    args.encode().map_err(|error| ClientError::BadRequest(error.to_string()))
}

/// Reads a reply; what is no value is shown as its bytes.
fn value(bytes: &[u8]) -> Value {
    Value::decode_any(bytes).unwrap_or_else(|_| Value::Bytes(bytes.to_vec()))
}

/// Why an entry was not even handed to a messenger.
pub(crate) fn not_sent() -> ClientError {
    ClientError::unreachable("no messenger could be reached, the message was not sent; try again")
}

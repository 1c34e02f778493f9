//! Showing a message that somebody signed to another process.

use std::time::Duration;

use protocol::{Entry, EntryId, ProcessId, Value, codec};
use tokio::time::{Instant, timeout};

use crate::{Client, ClientError, SendResult, calls::not_sent};

/// The method named in a message that shows another one; it is not called.
const METHOD: &str = "assigned";

impl Client {
    /// Shows a signed message that stands in some log to a process, in the name of this client's
    /// account, and waits until that is executed. Whoever signed the message is not asked.
    ///
    /// # Errors
    ///
    /// As for [`Self::find`] and [`Self::send`]; [`ClientError::BadRequest`] if the entry is no
    /// signed message, or shows one itself.
    pub async fn assign(
        &self,
        message: EntryId,
        process: ProcessId,
        limit: Duration,
    ) -> Result<SendResult, ClientError> {
        self.key()?;
        let deadline = Instant::now() + limit;
        let found = timeout(limit, self.find(message)).await.unwrap_or_else(|_| Err(not_sent()))?;
        let Entry::Message(signed) = found.entry else {
            let detail =
                format!("{message} was not signed by an account: only messages can be shown");
            return Err(ClientError::BadRequest(detail));
        };
        let none = Value::Map(Vec::new());
        let shown = self.sign_message(process, METHOD, &none, Some(codec::encode(&signed)))?;
        self.send_signed(shown, deadline.saturating_duration_since(Instant::now())).await
    }
}

#[cfg(test)]
mod tests;

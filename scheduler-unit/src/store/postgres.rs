//! Log and modules in PostgreSQL, for schedulers that must outlive their machine.
//!
//! A log has one writer. Who opens it raises the log's epoch, and every append checks the epoch under
//! a lock of its row, in the transaction that adds the segment. So what a writer before sends comes
//! too late, whenever it arrives, and that writer is told that it is fenced.
//!
//! An append whose answer is lost may be on its way still. Recovery raises the epoch too, which waits
//! for it or lets it come too late, and counts afterwards: from then on the count is the truth.

mod modules;
mod schema;
mod server;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_postgres::{
    Config, Row,
    types::{ToSql, Type},
};

use self::server::{Server, Session};
use super::{LogStore, StoreError};
pub(crate) use modules::PostgresModules;

/// A log in a table.
#[derive(Debug)]
pub(crate) struct PostgresLog {
    name: Arc<str>,
    holder: Arc<str>,
    /// Appends, one at a time.
    writing: Session,
    /// The epoch in which they are.
    epoch: Mutex<i64>,
    /// Reads, beside them.
    reading: Session,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// So many batches.
    Count(u64),
    /// So many that can be read, and perhaps one more.
    InDoubt(u64),
    /// Another writer has the log.
    Fenced(u64),
    Closed,
}

/// Opens a log; whoever has it open is fenced.
pub(crate) fn open_log(config: &Config, name: &str) -> Result<PostgresLog, StoreError> {
    let server = Server::new(config)?;
    PostgresLog::open(&server, name).map_err(|error| name_server(&server, error))
}

/// Opens the modules that all logs share.
pub(crate) fn open_modules(config: &Config) -> Result<PostgresModules, StoreError> {
    let server = Server::new(config)?;
    PostgresModules::open(Arc::clone(&server)).map_err(|error| name_server(&server, error))
}

fn name_server(server: &Server, error: StoreError) -> StoreError {
    match error {
        StoreError::Failed(reason) => StoreError::Open { file: server.name().to_owned(), reason },
        error => error,
    }
}

impl PostgresLog {
    fn open(server: &Arc<Server>, name: &str) -> Result<Self, StoreError> {
        let (writing, reading) =
            (Session::new(Arc::clone(server)), Session::new(Arc::clone(server)));
        let name: Arc<str> = name.into();
        let log = Arc::clone(&name);
        let taken = writing.again(move |client| {
            let log = Arc::clone(&log);
            async move {
                schema::make(&client).await?;
                let taken = client.query_typed(schema::TAKE, &[(&&*log, Type::TEXT)]).await?;
                Ok((taken, schema::is_unsafe(&client).await?))
            }
        });
        let (taken, is_unsafe) = taken?;
        if is_unsafe {
            let server = server.name();
            tracing::warn!(
                "{server} runs with fsync off: a crash there may lose what was acknowledged"
            );
        }
        let taken = taken.first().ok_or_else(|| damaged("the epoch of the log is not told"))?;
        let (epoch, holder): (i64, String) = (taken.get(0), taken.get(1));
        let holder = Arc::from(holder);
        let (epoch, state) = (Mutex::new(epoch), Mutex::new(State::Closed));
        let log = Self { name, holder, writing, epoch, reading, state };
        *log.state() = State::Count(log.read_count()?);
        Ok(log)
    }

    fn read_count(&self) -> Result<u64, StoreError> {
        let name = Arc::clone(&self.name);
        let rows = self.writing.again(move |client| {
            let name = Arc::clone(&name);
            async move { client.query_typed(schema::COUNT, &[(&&*name, Type::TEXT)]).await }
        })?;
        let count: Option<i64> = rows.first().map(|row| row.get(0));
        let count = count.and_then(|count| u64::try_from(count).ok());
        count.ok_or_else(|| damaged("the log cannot be counted"))
    }

    /// Whether this writer still has the log.
    fn is_held(&self) -> Result<bool, StoreError> {
        let (name, holder) = (Arc::clone(&self.name), Arc::clone(&self.holder));
        let rows = self.writing.again(move |client| {
            let (name, holder) = (Arc::clone(&name), Arc::clone(&holder));
            async move {
                let values: [(&(dyn ToSql + Sync), Type); 2] =
                    [(&&*name, Type::TEXT), (&&*holder, Type::TEXT)];
                client.query_typed(schema::HELD, &values).await
            }
        })?;
        Ok(rows.first().is_some_and(|row| row.get(0)))
    }

    fn insert(&self, epoch: i64, number: u64, segment: &[u8]) -> Result<(), StoreError> {
        let (name, segment) = (Arc::clone(&self.name), segment.to_vec());
        let row = row_number(number)?;
        let added = self.writing.once(move |client| async move {
            let values: [(&(dyn ToSql + Sync), Type); 4] = [
                (&&*name, Type::TEXT),
                (&row, Type::INT8),
                (&segment, Type::BYTEA),
                (&epoch, Type::INT8),
            ];
            client.execute_typed(schema::APPEND, &values).await
        })?;
        match added {
            1 => Ok(()),
            _ if !self.is_held()? => Err(StoreError::Fenced),
            _ => Err(damaged("the log is not as long as it was")),
        }
    }

    /// Segments from a number on that are shown, up to a limit.
    fn range(&self, from: u64, through: u64, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let (first, end) = (row_number(from)?, row_number(through)?);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let name = Arc::clone(&self.name);
        let rows: Vec<Row> = self.reading.again(move |client| {
            let name = Arc::clone(&name);
            async move {
                let values: [(&(dyn ToSql + Sync), Type); 4] = [
                    (&&*name, Type::TEXT),
                    (&first, Type::INT8),
                    (&end, Type::INT8),
                    (&limit, Type::INT8),
                ];
                client.query_typed(schema::RANGE, &values).await
            }
        })?;
        let consecutive =
            rows.iter().zip(first..).take_while(|(row, n)| row.get::<_, i64>(0) == *n);
        let found: Vec<Vec<u8>> = consecutive.map(|(row, _)| row.get(1)).collect();
        match found.is_empty() {
            true => Err(missing(from)),
            false => Ok(found),
        }
    }

    /// How many batches can be read.
    fn shown(&self) -> Result<u64, StoreError> {
        match *self.state() {
            State::Count(count) | State::InDoubt(count) | State::Fenced(count) => Ok(count),
            State::Closed => Err(StoreError::Closed),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogStore for PostgresLog {
    fn append(&self, number: u64, segment: &[u8]) -> Result<(), StoreError> {
        let epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        let count = match *self.state() {
            State::Count(count) => count,
            State::Fenced(_) => return Err(StoreError::Fenced),
            State::InDoubt(_) | State::Closed => return Err(StoreError::Closed),
        };
        if number != count {
            return Err(StoreError::Misnumbered { number, count });
        }
        let appended = self.insert(*epoch, number, segment);
        let state = match &appended {
            Ok(()) => State::Count(number.saturating_add(1)),
            Err(StoreError::Fenced) => State::Fenced(count),
            Err(_) => State::InDoubt(count),
        };
        self.change(state);
        appended
    }

    fn recover(&self) -> Result<(), StoreError> {
        let mut epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = match *self.state() {
            State::Count(count) | State::InDoubt(count) => count,
            State::Fenced(_) => return Err(StoreError::Fenced),
            State::Closed => return Err(StoreError::Closed),
        };
        self.writing.disconnect();
        let (name, holder) = (Arc::clone(&self.name), Arc::clone(&self.holder));
        let kept = self.writing.again(move |client| {
            let (name, holder) = (Arc::clone(&name), Arc::clone(&holder));
            async move {
                let values: [(&(dyn ToSql + Sync), Type); 2] =
                    [(&&*name, Type::TEXT), (&&*holder, Type::TEXT)];
                client.query_typed(schema::KEEP, &values).await
            }
        })?;
        let Some(kept) = kept.first() else {
            self.change(State::Fenced(shown));
            return Err(StoreError::Fenced);
        };
        *epoch = kept.get(0);
        self.change(State::Count(self.read_count()?));
        Ok(())
    }

    fn close(&self) {
        *self.state() = State::Closed;
        self.writing.close();
        self.reading.close();
    }

    fn count(&self) -> Result<u64, StoreError> {
        match *self.state() {
            State::Count(count) => Ok(count),
            State::Fenced(_) => Err(StoreError::Fenced),
            State::InDoubt(_) | State::Closed => Err(StoreError::Closed),
        }
    }

    fn segment(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        if number >= self.shown()? {
            return Err(missing(number));
        }
        let found = self.range(number, number.saturating_add(1), 0)?;
        found.into_iter().next().ok_or_else(|| missing(number))
    }

    fn segments(&self, from: u64, limit_bytes: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let shown = self.shown()?;
        match from < shown {
            true => self.range(from, shown, limit_bytes),
            false => Ok(Vec::new()),
        }
    }
}

impl PostgresLog {
    /// Goes to another state, unless the log was closed meanwhile.
    fn change(&self, to: State) {
        let mut state = self.state();
        if !matches!(*state, State::Closed) {
            *state = to;
        }
    }
}

fn row_number(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| missing(number))
}

fn missing(number: u64) -> StoreError {
    damaged(&format!("batch {number} is missing in the log"))
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(format!("PostgreSQL: {what}"))
}

#[cfg(test)]
#[cfg(feature = "postgres-tests")]
pub(crate) mod tests;

//! A PostgreSQL server, and connections to it that are made again when they are lost.
//!
//! The stores wait for what they ask, whatever thread they are called on; what they wait for is done
//! by a thread of this module's own.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{
    Client, Config, NoTls,
    config::{Host, SslMode, TargetSessionAttrs},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::StoreError;

/// How long the server may take to answer or to be reached.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a connection may be silent before it is asked whether it is alive.
const SILENCE: Duration = Duration::from_secs(10);

/// What every connection begins with: what is committed is on disk, one statement sees what the ones
/// before it did, and nobody ends a connection because it is idle.
const SETTINGS: &str = "
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off';
    SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'";

/// A server.
pub(super) struct Server {
    runtime: Option<Runtime>,
    config: Config,
    tls: Option<MakeRustlsConnect>,
    name: String,
}

impl Server {
    /// A server that was not asked anything yet.
    pub(super) fn new(config: &Config) -> Result<Arc<Self>, StoreError> {
        let name = name(config);
        let cannot = |reason: String| StoreError::Open { file: name.clone(), reason };
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("scheduler-postgres")
            .enable_all()
            .build()
            .map_err(|error| cannot(error.to_string()))?;
        let tls = match encrypted(config) {
            false => None,
            true => {
                let roots = MakeRustlsConnect::with_native_certs();
                let (tls, _) =
                    roots.map_err(|_| cannot("this machine trusts no certificates".to_owned()))?;
                Some(tls)
            }
        };
        let mut config = config.clone();
        config.application_name("antiphon");
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.connect_timeout(PATIENCE).tcp_user_timeout(PATIENCE).keepalives_idle(SILENCE);
        Ok(Arc::new(Self { runtime: Some(runtime), config, tls, name }))
    }

    /// What people call it, without user and password.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn connect(&self) -> Result<Arc<Client>, StoreError> {
        let (config, tls) = (self.config.clone(), self.tls.clone());
        let connected = self.wait(async move {
            let client = match tls {
                Some(tls) => {
                    let (client, connection) = config.connect(tls).await?;
                    // It ends with its client; why it ends, whoever waits is told.
                    drop(tokio::spawn(connection));
                    client
                }
                None => {
                    let (client, connection) = config.connect(NoTls).await?;
                    drop(tokio::spawn(connection));
                    client
                }
            };
            client.batch_execute(SETTINGS).await?;
            Ok(client)
        });
        connected.map(Arc::new)
    }

    /// Waits for an answer of the server.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let runtime = self.runtime.as_ref().ok_or(StoreError::Closed)?;
        drop(runtime.spawn(async move {
            // Nobody waits any more if the unit is ending.
            let _ = sender.send(tokio::time::timeout(PATIENCE, work).await);
        }));
        match receiver.recv() {
            Ok(Ok(done)) => done.map_err(|error| StoreError::Failed(words(&error))),
            Ok(Err(_)) => Err(StoreError::Failed(format!(
                "{} has not answered for {} seconds",
                self.name,
                PATIENCE.as_secs()
            ))),
            Err(_) => Err(StoreError::Closed),
        }
    }
}

impl Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Server").field(&self.name).finish()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Dropping it may wait, and this may be a thread that must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A connection that is made when it is needed.
#[derive(Debug)]
pub(super) struct Session {
    server: Arc<Server>,
    state: Mutex<State>,
}

enum State {
    Idle,
    Connected(Arc<Client>),
    Closed,
}

impl Session {
    pub(super) fn new(server: Arc<Server>) -> Self {
        Self { server, state: Mutex::new(State::Idle) }
    }

    /// Does something once. After an error it may have been done.
    pub(super) fn once<T: Send + 'static, F>(
        &self,
        work: impl FnOnce(Arc<Client>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, tokio_postgres::Error>> + Send + 'static,
    {
        let done = self.server.wait(work(self.client()?));
        if done.is_err() {
            self.disconnect();
        }
        done
    }

    /// Does something that may be done twice, on a new connection if the old one is lost.
    pub(super) fn again<T: Send + 'static, F>(
        &self,
        work: impl Fn(Arc<Client>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, tokio_postgres::Error>> + Send + 'static,
    {
        match self.once(&work) {
            Err(StoreError::Failed(_)) => self.once(work),
            done => done,
        }
    }

    /// Ends the connection for good.
    pub(super) fn close(&self) {
        *self.lock() = State::Closed;
    }

    /// Ends the connection; the next one is another.
    pub(super) fn disconnect(&self) {
        let mut state = self.lock();
        if let State::Connected(_) = &*state {
            *state = State::Idle;
        }
    }

    fn client(&self) -> Result<Arc<Client>, StoreError> {
        // Held while a connection is made: who comes second uses it as well.
        let mut state = self.lock();
        match &*state {
            State::Closed => return Err(StoreError::Closed),
            State::Connected(client) if !client.is_closed() => return Ok(Arc::clone(client)),
            _ => {}
        }
        let client = self.server.connect()?;
        *state = State::Connected(Arc::clone(&client));
        Ok(client)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Idle => "Idle",
            Self::Connected(_) => "Connected",
            Self::Closed => "Closed",
        })
    }
}

/// Whether a connection is encrypted: if that is asked for, and to another machine unless it is
/// forbidden.
fn encrypted(config: &Config) -> bool {
    match config.get_ssl_mode() {
        SslMode::Disable => false,
        SslMode::Require => true,
        _ => !config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => {
                name == "localhost"
                    || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
            }
            #[cfg(unix)]
            Host::Unix(_) => true,
        }),
    }
}

fn name(config: &Config) -> String {
    let host = |host: &Host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    };
    let hosts: Vec<String> = config.get_hosts().iter().map(host).collect();
    format!("PostgreSQL {}/{}", hosts.join(","), config.get_dbname().unwrap_or_default())
}

/// An error with its causes; the first alone tells little.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests;

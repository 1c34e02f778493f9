use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use super::*;
use crate::store::{
    ModuleStore,
    conformance::{Site, conformance},
};

/// The server that the tests use.
pub(crate) fn config() -> Config {
    #[expect(clippy::disallowed_methods, reason = "tests are configured by whoever runs them")]
    let url = std::env::var("ANTIPHON_TEST_POSTGRES");
    url.expect("ANTIPHON_TEST_POSTGRES is the URL of a server").parse().unwrap()
}

/// A log that nobody else uses.
pub(crate) struct Place {
    config: Config,
    relay: Relay,
    name: String,
    admin: Session,
    log: Mutex<Option<Arc<PostgresLog>>>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let direct = config();
        let admin = Session::new(Server::new(&direct).unwrap());
        let random = "SELECT gen_random_uuid()::text";
        let rows = admin.once(move |c| async move { c.query_typed(random, &[]).await }).unwrap();
        let relay = Relay::to(&direct);
        let mut config = Config::new();
        config.user(direct.get_user().unwrap()).dbname(direct.get_dbname().unwrap());
        direct.get_password().map(|password| config.password(password));
        config.host("127.0.0.1").port(relay.port);
        Self { config, relay, name: rows[0].get(0), admin, log: Mutex::default() }
    }

    pub(crate) fn open(&self) -> Arc<PostgresLog> {
        let server = Server::new(&self.config).unwrap();
        let log = Arc::new(PostgresLog::open(&server, &self.name).unwrap());
        *self.log.lock().unwrap() = Some(Arc::clone(&log));
        log
    }

    fn sql(&self, statement: String) -> Vec<Row> {
        self.admin.once(move |c| async move { c.query_typed(&statement, &[]).await }).unwrap()
    }

    /// The process of the server that appends, if it is connected.
    fn backend(&self) -> i32 {
        let log = self.log.lock().unwrap().clone().unwrap();
        let pid = "SELECT pg_backend_pid()";
        let rows =
            log.writing.again(move |c| async move { c.query_typed(pid, &[]).await }).unwrap();
        rows[0].get(0)
    }

    fn terminate(&self, backend: i32) {
        let rows = self.sql(format!("SELECT pg_terminate_backend({backend}, 10000)"));
        assert!(rows[0].get::<_, bool>(0), "it has ended");
    }

    /// The server ends the connection by which the log is written.
    pub(crate) fn kill_connection(&self) {
        self.terminate(self.backend());
    }

    /// The connection that says something next breaks before that arrives.
    pub(crate) fn lose_answer(&self) {
        self.relay.deaf.store(1, Ordering::Release);
    }
}

impl Site for Place {
    fn log(&self) -> Result<Arc<dyn LogStore>, StoreError> {
        Ok(self.open())
    }

    fn modules(&self) -> Result<Box<dyn ModuleStore>, StoreError> {
        Ok(Box::new(open_modules(&self.config)?))
    }

    fn crash(&self) {
        if self.log.lock().unwrap().is_some() {
            self.kill_connection();
        }
    }

    fn fail(&self) -> Option<()> {
        self.lose_answer();
        Some(())
    }
}

conformance!(Place::new());

#[test]
fn an_append_that_was_cut_off_before_it_was_decided_is_not_in_the_log() {
    let place = Place::new();
    let log = place.open();
    log.append(0, b"zero").unwrap();
    let backend = place.backend();
    // Somebody holds the row that an append locks.
    let (holding, blocker) = (Place::new(), place.name.clone());
    let lock = format!("BEGIN; SELECT FROM antiphon_writers WHERE log = '{blocker}' FOR UPDATE");
    holding.admin.once(move |c| async move { c.batch_execute(&lock).await }).unwrap();
    thread::scope(|scope| {
        let appending = scope.spawn(|| log.append(1, b"one"));
        let waiting = format!(
            "SELECT FROM pg_stat_activity WHERE pid = {backend} AND wait_event_type = 'Lock'"
        );
        while place.sql(waiting.clone()).is_empty() {}
        place.terminate(backend);
        assert!(matches!(appending.join().unwrap(), Err(StoreError::Failed(_))));
    });
    holding.admin.once(|c| async move { c.batch_execute("ROLLBACK").await }).unwrap();
    assert!(matches!(log.count(), Err(StoreError::Closed)), "nobody knows yet");
    log.recover().unwrap();
    assert_eq!(log.count().unwrap(), 1);
    log.append(1, b"another").unwrap();
    assert_eq!(log.segment(1).unwrap(), b"another");
}

/// Lets everything pass to the server, and from the server what it is not told to lose.
struct Relay {
    port: u16,
    deaf: Arc<AtomicU32>,
}

impl Relay {
    fn to(config: &Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let deaf = Arc::new(AtomicU32::new(0));
        let (server, told) = (config.get_ports()[0], Arc::clone(&deaf));
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || relay(from, to, &AtomicU32::new(0)));
                let told = Arc::clone(&told);
                thread::spawn(move || relay(server, client, &told));
            }
        });
        Self { port, deaf }
    }
}

/// Closes both ends instead of letting something pass that is to be lost.
fn relay(mut from: TcpStream, mut to: TcpStream, deaf: &AtomicU32) {
    let mut buffer = [0; 4_096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let left = |left: u32| left.checked_sub(1);
        let lost = deaf.fetch_update(Ordering::AcqRel, Ordering::Acquire, left).is_ok();
        if lost || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[test]
fn an_append_whose_answer_was_lost_is_in_the_log() {
    let place = Place::new();
    let log = place.open();
    log.append(0, b"zero").unwrap();
    place.relay.deaf.store(1_000, Ordering::Release);
    assert!(matches!(log.append(1, b"one"), Err(StoreError::Failed(_))));
    assert!(log.recover().is_err(), "the server cannot be reached");
    assert!(log.count().is_err());
    place.relay.deaf.store(0, Ordering::Release);
    log.recover().unwrap();
    assert_eq!(log.count().unwrap(), 2);
    assert_eq!(log.segments(0, 100).unwrap(), [b"zero".to_vec(), b"one".to_vec()]);
    log.append(2, b"two").unwrap();
}

#[test]
fn a_connection_that_ended_between_appends_is_made_again() {
    let place = Place::new();
    let log = place.open();
    for number in 0..5 {
        place.kill_connection();
        if log.append(number, b"some").is_err() {
            // Its end was not known yet.
            log.recover().unwrap();
            assert_eq!(log.count().unwrap(), number);
            log.append(number, b"some").unwrap();
        }
    }
    assert_eq!(log.segments(0, 1_000).unwrap().len(), 5);
}

#[test]
fn a_writer_that_recovers_is_fenced_if_another_came_meanwhile() {
    let place = Place::new();
    let first = place.open();
    first.append(0, b"zero").unwrap();
    place.kill_connection();
    let second = place.open();
    assert!(first.append(1, b"one").is_err());
    assert!(matches!(first.recover(), Err(StoreError::Fenced)));
    assert!(matches!(first.append(1, b"one"), Err(StoreError::Fenced)));
    assert_eq!(first.segment(0).unwrap(), b"zero", "it may still read");
    second.append(1, b"one of the second").unwrap();
    assert_eq!(second.segment(1).unwrap(), b"one of the second");
}

#[test]
fn many_writers_at_once_leave_one_and_a_dense_log() {
    let place = Place::new();
    let written = thread::scope(|scope| {
        let write = || {
            let log = place.open();
            let (mut number, mut written) = (log.count().unwrap(), 0);
            while log.append(number, &number.to_le_bytes()).is_ok() && written < 40 {
                (number, written) = (number + 1, written + 1);
            }
            written
        };
        let writers: Vec<_> = (0..4).map(|_| scope.spawn(write)).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum::<u64>()
    });
    let log = place.open();
    let count = log.count().unwrap();
    // A writer stops after 41, one of which it does not count.
    assert!((written..=written + 4).contains(&count), "{written} acknowledged, {count} there");
    for number in 0..count {
        assert_eq!(log.segment(number).unwrap(), number.to_le_bytes());
    }
}

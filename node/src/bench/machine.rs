//! The limits of the machine: what no program on it can be faster than.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    net::{Ipv4Addr, UdpSocket},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use protocol::{Domain, SecretKey};
use serde::Serialize;

use super::report::histogram;
use crate::error::NodeError;

/// How often each is measured.
const SYNCS: u64 = 200;
const SIGNATURES: u32 = 1_000;
const ROUND_TRIPS: u32 = 2_000;

/// How much is hashed.
const HASHED_MIB: usize = 256;

/// How much is appended each time.
const APPEND_BYTES: usize = 4 << 10;

/// What was measured of the machine.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    /// Writing 4 KiB into a file that has its size already, and waiting for the disk.
    pub(crate) sync_append_p50_us: u64,
    pub(crate) sync_append_p99_us: u64,
    pub(crate) ed25519_sign_us: u64,
    pub(crate) ed25519_verify_us: u64,
    pub(crate) blake3_mib_per_second: u64,
    pub(crate) udp_round_trip_p50_us: u64,
}

impl Machine {
    /// Measures everything, on the disk of a directory. Takes about a second; blocks.
    pub(crate) fn measure(directory: &Path) -> Result<Self, NodeError> {
        let sync = sync_append(directory)?;
        let (sign, verify) = signatures();
        Ok(Self {
            cores: thread::available_parallelism().map_or(1, usize::from),
            sync_append_p50_us: sync.value_at_quantile(0.5),
            sync_append_p99_us: sync.value_at_quantile(0.99),
            ed25519_sign_us: sign,
            ed25519_verify_us: verify,
            blake3_mib_per_second: hashing(),
            udp_round_trip_p50_us: round_trips()?.value_at_quantile(0.5),
        })
    }
}

/// Reads the clock, for measuring only.
pub(super) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "measurements read the clock")]
    Instant::now()
}

/// Whole microseconds.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn sync_append(directory: &Path) -> Result<Histogram<u64>, NodeError> {
    let file = || -> std::io::Result<File> {
        let mut file = tempfile::tempfile_in(directory)?;
        // Written, not only sized: a hole would have to be filled by each append.
        for _ in 0..SYNCS {
            file.write_all(&[1; APPEND_BYTES])?;
        }
        file.sync_all()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    };
    let mut file = file().map_err(NodeError::file(directory))?;
    let mut times = histogram();
    for _ in 0..SYNCS {
        let started = now();
        let appended = file.write_all(&[2; APPEND_BYTES]).and_then(|()| file.sync_data());
        appended.map_err(NodeError::file(directory))?;
        times.saturating_record(micros(started.elapsed()));
    }
    Ok(times)
}

fn signatures() -> (u64, u64) {
    let key = SecretKey::from_seed(&[1; 32]);
    let digest = Domain::Message.digest(&[b"measured"]);
    let started = now();
    for _ in 0..SIGNATURES {
        std::hint::black_box(key.sign(&digest));
    }
    let sign = micros(started.elapsed() / SIGNATURES);
    let (public, signature) = (key.public(), key.sign(&digest));
    let started = now();
    for _ in 0..SIGNATURES {
        std::hint::black_box(public.verifies(&digest, &signature));
    }
    (sign, micros(started.elapsed() / SIGNATURES))
}

fn hashing() -> u64 {
    let block = vec![7; 1 << 20];
    let mut hasher = blake3::Hasher::new();
    let started = now();
    for _ in 0..HASHED_MIB {
        hasher.update(&block);
    }
    std::hint::black_box(hasher.finalize());
    let elapsed = micros(started.elapsed()).max(1);
    HASHED_MIB as u64 * 1_000_000 / elapsed
}

fn round_trips() -> Result<Histogram<u64>, NodeError> {
    let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    let run = || -> std::io::Result<Histogram<u64>> {
        let (near, far) = (socket()?, socket()?);
        near.connect(far.local_addr()?)?;
        far.connect(near.local_addr()?)?;
        // Loopback loses datagrams only when buffers are full; one is under way at a time.
        for socket in [&near, &far] {
            socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        }
        let echo = thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok(count) = far.recv(&mut buffer) {
                let echoed = buffer.get(..count).unwrap_or_default();
                if echoed.is_empty() || far.send(echoed).is_err() {
                    return;
                }
            }
        });
        let mut times = histogram();
        let mut buffer = [0; 64];
        for _ in 0..ROUND_TRIPS {
            let started = now();
            near.send(&[1; 32])?;
            near.recv(&mut buffer)?;
            times.saturating_record(micros(started.elapsed()));
        }
        near.send(&[])?;
        let _ = echo.join();
        Ok(times)
    };
    run().map_err(|error| NodeError::System(format!("UDP over loopback: {error}")))
}

//! Ports of units: free in UDP (QUIC) and TCP (discovery) alike, and the same after a restart.

use std::{
    fs,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    ops::Range,
    path::Path,
};

use crate::error::NodeError;

/// Where ports are chosen from: above what administrators hand out, below what operating systems
/// lend to outgoing connections, so that a port is still free after a restart.
const CHOICE: Range<u16> = 12_000..32_000;

/// How many ports are tried until one is free in both.
const TRIES: usize = 256;

/// The port remembered in a file, or a free one that is remembered from now on.
pub(crate) fn remembered(file: &Path, ip: IpAddr) -> Result<SocketAddr, NodeError> {
    match fs::read_to_string(file) {
        Ok(text) => {
            let port = text.trim().parse().map_err(|_| NodeError::BadFile {
                path: file.to_owned(),
                detail: "not a port number; delete the file to let a new port be chosen".to_owned(),
            })?;
            let address = SocketAddr::new(ip, port);
            if is_free(address).map_err(NodeError::system)? {
                Ok(address)
            } else {
                Err(NodeError::PortTaken { address, file: file.to_owned() })
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let address = free(ip)?;
            fs::write(file, format!("{}\n", address.port())).map_err(NodeError::file(file))?;
            Ok(address)
        }
        Err(error) => Err(NodeError::file(file)(error)),
    }
}

/// An address whose port is free in both at the moment.
fn free(ip: IpAddr) -> Result<SocketAddr, NodeError> {
    let span = u32::from(CHOICE.end - CHOICE.start);
    for _ in 0..TRIES {
        let random = getrandom::u32().map_err(NodeError::system)? % span;
        let offset = u16::try_from(random).expect("it is less than the span of 16-bit numbers");
        let address = SocketAddr::new(ip, CHOICE.start + offset);
        let free = is_free(address)
            .map_err(|error| NodeError::System(format!("cannot listen on {ip}: {error}")))?;
        if free {
            return Ok(address);
        }
    }
    Err(NodeError::System(format!("no port of {ip} is free in both UDP and TCP")))
}

/// Whether a port is free in both at the moment.
pub(crate) fn is_free(address: SocketAddr) -> io::Result<bool> {
    let udp = UdpSocket::bind(address).map(drop);
    let tcp = TcpListener::bind(address).map(drop);
    match udp.and(tcp) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;

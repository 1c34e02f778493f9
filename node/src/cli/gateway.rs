//! `gateway`: HTTP for a network whose units run elsewhere, in the foreground.
//!
//! It is a client like any other: it holds no data, and any number of them may serve one network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use antiphon_client::{Client, ClientOptions, Units};
use clap::Args;
use protocol::NetworkId;
use serde::Serialize;

use super::{
    options::Globals,
    session::{self, Found},
};
use crate::{
    error::NodeError,
    gateway::{self, Gateway, GatewayConfig, Serving},
    stop::Signals,
};

/// Any port of loopback that is free.
const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Serve HTTP for a network that runs until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct GatewayOptions {
    /// Where HTTP is served [default: a free port on loopback]
    #[arg(long, value_name = "ADDR", default_value_t = ANYWHERE, hide_default_value = true)]
    gateway: SocketAddr,
    #[command(flatten)]
    serving: Serving,
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

/// The first line on stdout, once the gateway serves.
#[derive(Debug, Serialize)]
struct Ready {
    event: &'static str,
    kind: &'static str,
    gateway: String,
    network: NetworkId,
    pid: u32,
}

impl GatewayOptions {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        self.serving.check(Some(self.gateway))?;
        let mut signals = Signals::listen()?;
        let (until_stdin_closes, output) = (self.until_stdin_closes, globals.output());
        let stop = async {
            match until_stdin_closes {
                true => signals.parent_gone().await,
                false => signals.any().await,
            }
        };
        tokio::pin!(stop);
        // Finding the network may take long where none of its units answers.
        let (gateway, network) = tokio::select! {
            started = self.start(globals) => started?,
            () = &mut stop => return Ok(()),
        };
        let url = format!("http://{}", gateway.address());
        let text = format!("gateway   {url}\nnetwork {network}");
        let (kind, pid) = ("gateway", std::process::id());
        let ready = Ready { event: "ready", kind, gateway: url, network, pid };
        output.print(&ready, || text)?;
        stop.await;
        gateway.shutdown().await;
        Ok(())
    }

    async fn start(self, globals: &Globals) -> Result<(Gateway, NetworkId), NodeError> {
        let data = globals.data()?;
        let Found { network, units } = session::find(globals, &data)?;
        let key = self.serving.key(&data)?;
        let units = Units::Bootstrap(units);
        let client = Client::connect(ClientOptions { network, key, units }).await?;
        let config = GatewayConfig { listen: self.gateway, serving: self.serving };
        Ok((gateway::start(config, client).await?, network))
    }
}

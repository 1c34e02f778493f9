//! What the node reports, and what follows from it.

use std::collections::BTreeSet;

use libp2p::{
    PeerId, identify,
    kad::{self, QueryId},
    mdns,
    swarm::{DialError, SwarmEvent},
};

use super::Driver;
use crate::discovery::{behaviour::BehaviourEvent, names, store::Admitted};

/// Addresses taken from what a peer says of itself, and from one answer of the local network.
const ADDRESSES_MAX: usize = 4;
const NEIGHBOURS_MAX: usize = 16;

impl Driver {
    pub(super) fn handle(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Kad(event)) => self.handle_kad(event),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                info,
                ..
            })) => self.handle_identified(peer_id, &info),
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Discovered(found))) => {
                for (peer, address) in found.into_iter().take(NEIGHBOURS_MAX) {
                    self.dial(peer, vec![address]);
                }
            }
            SwarmEvent::OutgoingConnectionError {
                error: DialError::WrongPeerId { obtained, address },
                peer_id: Some(peer),
                ..
            } if self.is_bootstrap(&peer) && self.mistaken.insert(peer) => {
                tracing::warn!(expected = %peer, %obtained, %address, "another key answered");
            }
            SwarmEvent::ConnectionEstablished { peer_id, num_established, .. }
                if num_established.get() == 1 =>
            {
                self.tell(peer_id);
            }
            SwarmEvent::OutgoingConnectionError { error, peer_id, .. } => {
                tracing::debug!(peer = ?peer_id, %error, "dialing failed");
            }
            SwarmEvent::ListenerError { error, .. }
            | SwarmEvent::ListenerClosed { reason: Err(error), .. } => {
                tracing::error!(%error, "discovery no longer listens");
            }
            _ => {}
        }
    }

    fn handle_identified(&mut self, peer: PeerId, info: &identify::Info) {
        if info.protocol_version != names::version(self.signer.network()) {
            tracing::debug!(%peer, "a peer of another network");
            let _ = self.swarm.disconnect_peer_id(peer);
            return;
        }
        let kad = &mut self.swarm.behaviour_mut().kad;
        let addresses = info.listen_addrs.iter().filter_map(names::socket_address);
        for address in addresses.take(ADDRESSES_MAX) {
            kad.add_address(&peer, names::multiaddr(address));
        }
    }

    fn handle_kad(&mut self, event: kad::Event) {
        match event {
            kad::Event::InboundRequest { request } => self.handle_request(request),
            kad::Event::OutboundQueryProgressed { id, result, step, .. } => {
                if step.last {
                    self.flying.remove(&id);
                }
                self.handle_result(id, result);
            }
            kad::Event::RoutingUpdated { peer, is_new_peer: true, .. } => {
                self.hear_of(&peer);
                self.tell(peer);
                self.hasten();
            }
            _ => {}
        }
    }

    fn handle_request(&mut self, request: kad::InboundRequest) {
        match request {
            kad::InboundRequest::PutRecord { source, record: Some(record), .. } => {
                if let Err(refused) = self.admission.admit(&record.key, &record.value) {
                    tracing::debug!(%source, %refused, "a record is refused");
                    if refused.is_offence() {
                        let _ = self.swarm.disconnect_peer_id(source);
                    }
                }
            }
            kad::InboundRequest::AddProvider { record: Some(record) }
                if names::role_of_key(&record.key).is_some() =>
            {
                self.hear_of(&record.provider);
            }
            _ => {}
        }
    }

    fn handle_result(&mut self, id: QueryId, result: kad::QueryResult) {
        match result {
            kad::QueryResult::GetProviders(Ok(kad::GetProvidersOk::FoundProviders {
                providers,
                ..
            })) => {
                let providers: BTreeSet<_> = providers.into_iter().collect();
                providers.iter().for_each(|peer| self.hear_of(peer));
            }
            kad::QueryResult::GetRecord(Ok(kad::GetRecordOk::FoundRecord(found))) => {
                let kad::PeerRecord { peer, record } = found;
                match self.admission.admit(&record.key, &record.value) {
                    Ok(Admitted::New) => {
                        if let Some(mut query) = self.swarm.behaviour_mut().kad.query_mut(&id) {
                            query.finish();
                        }
                    }
                    Ok(Admitted::Known) => {}
                    Err(refused) => {
                        tracing::debug!(?peer, %refused, "a record is refused");
                        if let Some(peer) = peer.filter(|_| refused.is_offence()) {
                            let _ = self.swarm.disconnect_peer_id(peer);
                        }
                    }
                }
            }
            _ => {}
        }
    }
}

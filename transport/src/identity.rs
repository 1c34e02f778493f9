//! TLS in which a unit's key is its whole identity: raw public keys (RFC 7250), Ed25519, both sides.
//!
//! # Invariants
//!
//! - TLS 1.3 only, no resumption, no early data: every connection proves both keys anew.
//! - A dialer accepts one key; a listener accepts any key that can be proved.

use std::sync::Arc;

use ed25519_dalek::VerifyingKey;
use protocol::{NetworkId, SecretKey, UnitId};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
    client::{
        AlwaysResolvesClientRawPublicKeys, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls13_signature_with_raw_key},
    pki_types::{
        CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
    },
    server::{
        AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
    version::TLS13,
};

/// SubjectPublicKeyInfo of an Ed25519 key, up to the key (RFC 8410 section 4).
const PUBLIC_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// PKCS#8 version 1 of an Ed25519 key, up to the seed (RFC 8410 section 7).
const SECRET_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A unit's key as TLS wants it, and the network it belongs to.
#[derive(Debug)]
pub(crate) struct Identity {
    unit: UnitId,
    key: Arc<CertifiedKey>,
    alpn: Vec<u8>,
    provider: Arc<CryptoProvider>,
}

impl Identity {
    pub(crate) fn new(key: &SecretKey, network: NetworkId) -> Self {
        let unit = key.public().unit();
        let secret = [SECRET_PREFIX.as_slice(), key.seed()].concat();
        let signing = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(secret))
            .expect("a seed of 32 bytes in PKCS#8 is a key");
        let public = [PUBLIC_PREFIX.as_slice(), unit.as_bytes()].concat();
        let provider = CryptoProvider {
            cipher_suites: vec![
                ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
                ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
            ],
            kx_groups: vec![ring::kx_group::X25519],
            ..ring::default_provider()
        };
        Self {
            unit,
            key: Arc::new(CertifiedKey::new(vec![CertificateDer::from(public)], signing)),
            alpn: format!("antiphon/1/{network}").into_bytes(),
            provider: Arc::new(provider),
        }
    }

    pub(crate) const fn unit(&self) -> UnitId {
        self.unit
    }

    /// TLS for dialing this one unit.
    pub(crate) fn dialer(&self, peer: UnitId) -> QuicClientConfig {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .expect("ring offers TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(Some(peer)))
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(
                Arc::clone(&self.key),
            )));
        config.alpn_protocols = vec![self.alpn.clone()];
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        QuicClientConfig::try_from(config).expect("AES-128-GCM is offered")
    }

    /// TLS for accepting any unit or client of the network.
    pub(crate) fn listener(&self) -> QuicServerConfig {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .expect("ring offers TLS 1.3")
            .with_client_cert_verifier(self.verifier(None))
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::clone(
                &self.key,
            ))));
        config.alpn_protocols = vec![self.alpn.clone()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        QuicServerConfig::try_from(config).expect("AES-128-GCM is offered")
    }

    fn verifier(&self, expected: Option<UnitId>) -> Arc<Verifier> {
        Arc::new(Verifier { expected, provider: Arc::clone(&self.provider) })
    }
}

/// The unit whose key the peer proved, once the handshake is done.
pub(crate) fn peer_of(connection: &quinn::Connection) -> Option<UnitId> {
    let chain = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    unit_of(chain.first()?).ok()
}

/// Reads the key of a raw public key, refusing points that anybody can sign for.
fn unit_of(public: &CertificateDer<'_>) -> Result<UnitId, Error> {
    let bad = || Error::InvalidCertificate(CertificateError::BadEncoding);
    let bytes = public.strip_prefix(&PUBLIC_PREFIX).ok_or_else(bad)?;
    let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| bad())?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| bad())?;
    if key.is_weak() { Err(bad()) } else { Ok(UnitId::from_bytes(bytes)) }
}

#[derive(Debug)]
struct Verifier {
    expected: Option<UnitId>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn check_key(&self, public: &CertificateDer<'_>) -> Result<(), Error> {
        let unit = unit_of(public)?;
        match self.expected {
            Some(expected) if expected != unit => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            _ => Ok(()),
        }
    }

    fn check_signature(
        &self,
        message: &[u8],
        public: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature_with_raw_key(
            message,
            &SubjectPublicKeyInfoDer::from(public.as_ref()),
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }
}

/// TLS 1.2 is never offered.
fn no_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(Error::General("TLS 1.2 is not spoken here".into()))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check_key(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check_key(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;

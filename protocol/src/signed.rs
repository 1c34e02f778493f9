//! Signed bodies, and the one way from untrusted to trusted.

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::{
    BegunCheck, Domain, EntryId, Hash, NetworkId, PublicKey, ReadyKey, SecretKey, Signature,
    codec::{self, DecodeError},
};

/// Something that is signed: it names its network and who may sign it.
pub trait Body: Encode<()> + for<'b> Decode<'b, ()> {
    /// The domain of its digest.
    const DOMAIN: Domain;

    /// The network it is meant for.
    fn network(&self) -> NetworkId;

    /// Whether this key may sign it.
    fn may_be_signed_by(&self, key: &PublicKey) -> bool;

    /// Checks what the types do not: sizes, ranges, fields that are reserved.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong.
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// Who signed, by which algorithm. Version 1 knows Ed25519 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Authority {
    /// A plain Ed25519 key.
    #[n(1)]
    Ed25519 {
        /// The signer.
        #[n(0)]
        key: PublicKey,
        /// Over the domain string and the body's digest.
        #[n(1)]
        signature: Signature,
    },
}

/// A body as its signer encoded it, with a signature that may or may not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    bytes: Box<[u8]>,
    body: T,
    authority: Authority,
}

/// A signed body whose signature holds, signed by who may sign it, for this network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    signed: Signed<T>,
    digest: Hash,
}

/// A signed body that lacks the last step of its signature's check.
#[derive(Debug, Clone)]
pub struct Verifying<T> {
    signed: Signed<T>,
    digest: Hash,
    check: BegunCheck,
}

/// Why a signed body is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is meant for another network.
    #[error("signed for another network")]
    WrongNetwork,
    /// The signer may not act for the principal the body names.
    #[error("signed by a key that may not act for its sender")]
    WrongSigner,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    BadSignature,
    /// The body breaks a rule of its format.
    #[error("{0}")]
    BadBody(&'static str),
}

impl<T: Body> Signed<T> {
    /// Signs a body. Whether the key may sign it shows at verification.
    pub fn sign(body: T, key: &SecretKey) -> Self {
        let bytes = codec::encode(&body).into_boxed_slice();
        let signature = key.sign(&T::DOMAIN.digest(&[&bytes]));
        Self { bytes, body, authority: Authority::Ed25519 { key: key.public(), signature } }
    }

    /// The digest of the body in its domain.
    pub fn digest(&self) -> Hash {
        T::DOMAIN.digest(&[&self.bytes])
    }

    /// Checks everything that makes the body trustworthy.
    ///
    /// # Errors
    ///
    /// [`VerifyError`], cheapest check first: the signature is looked at last.
    pub fn verify(self, network: NetworkId) -> Result<Verified<T>, VerifyError> {
        let digest = self.digest();
        self.verify_by(network, &digest, PublicKey::verifies)?;
        Ok(Verified { signed: self, digest })
    }

    /// Checks everything but the last step of the signature's check, with the signer's key as the
    /// caller has it ready: that step is cheap for many at a time.
    ///
    /// # Errors
    ///
    /// As [`Self::verify`]; another key than the signer's is none.
    pub fn begin_verifying(
        self,
        network: NetworkId,
        ready: impl FnOnce(&PublicKey) -> Option<ReadyKey>,
    ) -> Result<Verifying<T>, VerifyError> {
        let digest = self.digest();
        let mut check = None;
        self.verify_by(network, &digest, |key, digest, signature| {
            let ready = ready(key).filter(|ready| ready.public() == *key);
            check = ready.and_then(|ready| ready.begin_check(digest, signature));
            check.is_some()
        })?;
        let check = check.ok_or(VerifyError::BadSignature)?;
        Ok(Verifying { signed: self, digest, check })
    }

    /// Checks without consuming, with the signature check done by `holds`, so that a caller that
    /// sees one signature many times can remember it.
    ///
    /// # Errors
    ///
    /// As [`Self::verify`].
    pub fn verify_by(
        &self,
        network: NetworkId,
        digest: &Hash,
        holds: impl FnOnce(&PublicKey, &Hash, &Signature) -> bool,
    ) -> Result<(), VerifyError> {
        let Authority::Ed25519 { key, signature } = &self.authority;
        if self.body.network() != network {
            return Err(VerifyError::WrongNetwork);
        }
        self.body.check().map_err(VerifyError::BadBody)?;
        if !self.body.may_be_signed_by(key) {
            return Err(VerifyError::WrongSigner);
        }
        if holds(key, digest, signature) { Ok(()) } else { Err(VerifyError::BadSignature) }
    }
}

impl<T> Verifying<T> {
    /// Finishes the checks of all of them, in order.
    ///
    /// # Errors
    ///
    /// [`VerifyError::BadSignature`], of each for itself.
    pub fn finish(many: Vec<Self>) -> impl Iterator<Item = Result<Verified<T>, VerifyError>> {
        let checks: Vec<BegunCheck> = many.iter().map(|one| one.check).collect();
        many.into_iter().zip(BegunCheck::finish(&checks)).map(|(one, holds)| {
            let Self { signed, digest, .. } = one;
            if holds { Ok(Verified { signed, digest }) } else { Err(VerifyError::BadSignature) }
        })
    }
}

impl<T> Signed<T> {
    /// Joins a body's bytes with an authority made elsewhere, a hardware key for example.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not the canonical encoding of a body.
    pub fn from_parts(bytes: Vec<u8>, authority: Authority) -> Result<Self, DecodeError>
    where
        T: Encode<()> + for<'b> Decode<'b, ()>,
    {
        let body = codec::decode(&bytes)?;
        Ok(Self { bytes: bytes.into_boxed_slice(), body, authority })
    }

    /// What is said, without any claim that it is true.
    pub const fn unverified(&self) -> &T {
        &self.body
    }

    /// The exact bytes that were signed.
    pub const fn body_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Who claims to have signed.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The key that claims to have signed.
    pub const fn signer(&self) -> &PublicKey {
        let Authority::Ed25519 { key, .. } = &self.authority;
        key
    }
}

impl<T> Verified<T> {
    /// What is said.
    pub const fn body(&self) -> &T {
        &self.signed.body
    }

    /// The digest of the body in its domain.
    pub const fn digest(&self) -> &Hash {
        &self.digest
    }

    /// The entry this body is, for bodies that are entries.
    pub const fn entry_id(&self) -> EntryId {
        EntryId::from_bytes(*self.digest.as_bytes())
    }

    /// The signed form, for passing on.
    pub const fn signed(&self) -> &Signed<T> {
        &self.signed
    }

    /// The signed form.
    pub fn into_signed(self) -> Signed<T> {
        self.signed
    }
}

impl<C, T> Encode<C> for Signed<T> {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?.bytes(&self.bytes)?;
        self.authority.encode(e, context)
    }
}

impl<'b, C, T> Decode<'b, C> for Signed<T>
where
    T: Encode<()> + for<'x> Decode<'x, ()>,
{
    fn decode(d: &mut Decoder<'b>, context: &mut C) -> Result<Self, decode::Error> {
        let position = d.position();
        if d.array()? != Some(2) {
            return Err(decode::Error::message("a signed body is an array of two").at(position));
        }
        let bytes = d.bytes()?.to_vec();
        let authority = Authority::decode(d, context)?;
        Self::from_parts(bytes, authority)
            .map_err(|error| decode::Error::message(error.to_string()).at(position))
    }
}

#[cfg(test)]
mod tests;

//! Keys under a passphrase: files of the format of age (age-encryption.org/v1) with an scrypt
//! recipient, in ASCII armor, which `age --decrypt` opens as well.

use std::io::{Read, Write};

use age::{
    DecryptError, Decryptor, EncryptError, Encryptor, Identity, Recipient,
    armor::{ArmoredReader, ArmoredWriter, Format},
    scrypt,
    secrecy::SecretString,
};
use zeroize::Zeroizing;

/// How much work a passphrase costs, as a power of two: what `age --passphrase` has, too.
pub(crate) const WORK: u8 = 18;

/// The most work that is done for a file of somebody else's.
const WORK_MAX: u8 = 20;

/// The longest text in a sealed file, in bytes.
const TEXT_MAX: u64 = 1_024;

/// Why a file does not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// The passphrase is another one.
    #[error("the passphrase is another one")]
    Passphrase,
    /// It is no file of this kind.
    #[error("not a file that age has encrypted with a passphrase ({0})")]
    Format(String),
}

/// Encrypts a text.
pub(crate) fn seal(
    text: &str,
    passphrase: &SecretString,
    work: u8,
) -> Result<String, EncryptError> {
    let mut recipient = scrypt::Recipient::new(passphrase.clone());
    recipient.set_work_factor(work);
    let recipient: &dyn Recipient = &recipient;
    let encryptor = Encryptor::with_recipients(std::iter::once(recipient))?;
    let armored = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armored)?;
    writer.write_all(text.as_bytes())?;
    let bytes = writer.finish()?.finish()?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Decrypts a file.
pub(crate) fn open(
    sealed: &str,
    passphrase: &SecretString,
) -> Result<Zeroizing<String>, SealError> {
    let format = |error: &dyn std::fmt::Display| SealError::Format(error.to_string());
    let decryptor =
        Decryptor::new(ArmoredReader::new(sealed.as_bytes())).map_err(|error| format(&error))?;
    if !decryptor.is_scrypt() {
        return Err(SealError::Format("it is for a key".to_owned()));
    }
    let mut identity = scrypt::Identity::new(passphrase.clone());
    identity.set_max_work_factor(WORK_MAX);
    let identity: &dyn Identity = &identity;
    let reader = decryptor.decrypt(std::iter::once(identity)).map_err(|error| match error {
        DecryptError::DecryptionFailed
        | DecryptError::KeyDecryptionFailed
        | DecryptError::NoMatchingKeys => SealError::Passphrase,
        error => format(&error),
    })?;
    let mut text = Zeroizing::new(String::new());
    reader.take(TEXT_MAX).read_to_string(&mut text).map_err(|error| format(&error))?;
    Ok(text)
}

/// Whether a text is a file of this kind, by how it begins.
pub(crate) fn is_sealed(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN AGE ENCRYPTED FILE-----")
}

#[cfg(test)]
mod tests;

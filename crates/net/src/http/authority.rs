//! Certificates of authorities, from PEM files.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Larger than any bundle of certificates (the web's own is 220 KB), in bytes.
pub const MAX_PEM: u64 = 4 << 20;

/// The certificates of one PEM file (RFC 7468): at least one, each fit to be trusted.
#[derive(Clone, Debug)]
pub struct Authority(Vec<Vec<u8>>);

/// What was read holds no certificates that can be trusted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAuthority {
    /// Other text, or none.
    #[error("it holds no PEM certificate")]
    Empty,
    /// Broken base64, or a beginning without an end.
    #[error("it is not a proper PEM file: {0}")]
    Pem(String),
    /// A certificate in it is none.
    #[error("its certificate {number} cannot be used: {reason}")]
    Certificate {
        /// Counted from one.
        number: usize,
        /// The parser's words.
        reason: String,
    },
}

impl Authority {
    /// Reads a PEM file. What is no certificate in it (a key, text in between) is passed over.
    pub fn parse(pem: &[u8]) -> Result<Authority, NoAuthority> {
        let certificates = certificates(pem)?;
        for (index, der) in certificates.iter().enumerate() {
            let unfit = |error: webpki::Error| NoAuthority::Certificate {
                number: index + 1,
                reason: error.to_string(),
            };
            webpki::anchor_from_trusted_cert(&CertificateDer::from(der.as_slice())).map_err(unfit)?;
        }
        Ok(Authority(certificates))
    }

    /// In DER.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.0.iter()
    }
}

/// The certificates of a PEM file, in DER, fit or not.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, NoAuthority> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem).map(|it| it.map(|der| der.to_vec())).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(NoAuthority::Empty),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(NoAuthority::Pem(error.to_string())),
    }
}

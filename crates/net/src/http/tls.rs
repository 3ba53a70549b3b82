//! Whom we trust: the built-in roots of the web, the certificates found in the initramfs, and those that the user names.

use super::authority::{Authority, MAX_PEM, certificates};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// TLS sessions kept for resumption. A boot talks to a handful of hosts.
const SESSIONS: usize = 8;

/// TLS settings that are made when they are first needed.
#[derive(Debug)]
pub(super) struct Tls {
    ca_dirs: Vec<PathBuf>,
    authorities: Vec<Authority>,
    verified: OnceLock<Arc<ClientConfig>>,
    unverified: OnceLock<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(ca_dirs: Vec<PathBuf>, authorities: Vec<Authority>) -> Tls {
        Tls { ca_dirs, authorities, verified: OnceLock::new(), unverified: OnceLock::new() }
    }

    /// The settings for connections with or without proof of who the server is.
    pub(super) fn config(&self, verify: bool) -> Arc<ClientConfig> {
        let config = if verify {
            self.verified.get_or_init(|| {
                client_config(|builder| {
                    let verifier = TrustKnown::new(self.certificates(), builder.crypto_provider());
                    builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
                })
            })
        } else {
            self.unverified.get_or_init(|| {
                client_config(|builder| {
                    let schemes =
                        builder.crypto_provider().signature_verification_algorithms.supported_schemes();
                    builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAnybody(schemes)))
                })
            })
        };
        Arc::clone(config)
    }

    /// All that is trusted besides the web's roots.
    fn certificates(&self) -> BTreeSet<Vec<u8>> {
        let mut found = certificates_in(&self.ca_dirs);
        found.extend(self.authorities.iter().flat_map(Authority::certificates).cloned());
        found
    }
}

type Builder<State> = rustls::ConfigBuilder<ClientConfig, State>;

fn client_config(
    trust: impl FnOnce(Builder<rustls::WantsVerifier>) -> Builder<rustls::client::WantsClientCert>,
) -> Arc<ClientConfig> {
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
    #[allow(clippy::expect_used, reason = "see below")]
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        // Cannot fail: ring's provider has cipher suites for both versions of TLS.
        .expect("ring serves TLS 1.2 and 1.3");
    let mut config = trust(builder).with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Arc::new(config)
}

/// What the PEM files of the folders hold.
fn certificates_in(dirs: &[PathBuf]) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    for dir in dirs {
        let Ok(entries) = fs::read_dir(dir) else { continue };
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
            match read(&path) {
                // The same certificate is often there twice: alone, and in a bundle.
                Ok(certificates) => found.extend(certificates),
                Err(reason) => log::warn!("{}: not used as a CA file: {reason}", path.display()),
            }
        }
    }
    found
}

fn roots(found: &BTreeSet<Vec<u8>>) -> RootCertStore {
    // Anchors that were parsed when this program was built: parsing 120 certificates takes tens of milliseconds.
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let (used, unusable) =
        store.add_parsable_certificates(found.iter().map(|der| CertificateDer::from(der.as_slice())));
    if unusable > 0 {
        log::warn!("{unusable} of {} CA certificates cannot be used", used + unusable);
    }
    store
}

fn read(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let size = fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > MAX_PEM {
        return Err(format!("it has {size} bytes, more than {MAX_PEM}"));
    }
    let pem = fs::read(path).map_err(|e| e.to_string())?;
    certificates(&pem).map_err(|e| e.to_string())
}

/// What an authority signed, and the very certificates that were found: `openssl req -x509`, with which private registries are set up, makes
/// a server's certificate that is an authority's at the same time, which webpki does not accept from a server.
#[derive(Debug)]
struct TrustKnown {
    signed: Arc<WebPkiServerVerifier>,
    found: BTreeSet<Vec<u8>>,
}

impl TrustKnown {
    fn new(found: BTreeSet<Vec<u8>>, provider: &Arc<CryptoProvider>) -> TrustKnown {
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots(&found)), Arc::clone(provider));
        #[allow(clippy::expect_used, reason = "see below")]
        // Cannot fail: it fails only without any roots, and the web's are always there.
        let signed = builder.build().expect("there are roots");
        TrustKnown { signed, found }
    }
}

impl ServerCertVerifier for TrustKnown {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let refused = match self.signed.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Ok(verified) => return Ok(verified),
            Err(refused) => refused,
        };
        if !is_authority(&refused) || !self.found.contains(certificate.as_ref()) {
            return Err(refused);
        }
        // That it is an authority's is found out after its dates were checked, and before its name.
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

/// Whether a server's certificate was refused because it is an authority's.
pub(super) fn is_authority(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(reason))) = error else {
        return false;
    };
    matches!(reason.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// `tls_verify = false`: any certificate for any name, so that its signatures prove nothing either.
#[derive(Debug)]
struct TrustAnybody(Vec<SignatureScheme>);

impl ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

//! BMCs have certificates that nobody signed: the one that is shown first is remembered, and no other taken after it.

use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest as _, Sha256};

/// Takes one certificate and no other. That the other end has its key is checked as always.
#[derive(Debug)]
pub(super) struct Pin {
    provider: Arc<CryptoProvider>,
    wanted: Option<String>,
    shown: Mutex<Option<String>>,
}

impl Pin {
    pub(super) fn new(provider: Arc<CryptoProvider>, wanted: Option<String>) -> Self {
        Self {
            provider,
            wanted,
            shown: Mutex::new(None),
        }
    }

    /// SHA-256 of the certificate that was shown last, in hexadecimal.
    pub(super) fn shown(&self) -> Option<String> {
        self.shown.lock().expect("nobody panics while holding it").clone()
    }

    /// Whether it is another one than was wanted.
    pub(super) fn is_other(&self) -> bool {
        match (&self.wanted, self.shown()) {
            (Some(wanted), Some(shown)) => *wanted != shown,
            _ => false,
        }
    }
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _stapled: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown: String = Sha256::digest(end_entity)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        *self.shown.lock().expect("nobody panics while holding it") = Some(shown);
        match self.is_other() {
            true => Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            )),
            false => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

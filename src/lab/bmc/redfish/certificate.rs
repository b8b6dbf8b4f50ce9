//! A certificate as BMCs have them: made when it starts, and signed by nobody but itself.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::lab::LabError;

/// What a BMC at that address shows, with a key of its own (ECDSA over P-256); TLS 1.2 and 1.3.
pub(super) fn made(address: IpAddr, name: &str) -> Result<Arc<ServerConfig>, LabError> {
    let broken = |said: String| LabError::Program {
        what: format!("the certificate of the BMC at {address}"),
        said,
    };
    let key = KeyPair::generate().map_err(|error| broken(error.to_string()))?;
    let mut wanted = CertificateParams::new([address.to_string()]).map_err(|error| broken(error.to_string()))?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, format!("{name} BMC"));
    wanted.distinguished_name = subject;
    let certificate = wanted.self_signed(&key).map_err(|error| broken(error.to_string()))?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key);
    config.map(Arc::new).map_err(|error| broken(error.to_string()))
}

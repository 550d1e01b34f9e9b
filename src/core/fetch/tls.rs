//! TLS as a client: which certificates are believed.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// Believes the authorities that the system believes.
///
/// A system without any is no error: http still works, and https says that it knows no issuer.
pub fn client_config() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::debug!("certificates of the system: {error}");
    }
    // Systems keep certificates that rustls does not read; those of others must not suffer.
    let (_read, _ignored) = roots.add_parsable_certificates(system.certs);
    // The provider is named here, so that no other crate decides it by being in the build.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

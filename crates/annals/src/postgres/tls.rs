//! TLS as the URL asks for it.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{Error, ErrorKind, Result};

use super::{PostgresOptions, Tls, connect};

pub(super) fn config(options: &PostgresOptions) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::with_source(ErrorKind::Internal, "TLS cannot be set up", e))?;
    if options.tls != Tls::Verify {
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified(provider)));
        return Ok(builder.with_no_client_auth());
    }
    let Some(path) = &options.tls_root else {
        return Err(Error::invalid(
            "sslmode=verify-full needs sslrootcert=FILE, the certificates that are trusted, in PEM",
        ));
    };
    let mut roots = RootCertStore::empty();
    for certificate in connect::certificates(path)? {
        roots.add(certificate).map_err(|e| {
            let message = format!("{} holds a certificate that cannot be trusted", path.display());
            Error::with_source(ErrorKind::Invalid, message, e)
        })?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Takes any certificate: `prefer` and `require` encrypt and do not say to whom, as with libpq
/// (<https://www.postgresql.org/docs/current/libpq-ssl.html>).
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

//! Certificates of those who are believed, as text.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// What a certificate in PEM begins with.
const BEGIN: &str = "-----BEGIN";

/// Whether a text is PEM, and not the path of a file with it.
pub fn is_pem(text: &str) -> bool {
    text.contains(BEGIN)
}

/// The certificates in a text in PEM, as those whose signatures are believed.
///
/// # Errors
/// There is none, or one that nobody could have signed with.
pub fn roots(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for (n, certificate) in CertificateDer::pem_slice_iter(pem.as_bytes()).enumerate() {
        let certificate = certificate.map_err(|_| format!("certificate {} is no PEM", n + 1))?;
        let refused = |e| format!("certificate {} cannot be used: {e}", n + 1);
        roots.add(certificate).map_err(refused)?;
    }
    match roots.is_empty() {
        true => Err("there is no certificate in it".to_owned()),
        false => Ok(roots),
    }
}

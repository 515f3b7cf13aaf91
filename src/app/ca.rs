//! The way to the certificate authority that the configuration names.

use super::{StartError, failed, way_out};
use crate::base::ports::{Answer, Fetch, HttpReply, HttpRequest};
use crate::config::Config;
use crate::dial::Dial;
use rustls::RootCertStore;
use std::sync::Arc;

/// Asks it by HTTPS; trusts the roots of all outgoing connections, and those of `certificates.ca_file`.
pub struct CaFetch {
    dial: Dial,
    roots: Arc<RootCertStore>,
}

impl CaFetch {
    /// By this way out.
    ///
    /// # Errors
    /// When `certificates.ca_file` cannot be read or holds what is no certificate; it is named.
    pub fn new(dial: Dial, config: &Config) -> Result<Self, StartError> {
        let key = "certificates.ca_file";
        let mut roots = RootCertStore::clone(dial.roots());
        if let Some(path) = &config.certificates.ca_file {
            for root in way_out::roots(key, path)? {
                roots
                    .add(root)
                    .map_err(|error| failed(format!("{key}: {}: {error}", path.display())))?;
            }
        }
        Ok(Self {
            dial,
            roots: Arc::new(roots),
        })
    }
}

impl Fetch for CaFetch {
    fn fetch(&self, request: HttpRequest) -> Answer<'_, Result<HttpReply, String>> {
        Box::pin(async move {
            let answered = self.dial.request(request, &self.roots).await;
            answered.map_err(|error| error.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ports::HttpMethod;
    use std::fs;
    use std::path::Path;

    fn config(folder: &Path, ca_file: &str) -> Config {
        let text = format!(
            "base_domain = \"example.org\"\nnetwork.addresses = [\"192.0.2.25\"]\n\
             certificates = {{ issuer = \"acme\"{ca_file} }}\nreply.operator = \"op@example.net\"\n"
        );
        Config::parse(&folder.join("mailproof.toml"), &text).unwrap()
    }

    #[test]
    fn the_file_of_its_roots_is_named_when_it_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["ca.example".to_owned()]).unwrap();
        let none = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let torn = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        for (content, expected) in [
            (Some(made.cert.pem()), Ok(1)),
            (Some(made.cert.pem() + &made.cert.pem()), Ok(2)),
            (Some(String::new()), Err("holds no certificate")),
            (Some(none.to_owned()), Err("invalid peer certificate")),
            (Some(torn.to_owned()), Err("section end")),
            (None, Err("not found")),
        ] {
            let path = folder.path().join("ca.pem");
            let _ = fs::remove_file(&path);
            if let Some(content) = &content {
                fs::write(&path, content).unwrap();
            }
            let config = config(folder.path(), ", ca_file = \"ca.pem\"");
            let dial = way_out::dial(&config).unwrap();
            let before = dial.roots().len();
            match (CaFetch::new(dial, &config), expected) {
                (Ok(fetch), Ok(more)) => assert_eq!(fetch.roots.len(), before + more),
                (Err(error), Err(why)) => {
                    let start = format!("certificates.ca_file: {}: ", path.display());
                    assert!(error.0.starts_with(&start), "{error}");
                    assert!(error.0.contains(why), "{error}");
                }
                (found, _) => panic!("{content:?}: {:?}", found.err()),
            }
        }
    }

    #[tokio::test]
    async fn why_there_is_no_answer_is_said_in_words() {
        let config = config(Path::new("."), "");
        let fetch = CaFetch::new(way_out::dial(&config).unwrap(), &config).unwrap();
        let request = HttpRequest {
            method: HttpMethod::Get,
            url: "http://ca.example/".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let why = fetch.fetch(request).await.unwrap_err();
        assert!(why.ends_with("it does not begin with https://"), "{why}");
    }
}

//! `[certificates]`: where they come from, and what its CA is to know.

use super::Source;
use crate::base::{Domain, HttpsUrl, Mailbox, limits};
use crate::config::{CertificatesConfig, ConfigError, Issuer, raw};

pub(super) fn certificates(
    source: &Source<'_>,
    raw: raw::Certificates,
) -> Result<CertificatesConfig, ConfigError> {
    match raw.issuer {
        None => Err(source.missing("certificates.issuer", "\"acme\"")),
        Some(Issuer::Internal) => internal(source, raw),
        Some(Issuer::Acme) => acme(source, raw),
    }
}

/// What belongs to the other issuer is refused, rather than ignored.
fn internal(
    source: &Source<'_>,
    raw: raw::Certificates,
) -> Result<CertificatesConfig, ConfigError> {
    let acme = raw::Certificates::default();
    for (key, differs) in [
        ("certificates.directory", raw.directory != acme.directory),
        ("certificates.contact", raw.contact != acme.contact),
        ("certificates.profile", raw.profile != acme.profile),
        ("certificates.caa", raw.caa != acme.caa),
        ("certificates.ca_file", raw.ca_file != acme.ca_file),
    ] {
        if differs {
            return Err(source.wrong(key, "belongs to issuer = \"acme\"; leave it out"));
        }
    }
    Ok(CertificatesConfig {
        issuer: Issuer::Internal,
        directory: raw.directory,
        contact: None,
        profile: None,
        caa: None,
        ca_file: None,
    })
}

fn acme(source: &Source<'_>, raw: raw::Certificates) -> Result<CertificatesConfig, ConfigError> {
    let checked = |key: &str, text: String, read: fn(&str) -> Result<String, String>| {
        if text.is_empty() {
            return Ok(None);
        }
        let read = read(&text).map_err(|why| source.wrong(key, why))?;
        Ok(Some(read))
    };
    Ok(CertificatesConfig {
        issuer: Issuer::Acme,
        directory: directory(raw.directory)
            .map_err(|why| source.wrong("certificates.directory", why))?,
        contact: checked("certificates.contact", raw.contact, contact)?,
        profile: checked("certificates.profile", raw.profile, profile)?,
        caa: checked("certificates.caa", raw.caa, caa)?,
        ca_file: raw.ca_file.map(|path| source.path(&path)),
    })
}

fn directory(text: String) -> Result<String, String> {
    let most = limits::ACME_URL;
    if text.chars().count() > most {
        return Err(format!(
            "is too long; at most {most} characters are allowed"
        ));
    }
    match HttpsUrl::parse(&text) {
        Ok(_) => Ok(text),
        Err(why) => Err(format!(
            "{text:?} is no address of an ACME directory: {why}; allowed is for example \"https://acme-v02.api.letsencrypt.org/directory\""
        )),
    }
}

/// One address, without anything else that the scheme knows (RFC 8555 7.3).
fn contact(text: &str) -> Result<String, String> {
    // What means something else there, or has to be encoded (RFC 6068 2), is in nobody's address.
    let plain = |mailbox: &Mailbox| {
        let fits = |byte: u8| byte.is_ascii_graphic() && !b"?#%\"".contains(&byte);
        mailbox.local.bytes().all(fits)
    };
    let address = text.strip_prefix("mailto:").map(Mailbox::parse);
    match address {
        Some(Ok(mailbox)) if plain(&mailbox) => Ok(format!("mailto:{mailbox}")),
        _ => Err(format!(
            "{text:?} is no contact; allowed are mailto: with one mail address, \"mailto:postmaster@example.org\", and \"\""
        )),
    }
}

fn profile(text: &str) -> Result<String, String> {
    let most = limits::ACME_PROFILE;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.len() <= most && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is no name of a profile; allowed are letters, digits, - _ and ., {most} characters at most, and \"\""
    ))
}

/// The issuer's domain name of a CAA record (RFC 8659 4.2), without parameters.
fn caa(text: &str) -> Result<String, String> {
    match Domain::parse(text) {
        Ok(issuer) if !issuer.as_str().contains('_') => Ok(issuer.to_string()),
        _ => Err(format!(
            "{text:?} is no domain name; allowed are the one by which the CA knows itself, \"letsencrypt.org\", and \"\" for no CAA records"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::path::{Path, PathBuf};

    fn parsed(keys: &str) -> CertificatesConfig {
        let text = format!(
            "base_domain = \"example.org\"\nnetwork.addresses = [\"192.0.2.25\"]\n\
             reply.operator = \"op@example.net\"\n[certificates]\n{keys}"
        );
        let config = Config::parse(Path::new("etc/mailproof.toml"), &text);
        config.unwrap().certificates
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let least = CertificatesConfig {
            issuer: Issuer::Acme,
            directory: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
            contact: None,
            profile: None,
            caa: Some("letsencrypt.org".to_owned()),
            ca_file: None,
        };
        assert_eq!(parsed("issuer = \"acme\""), least);
        let all = "issuer = \"acme\"\ndirectory = \"https://127.0.0.1:14000/dir\"\n\
                   contact = \"mailto:op@example.net\"\nprofile = \"tlsserver\"\n\
                   caa = \"\"\nca_file = \"pebble.pem\"";
        let full = CertificatesConfig {
            issuer: Issuer::Acme,
            directory: "https://127.0.0.1:14000/dir".to_owned(),
            contact: Some("mailto:op@example.net".to_owned()),
            profile: Some("tlsserver".to_owned()),
            caa: None,
            ca_file: Some(PathBuf::from("etc/pebble.pem")),
        };
        assert_eq!(parsed(all), full);
        let internal = CertificatesConfig {
            issuer: Issuer::Internal,
            caa: None,
            ..least
        };
        assert_eq!(parsed("issuer = \"internal\""), internal);
    }

    #[test]
    fn what_a_ca_is_told_is_right_before_it_is_told() {
        type Read = fn(&str) -> Result<String, String>;
        let rows: [(Read, &str, Option<&str>); 17] = [
            (
                contact,
                "mailto:Op@Example.ORG",
                Some("mailto:Op@example.org"),
            ),
            (
                contact,
                "mailto:a+b=c/d@example.org",
                Some("mailto:a+b=c/d@example.org"),
            ),
            (contact, "op@example.org", None),
            (contact, "tel:+15555550100", None),
            (contact, "mailto:", None),
            (contact, "mailto:op@example.org?subject=x", None),
            (contact, "mailto:op?subject=x@example.org", None),
            (contact, "mailto:a@example.org,b@example.org", None),
            (contact, "mailto:\"a b\"@example.org", None),
            (contact, "mailto:jürgen@example.org", None),
            (contact, "mailto:a%40b@example.org", None),
            (profile, "tlsserver", Some("tlsserver")),
            (profile, "a b", None),
            (caa, "LetsEncrypt.org.", Some("letsencrypt.org")),
            (caa, "letsencrypt.org; validationmethods=dns-01", None),
            (caa, "_ca.example", None),
            (caa, ";", None),
        ];
        for (read, text, expected) in rows {
            assert_eq!(read(text).ok().as_deref(), expected, "{text}");
        }
        assert!(profile(&"p".repeat(limits::ACME_PROFILE)).is_ok());
        assert!(profile(&"p".repeat(limits::ACME_PROFILE + 1)).is_err());
        let url = |length| format!("{:x<length$}", "https://ca.example/");
        assert!(directory(url(limits::ACME_URL)).is_ok());
        assert!(directory(url(limits::ACME_URL + 1)).is_err());
    }
}

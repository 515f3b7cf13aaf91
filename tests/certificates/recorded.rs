//! What is made of the answers of a certificate authority: every recording, one by one.

use crate::ca::{Ca, HOST, file, names};
use mailproof::base::ports::Answer;
use mailproof::certs::acme::{Account, Acme, Request, Session, Settings, Window, csr};
use mailproof::certs::{Kind, Trouble};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::sync::Arc;

/// RFC 9773 appendix A.
const OLD: &str = "-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
";

fn old() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(OLD.as_bytes()).unwrap()
}

/// A part of a file of recordings: what is asked for, what comes out, what happens, and how the authority answers.
struct Case {
    name: String,
    options: Vec<String>,
    outcome: String,
    log: Vec<String>,
    exchanges: String,
}

fn cases(name: &str) -> Vec<Case> {
    let text = file(name);
    let parts = text.split("\n= ").skip(1);
    let cases: Vec<_> = parts
        .map(|part| {
            let lines = |mark: &str| -> Vec<String> {
                let lines = part.lines().filter_map(|line| line.strip_prefix(mark));
                lines.map(str::to_owned).collect()
            };
            Case {
                name: part.lines().next().unwrap().to_owned(),
                options: lines("@ "),
                outcome: lines("! ").concat(),
                log: lines("| "),
                exchanges: part
                    .split_once("\n\n")
                    .map_or("", |(_, rest)| rest)
                    .to_owned(),
            }
        })
        .collect();
    assert!(cases.len() > 10, "{name}: the cases were not found");
    cases
}

impl Case {
    fn option(&self, name: &str) -> Option<&str> {
        let mut options = self.options.iter();
        options
            .find_map(|option| option.strip_prefix(name))
            .map(str::trim)
    }

    fn ca(&self) -> Arc<Ca> {
        let mut ca = Ca::new(&[&file("letsencrypt"), &self.exchanges]);
        ca.hidden = self.option("hidden").map(str::to_owned);
        ca.late = self.option("clock").map_or(0, |late| late.parse().unwrap());
        Arc::new(ca)
    }

    async fn session(&self, ca: &Arc<Ca>) -> Result<Session, Trouble> {
        let known = known();
        let known = self.option("account new").is_none().then_some(&known);
        let settings = settings(self.option("profile"));
        let acme = Acme::new(settings, Arc::clone(ca) as _, Arc::clone(ca) as _);
        let session = acme.session(&ca.account_key(), known).await?;
        assert_eq!(*session.account(), self::known());
        Ok(session)
    }

    /// Holds what came out and what happened against what is recorded; returns it if that differs.
    fn differs(&self, ca: &Ca, outcome: &str) -> Option<String> {
        let log = ca.log();
        if outcome == self.outcome && (self.log.is_empty() || log == self.log) {
            return None;
        }
        let log: String = log.iter().map(|line| format!("| {line}\n")).collect();
        Some(format!("= {}\n! {outcome}\n{log}", self.name))
    }
}

fn known() -> Account {
    Account {
        directory: format!("{HOST}/directory"),
        url: format!("{HOST}/acme/acct/1314"),
        contact: Some("mailto:postmaster@example.org".to_owned()),
    }
}

fn settings(profile: Option<&str>) -> Settings {
    let Account {
        directory, contact, ..
    } = known();
    Settings {
        directory,
        contact,
        profile: profile.map(str::to_owned),
    }
}

fn told(trouble: &Trouble) -> String {
    let wait = trouble
        .wait
        .map(|wait| format!(", wait {} s", wait.as_secs()));
    format!("{trouble}{}", wait.unwrap_or_default())
}

async fn order(case: &Case, ca: &Arc<Ca>) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let session = case.session(ca).await?;
    let asked = |name: &str| case.option(name).is_some();
    let request = Request {
        names: names(),
        csr: csr(&names(), &ca.key).unwrap(),
        replaces: asked("replaces").then(old),
        pending: asked("pending").then(|| format!("{HOST}/acme/order/1314/7")),
    };
    let noted = |url: &str| {
        ca.note(&format!("noted {url}"));
        match asked("disk full") {
            true => Err(Trouble::new(Kind::Storage, "no space left on device")),
            false => Ok(()),
        }
    };
    session.obtain(&request, &**ca, &noted).await
}

async fn play(name: &str) {
    let mut faults = Vec::new();
    for case in cases(name) {
        let ca = case.ca();
        // Behind `dyn`, so that it is seen to be fit for any thread.
        let ordered: Answer<'_, _> = Box::pin(order(&case, &ca));
        let outcome = match ordered.await {
            Ok(chain) if chain == ca.chain => "issued".to_owned(),
            Ok(chain) => format!("{} other certificates", chain.len()),
            Err(trouble) => told(&trouble),
        };
        faults.extend(case.differs(&ca, &outcome));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn orders_end_well() {
    play("issued").await;
}

#[tokio::test(start_paused = true)]
async fn orders_fail_for_a_reason() {
    play("failed").await;
}

#[tokio::test(start_paused = true)]
async fn a_ca_says_when_to_renew() {
    let mut faults = Vec::new();
    for case in cases("renewal") {
        let ca = case.ca();
        let session = case.session(&ca).await.unwrap();
        let outcome = match session.renewal_info(&old()).await {
            Ok(None) => "no word".to_owned(),
            Ok(Some(Window {
                start,
                end,
                ask_again,
                explanation,
            })) => {
                let why = explanation.map_or(String::new(), |why| format!(" for {why}"));
                format!("{start} to {end}, ask in {} s{why}", ask_again.as_secs())
            }
            Err(trouble) => told(&trouble),
        };
        faults.extend(case.differs(&ca, &outcome));
        // It has no issuer's key in it, so nothing is asked.
        let before = ca.log().len();
        let alone = session.renewal_info(&ca.chain[1]).await;
        assert_eq!((alone, ca.log().len()), (Ok(None), before));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_contact_is_told_when_it_changes() {
    let rows = [
        (None, None, None),
        (
            Some("mailto:a@example.org"),
            None,
            Some("mailto:a@example.org"),
        ),
        (
            Some("mailto:a@example.org"),
            Some("mailto:a@example.org"),
            None,
        ),
        (
            Some("mailto:b@example.org"),
            Some("mailto:a@example.org"),
            Some("mailto:b@example.org"),
        ),
        (None, Some("mailto:a@example.org"), Some("")),
    ];
    for (wanted, before, told) in rows {
        let ca = Arc::new(Ca::new(&[&file("letsencrypt")]));
        let known = Account {
            contact: before.map(str::to_owned),
            ..known()
        };
        let mut settings = settings(None);
        settings.contact = wanted.map(str::to_owned);
        let acme = Acme::new(settings, Arc::clone(&ca) as _, Arc::clone(&ca) as _);
        let session = acme.session(&ca.account_key(), Some(&known)).await.unwrap();
        assert_eq!(session.account().contact.as_deref(), wanted);
        let contacts = told.map(|told| match told {
            "" => "[]".to_owned(),
            told => format!("[\"{told}\"]"),
        });
        let post = contacts.map(|list| format!("0 POST /acme/acct/1314 {{\"contact\":{list}}}"));
        assert_eq!(
            ca.log().get(1),
            post.as_ref(),
            "{wanted:?} after {before:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_elsewhere_is_none_here() {
    let ca = Arc::new(Ca::new(&[&file("letsencrypt")]));
    let elsewhere = Account {
        directory: "https://acme-staging-v02.api.letsencrypt.org/directory".to_owned(),
        url: "https://acme-staging-v02.api.letsencrypt.org/acme/acct/9".to_owned(),
        ..known()
    };
    let acme = Acme::new(settings(None), Arc::clone(&ca) as _, Arc::clone(&ca) as _);
    let session = acme.session(&ca.account_key(), Some(&elsewhere)).await;
    assert_eq!(*session.unwrap().account(), known());
    assert!(ca.log()[1].starts_with("0 POST /acme/new-acct"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_used_is_said() {
    let ca = Arc::new(Ca::new(&[&file("letsencrypt")]));
    let acme = |directory: &str| {
        let mut settings = settings(None);
        settings.directory = directory.to_owned();
        Acme::new(settings, Arc::clone(&ca) as _, Arc::clone(&ca) as _)
    };
    let whole = ca.account_key();
    let damaged = whole.secret_pkcs8_der()[1..].to_vec().into();
    let directory = format!("{HOST}/directory");
    let clear = directory.replace("https", "http");
    let rows = [
        (
            &directory[..],
            &damaged,
            "storage: the key of the account is none of ECDSA P-256 in PKCS#8",
        ),
        ("not a URL", &whole, "protocol: not a URL is no URL"),
        (
            &clear,
            &whole,
            "protocol: http://acme-v02.api.letsencrypt.org/directory is no https URL",
        ),
    ];
    for (directory, key, trouble) in rows {
        let session = acme(directory).session(key, None).await;
        assert_eq!(session.err().unwrap().to_string(), trouble);
    }
    assert_eq!(ca.log(), Vec::<String>::new());
    assert!(csr(&[], &ca.key).is_err());
}

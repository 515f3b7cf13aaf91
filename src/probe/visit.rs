//! The connections to one address: one at a time, with pauses, never a recipient and never a message.

use super::evidence::{Attempt, Contact, Host, Seen};
use super::inbound::Trust;
use crate::base::{Domain, Timestamp, limits};
use crate::dial::Dial;
use crate::dial::smtp::{Client, Needs, Reply, SmtpError, StartTls, Timeouts};
use crate::dial::tls::{BrokenBy, Handshake, Versions};
use crate::spec::pkix;
use crate::spec::sender::Demand;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Looks at an address under the name of one host after another.
pub(super) struct Visitor {
    dial: Dial,
    address: IpAddr,
    pause: Duration,
    now: Timestamp,
    connections: usize,
    required: Option<bool>,
}

/// A session, and what came of the handshake in it.
type Secured = (Client, Attempt);

impl Visitor {
    pub fn new(dial: Dial, address: IpAddr, pause: Duration, now: Timestamp) -> Self {
        let allowed = &dial.settings().allow;
        // Networks of a lab need no mercy.
        let pause = match allowed.iter().any(|network| network.contains(address)) {
            true => Duration::ZERO,
            false => pause,
        };
        Self {
            dial,
            address,
            pause,
            now,
            connections: 0,
            required: None,
        }
    }

    /// Finds out what the address shows to senders that look for `host`; `domain` is whom their mail is for.
    pub async fn visit(&mut self, host: &Host, domain: &Domain) -> Contact {
        let client = match self.open().await {
            Ok(client) => client,
            Err(why) => return Contact::Silent(why),
        };
        if !client.offers("STARTTLS") {
            client.quit().await;
            return Contact::Clear;
        }
        let first = self.secure(client, host, domain, Versions::All).await;
        let again = match &first {
            Attempt::Done(seen) => seen.tls.version == "1.3",
            Attempt::Broken(_) => true,
            Attempt::Lost(_) => false,
        };
        let mut handshakes = vec![first];
        if again {
            handshakes.push(self.secure_again(host, domain).await);
        }
        let done = |attempt: &Attempt| matches!(attempt, Attempt::Done(_));
        if self.required.is_none() && handshakes.iter().any(done) {
            self.required = self.refuses_clear_mail().await;
        }
        Contact::Offered {
            handshakes,
            required: self.required,
        }
    }

    /// Connects and says EHLO.
    async fn open(&mut self) -> Result<Client, String> {
        if self.connections == limits::PROBE_CONNECTIONS {
            return Err(format!(
                "not looked at: more than {} connections would be needed",
                limits::PROBE_CONNECTIONS
            ));
        }
        if self.connections > 0 {
            sleep(self.pause).await;
        }
        self.connections += 1;
        timeout(limits::PROBE_SESSION, self.greet())
            .await
            .unwrap_or_else(|_| Err("the server took too long".to_owned()))
    }

    async fn greet(&self) -> Result<Client, String> {
        let settings = self.dial.settings();
        let target = SocketAddr::new(self.address, settings.smtp_port);
        let stream = self.dial.connect(target).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let at = |stage: &'static str| move |error: SmtpError| noted(&format!("{stage}: {error}"));
        let (mut client, greeting) = Client::greeted(stream, Timeouts::default())
            .await
            .map_err(at("greeting"))?;
        if !greeting.is_success() {
            client.quit().await;
            return Err(noted(&format!("greeting: {greeting}")));
        }
        let reply = client.ehlo(&settings.helo).await.map_err(at("EHLO"))?;
        if !reply.is_success() {
            client.quit().await;
            return Err(noted(&format!("EHLO: {reply}")));
        }
        Ok(client)
    }

    async fn secure_again(&mut self, host: &Host, domain: &Domain) -> Attempt {
        match self.open().await {
            Ok(client) if client.offers("STARTTLS") => {
                self.secure(client, host, domain, Versions::Only12).await
            }
            Ok(client) => {
                client.quit().await;
                Attempt::Lost("STARTTLS was offered once, then no more".to_owned())
            }
            Err(why) => Attempt::Lost(why),
        }
    }

    async fn secure(
        &self,
        client: Client,
        host: &Host,
        domain: &Domain,
        versions: Versions,
    ) -> Attempt {
        let securing = self.handshake(client, host, domain, versions);
        match timeout(limits::PROBE_SESSION, securing).await {
            Ok(Ok((client, attempt))) => {
                client.quit().await;
                attempt
            }
            Ok(Err(attempt)) => attempt,
            Err(_) => Attempt::Lost("the server took too long".to_owned()),
        }
    }

    /// STARTTLS and EHLO inside it; an error is an attempt whose session is over.
    async fn handshake(
        &self,
        mut client: Client,
        host: &Host,
        domain: &Domain,
        versions: Versions,
    ) -> Result<Secured, Attempt> {
        let demand = Demand {
            pkix: false,
            tlsa: host.usable(),
            names: vec![host.base.clone(), domain.clone()],
        };
        let sni = match demand.tlsa.is_empty() {
            true => &host.exchange.host,
            false => &host.base,
        };
        let handshake = match client.starttls_offering(Some(sni), versions).await {
            Ok(StartTls::Done(handshake)) => handshake,
            Ok(StartTls::Refused(reply)) => {
                let broken = Attempt::Broken(noted(&format!("STARTTLS: {reply}")));
                return Ok((client, broken));
            }
            Ok(StartTls::Broken(broken)) => {
                let why = noted(&broken.to_string());
                return Err(match broken.how {
                    BrokenBy::Timeout => Attempt::Lost(why),
                    _ => Attempt::Broken(why),
                });
            }
            Err(error @ SmtpError::Injection) => return Err(Attempt::Broken(error.to_string())),
            Err(error) => return Err(Attempt::Lost(noted(&format!("STARTTLS: {error}")))),
        };
        // In TLS 1.3 the server may still refuse after our side of the handshake is complete.
        match client.ehlo(&self.dial.settings().helo).await {
            Ok(_) => Ok((client, Attempt::Done(self.seen(&handshake, host, &demand)))),
            Err(error) => Err(Attempt::Lost(noted(&format!("EHLO inside TLS: {error}")))),
        }
    }

    fn seen(&self, handshake: &Handshake, host: &Host, demand: &Demand) -> Seen {
        let roots = &self.dial.roots().roots;
        let pkix = pkix::judge(&handshake.chain, roots, &host.exchange.host, self.now);
        let (certificate, why) = match (pkix.trust, &handshake.unproven) {
            (pkix::Trust::Trusted, None) => (Trust::Trusted, String::new()),
            // A copied certificate proves nothing, and a key that we cannot check disproves nothing.
            (pkix::Trust::Trusted, Some(why)) => (
                Trust::Unknown,
                format!("the server could not be seen to hold its key: {why}"),
            ),
            (pkix::Trust::Untrusted, _) => (Trust::Untrusted, pkix.why),
            (pkix::Trust::Expired, _) => (Trust::Expired, pkix.why),
            (pkix::Trust::NameMismatch, _) => (Trust::NameMismatch, pkix.why),
        };
        Seen {
            tls: handshake.tls.clone(),
            certificate,
            root: pkix.root.map(|root| noted(&root)),
            why: noted(&why),
            tlsa: handshake.tlsa(demand, self.now),
        }
    }

    /// Says MAIL for the null sender in clear text, and nothing more.
    async fn refuses_clear_mail(&mut self) -> Option<bool> {
        let mut client = self.open().await.ok()?;
        let answered = timeout(limits::PROBE_SESSION, client.mail(None, Needs::default()));
        let reply = answered.await.ok()?.ok()?;
        client.quit().await;
        Some(wants_tls(&reply))
    }
}

/// Whether the reply to MAIL demands STARTTLS (RFC 3207 4: 530, often with 5.7.0).
fn wants_tls(reply: &Reply) -> bool {
    let enhanced = |line: &String| line.starts_with("5.7.0");
    reply.code == 530 || reply.is_permanent() && reply.lines.first().is_some_and(enhanced)
}

/// Text of others, short and without control characters.
fn noted(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars()
        .take(limits::NOTED_TEXT)
        .map(plain)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_required_when_mail_is_refused_for_want_of_it() {
        for (code, line, required) in [
            (530, "Must issue a STARTTLS command first", true),
            (530, "5.7.0 Must issue a STARTTLS command first", true),
            (554, "5.7.0 encryption required", true),
            (250, "2.1.0 Ok", false),
            (250, "5.7.0", false),
            (451, "4.7.0 later", false),
            (550, "5.7.1 go away", false),
        ] {
            let lines = vec![line.to_owned()];
            assert_eq!(wants_tls(&Reply { code, lines }), required, "{code} {line}");
        }
    }

    #[test]
    fn what_others_say_is_made_harmless() {
        assert_eq!(noted("a\u{1b}[2J\r\nb \n"), "a [2J  b");
        assert_eq!(noted(&"x".repeat(9999)).len(), limits::NOTED_TEXT);
    }
}

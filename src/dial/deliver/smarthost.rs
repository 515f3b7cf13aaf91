//! Handing a message to the operator's own relay instead of the recipient's MX (RFC 6409, RFC 4954).
//!
//! The relay is connected as the configuration names it. Credentials are only ever sent inside TLS, to a server whose
//! certificate is trusted for its name.

use super::{Delivery, Dial, GivenUp, Outcome, Reason, Reply, Stage, Verified};
use crate::base::ports::Clock;
use crate::base::{Domain, Tls};
use crate::dial::smtp::{Client, SmtpError, StartTls};
use std::net::{IpAddr, SocketAddr};

/// The operator's relay.
#[derive(Clone)]
pub struct Smarthost {
    /// Its name, which its certificate must bear when there are credentials.
    pub host: Domain,
    /// Its port; STARTTLS is spoken on it, not implicit TLS.
    pub port: u16,
    /// User and password; without them STARTTLS is used where offered, with any certificate.
    pub credentials: Option<(String, String)>,
}

/// A session with the relay that came as far as it could.
struct Session {
    client: Client,
    tls: Option<Tls>,
    verified: Verified,
}

/// Hands the message over; of the delivery's policy, walk and SNI nothing is used.
pub async fn submit(
    dial: &Dial,
    relay: &Smarthost,
    delivery: &Delivery,
    clock: &dyn Clock,
) -> Outcome {
    let found = dial.resolver().addresses(&relay.host).await;
    let mut given_up = Vec::new();
    if found.records.is_empty() {
        let why = found
            .failed
            .map_or(Reason::NoAddress, Reason::AddressLookUp);
        given_up.push(at(relay, None, why));
    }
    for address in found.records.into_iter().take(delivery.reach.addresses) {
        match submit_to(dial, relay, address, delivery, clock).await {
            Ok(outcome) => return outcome,
            Err(why) => given_up.push(at(relay, Some(address), why)),
        }
    }
    Outcome::Deferred(given_up)
}

fn at(relay: &Smarthost, address: Option<IpAddr>, why: Reason) -> GivenUp {
    GivenUp {
        host: Some(relay.host.clone()),
        address,
        why,
    }
}

async fn submit_to(
    dial: &Dial,
    relay: &Smarthost,
    address: IpAddr,
    delivery: &Delivery,
    clock: &dyn Clock,
) -> Result<Outcome, Reason> {
    let mut session = open(dial, relay, address, delivery, clock).await?;
    let mut ended = None;
    for stage in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Message] {
        let reply = super::speak(&mut session.client, stage, delivery)
            .await
            .map_err(|error| lost(stage, &error))?;
        let good = match stage {
            Stage::Data => reply.is_intermediate(),
            _ => reply.is_success(),
        };
        if !good || stage == Stage::Message {
            ended = Some((stage, reply, good));
            break;
        }
    }
    session.client.quit().await;
    match ended {
        Some((_, reply, true)) => Ok(Outcome::Delivered {
            host: relay.host.clone(),
            address,
            tls: session.tls,
            verified: session.verified,
            reply,
        }),
        Some((stage, reply, false)) if reply.is_permanent() => Ok(Outcome::Failed(at(
            relay,
            Some(address),
            Reason::Refused(stage, reply),
        ))),
        Some((stage, reply, false)) => Err(Reason::Refused(stage, reply)),
        None => Err(Reason::OutOfStep),
    }
}

/// Connects, starts TLS and authenticates.
async fn open(
    dial: &Dial,
    relay: &Smarthost,
    address: IpAddr,
    delivery: &Delivery,
    clock: &dyn Clock,
) -> Result<Session, Reason> {
    let target = SocketAddr::new(address, relay.port);
    let stream = dial
        .connect_configured(target)
        .await
        .map_err(|error| Reason::NotConnected(error.to_string()))?;
    let (mut client, greeting) = Client::greeted(stream, delivery.timeouts)
        .await
        .map_err(|error| lost(Stage::Greeting, &error))?;
    agreed(Stage::Greeting, greeting)?;
    hello(&mut client, Stage::Ehlo, delivery).await?;
    let (mut tls, mut verified) = (None, Verified::Nothing);
    if client.offers("STARTTLS") {
        let handshake = match client.starttls(Some(&relay.host)).await {
            Ok(StartTls::Done(handshake)) => handshake,
            Ok(StartTls::Refused(reply)) => return Err(Reason::NotSecured(reply.to_string())),
            Ok(StartTls::Broken(broken)) => return Err(Reason::NotSecured(broken.to_string())),
            Err(error) => return Err(lost(Stage::StartTls, &error)),
        };
        let pkix = handshake.pkix(&dial.roots().roots, &relay.host, clock.now());
        if pkix.is_trusted() {
            verified = Verified::Pkix;
        } else if relay.credentials.is_some() {
            client.quit().await;
            return Err(Reason::Untrusted(pkix.to_string()));
        }
        tls = Some(handshake.tls);
        hello(&mut client, Stage::SecureEhlo, delivery).await?;
    }
    if let Some((user, password)) = &relay.credentials {
        if verified != Verified::Pkix {
            client.quit().await;
            return Err(Reason::NoStartTls);
        }
        authenticate(&mut client, user, password).await?;
    }
    Ok(Session {
        client,
        tls,
        verified,
    })
}

async fn hello(client: &mut Client, stage: Stage, delivery: &Delivery) -> Result<(), Reason> {
    let reply = client.ehlo(&delivery.helo).await;
    agreed(stage, reply.map_err(|error| lost(stage, &error))?)
}

/// AUTH PLAIN with an initial response (RFC 4616).
async fn authenticate(client: &mut Client, user: &str, password: &str) -> Result<(), Reason> {
    let secret = base64(format!("\0{user}\0{password}").as_bytes());
    match client.command(&format!("AUTH PLAIN {secret}")).await {
        Ok(reply) if reply.is_success() => Ok(()),
        Ok(reply) => Err(Reason::Lost(
            Stage::SecureEhlo,
            format!("the relay refuses the credentials: {reply}"),
        )),
        // The command must not be shown, whatever is wrong with it.
        Err(SmtpError::Unsayable(_)) => Err(Reason::Lost(
            Stage::SecureEhlo,
            "the credentials are too long".to_owned(),
        )),
        Err(error) => Err(lost(Stage::SecureEhlo, &error)),
    }
}

fn agreed(stage: Stage, reply: Reply) -> Result<(), Reason> {
    if reply.is_success() {
        Ok(())
    } else {
        Err(Reason::Refused(stage, reply))
    }
}

fn lost(stage: Stage, error: &SmtpError) -> Reason {
    Reason::Lost(stage, error.to_string())
}

/// RFC 4648 4.
fn base64(octets: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in octets.chunks(3) {
        let padded = [0, 1, 2].map(|index| u32::from(*group.get(index).unwrap_or(&0)));
        let bits = padded[0] << 16 | padded[1] << 8 | padded[2];
        for position in 0..4 {
            let sextet = bits >> (18 - 6 * position) & 0x3f;
            let letter = LETTERS.get(sextet as usize).copied().unwrap_or(b'=');
            text.push(if position <= group.len() {
                letter as char
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_10() {
        for (octets, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(octets.as_bytes()), text);
        }
    }
}

//! DNS cookies: a client that shows ours was reached at its address before (RFC 7873, in the form of RFC 9018). Pure.

use siphasher::sip::SipHasher24;
use std::fmt;
use std::net::IpAddr;

/// The form of the cookies; there is one (RFC 9018 4.1).
const VERSION: u8 = 1;
/// Seconds for which a cookie is valid (RFC 9018 4.3).
const LIFETIME: i32 = 3600;
/// Seconds after which it is replaced.
const RENEWAL: i32 = 1800;
/// Seconds by which it may come from the future, from a clock that was set back or a server that shares the secret.
const AHEAD: i32 = 300;

/// What is drawn by the client (RFC 7873 4.1).
pub(super) type ClientCookie = [u8; 8];
/// What is made here: version, reserved, time, hash.
pub(super) type ServerCookie = [u8; 16];

/// What cookies are made with; whoever knows it can make them for any address. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct CookieSecret(pub [u8; 16]);

impl fmt::Debug for CookieSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieSecret(..)")
    }
}

impl CookieSecret {
    /// Whether a server cookie that came back was made for this client within the last hour; then whether it will do
    /// for some time yet.
    pub(super) fn judge(
        &self,
        client: ClientCookie,
        server: &[u8],
        address: IpAddr,
        now: u32,
    ) -> Standing {
        let Ok(server) = ServerCookie::try_from(server) else {
            return Standing::Invalid;
        };
        let [VERSION, _, _, _, a, b, c, d, ..] = server else {
            return Standing::Invalid;
        };
        // Serial number arithmetic: the time goes round in 2106 (RFC 9018 4.3).
        let age = now
            .wrapping_sub(u32::from_be_bytes([a, b, c, d]))
            .cast_signed();
        let [head, hash] = halves(server);
        // Reserved octets count as they came (RFC 9018 4.2).
        if !(-AHEAD..=LIFETIME).contains(&age) || self.hash(client, head, address) != hash {
            return Standing::Invalid;
        }
        match age {
            ..=RENEWAL => Standing::Fresh(server),
            _ => Standing::Stale,
        }
    }

    /// A cookie for a client.
    pub(super) fn make(&self, client: ClientCookie, address: IpAddr, now: u32) -> ServerCookie {
        let [a, b, c, d] = now.to_be_bytes();
        let head = [VERSION, 0, 0, 0, a, b, c, d];
        let mut cookie = ServerCookie::default();
        cookie[..8].copy_from_slice(&head);
        cookie[8..].copy_from_slice(&self.hash(client, head, address));
        cookie
    }

    fn hash(&self, client: ClientCookie, head: [u8; 8], address: IpAddr) -> [u8; 8] {
        let mut input = [0; 32];
        input[..8].copy_from_slice(&client);
        input[8..16].copy_from_slice(&head);
        let length = match address.to_canonical() {
            IpAddr::V4(address) => {
                input[16..20].copy_from_slice(&address.octets());
                20
            }
            IpAddr::V6(address) => {
                input[16..].copy_from_slice(&address.octets());
                32
            }
        };
        SipHasher24::new_with_key(&self.0)
            .hash(&input[..length])
            .to_le_bytes()
    }
}

fn halves(cookie: ServerCookie) -> [[u8; 8]; 2] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = cookie;
    [[a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]]
}

/// What a server cookie that came back is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing: it is old, another client's, or made with another secret.
    Invalid,
    /// It is valid, and to be replaced.
    Stale,
    /// It is valid, and is sent back as it is.
    Fresh(ServerCookie),
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn octets<const N: usize>(text: &str) -> [u8; N] {
        HEXLOWER
            .decode(text.as_bytes())
            .unwrap()
            .try_into()
            .unwrap()
    }

    const FIRST: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
    const OLD: &str = "dd3bdf9344b678b185a6f5cb60fca715";
    const NEW: &str = "445536bcd2513298075a5d379663c962";
    const IPV4: &str = "198.51.100.100";
    const OTHER: &str = "203.0.113.203";
    const IPV6: &str = "2001:db8:220:1:59de:d0f4:8769:82b8";

    #[test]
    fn cookies_are_those_of_rfc_9018_a() {
        for (secret, client, address, now, cookie) in [
            (
                FIRST,
                "2464c4abcf10c957",
                IPV4,
                1_559_731_985,
                "010000005cf79f111f8130c3eee29480",
            ),
            (
                FIRST,
                "2464c4abcf10c957",
                IPV4,
                1_559_734_385,
                "010000005cf7a871d4a564a1442aca77",
            ),
            (
                FIRST,
                "fc93fc62807ddb86",
                OTHER,
                1_559_734_700,
                "010000005cf7a9acf73a7810aca2381e",
            ),
            (
                OLD,
                "22681ab97d52c298",
                IPV6,
                1_559_741_817,
                "010000005cf7c57926556bd0934c72f8",
            ),
            (
                NEW,
                "22681ab97d52c298",
                IPV6,
                1_559_741_961,
                "010000005cf7c609a6bb79d16625507a",
            ),
        ] {
            let secret = CookieSecret(octets(secret));
            let made = secret.make(octets(client), address.parse().unwrap(), now);
            assert_eq!(HEXLOWER.encode(&made), cookie);
        }
    }

    #[test]
    fn a_cookie_holds_for_an_hour_for_its_client_alone() {
        let (made, reserved) = (
            "010000005cf79f111f8130c3eee29480",
            "01abcdef5cf78f71a314227b6679ebf5",
        );
        let (client, other) = ("2464c4abcf10c957", "fc93fc62807ddb86");
        let made_at: u32 = 1_559_731_985;
        let fresh = Standing::Fresh(octets(made));
        for (secret, client, address, age, cookie, standing) in [
            (FIRST, client, IPV4, 0, made, fresh),
            (FIRST, client, "::ffff:198.51.100.100", 0, made, fresh),
            (FIRST, client, IPV4, -300, made, fresh),
            (FIRST, client, IPV4, -301, made, Standing::Invalid),
            (FIRST, client, IPV4, 1800, made, fresh),
            (FIRST, client, IPV4, 1801, made, Standing::Stale),
            (FIRST, client, IPV4, 3600, made, Standing::Stale),
            (FIRST, client, IPV4, 3601, made, Standing::Invalid),
            (FIRST, client, OTHER, 0, made, Standing::Invalid),
            (FIRST, other, IPV4, 0, made, Standing::Invalid),
            (OLD, client, IPV4, 0, made, Standing::Invalid),
            (FIRST, client, IPV4, 0, &made[..16], Standing::Invalid),
            (
                FIRST,
                client,
                IPV4,
                0,
                "020000005cf79f111f8130c3eee29480",
                Standing::Invalid,
            ),
            // Appendix A.3, with the reserved octets set.
            (
                FIRST,
                other,
                OTHER,
                -4000,
                reserved,
                Standing::Fresh(octets(reserved)),
            ),
        ] {
            let secret = CookieSecret(octets(secret));
            let cookie = HEXLOWER.decode(cookie.as_bytes()).unwrap();
            let address = address.parse().unwrap();
            let now = made_at.wrapping_add_signed(age);
            let found = secret.judge(octets(client), &cookie, address, now);
            assert_eq!(found, standing, "{address} after {age} s");
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        assert_eq!(format!("{:?}", CookieSecret([77; 16])), "CookieSecret(..)");
    }
}

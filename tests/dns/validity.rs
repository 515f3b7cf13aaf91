//! Every name and every denial validates.

use crate::server::Server;
use crate::validators::{Verdict, delv, unbound};
use crate::world::World;
use Verdict::{Insecure, Secure};

/// Questions that cannot be read off the zones, with what a validator must find.
pub const QUESTIONS: &[(&str, &str, Verdict)] = &[
    // The chain from the root.
    (".", "SOA", Secure),
    (".", "DNSKEY", Secure),
    (".", "DS", Secure),
    ("lab", "DS", Secure),
    ("lab", "TXT", Secure),
    ("nothing.lab", "A", Secure),
    ("nothing", "A", Secure),
    ("a.b.c.nothing", "A", Secure),
    ("et.lab", "DS", Secure),
    ("et.lab", "DNSKEY", Secure),
    ("et.lab", "CDS", Secure),
    ("et.lab", "CDNSKEY", Secure),
    ("et.lab", "NSEC", Secure),
    ("et.lab", "AAAA", Secure),
    ("arpa", "NS", Secure),
    ("1.0.0.127.in-addr.arpa", "PTR", Secure),
    ("2.0.0.127.in-addr.arpa", "PTR", Secure),
    ("0.127.in-addr.arpa", "PTR", Secure),
    // Names of the appliance, and their absence.
    ("_25._tcp.mx05.et.lab", "TLSA", Secure),
    ("_25._tcp.et.lab", "TLSA", Secure),
    ("_tcp.mx05.et.lab", "TLSA", Secure),
    ("_tcp.mx05.et.lab", "A", Secure),
    ("_587._tcp.mx05.et.lab", "TLSA", Secure),
    ("_tls.et.lab", "TXT", Secure),
    ("MX06.eT.lab", "AAAA", Secure),
    ("mx05.et.lab", "DS", Secure),
    ("_25._tcp.mx05.et.lab", "DS", Secure),
    ("nothing.mx05.et.lab", "A", Secure),
    ("a.b.c.nothing.et.lab", "TLSA", Secure),
    // Wildcards.
    ("foo.wild.torture.lab", "A", Secure),
    ("foo.bar.wild.torture.lab", "A", Secure),
    ("foo.wild.torture.lab", "MX", Secure),
    ("foo.bar.wild.torture.lab", "MX", Secure),
    ("foo.wild.torture.lab", "DS", Secure),
    ("*.wild.torture.lab", "A", Secure),
    ("*.wild.torture.lab", "MX", Secure),
    ("wild.torture.lab", "A", Secure),
    ("host.wild.torture.lab", "A", Secure),
    ("host.wild.torture.lab", "MX", Secure),
    ("below.host.wild.torture.lab", "A", Secure),
    ("ent.wild.torture.lab", "A", Secure),
    ("y.ent.wild.torture.lab", "A", Secure),
    ("a.x.ent.wild.torture.lab", "A", Secure),
    ("foo.star.torture.lab", "A", Secure),
    ("below.foo.star.torture.lab", "A", Secure),
    ("foo.cw.torture.lab", "A", Secure),
    ("foo.cw.torture.lab", "CNAME", Secure),
    ("foo.cw.torture.lab", "MX", Secure),
    ("foo.cnx.torture.lab", "A", Secure),
    ("foo.cwild.torture.lab", "A", Secure),
    ("foo.cwild.torture.lab", "MX", Secure),
    // Chains.
    ("c1.torture.lab", "A", Secure),
    ("c1.torture.lab", "TXT", Secure),
    ("c1.torture.lab", "MX", Secure),
    ("c1.torture.lab", "CNAME", Secure),
    ("turn.torture.lab", "CNAME", Secure),
    ("self.torture.lab", "CNAME", Secure),
    ("cnx1.torture.lab", "A", Secure),
    ("cent.torture.lab", "A", Secure),
    ("cwild1.torture.lab", "A", Secure),
    ("cwild1.torture.lab", "MX", Secure),
    ("cother.torture.lab", "A", Secure),
    ("cother.torture.lab", "AAAA", Secure),
    ("cother.torture.lab", "MX", Secure),
    ("ccut.torture.lab", "A", Secure),
    ("cfar.torture.lab", "A", Secure),
    // Empty non-terminals.
    ("d.torture.lab", "A", Secure),
    ("c.d.torture.lab", "A", Secure),
    ("x.c.d.torture.lab", "A", Secure),
    ("b.c.d.torture.lab", "DS", Secure),
    // Delegations.
    ("sec.torture.lab", "DS", Secure),
    ("sec.torture.lab", "A", Secure),
    ("host.sec.torture.lab", "A", Secure),
    ("x.y.w.sec.torture.lab", "A", Secure),
    ("nothing.sec.torture.lab", "A", Secure),
    ("ins.torture.lab", "DS", Secure),
    ("sub.torture.lab", "DS", Secure),
    ("dsub.torture.lab", "DS", Secure),
    ("ins.torture.lab", "A", Insecure),
    ("host.ins.torture.lab", "A", Insecure),
    ("nothing.ins.torture.lab", "A", Insecure),
    // Odd names, and answers too long for a datagram.
    ("a\\.b.torture.lab", "A", Secure),
    ("\\000.torture.lab", "A", Secure),
    ("\\001.torture.lab", "A", Secure),
    ("upper.torture.lab", "MX", Secure),
    ("srv.torture.lab", "SRV", Secure),
    ("nap.torture.lab", "NAPTR", Secure),
    ("big.torture.lab", "TXT", Secure),
];

#[test]
fn delv_validates_every_answer() {
    check(delv);
}

#[test]
fn unbound_validates_every_answer() {
    check(unbound);
}

fn check(validator: fn(&Server, &str, &str) -> Result<Verdict, String>) {
    let world = World::new();
    let server = Server::of(&world);
    let mut wrong = Vec::new();
    for (name, rtype, verdict) in QUESTIONS {
        match validator(&server, name, rtype) {
            Ok(found) if found == *verdict => {}
            other => wrong.push(format!("{name} {rtype}: {other:?}")),
        }
    }
    server.stop();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

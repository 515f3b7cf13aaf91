//! Every name and every denial validates.

use crate::server::Server;
use crate::validators::{Verdict, delv, unbound};
use crate::world::{World, long_wild, longest};
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
    // Wildcards beside delegations, above empty non-terminals, and behind the alias of another wildcard.
    ("foo.mixed.torture.lab", "A", Secure),
    ("foo.mixed.torture.lab", "NSEC", Secure),
    ("*.mixed.torture.lab", "NSEC", Secure),
    ("cut.mixed.torture.lab", "DS", Secure),
    ("ins.mixed.torture.lab", "DS", Secure),
    ("host.ins.mixed.torture.lab", "A", Insecure),
    ("nothing.ins.mixed.torture.lab", "A", Insecure),
    ("foo.one.two.three.deep.torture.lab", "A", Secure),
    ("one.two.three.deep.torture.lab", "A", Secure),
    ("foo.two.three.deep.torture.lab", "A", Secure),
    ("x.y.three.deep.torture.lab", "A", Secure),
    ("x.y.z.deep.torture.lab", "A", Secure),
    ("x.y.z.tall.torture.lab", "A", Secure),
    ("a.b.c.one.two.three.deep.torture.lab", "MX", Secure),
    ("foo.chain.torture.lab", "A", Secure),
    ("foo.chain.torture.lab", "MX", Secure),
    ("Foo.cHaIn.tOrTuRe.LaB", "A", Secure),
    // RFC 4592 2.2.1 asks these of its example.
    ("host3.example.lab", "MX", Secure),
    ("host3.example.lab", "A", Secure),
    ("foo.bar.example.lab", "TXT", Secure),
    ("host1.example.lab", "MX", Secure),
    ("sub.*.example.lab", "MX", Secure),
    ("_telnet._tcp.host1.example.lab", "SRV", Secure),
    ("ghost.*.example.lab", "MX", Secure),
    ("subdel.example.lab", "DS", Secure),
    ("_ssh._tcp.host3.example.lab", "SRV", Secure),
    ("_tcp.host1.example.lab", "A", Secure),
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
    ("huge.torture.lab", "TXT", Secure),
    ("unknown.torture.lab", "TYPE65280", Secure),
    ("unknown.torture.lab", "TYPE65281", Secure),
    ("www.torture.lab", "DNAME", Secure),
    ("c1.torture.lab", "DNAME", Secure),
];

/// Names of 255 octets: one that there is, two that there are not, and two below a wildcard.
pub fn long_names() -> Vec<String> {
    let mut names: Vec<_> = ['a', 'b', 'A'].into_iter().map(longest).collect();
    let label = |letter: &str| letter.repeat(49);
    names.extend(["y", "Z"].map(|letter| long_wild(&label(letter))));
    names
}

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
    let long = long_names();
    let long = ["A", "MX", "DS"]
        .iter()
        .flat_map(|rtype| long.iter().map(move |name| (&**name, *rtype, Secure)));
    for (name, rtype, verdict) in QUESTIONS.iter().copied().chain(long) {
        match validator(&server, name, rtype) {
            Ok(found) if found == verdict => {}
            other => wrong.push(format!("{name} {rtype}: {other:?}")),
        }
    }
    server.stop();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

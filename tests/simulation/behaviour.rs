//! What senders do: each behaviour is a policy of the walk, and in which facts it is told otherwise.

use mailproof::base::Policy;
use mailproof::spec::sender::Sni;

/// One behaviour.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    pub name: &'static str,
    /// What it is to be called.
    pub policy: Policy,
    /// The policies of its walks to `et` and to `ut`.
    pub walks: [Policy; 2],
    pub sni: Sni,
    /// An untrusted certificate is told as a handshake that failed, whatever the policy.
    pub checks_anyway: bool,
    /// A certificate is told as trusted whatever its name.
    pub chain_only: bool,
    /// A certificate is told as trusted when the last attempt at its domain ended with a refusal.
    pub weakens: bool,
    /// After TLS has failed it goes on in clear text.
    pub clear_after_failure: bool,
    /// The MTA-STS policy of `et` is told as having 3 among its hosts.
    pub lists_three: bool,
    /// Attempts before the MTA-STS policy is known.
    pub late: usize,
    /// Its policy fetch comes from the network that its mail comes from; else from elsewhere.
    pub fetches: bool,
    /// It looks up TLSA records, which its walk does not need.
    pub asks_tlsa: bool,
    /// Whether the verdict can tell it from every other, on a shared address and on addresses of the hosts' own.
    pub told_apart: [bool; 2],
}

const ANY: Behaviour = Behaviour {
    name: "may",
    policy: Policy::May,
    walks: [Policy::May, Policy::May],
    sni: Sni::Never,
    checks_anyway: false,
    chain_only: false,
    weakens: false,
    clear_after_failure: false,
    lists_three: false,
    late: 0,
    fetches: false,
    asks_tlsa: false,
    told_apart: [true, true],
};
const CHECKING: Behaviour = Behaviour {
    sni: Sni::Always,
    checks_anyway: true,
    ..ANY
};
const ENCRYPT: Behaviour = Behaviour {
    policy: Policy::Encrypt,
    walks: [Policy::Encrypt, Policy::Encrypt],
    ..ANY
};
const VERIFY: Behaviour = Behaviour {
    policy: Policy::Verify,
    walks: [Policy::Verify, Policy::Verify],
    sni: Sni::Always,
    ..ANY
};
/// With SNI it is an MTA-STS sender that connects to 3, as far as anybody can see.
const NAMED: [bool; 2] = [false, false];
/// Without SNI on a shared address, a check of the chain alone is one that is given up on a retry.
const OWN_ONLY: [bool; 2] = [false, true];
const WEAKENS: Behaviour = Behaviour {
    policy: Policy::Encrypt,
    weakens: true,
    ..VERIFY
};
const DANE: Behaviour = Behaviour {
    policy: Policy::Dane,
    walks: [Policy::Dane, Policy::Dane],
    sni: Sni::Authenticated,
    ..ANY
};
const STS: Behaviour = Behaviour {
    policy: Policy::MtaSts,
    walks: [Policy::MtaSts, Policy::MtaSts],
    sni: Sni::Authenticated,
    ..ANY
};
const STS_CONNECTS: Behaviour = Behaviour {
    lists_three: true,
    ..STS
};
const STRICT_STS: [Policy; 2] = [Policy::MtaSts, Policy::Verify];
const BOTH: Behaviour = Behaviour {
    policy: Policy::DaneMtaSts,
    walks: [Policy::DaneMtaSts, Policy::DaneMtaSts],
    ..STS
};

#[rustfmt::skip]
pub const BEHAVIOURS: [Behaviour; 30] = [
    Behaviour { name: "none", policy: Policy::None, walks: [Policy::None, Policy::None], ..ANY },
    ANY,
    Behaviour { name: "may, SNI", sni: Sni::Always, ..ANY },
    Behaviour { name: "may, verifies", ..CHECKING },
    Behaviour { name: "may, verifies, no SNI", sni: Sni::Never, ..CHECKING },
    Behaviour { name: "may, verifies, then clear", clear_after_failure: true, ..CHECKING },
    Behaviour { name: "may, weakens", weakens: true, ..CHECKING },
    Behaviour { name: "encrypt", ..ENCRYPT },
    Behaviour { name: "encrypt, SNI", sni: Sni::Always, ..ENCRYPT },
    Behaviour { name: "encrypt, weakens", ..WEAKENS },
    Behaviour { name: "encrypt, weakens, no SNI", sni: Sni::Never, told_apart: OWN_ONLY, ..WEAKENS },
    Behaviour { name: "verify", told_apart: NAMED, ..VERIFY },
    Behaviour { name: "verify, no SNI", sni: Sni::Never, ..VERIFY },
    Behaviour { name: "verify, chain only, no SNI", chain_only: true, sni: Sni::Never, told_apart: OWN_ONLY, ..VERIFY },
    Behaviour { name: "dane", ..DANE },
    Behaviour { name: "dane, ut encrypted", walks: [Policy::Dane, Policy::Encrypt], ..DANE },
    Behaviour { name: "dane, ut verified", walks: [Policy::Dane, Policy::Verify], ..DANE },
    Behaviour { name: "dane-only", policy: Policy::DaneOnly, walks: [Policy::DaneOnly, Policy::DaneOnly], ..DANE },
    Behaviour { name: "mta-sts", ..STS },
    Behaviour { name: "mta-sts, fetches", fetches: true, ..STS },
    Behaviour { name: "mta-sts, ut verified", walks: STRICT_STS, ..STS },
    Behaviour { name: "mta-sts, ut verified, fetches", walks: STRICT_STS, fetches: true, ..STS },
    Behaviour { name: "mta-sts, connects", ..STS_CONNECTS },
    Behaviour { name: "mta-sts, connects, ut verified", walks: STRICT_STS, told_apart: NAMED, ..STS_CONNECTS },
    Behaviour { name: "mta-sts, connects, ut verified, fetches", walks: STRICT_STS, fetches: true, ..STS_CONNECTS },
    Behaviour { name: "mta-sts, lazy", late: 1, ..STS },
    Behaviour { name: "mta-sts, lazy, connects, fetches", late: 1, fetches: true, ..STS_CONNECTS },
    Behaviour { name: "mta-sts, overrides dane", asks_tlsa: true, ..STS },
    Behaviour { name: "dane+mta-sts", lists_three: true, ..BOTH },
    Behaviour { name: "dane+mta-sts, avoids 3", ..BOTH },
];

impl Behaviour {
    /// Whether the verdict can tell it apart even if it never has to give up a refusal.
    pub fn is_told_unweakened(&self) -> bool {
        !self.weakens || self.sni == Sni::Never || self.policy == Policy::May
    }
}

# The report in English. Line breaks within a text mean nothing: the report wraps its lines itself.

title = Email Security Test of { $domain }
subject = Auto: Email Security Test of { $domain }: { $policy }

## The answer

answer-none = In the attempts seen, mail from { $domain } travels in clear text,
    although the receiving server offered encryption: whoever is on the way can read and change it.
answer-may = In the attempts seen, mail from { $domain } is encrypted on its way only as long as nobody interferes:
    whoever is on the way can switch the encryption off or pretend to be the recipient's server, and read and change it.
answer-encrypt = In the attempts seen, mail from { $domain } is always encrypted on its way, but to whichever server
    answers: whoever is on the way can pretend to be the recipient's server, and read and change it.
answer-verify = In the attempts seen, mail from { $domain } is encrypted on its way and only goes to servers that prove
    their name by a certificate, but whoever can forge the recipient's DNS can still lead it to a server of theirs.
answer-dane = In the attempts seen, mail from { $domain } is encrypted on its way and only goes to the right server,
    wherever the recipient's domain says by signed DNS records (DANE) which one that is.
answer-dane-only = In the attempts seen, mail from { $domain } is encrypted on its way and only goes to servers that the
    recipient's domain proves to be the right ones by signed DNS records (DANE); other domains get no mail.
answer-mta-sts = In the attempts seen, mail from { $domain } is encrypted on its way and only goes to the right server,
    wherever the recipient's domain says by a published policy (MTA-STS) which one that is.
answer-dane-mta-sts = In the attempts seen, mail from { $domain } is encrypted on its way and only goes to the right server,
    wherever the recipient's domain says by signed DNS records (DANE) or by a published policy (MTA-STS) which one that is.
answer-undetermined = In the attempts seen, mail from { $domain } did not show clearly enough how it is protected on its way.
answer-clear = At first, however, it was offered in clear text where encryption seemed to be missing.
answer-rating = Rating: { $rating }.
answer-unrated = Rating: none, as the result is undetermined.

rating-bad = bad
rating-weak = weak
rating-fair = fair
rating-good = good
rating-very-good = very good
rating-missing = none

## Connection history

history = Connection History
history-note = All times are in UTC, dates are month.day.year. Server is the number of the test server met, then come
    the transport and how far the connection came (None, SniSeen, TlsStarted, Mail or Acked).
history-empty = No connection was seen.
history-line = (Server { $server }, { $transport }, { $status }{ $shared })
history-shared = , shared
history-shared-note = A connection marked as shared ended before the sender gave its address, so it may belong to another
    message from the same place.
history-more = ({ $count } more in the attached file)
history-from = From: { $from }
history-to = To: { $to }
history-signatures = Signatures: { $signatures }
history-null-sender = (empty)
transport-plain = plain text
transport-encrypted = encrypted
server-unknown = unknown

## Analysis of sending

sending = Analysis Sending of Email
sending-none = A message was sent in clear text to a server that offered STARTTLS, and STARTTLS was never used in the
    attempts seen. So the sender does not encrypt (in Postfix's words: none), rated { $rating }.
sending-may = Messages were sent encrypted where that was offered, and in clear text or to servers with any certificate
    otherwise. So in the attempts seen the sender uses opportunistic TLS as in RFC 7435 (in Postfix's words: may),
    rated { $rating }.
sending-encrypt = Messages were sent encrypted only, but servers with any certificate got one. So in the attempts seen the
    sender requires TLS without checking certificates (in Postfix's words: encrypt), rated { $rating }.
sending-verify = Only servers with a trusted certificate for their name got a message. So in the attempts seen the sender
    requires TLS with certificate checks (in Postfix's words: verify or secure), rated { $rating }.
sending-dane = Only servers whose certificates are valid by RFC 7672 got a message at the domain that publishes TLSA
    records. So in the attempts seen the sender uses RFC 7672 (in Postfix's words: dane), rated { $rating }.
sending-dane-only = Only servers whose certificates are valid by RFC 7672 got a message, and the domain without TLSA
    records got none. So in the attempts seen the sender requires RFC 7672 everywhere (in Postfix's words: dane-only),
    rated { $rating }.
sending-mta-sts = Only servers that the MTA-STS policy names, with trusted certificates for their names, got a message. So
    in the attempts seen the sender uses RFC 8461 (MTA-STS), rated { $rating }.
sending-dane-mta-sts = Only the server whose certificate is valid both by RFC 7672 and by the MTA-STS policy got a message.
    So in the attempts seen the sender enforces RFC 7672 (DANE) and RFC 8461 (MTA-STS) together, rated { $rating }.
sending-undetermined = What was seen does not lead to one policy, so there is no rating.
sending-supported = Deliveries alone leave more than one policy; the sender's look-ups in the DNS, its fetches of the
    MTA-STS policy or its own TLS reports chose among them.

undetermined-candidates = It may be one of these: { $policies }.
undetermined-contradictory = It fits none of the known policies: several servers with different settings may be at work.
undetermined-waiting = What is missing is an answer of server { $servers }, which would have told them apart, or which was
    never met.
undetermined-attempts = { $attempts ->
    [one] One attempt was seen, { $started } to { $ended } UTC.
   *[other] { $attempts } attempts were seen from { $started } to { $ended } UTC.
    }
undetermined-open = The test is not over: more attempts are awaited.
undetermined-expired = Since then the sender has not tried again.
undetermined-patience = Further attempts of the same message would hardly have brought more, so it was accepted.
undetermined-et = The test address at et was not written to as far as can be seen.
undetermined-ut = The test address at ut was not written to as far as can be seen.
undetermined-gap = Evidence was lost from { $from } to { $until } UTC ({ $what }).
gap-connections = connections
gap-queries = DNS queries

policy-none = none (no encryption)
policy-may = may (opportunistic TLS)
policy-encrypt = encrypt (TLS, any certificate)
policy-verify = verify (TLS, trusted certificate)
policy-dane = dane (RFC 7672)
policy-dane-only = dane-only (RFC 7672 everywhere)
policy-mta-sts = mta-sts (RFC 8461)
policy-dane-mta-sts = dane and mta-sts (RFC 7672 and RFC 8461)
policy-undetermined = undetermined

servers = The servers, and what became of messages to them:
servers-line = Server { $server } ({ $properties }): { $state }
server-no-sni = reached without SNI
server-self-signed = self-signed certificate
server-ca = certificate of a public authority
server-tlsa-valid = valid TLSA records
server-tlsa-invalid = invalid TLSA records
server-tlsa-none = no TLSA records
server-in-policy = in the MTA-STS policy
server-not-in-policy = not in the MTA-STS policy
server-no-policy = no MTA-STS policy
state-accepted = accepted
state-refused = refused
state-passed-over = passed over
state-open = no answer seen
state-clear = in clear text

plaintext-et-refused = Without STARTTLS, no message was offered to et, the domain that publishes TLSA records and an
    MTA-STS policy, in the attempts seen, rated { $rating }.
plaintext-et-sent = Without STARTTLS, a message was offered in clear text to et, the domain that publishes TLSA records and
    an MTA-STS policy, rated { $rating }.
plaintext-et-unseen = No attempt without STARTTLS was seen at et, the domain that publishes TLSA records and an MTA-STS
    policy, so there is no rating.
plaintext-ut-refused = Without STARTTLS, no message was offered to ut, the domain that publishes neither, in the attempts
    seen, which is often the administrator's own setting, rated { $rating }.
plaintext-ut-sent = Without STARTTLS, a message was offered in clear text to ut, the domain that publishes neither,
    rated { $rating }.
plaintext-ut-unseen = No attempt without STARTTLS was seen at ut, the domain that publishes neither, so there is no rating.

reasons = How that follows, step by step:
reason-step = { $seen }.
reason-excludes = { $seen }; this rules out { $policies }.
reason-clear-et = Without STARTTLS, mail was offered in clear text to et
reason-clear-ut = Without STARTTLS, mail was offered in clear text to ut
reason-left-et = Without STARTTLS, the sender left et without offering mail
reason-left-ut = Without STARTTLS, the sender left ut without offering mail
reason-clear-although-offered-et = Mail was offered in clear text to et although STARTTLS was there
reason-clear-although-offered-ut = Mail was offered in clear text to ut although STARTTLS was there
reason-never-starttls = STARTTLS was there and was never used
reason-starttls = STARTTLS was used
reason-accepted = Server { $server } was accepted
reason-refused = Server { $server } was refused
reason-accepted-issued = Server { $server } was accepted with a certificate that an authority issued for another name
reason-refused-issued = Server { $server } was refused with a certificate that an authority issued for another name
reason-accepted-self-signed = Server { $server } was accepted with a self-signed certificate
reason-refused-self-signed = Server { $server } was refused with a self-signed certificate
reason-refused-later = Server { $server } was refused after it had been accepted
reason-no-sni = No server of et was named in the handshake (SNI), where all share an address
reason-no-sni-own-address = A server of et was not named in the handshake (SNI)
reason-passed-over = Server { $server } was passed over where it was next in order
reason-at-ut = The sender came to ut
reason-never-at-ut = Mail went to et, and nothing came to ut
reason-policy-reported = The sender's own TLS report names the kind of policy, of those that deliveries leave
reason-policy-known = The sender itself asked for the MTA-STS policy, which deliveries leave among others

beside = Seen beside the deliveries; it shows what the sender asks for, and proves no delivery:
beside-line = { $what }: { $count ->
    [one] once, { $first } UTC
   *[other] { $count } times, { $first } to { $last } UTC
    }, by { $who }
beside-fetch = fetch of the MTA-STS policy
beside-report = TLS report on this time (RFC 8460)
beside-do = { $count } with DO
beside-cd = { $count } with CD
beside-shared = perhaps by somebody else

findings = Findings:
finding-rfc = (RFC { $rfc })
finding-evidence = Evidence: { $evidence }
finding-plaintext-although-offered = In the attempts seen, mail was sent in clear text although the server offered
    STARTTLS.
finding-plaintext-after-tls-failure = After a TLS handshake failed, mail was sent in clear text.
finding-opportunistic-sni = The sender names the mail server in the handshake (SNI), yet takes any certificate.
finding-opportunistic-verifying = Certificates are checked where TLS is offered, but without TLS mail is sent in clear
    text, so the check protects nothing.
finding-weakens-on-retry = A certificate was refused at first, and any certificate taken on a later attempt.
finding-verify-without-sni = Certificates are checked, but the mail server is not named in the handshake (SNI), so servers
    with several names cannot show the right one.
finding-chain-only = A certificate issued for another name was taken after a self-signed one had been refused: only its
    issuer is checked, or the check is given up on a retry.
finding-plaintext-ut-only = Mail to the domain that publishes no policy was sent in clear text when TLS was withheld; mail
    to the domain that publishes one was not.
finding-ut-not-addressed = Only a mail to the second address as well can show whether TLS is also required where no TLSA
    records exist.
finding-et-not-addressed = Only a mail to the first address as well can show which certificates are taken.
finding-sts-refused-after-connect = The sender connects to a host outside the MTA-STS policy and only then turns away,
    instead of leaving it out.
finding-sts-lazy = A first attempt was made before the MTA-STS policy was known, and without its protection.
finding-sts-overrides-dane = The sender asks for TLSA records, yet took a certificate that they do not match: MTA-STS must
    not override DANE.
finding-dane-and-sts = Both DANE and MTA-STS have to be satisfied before this sender delivers.
finding-tls-too-old = A handshake failed since the sender has no TLS version or cipher suite in common with TLS 1.2 and
    1.3.
finding-window-unseen = No attempt was seen while TLS was withheld, so nothing is known of clear text to the first domain.
finding-three-unproven = Servers 4, 5 and 6 have answered, but whether server 3 is avoided or was only never reached is
    not proven.
finding-all-refused = Every certificate was refused, the right one too: no mail can be delivered to such servers.
finding-bare-line-end = Lines were sent that do not end with CRLF, by which messages can be smuggled past filters; they were
    refused.
finding-foreign-connections = Others sent under this address as well, from hosts that could not prove that they may; what they did
    counts for nothing.
finding-contradictory = What was seen fits no known behaviour: several mail servers with different settings may be at
    work.
finding-tlsrpt-confirms = The sender's own TLS report (RFC 8460) agrees with what was seen.
finding-tlsrpt-contradicts = The sender's own TLS report (RFC 8460) says otherwise than what was seen.

## Analysis of reception

receiving = Analysis Reception of Email
receiving-of = How { $domain } receives mail:
receiving-later = The reception of mail by { $domain } is checked when the test is over.
receiving-missing = The reception of mail by { $domain } was not checked.
receiving-null-mx = { $domain } says that it receives no mail (null MX, RFC 7505).
receiving-no-mx = No mail server of { $domain } was found.
mx-server = Mail server
mx-addresses = Addresses
mx-root-issuer = Root certificate issuer
mx-dnssec = DNSSEC
mx-starttls = STARTTLS
mx-tls-version = TLS version
mx-forward-secrecy = Forward secrecy
mx-certificate = Certificate
mx-tlsa = Matches TLSA
mx-mta-sts = MTA-STS
mx-caa = CAA
mx-error = Trouble
nothing = -
dnssec-mx = Mx
dnssec-a = A
dnssec-tlsa = Tlsa
dnssec-bogus = { $name } bogus
dnssec-unknown = { $name } unknown
dnssec-none = None
starttls-absent = Absent
starttls-optional = SuccessOptional
starttls-required = SuccessRequired
starttls-failed = Failed
starttls-unknown = Unknown
trust-trusted = Trusted
trust-untrusted = Untrusted
trust-expired = Expired
trust-name-mismatch = NameMismatch
trust-unknown = Unknown
cell-pass = Ok
cell-fail = Fail
cell-unknown = Unknown
cell-not-applicable = -
mark-pass = pass
mark-fail = fail
mark-unknown = unknown
mark-not-applicable = not applicable
mark-qualified = Qualified transport encryption
mark-dane = RFC 7672 SMTP-DANE
mark-sts = RFC 8461 MTA-STS
mark-tlsrpt = RFC 8460 TLSRPT
mark-spf = RFC 7208 SPF
mark-dmarc = RFC 7489 DMARC
colour = Colour
colour-red = red (no encryption)
colour-yellow = yellow (encryption without trusted certificates)
colour-white = white (valid certificates)
colour-green = green (SMTP-DANE or qualified transport encryption)
colour-grey = grey (see the remarks)
remarks = Remarks:
networks = Networks behind the addresses:
network-line = { $name }, { $owner }, { $country }: { $addresses }

## Advice

advice = What to Do Next
advice-none = Let the mail server of { $domain } encrypt. In Postfix, set smtp_tls_security_level = dane together with
    smtp_dns_support_level = dnssec, and let it use a validating resolver on the same machine (unbound, for instance); then
    mail is encrypted wherever that is offered, and protected where the recipient publishes TLSA records. In Exim, remove
    hosts_avoid_tls and set hosts_try_dane = * in the smtp transport.
advice-may = Let the mail server of { $domain } check whom it talks to. In Postfix, set smtp_tls_security_level = dane and
    smtp_dns_support_level = dnssec, with a validating resolver on the same machine (unbound, for instance); in Exim, set
    hosts_try_dane = * in the smtp transport. For recipients with MTA-STS, add a policy service such as postfix-tlspol to
    smtp_tls_policy_maps.
advice-encrypt = Requiring encryption keeps listeners out, but not impostors. In Postfix, set smtp_tls_security_level =
    dane and smtp_dns_support_level = dnssec, with a validating resolver on the same machine, and keep encrypt, or better
    secure, for single domains in smtp_tls_policy_maps. For recipients with MTA-STS, add a policy service such as
    postfix-tlspol.
advice-verify = Checking certificates everywhere is strong, yet an attacker who forges the DNS can name a server of his
    own. In Postfix, prefer smtp_tls_security_level = dane with smtp_dns_support_level = dnssec and a validating resolver
    on the same machine, and in smtp_tls_policy_maps keep secure for domains that you know.
advice-dane = Nothing has to be done for recipients with DANE. For those that have MTA-STS only, a policy service such as
    postfix-tlspol can be added to smtp_tls_policy_maps; see to it that MTA-STS never overrides DANE (RFC 8461 2).
advice-dane-only = Nothing has to be done for recipients with DANE. Most domains have no TLSA records and cannot be reached
    with this setting; where that is not meant, set smtp_tls_security_level = dane in Postfix, and keep dane-only for
    single domains in smtp_tls_policy_maps.
advice-mta-sts = Nothing has to be done for recipients with MTA-STS. Add DANE, which needs no first contact on trust: in
    Postfix, smtp_tls_security_level = dane, smtp_dns_support_level = dnssec and a validating resolver on the same machine;
    where a recipient has both, DANE decides (RFC 8461 2).
advice-dane-mta-sts = Nothing has to be done.
advice-undetermined = Send another mail to both test addresses, in one message, from the same mail service, and let it try
    for as long as it likes; if it reports that the mail could not be delivered yet, that is part of the test.
advice-plaintext-although-offered = Find out why STARTTLS is not always used where it is offered: in Postfix, look into
    smtp_tls_policy_maps and smtp_discard_ehlo_keywords; in Exim, into hosts_avoid_tls.
advice-plaintext-after-tls-failure = Let a failed handshake put the mail off instead of sending it in clear text: in Exim,
    tls_tempfail_tryclear = false; in Postfix, encrypt or stronger.
advice-opportunistic-sni = Naming the mail server in the handshake protects nothing by itself: let its certificate be
    checked, too, wherever the recipient says by DANE or MTA-STS what it has to be.
advice-opportunistic-verifying = Where certificates are checked, let TLS be required as well, so that nobody can switch the
    check off by hiding STARTTLS.
advice-chain-only = Let the name in the certificate be checked as well as its issuer: in Postfix,
    smtp_tls_verify_cert_match = hostname; in Exim, tls_verify_cert_hostnames = *.
advice-plaintext-ut-only = Mail to domains that publish nothing may still leave in clear text. To forbid that for partners that you
    know, require encryption for them, in Postfix by encrypt or secure in smtp_tls_policy_maps.
advice-sts-refused-after-connect = Leave mail servers out that the MTA-STS policy does not name: in Postfix,
    smtp_tls_enforce_sts_mx_patterns = yes (3.10.5 and 3.11).
advice-sts-lazy = A mail went out before the MTA-STS policy was known: see to it that the first attempt is protected as later
    ones are, by looking the policy up before connecting.
advice-dane-and-sts = Nothing is wrong with that; but a recipient whose DANE and MTA-STS do not agree gets no mail.
advice-window-unseen = Send another mail, an hour or more after this one has been delivered, so that its first attempt can be
    seen as well.
advice-all-refused = Look into the log of the sender for why even the right certificate was refused: its list of trusted
    authorities, its clock or its resolver may be at fault.
advice-bare-line-end = Let the program that writes the messages end every line with CRLF (RFC 5321 2.3.8).
advice-foreign-connections = Let SPF or DKIM prove every mail server that may send under this address, and forbid the others.
advice-contradictory = If mail leaves by several servers or services, give all of them the same settings, or test each by a
    sender of its own.
advice-tlsrpt-contradicts = Compare the report with the history above: other servers of the same organisation may have other
    settings.
advice-sts-overrides-dane = MTA-STS overrides DANE in this sender, against RFC 8461 2: change the order in the policy
    service, or use one that leaves domains with TLSA records alone.
advice-tls-too-old = The sender's TLS library is outdated; update it, so that TLS 1.2 and 1.3 can be used.
advice-weakens-on-retry = See to it that a failed certificate check is not given up on a retry.
advice-verify-without-sni = Let the mail server name the host in the handshake (SNI); in Postfix: smtp_tls_servername =
    hostname (3.4 and later).
advice-inbound-red = For receiving: switch STARTTLS on at every mail server of { $domain }.
advice-inbound-yellow = For receiving: give every mail server of { $domain } a certificate that is trusted, for its own
    name.
advice-inbound-dane = For receiving: sign the zones of { $domain } and of its mail servers with DNSSEC, and publish TLSA
    records (3 1 1) for every mail server, so that senders with DANE can check it.
advice-inbound-sts = For receiving: publish an MTA-STS policy for { $domain } that names every mail server, with a trusted
    certificate on each, so that senders with MTA-STS can check it.
advice-inbound-unknown = For receiving: not everything could be found out this time; try again later.
advice-inbound-none = For receiving, nothing has to be done.

## Evidence

evidence = Evidence
evidence-file = The attached file { $file } holds all that this report rests on: every connection, DNS query, policy
    fetch and TLS report with its number and time, as JSON. Mail addresses are shortened in it. The number of this test is { $id }.
evidence-operator = This message was made by a machine; answers to it are read by the operator of the test.

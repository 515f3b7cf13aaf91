//! Every limit that the configuration does not set, in one place.

use std::time::Duration;

/// Octets of a command line, CRLF included (RFC 5321 4.5.3.1.4 with room for extensions).
pub const COMMAND_LINE: usize = 4096;
/// Octets of a text line before it is noted as an oddity (RFC 5321 4.5.3.1.6).
pub const TEXT_LINE: usize = 1000;
/// Octets before the `@` of a recipient (RFC 5321 4.5.3.1.1).
pub const LOCAL_PART: usize = 64;
/// Octets of an address whose local part is longer than that (RFC 5321 4.5.3.1.3, without the brackets).
pub const ADDRESS: usize = 254;
/// Octets of a message, as announced with SIZE (RFC 1870).
pub const MESSAGE: usize = 256 * 1024;
/// Recipients of a transaction (RFC 5321 4.5.3.1.8).
pub const RECIPIENTS: usize = 100;
/// Recipients kept in a connection's record.
pub const RECIPIENTS_NOTED: usize = 10;
/// Parameters of MAIL kept in a connection's record, each of `NOTED_TEXT` characters at most.
pub const PARAMETERS: usize = 10;
/// Error replies in a session before it is closed.
pub const SESSION_ERRORS: usize = 20;
/// Commands in a session before it is closed.
pub const SESSION_COMMANDS: usize = 1000;
/// Greetings in clear text in a session before it is closed: under each name the client may be another origin.
pub const SESSION_GREETINGS: usize = 5;
/// Mail transactions in a session before it is closed.
pub const SESSION_TRANSACTIONS: usize = 20;
/// Wait for the next command (RFC 5321 4.5.3.2.7).
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(300);
/// Wait for the next piece of a message (RFC 5321 4.5.3.2.8).
pub const DATA_TIMEOUT: Duration = Duration::from_secs(180);
/// Wait for each half of a TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest session.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(1800);
/// Time for what is under way when the appliance stops: a message being judged or relayed.
pub const STOP_GRACE: Duration = Duration::from_secs(10);
/// Time for a client to take a reply.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for a client to close after our last reply, so that it surely reads it.
pub const LAST_WORDS: Duration = Duration::from_secs(5);
/// The longest pause after a connection could not be accepted, for want of file descriptors say.
pub const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// Octets read from a client at once.
pub const READ: usize = 4096;
/// Octets of a ClientHello that are kept to be read.
pub const CLIENT_HELLO: usize = 16 * 1024;
/// Protocol versions of a ClientHello kept in a connection's record.
pub const HELLO_VERSIONS: usize = 16;
/// Cipher suites of a ClientHello kept in a connection's record.
pub const HELLO_SUITES: usize = 64;
/// Key exchange groups of a ClientHello kept in a connection's record.
pub const HELLO_GROUPS: usize = 32;
/// Signature schemes of a ClientHello kept in a connection's record.
pub const HELLO_SCHEMES: usize = 64;
/// Characters of an EHLO name, SNI or similar text in a record.
pub const NOTED_TEXT: usize = 255;
/// Characters of a User-Agent in a record.
pub const AGENT: usize = 200;
/// DKIM signatures looked at in a message.
pub const SIGNATURES: usize = 10;
/// Fields in the head of a message whose signatures are verified.
pub const HEADER_FIELDS: usize = 500;
/// Names of signed fields in a signature that is verified.
pub const SIGNED_NAMES: usize = 100;
/// `Received` lines beyond which a message is in a loop.
pub const RECEIVED: usize = 30;
/// SMTP connections a second from one client network in the long run, and at once; more are turned away.
pub const SMTP_RATE: (u32, u32) = (10, 500);
/// Messages that are received or judged at one time, so that they take no more memory than a few times `MESSAGE` each.
pub const MESSAGES: usize = 100;
/// The same of one client network, waiting ones included.
pub const MESSAGES_PER_NETWORK: usize = 10;
/// Clients with a message under way or waiting for room, in all.
pub const MESSAGE_SENDERS: usize = 400;
/// Wait for room for a message, before the client is asked for it (RFC 5321 4.5.3.2.4: it waits two minutes).
pub const ROOM_TIMEOUT: Duration = Duration::from_secs(90);
/// Time for a whole message.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(600);
/// Wait for the next command, or piece of a message, while most places are taken, or most of the room for messages. It
/// is looked as often whether they are, by those who wait already.
pub const SCARCE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for a whole message then.
pub const SCARCE_MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);
/// Octets of a UDP answer (DNS flag day 2020).
pub const UDP_ANSWER: usize = 1232;
/// Idle time of a DNS connection over TCP (RFC 7766 6.2.3).
pub const DNS_TCP_IDLE: Duration = Duration::from_secs(10);
/// The same while most places are taken. It is looked as often whether they are, by those who wait already.
pub const DNS_TCP_SCARCE: Duration = Duration::from_secs(2);
/// Octets that the system keeps for a DNS connection over TCP, received and to be sent each.
pub const DNS_TCP_BUFFER: usize = 64 * 1024;
/// DNS connections over TCP from one client network.
pub const DNS_TCP_PER_NETWORK: usize = 20;
/// HTTPS connections in all.
pub const WEB_CLIENTS: usize = 500;
/// Octets of an HTTP request's head.
pub const WEB_HEAD: usize = 8 * 1024;
/// HTTPS connections from one client network.
pub const WEB_CLIENTS_PER_NETWORK: usize = 50;
/// Time for an HTTP connection.
pub const WEB_TIMEOUT: Duration = Duration::from_secs(30);
/// Octets of a line on the control socket.
pub const CONTROL_LINE: usize = 1024 * 1024;
/// Octets of an answer on the control socket: an export of a test is the largest.
pub const CONTROL_ANSWER: usize = 64 * 1024 * 1024;
/// Time for which a client of the control socket may be silent.
pub const CONTROL_IDLE: Duration = Duration::from_secs(60);
/// Time for an answer on the control socket: certificates may have to be fetched.
pub const CONTROL_TIMEOUT: Duration = Duration::from_secs(600);
/// Clients of the control socket.
pub const CONTROL_CLIENTS: usize = 16;
/// Octets of a fetched policy or other page (RFC 8461 3.3).
pub const FETCH_BODY: usize = 64 * 1024;
/// Addresses of a host that a fetch tries.
pub const FETCH_ADDRESSES: usize = 4;
/// Time for a fetch.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for one question to the DNS, all tries at all resolvers together.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a look-up with its aliases and its chain of trust.
pub const VALIDATION_TIMEOUT: Duration = Duration::from_secs(20);
/// Recursive resolvers that are asked.
pub const RESOLVERS: usize = 3;
/// Aliases followed in a look-up (RFC 1034 5.2.2).
pub const ALIASES: usize = 8;
/// Answers of the DNS that are kept.
pub const DNS_CACHE: usize = 8192;
/// Reverse names of an address that are confirmed.
pub const REVERSE_NAMES: usize = 5;
/// Time for an outgoing TCP connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Wait for a reply of a foreign SMTP server (RFC 5321 4.5.3.2, shortened for probes).
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// Octets of a reply of a foreign SMTP server.
pub const REPLY: usize = 16 * 1024;
/// MX hosts of a domain that are looked at.
pub const MX_HOSTS: usize = 10;
/// Addresses of a domain's MX hosts that are looked at.
pub const MX_ADDRESSES: usize = 20;
/// TLSA records of a host that are looked at.
pub const TLSA_RECORDS: usize = 20;
/// MTA-STS policies of other domains that are kept in memory.
pub const STS_POLICIES: usize = 1000;
/// Wait for the reply to a message sent (RFC 5321 4.5.3.2.6).
pub const MESSAGE_REPLY_TIMEOUT: Duration = Duration::from_secs(600);
/// Wait for the reply to QUIT; the connection is closed in any case.
pub const QUIT_TIMEOUT: Duration = Duration::from_secs(5);
/// Events waiting to be committed before observations are dropped and a gap is noted.
pub const EVENT_QUEUE: usize = 16 * 1024;
/// Writes that share one commit of the journal.
pub const GROUP_COMMIT: usize = 1024;
/// The least time from the beginning of one commit to that of the next; a client waits as long for its reply, at most.
pub const COMMIT_PAUSE: Duration = Duration::from_millis(10);
/// Octets of one commit to the journal, events and values together.
pub const STORED: usize = 16 * 1024 * 1024;
/// Octets of an exported test that is read again.
pub const EXPORT: u64 = 64 * 1024 * 1024;
/// Events that are forgotten in one commit.
pub const SWEEP: usize = 4096;
/// Open tests.
pub const OPEN_TESTS: usize = 10_000;
/// Open tests that clients of one network sent to, so that nobody takes all the room there is.
pub const OPEN_TESTS_PER_NETWORK: usize = 1000;
/// Ended tests that are remembered, so that late copies of their messages are known.
pub const ENDED_TESTS: usize = 10_000;
/// Origins that are remembered.
pub const ORIGINS: usize = 20_000;
/// Origins of one network, where no reverse name is confirmed: a client can greet under any number of names.
pub const ORIGINS_PER_NETWORK: usize = 200;
/// Connections without a sender that are kept, of all origins together.
pub const SHARED_CONNECTIONS: usize = 50_000;
/// Latest DNS queries, and policy fetches, that are kept for tests yet to begin.
pub const SIGHTINGS: usize = 2_000;
/// DNS queries and policy fetches that are noted a second from one network in the long run, and at once.
pub const SIGHTING_RATE: (u32, u32) = (5, 300);
/// The same from all networks together.
pub const SIGHTING_RATE_IN_ALL: (u32, u32) = (50, 5_000);
/// Networks whose evidence was lost that are told apart at one time.
pub const GAP_NETWORKS: usize = 1_000;
/// Confirmed reverse names that are kept for when the DNS does not answer.
pub const NAMES_KEPT: usize = 10_000;
/// How long they are kept.
pub const NAME_KEPT: Duration = Duration::from_secs(20 * 3600);
/// Reverse names of those who fetched a policy that are looked up at one time.
pub const REVERSE_LOOKUPS: usize = 50;
/// MX orders that are kept for the tests they were in force for.
pub const ORDERS: usize = 5_000;
/// Gaps in the evidence that are kept.
pub const GAPS: usize = 1_000;
/// Connections of one test that are kept; later ones are counted, not kept.
pub const TEST_CONNECTIONS: usize = 500;
/// Connections that are kept of all tests together; beyond it of one test `TEST_CONNECTIONS_WHEN_FULL` only.
pub const OWN_CONNECTIONS: usize = 100_000;
/// See `OWN_CONNECTIONS`.
pub const TEST_CONNECTIONS_WHEN_FULL: usize = 20;
/// Queries and fetches of one test that are kept.
pub const TEST_QUERIES: usize = 500;
/// Connections that the text of a report shows; its JSON has all.
pub const REPORT_CONNECTIONS: usize = 100;
/// Pieces of evidence that the text of a report names for one finding, and gaps that it names; its JSON has all.
pub const REPORT_EVIDENCE: usize = 10;
/// Octets of evidence that a result mail spreads over lines; beyond, it is on one line.
pub const EVIDENCE_SPREAD: usize = 256 * 1024;
/// Result mails under way at a time.
pub const MAIL_SENDERS: usize = 20;
/// Result mails under way to one domain at a time.
pub const MAIL_PER_DOMAIN: usize = 2;
/// Characters of an explanation kept with a result mail.
pub const MAIL_TROUBLE: usize = 1000;
/// Result mails waiting.
pub const MAIL_QUEUE: usize = 10_000;
/// How long a result mail is tried.
pub const MAIL_LIFETIME: Duration = Duration::from_secs(2 * 24 * 3600);
/// Octets of a TLS report as it comes, packed or not.
pub const TLS_REPORT: usize = 256 * 1024;
/// Octets of a TLS report when it is unpacked.
pub const TLS_REPORT_UNPACKED: usize = 1024 * 1024;
/// Policies in a TLS report.
pub const TLS_REPORT_POLICIES: usize = 50;
/// Failure details that are kept of a TLS report; as many MX hosts that its policies name.
pub const TLS_REPORT_DETAILS: usize = 20;
/// The longest time that a TLS report is about: a day as a rule (RFC 8460 4.1), a week and a little with some senders.
pub const TLS_REPORT_RANGE: Duration = Duration::from_secs(8 * 24 * 3600);
/// How far in the future the time of a TLS report may end, for clocks differ.
pub const TLS_REPORT_AHEAD: Duration = Duration::from_secs(24 * 3600);
/// How long after the end of that time a TLS report is taken.
pub const TLS_REPORT_LATE: Duration = Duration::from_secs(14 * 24 * 3600);
/// TLS reports a minute from one client network in the long run, and at once.
pub const TLS_REPORT_RATE: (u32, u32) = (10, 30);
/// The same from all networks together.
pub const TLS_REPORT_RATE_IN_ALL: (u32, u32) = (60, 300);
/// TLS reports that are read at one time.
pub const TLS_REPORT_READERS: usize = 20;
/// TLS reports of one organisation that are taken in a day; those that prove it apart from those that do not.
pub const TLS_REPORTS_PER_DAY: usize = 20;
/// How long TLS reports are remembered for tests that run, or for when they come again.
pub const TLS_REPORT_KEPT: Duration = Duration::from_secs(3 * 24 * 3600);
/// Authenticated TLS reports that are remembered.
pub const TLS_REPORTS: usize = 1_000;
/// TLS reports that are not authenticated and are remembered.
pub const TLS_REPORTS_UNPROVEN: usize = 200;
/// Authenticated TLS reports that one test has.
pub const TEST_TLS_REPORTS: usize = 10;
/// TLS reports that are not authenticated and that one test has: anybody can send them.
pub const TEST_TLS_REPORTS_UNPROVEN: usize = 3;
/// Octets of a zone file of the operator.
pub const ZONE_FILE: u64 = 1024 * 1024;
/// Octets of the configuration file.
pub const CONFIG_FILE: u64 = 256 * 1024;
/// Threads that answer DNS over UDP, each with a socket of its own at every address.
pub const DNS_WORKERS: usize = 8;
/// Datagrams that are received, and answers that are sent, at once.
pub const DNS_BATCH: usize = 64;
/// Batches that one socket has answered before the others have their turn.
pub const DNS_BATCHES: usize = 16;
/// Octets of the server's name in an answer (RFC 5001), so that every answer without records fits into 512.
pub const DNS_IDENTITY: usize = 128;
/// How many times `dns.rate_limit` all answers to one client network over UDP may be, so that no number of different
/// names makes an amplifier.
pub const DNS_RATE_IN_ALL: u32 = 20;
/// Allowances that limit answers. Two that happen to share one are both slowed down; in return the memory does not grow
/// with the number of networks, which are easily forged.
pub const DNS_ALLOWANCES: usize = 1 << 16;
/// Octets of a DNS query over TCP; a longer one ends the connection.
pub const DNS_QUERY: usize = 4096;
/// Octets of a message of a zone transfer, but for one record that is longer.
pub const TRANSFER_MESSAGE: usize = 16 * 1024;
/// Versions of a zone from which the way to the current one is kept, for incremental transfers.
pub const ZONE_VERSIONS: usize = 256;
/// Octets of what is kept for that, of one zone.
pub const ZONE_CHANGES: usize = 4 * 1024 * 1024;
/// Secondaries that are told of each change.
pub const SECONDARIES: usize = 16;
/// Characters of the name of a TSIG key; its file is named after it.
pub const TSIG_NAME: usize = 128;
/// Octets of the secret of a TSIG key; the least is half of SHA-256 (RFC 8945 5.2.2.1).
pub const TSIG_SECRET: (usize, usize) = (16, 512);
/// Wait for the response to a NOTIFY, and pause before the next; the pause doubles up to the longest (RFC 1996 3.6).
pub const NOTIFY_WAIT: Duration = Duration::from_secs(2);
/// See `NOTIFY_WAIT`.
pub const NOTIFY_PAUSE: Duration = Duration::from_secs(1);
/// See `NOTIFY_WAIT`.
pub const NOTIFY_LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Octets of a file of root certificates.
pub const ROOTS_FILE: u64 = 1024 * 1024;
/// Characters of the address of a CA's directory.
pub const ACME_URL: usize = 512;
/// Characters of the name of a CA's profile.
pub const ACME_PROFILE: usize = 64;
/// Octets of one answer of a certificate authority.
pub const ACME_REPLY: usize = 256 * 1024;
/// Time for one request to a certificate authority, from the look-up of its name to the end of the answer.
pub const ACME_REQUEST: Duration = Duration::from_secs(30);
/// Time for one certificate, from the account to the chain.
pub const ACME_ORDER: Duration = Duration::from_secs(15 * 60);
/// The pause before an order is looked at again, first and at most; it doubles. What the CA asks for goes first.
pub const ACME_POLL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The longest wait that a certificate authority can ask for: its limits are by the week.
pub const ACME_WAIT: Duration = Duration::from_secs(7 * 24 * 3600);
/// When to ask again when a certificate is to be renewed: the least and the most (RFC 9773 4.3.1), and when the
/// certificate authority does not say (4.3.3).
pub const ACME_ASK_AGAIN: (Duration, Duration, Duration) = (
    Duration::from_secs(60),
    Duration::from_secs(24 * 3600),
    Duration::from_secs(6 * 3600),
);
/// Authorizations of one order.
pub const ACME_AUTHORIZATIONS: usize = 100;
/// Certificates in the chain that a certificate authority hands out.
pub const ACME_CHAIN: usize = 10;
/// Characters that are kept of what a certificate authority says about a failure.
pub const ACME_DETAIL: usize = 500;
/// How long after a certificate authority gave no advice on renewal it is asked again.
pub const ACME_NO_ADVICE: Duration = Duration::from_secs(24 * 3600);
/// How long after it could not be asked.
pub const ACME_ADVICE_RETRY: Duration = Duration::from_secs(3600);
/// Orders, certificates and failures that are remembered, to stay within the limits of a certificate authority.
pub const ACME_EVENTS: usize = 1000;
/// How far the clock of a certificate authority may be from ours before nothing is ordered.
pub const ACME_SKEW: Duration = Duration::from_secs(3600);
/// How long a name server has to show a new version of our zones.
pub const VISIBLE_WAIT: Duration = Duration::from_secs(120);
/// Octets of the record of all keys' digests, a line of about a hundred for each.
pub const DIGESTS_FILE: u64 = 1024 * 1024;
/// Octets of the record of orders and failures.
pub const LEDGER_FILE: u64 = 1024 * 1024;
/// Octets of a file with a key or a certificate chain.
pub const KEY_FILE: u64 = 64 * 1024;
/// Connections that an inbound check makes to one address.
pub const PROBE_CONNECTIONS: usize = 8;
/// Pause between connections of an inbound check to one address.
pub const PROBE_PAUSE: Duration = Duration::from_secs(2);
/// Time for one connection of an inbound check, from TCP to QUIT.
pub const PROBE_SESSION: Duration = Duration::from_secs(90);
/// Names that the search for CAA records climbs (RFC 8659 3).
pub const CAA_CLIMB: usize = 10;
/// Redirects of SPF records that are followed.
pub const SPF_REDIRECTS: usize = 5;
/// Messages handed on to the operator at one time.
pub const RELAYS: usize = 4;
/// Messages handed on to the operator a minute from one client network in the long run, and at once.
pub const RELAY_RATE: (u32, u32) = (3, 20);
/// The same from all networks together.
pub const RELAY_RATE_IN_ALL: (u32, u32) = (20, 100);
/// How long the inbound check of a domain stands for the next test of a sender there.
pub const PROBE_KEPT: Duration = Duration::from_secs(600);
/// Domains whose inbound check is kept.
pub const PROBES_KEPT: usize = 1000;
/// Results, with the inbound checks for them, that are made at one time.
pub const RESULTS: usize = 20;

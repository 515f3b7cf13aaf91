//! DNSSEC, DKIM and token keys as values, and their store.

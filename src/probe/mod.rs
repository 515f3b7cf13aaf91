//! The inbound check of a domain: plan, run, judge.

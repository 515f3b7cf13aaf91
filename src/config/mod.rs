//! The configuration: a raw file, then validated once.

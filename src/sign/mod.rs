//! Signing of a zone and its encoding to a snapshot; pure.

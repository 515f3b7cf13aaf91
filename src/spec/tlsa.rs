//! tlsa

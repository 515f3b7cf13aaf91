//! Certificates of the servers, current and next.

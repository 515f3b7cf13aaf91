//! The journal: one writer, versioned records.

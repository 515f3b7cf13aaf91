//! The result mail: composed, signed, queued, sent.

//! The result mail: whether there is one, what it looks like, and its way to the recipient.
//!
//! [`gate`] decides (pure), [`compose`] writes and signs (pure), [`queue`] keeps what waits and decides when it is tried
//! and given up (pure), [`send`] makes one attempt. No failure ever leads to a mail about it: the sender is null.

pub mod compose;
pub mod gate;
pub mod queue;
mod record;
pub mod send;
mod sign;

#[cfg(test)]
mod tests;

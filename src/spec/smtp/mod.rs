//! SMTP as a server reads and writes it (RFC 5321 and its extensions): lines, commands, message data, replies.
//!
//! Bytes in, values out. Nothing here keeps a dialogue, knows what a mailbox is for or does I/O; a fault of the
//! client is a value with a name, so that it can be noted.

pub mod command;
pub mod data;
pub mod line;
pub mod reply;

pub use command::{Body, Command, CommandError, ForwardPath, MailFrom};
pub use data::{DataReader, Message};
pub use line::{Flaw, Flaws, Line, LineReader};
pub use reply::Reply;

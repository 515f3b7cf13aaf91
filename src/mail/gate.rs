//! Who gets a result mail, and whose domain may be looked at (RFC 3834 2).

use crate::base::{Domain, Robot, Test};
use std::fmt;

/// Why there is no result mail, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld(pub String);

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the sender of this test may be answered and its domain looked at; `own` are our domains, with all below
/// them. A null sender opens no test, so there is none here.
///
/// # Errors
/// Why not.
pub fn gate(test: &Test, own: &[Domain]) -> Result<(), Withheld> {
    let domain = &test.sender.domain;
    if let Some(own) = own.iter().find(|own| domain.is_within(own)) {
        return Err(Withheld(format!("the sender lies in {own}, which is ours")));
    }
    if let Some(robot) = test.robot {
        return Err(Withheld(robotic(robot).to_owned()));
    }
    if !test.proven {
        return Err(Withheld(format!(
            "the sender is not proven: neither did SPF pass for {domain} nor a DKIM signature of its organisation"
        )));
    }
    Ok(())
}

const fn robotic(robot: Robot) -> &'static str {
    match robot {
        Robot::AutoSubmitted => "the message was submitted by a machine (Auto-Submitted)",
        Robot::List => "the message came from a mailing list or in bulk",
        Robot::Report => "the message is a report of a mail system",
        Robot::Daemon => "the sender's address is one of a mail system",
        Robot::Loop => "the message went through so many servers that it must be in a loop",
    }
}

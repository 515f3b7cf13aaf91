//! The facts of a message on disk.

use super::code::{self, Code};
use super::{Time, Unreadable, read, read_some, write_some};
use crate::base;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct Message {
    message_id: Option<String>,
    date: Option<Time>,
    header_from: Option<String>,
    addressed: Vec<u8>,
    signatures: Vec<String>,
    spf: u8,
    dkim: Vec<(String, u8)>,
    arc: u8,
    dmarc: u8,
    robot: Option<u8>,
}

impl From<&base::MessageFacts> for Message {
    fn from(facts: &base::MessageFacts) -> Self {
        let checks = &facts.authentication;
        Self {
            message_id: facts.message_id.clone(),
            date: facts.date.map(Time::from),
            header_from: write_some(facts.header_from.as_ref()),
            addressed: facts.addressed.iter().map(|zone| zone.code()).collect(),
            signatures: facts.signatures.clone(),
            spf: checks.spf.code(),
            dkim: checks
                .dkim
                .iter()
                .map(|signature| (signature.domain.to_string(), signature.result.code()))
                .collect(),
            arc: checks.arc.code(),
            dmarc: checks.dmarc.code(),
            robot: code::code(facts.robot),
        }
    }
}

impl TryFrom<Message> for base::MessageFacts {
    type Error = Unreadable;

    fn try_from(message: Message) -> Result<Self, Unreadable> {
        Ok(Self {
            message_id: message.message_id,
            date: message.date.map(TryInto::try_into).transpose()?,
            header_from: read_some(message.header_from.as_deref())?,
            addressed: message
                .addressed
                .into_iter()
                .map(Code::decode)
                .collect::<Result<_, _>>()?,
            signatures: message.signatures,
            authentication: base::Authentication {
                spf: Code::decode(message.spf)?,
                dkim: message
                    .dkim
                    .into_iter()
                    .map(|(domain, result)| {
                        Ok(base::DkimResult {
                            domain: read(&domain)?,
                            result: Code::decode(result)?,
                        })
                    })
                    .collect::<Result<_, Unreadable>>()?,
                arc: Code::decode(message.arc)?,
                dmarc: Code::decode(message.dmarc)?,
            },
            robot: code::decode(message.robot)?,
        })
    }
}

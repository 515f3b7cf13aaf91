//! Records of version 1, as they are on disk: apart from the types that the program works with, so that those are free
//! to change.
//!
//! postcard is positional: no field is ever added, removed or moved here, and the variants of [`Event`] only grow at the
//! end. A change of any other kind is a version 2 beside this one.

mod code;
mod connection;
mod message;
mod report;

use crate::base;
use code::Code;
use connection::Connection;
use report::Report;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::net::IpAddr;

/// Why a record cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable(pub(super) String);

impl Unreadable {
    /// A text on disk that is not of its type any more.
    fn because(error: impl Display) -> Self {
        Self(error.to_string())
    }
}

/// Seconds since 1970 and nanoseconds, of one sign.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Time(i64, i32);

impl From<base::Timestamp> for Time {
    fn from(time: base::Timestamp) -> Self {
        Self(time.as_second(), time.subsec_nanosecond())
    }
}

impl TryFrom<Time> for base::Timestamp {
    type Error = Unreadable;

    fn try_from(time: Time) -> Result<Self, Unreadable> {
        Self::new(time.0, time.1).map_err(Unreadable::because)
    }
}

/// Reads a text on disk.
fn read<T>(text: &str) -> Result<T, Unreadable>
where
    T: std::str::FromStr,
    T::Err: Display,
{
    text.parse().map_err(Unreadable::because)
}

/// Reads an optional text on disk.
fn read_some<T>(text: Option<&str>) -> Result<Option<T>, Unreadable>
where
    T: std::str::FromStr,
    T::Err: Display,
{
    text.map(read).transpose()
}

/// Writes an optional value as text.
fn write_some<T: Display>(value: Option<&T>) -> Option<String> {
    value.map(T::to_string)
}

#[derive(Serialize, Deserialize)]
pub(super) struct Query {
    id: u64,
    time: Time,
    resolver: IpAddr,
    name: String,
    rrtype: String,
    dnssec_ok: bool,
    checking_disabled: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Fetch {
    id: u64,
    time: Time,
    client: IpAddr,
    ptr: Option<String>,
    agent: String,
}

/// One event; the order of the variants is their number on disk.
#[derive(Serialize, Deserialize)]
pub(super) enum Event {
    Connection(Box<Connection>),
    Query(Query),
    Fetch(Fetch),
    Order(Time, [u8; 4], u32),
    Gap(Time, Time, u8),
    Opened(String, Time, u64),
    Acknowledged(String, Time),
    Expired(String, Time),
    Reported(String, Time),
    /// A connection with the parameters of its MAIL.
    Parameters(Box<Connection>, Vec<String>),
    /// A gap in the evidence of one network.
    NetworkGap(Time, Time, u8, IpAddr),
    Window(String, Time),
    TlsReport(Box<Report>),
}

impl From<&base::Event> for Event {
    fn from(event: &base::Event) -> Self {
        match event {
            base::Event::Connection(connection) => {
                let record = Box::new(connection.as_ref().into());
                match connection.parameters.as_slice() {
                    [] => Self::Connection(record),
                    parameters => Self::Parameters(record, parameters.to_vec()),
                }
            }
            base::Event::Query(query) => Self::Query(Query {
                id: query.id.0,
                time: query.time.into(),
                resolver: query.resolver,
                name: query.name.to_string(),
                rrtype: query.rrtype.clone(),
                dnssec_ok: query.dnssec_ok,
                checking_disabled: query.checking_disabled,
            }),
            base::Event::Fetch(fetch) => Self::Fetch(Fetch {
                id: fetch.id.0,
                time: fetch.time.into(),
                client: fetch.client,
                ptr: write_some(fetch.ptr.as_ref()),
                agent: fetch.agent.clone(),
            }),
            base::Event::Order(order) => {
                Self::Order(order.time.into(), order.order.map(Code::code), order.serial)
            }
            base::Event::Gap(gap) => {
                let (from, until, what) = (gap.from.into(), gap.until.into(), gap.what.code());
                match gap.network {
                    None => Self::Gap(from, until, what),
                    Some(network) => Self::NetworkGap(from, until, what, network),
                }
            }
            base::Event::Window { origin, time } => {
                Self::Window(origin.to_string(), (*time).into())
            }
            base::Event::Opened { test, time, by } => {
                Self::Opened(test.to_string(), (*time).into(), by.0)
            }
            base::Event::Acknowledged { test, time } => {
                Self::Acknowledged(test.to_string(), (*time).into())
            }
            base::Event::Expired { test, time } => Self::Expired(test.to_string(), (*time).into()),
            base::Event::Reported { test, time } => {
                Self::Reported(test.to_string(), (*time).into())
            }
            base::Event::TlsReport(report) => Self::TlsReport(Box::new(report.as_ref().into())),
        }
    }
}

fn gap(
    from: Time,
    until: Time,
    what: u8,
    network: Option<IpAddr>,
) -> Result<base::Gap, Unreadable> {
    Ok(base::Gap {
        from: from.try_into()?,
        until: until.try_into()?,
        what: Code::decode(what)?,
        network,
    })
}

impl TryFrom<Event> for base::Event {
    type Error = Unreadable;

    fn try_from(event: Event) -> Result<Self, Unreadable> {
        Ok(match event {
            Event::Connection(connection) => Self::Connection(Box::new((*connection).try_into()?)),
            Event::Query(query) => Self::Query(base::Query {
                id: base::QueryId(query.id),
                time: query.time.try_into()?,
                resolver: query.resolver,
                name: read(&query.name)?,
                rrtype: query.rrtype,
                dnssec_ok: query.dnssec_ok,
                checking_disabled: query.checking_disabled,
            }),
            Event::Fetch(fetch) => Self::Fetch(base::Fetch {
                id: base::FetchId(fetch.id),
                time: fetch.time.try_into()?,
                client: fetch.client,
                ptr: read_some(fetch.ptr.as_deref())?,
                agent: fetch.agent,
            }),
            Event::Order(time, [a, b, c, d], serial) => Self::Order(base::Order {
                time: time.try_into()?,
                order: [
                    Code::decode(a)?,
                    Code::decode(b)?,
                    Code::decode(c)?,
                    Code::decode(d)?,
                ],
                serial,
            }),
            Event::Parameters(connection, parameters) => {
                Self::Connection(Box::new(base::Connection {
                    parameters,
                    ..(*connection).try_into()?
                }))
            }
            Event::Gap(from, until, what) => Self::Gap(gap(from, until, what, None)?),
            Event::NetworkGap(from, until, what, network) => {
                Self::Gap(gap(from, until, what, Some(network))?)
            }
            Event::Window(origin, time) => Self::Window {
                origin: origin.try_into().map_err(Unreadable::because)?,
                time: time.try_into()?,
            },
            Event::TlsReport(report) => Self::TlsReport(Box::new((*report).try_into()?)),
            Event::Opened(test, time, by) => Self::Opened {
                test: read(&test)?,
                time: time.try_into()?,
                by: base::ConnectionId(by),
            },
            Event::Acknowledged(test, time) => Self::Acknowledged {
                test: read(&test)?,
                time: time.try_into()?,
            },
            Event::Expired(test, time) => Self::Expired {
                test: read(&test)?,
                time: time.try_into()?,
            },
            Event::Reported(test, time) => Self::Reported {
                test: read(&test)?,
                time: time.try_into()?,
            },
        })
    }
}

//! Small closed sets as numbers on disk. A number once given is never given to something else.

use super::Unreadable;
use crate::base::{
    GapKind, PolicyType, ReportVia, Robot, Server, Status, Transport, Verdict, Via, Zone,
};

/// A value that is stored as one number.
pub(super) trait Code: Sized {
    /// The number on disk.
    fn code(self) -> u8;
    /// The value of a number on disk.
    fn decode(code: u8) -> Result<Self, Unreadable>;
}

macro_rules! codes {
    ($type:ident, $($code:literal = $value:ident),+) => {
        impl Code for $type {
            fn code(self) -> u8 {
                match self { $(Self::$value => $code),+ }
            }

            fn decode(code: u8) -> Result<Self, Unreadable> {
                match code {
                    $($code => Ok(Self::$value),)+
                    _ => Err(Unreadable(format!("{} {code} is unknown", stringify!($type)))),
                }
            }
        }
    };
}

codes!(
    Status,
    0 = None,
    1 = SniSeen,
    2 = TlsStarted,
    3 = Mail,
    4 = Acked
);
codes!(Transport, 0 = Plain, 1 = Encrypted);
codes!(Via, 0 = Sni, 1 = Address);
codes!(Zone, 0 = Et, 1 = Ut);
codes!(GapKind, 0 = Connections, 1 = Queries);
codes!(ReportVia, 0 = Mail, 1 = Https);
codes!(PolicyType, 0 = Tlsa, 1 = Sts, 2 = NoPolicyFound, 3 = Other);
codes!(
    Verdict,
    0 = Pass,
    1 = Fail,
    2 = SoftFail,
    3 = Neutral,
    4 = None,
    5 = TempError,
    6 = PermError
);
codes!(
    Robot,
    0 = AutoSubmitted,
    1 = List,
    2 = Report,
    3 = Daemon,
    4 = Loop
);
codes!(
    Server,
    1 = One,
    2 = Two,
    3 = Three,
    4 = Four,
    5 = Five,
    6 = Six,
    7 = Seven
);

/// The number of an optional value.
pub(super) fn code<T: Code>(value: Option<T>) -> Option<u8> {
    value.map(T::code)
}

/// The optional value of a number.
pub(super) fn decode<T: Code>(code: Option<u8>) -> Result<Option<T>, Unreadable> {
    code.map(T::decode).transpose()
}

//! Replies of a server: a code, an enhanced code and lines (RFC 5321 4.2, RFC 2034, RFC 3463).

use std::borrow::Cow;
use std::fmt;

/// A reply as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// The enhanced code, written before the text of each line; `None` for greetings, EHLO and 354.
    pub enhanced: Option<(u8, u16, u16)>,
    /// The text, one entry a line; never empty, never with a line end inside.
    pub lines: Vec<Cow<'static, str>>,
}

impl Reply {
    /// A reply of one line without an enhanced code.
    #[must_use]
    pub fn plain(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            enhanced: None,
            lines: vec![text.into()],
        }
    }

    /// A reply of one line with an enhanced code.
    #[must_use]
    pub fn enhanced(
        code: u16,
        enhanced: (u8, u16, u16),
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            enhanced: Some(enhanced),
            ..Self::plain(code, text)
        }
    }
}

/// As on the wire, every line ended by CRLF.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.lines.len().saturating_sub(1);
        for (index, line) in self.lines.iter().enumerate() {
            let dash = if index == last { ' ' } else { '-' };
            write!(f, "{}{dash}", self.code)?;
            if let Some((class, subject, detail)) = self.enhanced {
                write!(f, "{class}.{subject}.{detail} ")?;
            }
            write!(f, "{line}\r\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_has_a_space_behind_the_code() {
        let mut reply = Reply::enhanced(250, (2, 0, 0), "one");
        assert_eq!(reply.to_string(), "250 2.0.0 one\r\n");
        reply.lines.push("two".into());
        assert_eq!(reply.to_string(), "250-2.0.0 one\r\n250 2.0.0 two\r\n");
        assert_eq!(Reply::plain(354, "go").to_string(), "354 go\r\n");
    }
}

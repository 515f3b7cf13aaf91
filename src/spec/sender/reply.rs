//! Replies of SMTP servers, as a client reads them (RFC 5321 4.2).

use std::fmt;

/// A complete reply.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// The text of each line behind the code; control characters and invalid UTF-8 are replaced.
    pub lines: Vec<String>,
}

/// Why a line belongs to no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyError(pub String);

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Reply {
    /// Adds a line, its line end removed, to the reply read so far; returns it with whether it is complete.
    ///
    /// # Errors
    /// When the line does not begin with a code followed by a space, a hyphen or nothing, or with another code than
    /// the lines before.
    pub fn read(so_far: Option<Self>, line: &[u8]) -> Result<(Self, bool), ReplyError> {
        let shown = printable(line);
        let wrong = |why: &str| ReplyError(format!("{why}: {shown:?}"));
        let code = line
            .get(..3)
            .filter(|digits| digits.iter().all(u8::is_ascii_digit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse::<u16>().ok())
            .filter(|code| (200..600).contains(code))
            .ok_or_else(|| wrong("not an SMTP reply"))?;
        let complete = match line.get(3) {
            None | Some(b' ') => true,
            Some(b'-') => false,
            Some(_) => return Err(wrong("not an SMTP reply")),
        };
        let mut reply = so_far.unwrap_or_else(|| Self {
            code,
            lines: Vec::new(),
        });
        if reply.code != code {
            return Err(wrong("the code changes within a reply"));
        }
        reply.lines.push(printable(line.get(4..).unwrap_or(&[])));
        Ok((reply, complete))
    }

    /// Whether the code begins with 2.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.code / 100 == 2
    }

    /// Whether the code begins with 3: go on.
    #[must_use]
    pub const fn is_intermediate(&self) -> bool {
        self.code / 100 == 3
    }

    /// Whether the code begins with 5: never again in this form.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// The keywords of a reply to EHLO in upper case, each with its parameters (RFC 5321 4.1.1.1).
    pub fn keywords(&self) -> impl Iterator<Item = (String, &str)> {
        self.lines.iter().skip(1).map(|line| {
            let line = line.trim();
            let (keyword, parameters) = line.split_once(' ').unwrap_or((line, ""));
            (keyword.to_ascii_uppercase(), parameters.trim())
        })
    }

    /// Whether a reply to EHLO offers this extension; `keyword` in upper case.
    #[must_use]
    pub fn offers(&self, keyword: &str) -> bool {
        self.keywords().any(|(offered, _)| offered == keyword)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" "))
    }
}

fn printable(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_line_by_line() {
        for (lines, read) in [
            (&["220 mx ready"][..], Ok("220 mx ready")),
            (
                &["250-mx", "250-SIZE 10", "250 STARTTLS"],
                Ok("250 mx SIZE 10 STARTTLS"),
            ),
            (&["354"], Ok("354 ")),
            (&["250-\u{1b}[2J", "250 x"], Ok("250  [2J x")),
            (&["25 x"], Err("not an SMTP reply: \"25 x\"")),
            (&["999 x"], Err("not an SMTP reply: \"999 x\"")),
            (&["150 x"], Err("not an SMTP reply: \"150 x\"")),
            (&["250x"], Err("not an SMTP reply: \"250x\"")),
            (&["<html>"], Err("not an SMTP reply: \"<html>\"")),
            (
                &["250-a", "251 b"],
                Err("the code changes within a reply: \"251 b\""),
            ),
        ] {
            let mut so_far = None;
            let mut result = Err(ReplyError("incomplete".to_owned()));
            for line in lines {
                match Reply::read(so_far.take(), line.as_bytes()) {
                    Ok((reply, true)) => result = Ok(reply.to_string()),
                    Ok((reply, false)) => so_far = Some(reply),
                    Err(error) => result = Err(error),
                }
            }
            let read = read
                .map(str::to_owned)
                .map_err(|why| ReplyError(why.to_owned()));
            assert_eq!(result, read, "{lines:?}");
        }
    }

    #[test]
    fn extensions_are_read_in_any_case_and_never_from_the_first_line() {
        let reply = Reply {
            code: 250,
            lines: ["STARTTLS.example", "size 100", "8BITMIME"]
                .map(str::to_owned)
                .to_vec(),
        };
        assert!(reply.offers("SIZE") && reply.offers("8BITMIME") && !reply.offers("STARTTLS"));
        assert_eq!(reply.keywords().next(), Some(("SIZE".to_owned(), "100")));
    }
}

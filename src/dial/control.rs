//! The other end of the control socket, for the command line. Blocks.

use crate::base::limits;
use serde_json::Value;
use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Why there is no answer.
#[derive(Debug)]
pub enum ControlError {
    /// Nobody answers at the socket: the appliance is not running.
    NotRunning(PathBuf),
    /// The socket is not open to this user.
    Denied(PathBuf),
    /// The appliance refused the request, in its words.
    Refused(String),
    /// The connection failed, or what came back is no answer.
    Broken {
        /// The socket.
        path: PathBuf,
        /// What happened.
        what: String,
    },
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning(path) => write!(
                f,
                "the appliance is not running: nobody answers at {}",
                path.display()
            ),
            Self::Denied(path) => write!(
                f,
                "{}: you may not command the appliance; run this as root, as its user or as a member of its group",
                path.display()
            ),
            Self::Refused(why) => f.write_str(why),
            Self::Broken { path, what } => write!(f, "{}: {what}", path.display()),
        }
    }
}

impl std::error::Error for ControlError {}

/// Sends one request, a JSON object, and waits for its answer, at most `limits::CONTROL_TIMEOUT` between two octets.
///
/// # Errors
/// When the appliance is not running, the socket is not open to this user, the connection fails, or the answer is an
/// error.
pub fn request(path: &Path, request: &Value) -> Result<Value, ControlError> {
    let broken = |what: String| ControlError::Broken {
        path: path.to_owned(),
        what,
    };
    let stream = UnixStream::connect(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            ControlError::NotRunning(path.to_owned())
        }
        ErrorKind::PermissionDenied => ControlError::Denied(path.to_owned()),
        _ => broken(error.to_string()),
    })?;
    let answer = exchange(stream, request).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => broken("no answer in time".to_owned()),
        _ => broken(error.to_string()),
    })?;
    if answer.last() != Some(&b'\n') {
        return Err(broken("the answer is not complete".to_owned()));
    }
    let answer: Value = serde_json::from_slice(&answer)
        .map_err(|error| broken(format!("the answer is not JSON: {error}")))?;
    match answer.get("error").and_then(Value::as_str) {
        Some(why) => Err(ControlError::Refused(why.to_owned())),
        None => Ok(answer),
    }
}

fn exchange(mut stream: UnixStream, request: &Value) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(limits::CONTROL_TIMEOUT))?;
    stream.set_write_timeout(Some(limits::CONTROL_TIMEOUT))?;
    match stream.write_all(format!("{request}\n").as_bytes()) {
        // It was refused before it was read; why is in the answer.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(error),
        _ => {}
    }
    let mut answer = Vec::new();
    BufReader::new(stream)
        .take(limits::CONTROL_ANSWER as u64)
        .read_until(b'\n', &mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::net::UnixListener;

    #[test]
    fn answers_and_failures_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let missing = request(&path, &json!({})).unwrap_err();
        assert!(matches!(missing, ControlError::NotRunning(_)), "{missing}");

        let listener = UnixListener::bind(&path).unwrap();
        let rows = [
            ("{\"a\":1}\n", "Ok"),
            ("{\"error\":\"no such test\"}\n", "no such test"),
            ("{\"a\":1}", "not complete"),
            ("nonsense\n", "not JSON"),
            ("", "not complete"),
        ];
        let server = std::thread::spawn(move || {
            for (answer, _) in rows {
                let (stream, _) = listener.accept().unwrap();
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).unwrap();
                assert_eq!(line, "{\"command\":\"status\"}\n");
                (&stream).write_all(answer.as_bytes()).unwrap();
            }
        });
        for (answer, expected) in rows {
            match request(&path, &json!({"command": "status"})) {
                Ok(value) => assert_eq!((value, expected), (json!({"a": 1}), "Ok")),
                Err(error) => assert!(error.to_string().contains(expected), "{answer}: {error}"),
            }
        }
        server.join().unwrap();
        let dead = request(&path, &json!({})).unwrap_err();
        assert!(matches!(dead, ControlError::NotRunning(_)), "{dead}");
    }
}

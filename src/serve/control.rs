//! The control socket: commands of the operator, one JSON object a line, answered in order by one line each.
//!
//! The socket's mode (0660) decides who may connect; whom it lets through is checked once more by the peer's
//! credentials. What the commands are is not known here. A fault is answered by `{"error": "..."}`.

use crate::base::limits;
use crate::base::ports::Control;
use crate::serve::Shutdown;
use serde_json::{Value, json};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Pause after an accept that failed, as it does when file descriptors run out.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Listens at this path with mode 0660; needs a runtime. A socket that nobody answers on any more is replaced.
///
/// # Errors
/// When another process answers there, the path is no socket, or it cannot be made; the error names the path.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    let named = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("control socket {}: {error}", path.display()),
        )
    };
    clear(path).and_then(|()| listen(path)).map_err(named)
}

/// Removes a socket that is left over.
fn clear(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(io::Error::new(
                ErrorKind::AlreadyExists,
                "there is something else than a socket; it was left as it is",
            ));
        }
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(
            ErrorKind::AddrInUse,
            "a running appliance answers there",
        )),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

/// Makes the socket; nobody can connect before its mode is set.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    fs::set_permissions(path, Permissions::from_mode(0o660))?;
    socket.listen(i32::try_from(limits::CONTROL_CLIENTS).unwrap_or(i32::MAX))?;
    UnixListener::from_std(socket.into())
}

/// Answers until the appliance stops, finishes the answers under way and removes the socket.
pub async fn run(listener: UnixListener, control: Arc<dyn Control>, shutdown: Shutdown) {
    let places = Arc::new(Semaphore::new(limits::CONTROL_CLIENTS));
    let mut clients = JoinSet::new();
    let mut stop = shutdown.clone();
    let mut stop = pin!(stop.wait_for(|stop| *stop));
    let address = listener.local_addr().ok();
    let path = address.as_ref().and_then(|address| address.as_pathname());
    loop {
        while clients.try_join_next().is_some() {}
        let accepted = tokio::select! {
            _ = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let refusal = refusal(&stream, path);
                let place = Arc::clone(&places).try_acquire_owned();
                let (control, stop) = (Arc::clone(&control), shutdown.clone());
                clients.spawn(async move {
                    let refusal = match (&place, refusal) {
                        (_, Some(why)) => Some(why),
                        (Err(_), None) => Some("too many clients; come again".to_owned()),
                        (Ok(_), None) => None,
                    };
                    drop(converse(stream, control.as_ref(), refusal, stop).await);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a control client could not be accepted");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
    drop(listener);
    if let Some(Err(error)) = path.map(fs::remove_file) {
        tracing::warn!(%error, "the control socket could not be removed");
    }
    while clients.join_next().await.is_some() {}
}

/// Why this client may not command the appliance; `None` when it may.
fn refusal(stream: &UnixStream, path: Option<&Path>) -> Option<String> {
    let group = path.and_then(|path| fs::metadata(path).ok());
    let group = group.map(|file| file.gid());
    let own = UnixStream::pair().and_then(|(one, _)| one.peer_cred());
    match (stream.peer_cred(), own) {
        (Ok(peer), Ok(own)) if may(peer.uid(), &groups(&peer), own.uid(), group) => None,
        (Ok(peer), Ok(own)) => Some(format!(
            "user {} may not command the appliance: only root, user {} and the members of the socket's group may",
            peer.uid(),
            own.uid()
        )),
        (Err(error), _) | (_, Err(error)) => Some(format!("you cannot be identified: {error}")),
    }
}

/// Whether a peer of this user and these groups is root, ourselves, or in the socket's group.
fn may(user: u32, groups: &[u32], own: u32, group: Option<u32>) -> bool {
    user == 0 || user == own || group.is_some_and(|group| groups.contains(&group))
}

/// The peer's groups: its first one from the socket, the others, which the socket does not tell, from its process.
fn groups(peer: &UCred) -> Vec<u32> {
    let status = peer
        .pid()
        .and_then(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok());
    let others = status.as_deref().map(supplementary).unwrap_or_default();
    [vec![peer.gid()], others].concat()
}

/// The supplementary groups in the status of a process.
fn supplementary(status: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:"));
    let groups = line.unwrap_or_default().split_whitespace();
    groups.filter_map(|group| group.parse().ok()).collect()
}

/// Answers one client, or tells it why not.
async fn converse(
    mut stream: UnixStream,
    control: &dyn Control,
    refusal: Option<String>,
    mut shutdown: Shutdown,
) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    if let Some(why) = refusal {
        return say(&mut writer, &json!({ "error": why })).await;
    }
    let mut stop = pin!(shutdown.wait_for(|stop| *stop));
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut reader).take(limits::CONTROL_LINE as u64 + 1);
        let length = tokio::select! {
            _ = &mut stop => return Ok(()),
            read = timeout(limits::CONTROL_IDLE, limited.read_until(b'\n', &mut line)) => read??,
        };
        if length == 0 {
            return Ok(());
        }
        if length > limits::CONTROL_LINE {
            let why = format!("a request has at most {} octets", limits::CONTROL_LINE);
            return say(&mut writer, &json!({ "error": why })).await;
        }
        let answer = match serde_json::from_slice(&line) {
            Ok(request @ Value::Object(_)) => control.control(request).await,
            Ok(_) => json!({ "error": "a request is a JSON object on one line" }),
            Err(error) => json!({ "error": format!("the request is not JSON: {error}") }),
        };
        say(&mut writer, &answer).await?;
    }
}

/// Sends one line; a client that does not read it is given up.
async fn say(writer: &mut (impl AsyncWriteExt + Unpin), answer: &Value) -> io::Result<()> {
    let mut line = answer.to_string();
    if line.len() >= limits::CONTROL_ANSWER {
        line = json!({ "error": "the answer is too long" }).to_string();
    }
    line.push('\n');
    timeout(limits::CONTROL_IDLE, writer.write_all(line.as_bytes())).await?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ports::Answer;
    use tokio::sync::watch;

    struct Echo;

    impl Control for Echo {
        fn control(&self, request: Value) -> Answer<'_, Value> {
            Box::pin(async move { json!({ "echo": request }) })
        }
    }

    async fn exchange(path: &Path, lines: &[u8]) -> Vec<Value> {
        let mut stream = UnixStream::connect(path).await.unwrap();
        let (mut reader, mut writer) = stream.split();
        let mut answers = Vec::new();
        let send = async {
            // A request that is too long is not read to its end.
            let _ = writer.write_all(lines).await;
            let _ = writer.shutdown().await;
        };
        let _ = tokio::join!(send, reader.read_to_end(&mut answers));
        let answers = String::from_utf8(answers).unwrap();
        answers
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[tokio::test]
    async fn lines_are_answered_in_order_and_faults_by_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let (stop, shutdown) = watch::channel(false);
        let listener = bind(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        let task = tokio::spawn(run(listener, Arc::new(Echo), shutdown));

        let two = exchange(&path, b"{\"a\": 1}\n{\"b\": [\"\\n\"]}").await;
        assert_eq!(
            two,
            [json!({"echo": {"a": 1}}), json!({"echo": {"b": ["\n"]}})]
        );
        for (line, why) in [
            (b"[1]\n".to_vec(), "JSON object"),
            (b"\n".to_vec(), "not JSON"),
            (b"{\"a\": \xff}\n".to_vec(), "not JSON"),
            (
                vec![b' '; limits::CONTROL_LINE + 2],
                "at most 1048576 octets",
            ),
        ] {
            let answers = exchange(&path, &line).await;
            let error = answers[0]["error"].as_str().unwrap();
            assert!(error.contains(why), "{error}");
        }

        let mut idle = Vec::new();
        for _ in 0..limits::CONTROL_CLIENTS {
            let mut client = UnixStream::connect(&path).await.unwrap();
            client.write_all(b"{}\n").await.unwrap();
            client.read_u8().await.unwrap();
            idle.push(client);
        }
        let answers = exchange(&path, b"{}\n").await;
        assert_eq!(answers[0]["error"], "too many clients; come again");
        stop.send(true).unwrap();
        task.await.unwrap();
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn only_a_dead_socket_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let living = bind(&path).unwrap();
        let error = bind(&path).unwrap_err().to_string();
        assert!(
            error.contains("control.sock: a running appliance"),
            "{error}"
        );
        drop(living);
        assert!(path.exists());
        bind(&path).unwrap();

        let file = folder.path().join("file");
        fs::write(&file, "kept").unwrap();
        let error = bind(&file).unwrap_err().to_string();
        assert!(error.contains("something else than a socket"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
        let nowhere = bind(&folder.path().join("missing/control.sock")).unwrap_err();
        assert!(nowhere.to_string().contains("missing/control.sock"));
    }

    #[test]
    fn root_the_own_user_and_the_group_may_command() {
        for (user, groups, group, allowed) in [
            (0, &[0][..], None, true),
            (7, &[100], None, true),
            (8, &[100], None, false),
            (8, &[100], Some(110), false),
            (8, &[110], Some(110), true),
            (8, &[100, 110], Some(110), true),
        ] {
            assert_eq!(may(user, groups, 7, group), allowed, "{user} {groups:?}");
        }
    }

    #[test]
    fn groups_are_read_from_the_status_of_a_process() {
        let status = "Name:\tcat\nUid:\t1000\t1000\nGroups:\t4 24 110 \nNStgid:\t7\n";
        assert_eq!(supplementary(status), [4, 24, 110]);
        assert_eq!(supplementary("Name:\tx\nGroups:\t\n"), [0; 0]);
    }
}

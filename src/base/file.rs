//! Files of the state directory: written whole or not at all, readable by their owner only.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Why a file could not be read or written; names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError(pub String);

impl FileError {
    fn new(path: &Path, what: &str, error: &io::Error) -> Self {
        Self(format!("{}: {what}: {error}", path.display()))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FileError {}

/// Makes the directory with mode 0700, and those above it, unless it is there.
///
/// # Errors
/// When it cannot be made.
pub fn directory(path: &Path) -> Result<(), FileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| FileError::new(path, "the directory cannot be made", &error))
}

/// Puts `content` in place of the file, with mode 0600: after a crash the file is the old one or the new one, whole.
///
/// # Errors
/// When it cannot be written; the old file then stands.
pub fn write(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let failed = |error: &io::Error| FileError::new(path, "cannot be written", error);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(failed(&io::Error::from(io::ErrorKind::InvalidFilename)));
    };
    let scratch = folder.join(format!(".{}.tmp", name.to_string_lossy()));
    let put = || {
        match fs::remove_file(&scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&scratch)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&scratch, path)?;
        sync(folder)
    };
    put().map_err(|error| failed(&error))
}

/// Puts the file `from` in place of the file `to`, in the same directory: after a crash it was done or not.
///
/// # Errors
/// When it cannot be done.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to)
        .and_then(|()| to.parent().map_or(Ok(()), sync))
        .map_err(|error| FileError::new(to, "cannot be replaced", &error))
}

fn sync(folder: &Path) -> io::Result<()> {
    let here = folder.as_os_str().is_empty();
    File::open(if here { Path::new(".") } else { folder })?.sync_all()
}

/// The file's content; `None` when there is no such file.
///
/// # Errors
/// When it cannot be read, is longer than `limit` octets, or is not UTF-8.
pub fn read(path: &Path, limit: u64) -> Result<Option<String>, FileError> {
    let failed = |error: &io::Error| FileError::new(path, "cannot be read", error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let mut content = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut content)
        .map_err(|error| failed(&error))?;
    if content.len() as u64 > limit {
        let why = format!("{}: longer than {limit} octets", path.display());
        return Err(FileError(why));
    }
    String::from_utf8(content)
        .map(Some)
        .map_err(|_| FileError(format!("{}: not UTF-8 text", path.display())))
}

/// The textual form of DER (RFC 7468), with this label.
#[must_use]
pub fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let digits = data_encoding::BASE64.encode(der);
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_replaced_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inner/file");
        assert!(write(&path, b"x").is_err());
        directory(path.parent().unwrap()).unwrap();
        assert_eq!(read(&path, 10), Ok(None));
        for content in ["one", "other"] {
            write(&path, content.as_bytes()).unwrap();
            assert_eq!(read(&path, 5), Ok(Some(content.to_owned())));
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        for (content, limit) in [(&b"other"[..], 4), (b"\xff", 10)] {
            write(&path, content).unwrap();
            let error = read(&path, limit).unwrap_err();
            assert!(error.0.contains("inner/file"), "{error}");
        }
    }

    #[test]
    fn pem_has_lines_of_64() {
        let text = pem("X", &[0; 49]);
        let lines: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(lines, [17, 64, 4, 15]);
    }
}

//! The file that holds a key: closed to others, with the token alone.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use img_core::model::secret::KeyToken;

use crate::exit::Failure;

/// A token with a line end has 88 bytes.
const LEN_MAX: u64 = 1024;

/// Reads the token. What is in the file is never told: it may be most of a secret.
pub(super) fn load(path: &Path) -> Result<KeyToken, Failure> {
    let shown = path.display();
    let reading = format!("read {shown}");
    let mut file = File::open(path).map_err(Failure::io(&reading))?;
    let metadata = file.metadata().map_err(Failure::io(&reading))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        let message = format!("{shown} holds a key and can be read by other users");
        return Err(Failure::new("key-file-open", message).with_hint(format!("chmod 600 {shown}")));
    }
    let mut text = String::new();
    let read = file.by_ref().take(LEN_MAX).read_to_string(&mut text);
    // What cannot be read as text is no key either.
    let token = read.ok().and_then(|_| text.trim().parse().ok());
    token.ok_or_else(|| {
        Failure::new("key-file-invalid", format!("{shown} holds no key"))
            .with_hint("it holds what `imgctl key create` prints, and nothing else")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str, mode: u32) -> Result<KeyToken, Failure> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).unwrap();
        load(file.path())
    }

    #[test]
    fn a_key_file_is_closed_and_holds_a_key() {
        let token = format!("imgk_{}_{}", "0".repeat(16), "a".repeat(64));
        let loaded = load_text(&format!("{token}\n"), 0o600).unwrap();
        assert_eq!(loaded.reveal(), token);
        for mode in [0o640, 0o604, 0o644, 0o666] {
            assert_eq!(load_text(&token, mode).unwrap_err().code, "key-file-open");
        }
        for text in ["", "secret", &format!("{token} {token}")] {
            let failure = load_text(text, 0o600).unwrap_err();
            assert_eq!(failure.code, "key-file-invalid");
            assert!(text.is_empty() || !failure.message.contains(text));
        }
    }
}

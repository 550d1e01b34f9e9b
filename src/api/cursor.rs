//! Cursors: opaque to those who carry them, refused when they were altered or meant for another list.

use data_encoding::BASE64URL_NOPAD;

/// Bytes of the check: altering by accident or by hand is noticed. It is no secret: whoever forges one sees no more
/// than they may, since every page is checked by itself.
const CHECK_LEN: usize = 6;

/// `position` of the list that `list` describes.
pub fn encode(list: &str, position: &str) -> String {
    let mut bytes = check(list, position).to_vec();
    bytes.extend_from_slice(position.as_bytes());
    BASE64URL_NOPAD.encode(&bytes)
}

/// The position, if the cursor is one of this list.
pub fn decode(list: &str, cursor: &str) -> Result<String, InvalidCursor> {
    let bytes = BASE64URL_NOPAD
        .decode(cursor.as_bytes())
        .map_err(|_| InvalidCursor)?;
    let (found, position) = bytes.split_at_checked(CHECK_LEN).ok_or(InvalidCursor)?;
    let position = std::str::from_utf8(position).map_err(|_| InvalidCursor)?;
    if found == check(list, position) {
        Ok(position.to_owned())
    } else {
        Err(InvalidCursor)
    }
}

fn check(list: &str, position: &str) -> [u8; CHECK_LEN] {
    let of = img_core::model::image_id::ImageId::of(format!("{list}\n{position}").as_bytes());
    let mut check = [0; CHECK_LEN];
    check.copy_from_slice(&of.as_bytes()[..CHECK_LEN]);
    check
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one of this list, or was altered")]
pub struct InvalidCursor;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_list_and_is_not_altered() {
        let cursor = encode("images tag=a", "17 af");
        assert_eq!(decode("images tag=a", &cursor).as_deref(), Ok("17 af"));
        assert_eq!(decode("images tag=b", &cursor), Err(InvalidCursor));
        for at in 0..cursor.len() {
            let mut altered = cursor.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap_or_default();
            assert_eq!(decode("images tag=a", &altered), Err(InvalidCursor));
        }
        assert_eq!(decode("", ""), Err(InvalidCursor));
    }
}

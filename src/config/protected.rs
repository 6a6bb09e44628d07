//! App Host's protected secrets: a folder with one encrypted file each (JWE, a key shared by all of them).

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::Deserialize;

use super::lookups::Protected;

/// Where App Host puts them.
pub(super) const FOLDER: &str = "/etc/secrets";
const KEY_FILE: &str = ".jwk/key.jwk";

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    k: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
}

/// Reads and decrypts a secret. Nothing is deleted, so that a reload finds it again.
pub(super) fn secret(folder: &Path, name: &str) -> Protected {
    let mut parts = Path::new(name).components();
    if !matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    ) {
        return Protected::Absent;
    }
    let text = match fs::read_to_string(folder.join(name)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Protected::Absent,
        Err(error) => return Protected::Unreadable(error.to_string()),
    };
    let token = text.lines().next().unwrap_or_default().trim();
    match key(folder).and_then(|key| decrypt(token, &key)) {
        Ok(value) => Protected::Found(value.into()),
        Err(reason) => Protected::Unreadable(reason.to_owned()),
    }
}

fn key(folder: &Path) -> Result<Vec<u8>, &'static str> {
    let text = fs::read_to_string(folder.join(KEY_FILE)).map_err(|_| "its key cannot be read")?;
    let jwk: Jwk = serde_json::from_str(&text).map_err(|_| "its key is not a JWK")?;
    if jwk.kty != "oct" {
        return Err("its key is not of the kind `oct`");
    }
    decoded(&jwk.k).ok_or("its key is not base64")
}

/// A compact token `header..nonce.text.tag` (RFC 7516) that is encrypted with the shared key itself.
fn decrypt(token: &str, key: &[u8]) -> Result<String, &'static str> {
    const BROKEN: &str = "it is not a JWE";
    let parts: Vec<&str> = token.split('.').collect();
    let [header, "", nonce, text, tag] = parts[..] else {
        return Err(BROKEN);
    };
    let known: Header =
        serde_json::from_slice(&decoded(header).ok_or(BROKEN)?).map_err(|_| BROKEN)?;
    if (known.alg.as_str(), known.enc.as_str()) != ("dir", "A256GCM") {
        return Err("it is encrypted by another method than dir with A256GCM");
    }
    let nonce =
        Nonce::try_assume_unique_for_key(&decoded(nonce).ok_or(BROKEN)?).map_err(|_| BROKEN)?;
    let mut text = decoded(text).ok_or(BROKEN)?;
    text.extend(decoded(tag).ok_or(BROKEN)?);
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| "its key has not 32 bytes")?;
    let plain = LessSafeKey::new(key)
        .open_in_place(nonce, Aad::from(header.as_bytes()), &mut text)
        .map_err(|_| "it was not encrypted with this key")?;
    String::from_utf8(plain.to_vec()).map_err(|_| "it is not UTF-8")
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    /// A folder as App Host makes it, with one secret.
    pub(crate) fn folder_with(name: &str, value: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".jwk")).unwrap();
        let key = URL_SAFE_NO_PAD.encode(KEY);
        let jwk = format!(r#"{{"kty":"oct","k":"{key}","alg":"A256GCM"}}"#);
        fs::write(folder.path().join(KEY_FILE), jwk).unwrap();
        fs::write(folder.path().join(name), encrypted(value) + "\n").unwrap();
        folder
    }

    fn encrypted(value: &str) -> String {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"dir","enc":"A256GCM"}"#);
        let nonce = [9; 12];
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
        let mut text = value.as_bytes().to_vec();
        let tag = key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(header.as_bytes()),
                &mut text,
            )
            .unwrap();
        let (nonce, text, tag) = (
            URL_SAFE_NO_PAD.encode(nonce),
            URL_SAFE_NO_PAD.encode(text),
            URL_SAFE_NO_PAD.encode(tag.as_ref()),
        );
        format!("{header}..{nonce}.{text}.{tag}")
    }

    fn found(folder: &Path, name: &str) -> Option<String> {
        match secret(folder, name) {
            Protected::Found(value) => Some(value.expose_secret().to_owned()),
            _ => None,
        }
    }

    fn reason(folder: &Path, name: &str) -> String {
        match secret(folder, name) {
            Protected::Unreadable(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_secret_is_decrypted_and_stays_where_it_is() {
        let folder = folder_with("SOAR_SECRET", "hunter2 \u{e4}");
        for _ in 0..2 {
            assert_eq!(
                found(folder.path(), "SOAR_SECRET").as_deref(),
                Some("hunter2 \u{e4}")
            );
        }
        assert!(matches!(secret(folder.path(), "OTHER"), Protected::Absent));
    }

    /// Made by Python's `cryptography` (AESGCM), not by this program.
    #[test]
    fn a_secret_that_another_program_encrypted_is_decrypted() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".jwk")).unwrap();
        fs::write(folder.path().join(KEY_FILE), PYTHON_JWK).unwrap();
        fs::write(folder.path().join("S"), PYTHON_TOKEN).unwrap();
        assert_eq!(found(folder.path(), "S").as_deref(), Some("made in Python"));
    }

    const PYTHON_JWK: &str = "{\"kty\": \"oct\", \"k\": \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\", \"alg\": \"A256GCM\"}";
    const PYTHON_TOKEN: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..ZGVmZ2hpamtsbW5v.JXq6A1mAOL5uGyuAtQs.KTbQm2vSGv9IUwp0_CH01Q";

    #[test]
    fn a_name_never_leaves_the_folder() {
        let folder = folder_with("S", "x");
        for name in ["../etc/passwd", "/etc/passwd", "..", ".", "", "a/b"] {
            assert!(
                matches!(secret(folder.path(), name), Protected::Absent),
                "{name}"
            );
        }
    }

    #[test]
    fn what_cannot_be_decrypted_says_why() {
        let folder = folder_with("S", "x");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let changed = encrypted("x").replace("..", "..A");
        write("SHORT", "a.b.c");
        write("CHANGED", &changed[..changed.len() - 1]);
        write("OTHER_KEY", PYTHON_TOKEN);
        assert_eq!(reason(folder.path(), "SHORT"), "it is not a JWE");
        assert_eq!(reason(folder.path(), "CHANGED"), "it is not a JWE");
        assert_eq!(
            reason(folder.path(), "OTHER_KEY"),
            "it was not encrypted with this key"
        );
        write(KEY_FILE, r#"{"kty":"oct","k":"c2hvcnQ"}"#);
        assert_eq!(reason(folder.path(), "S"), "its key has not 32 bytes");
        fs::remove_file(folder.path().join(KEY_FILE)).unwrap();
        assert_eq!(reason(folder.path(), "S"), "its key cannot be read");
    }
}

//! Archives that nobody of ours made.

use std::path::Path;

use super::*;

/// An archive of entries as they are, without any check.
fn archive(path: &Path, entries: &[(&str, tar::EntryType, &[u8])]) {
    let file = std::fs::File::create(path).unwrap();
    let mut tar = tar::Builder::new(zstd::Encoder::new(file, 1).unwrap());
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
}

async fn refused(entries: &[(&str, tar::EntryType, &[u8])]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar.zst");
    archive(&path, entries);
    let state = folder.path().join("in/state");
    let error = restore(&path, &state, false).await.unwrap_err();
    assert!(!state.exists() && !folder.path().join("in/evil").exists() && !Path::new("/evil").exists());
    error.to_string()
}

#[tokio::test]
async fn nothing_leads_out_of_the_state_folder() {
    use tar::EntryType;
    for name in ["../evil", "/evil", "a/../../evil"] {
        assert!(
            refused(&[(name, EntryType::Regular, b"x")]).await.contains("leads out"),
            "{name}"
        );
    }
    assert!(
        refused(&[("link", EntryType::Symlink, b"")])
            .await
            .contains("no plain file")
    );
}

#[tokio::test]
async fn what_is_not_as_the_manifest_says_is_refused() {
    use tar::EntryType::Regular;
    let manifest = |files: &str| {
        format!(
            r#"{{"format":1,"program":"0","schema":1,"made":"2026-01-01T00:00:00Z","cluster":null,"seq":0,"images":false,"files":[{files}]}}"#
        )
    };
    let journal = r#"{"path":"journal.db","size":1,"sha256":"00","mode":384}"#;
    let (empty, full) = (manifest(""), manifest(journal));
    let name = "manifest.json";
    for (entries, complaint) in [
        (vec![("a", Regular, &b"x"[..])], "ends before its manifest"),
        (vec![(name, Regular, full.as_bytes())], "journal.db is missing"),
        (
            vec![("journal.db", Regular, b"xy"), (name, Regular, full.as_bytes())],
            "has 2 bytes, not 1",
        ),
        (
            vec![("journal.db", Regular, b"x"), (name, Regular, full.as_bytes())],
            "the SHA-256 of journal.db",
        ),
        (
            vec![("a", Regular, b"x"), (name, Regular, empty.as_bytes())],
            "not in its manifest",
        ),
        (vec![(name, Regular, empty.as_bytes())], "no journal in it"),
        (vec![(name, Regular, b"{\"format\":2}")], "is of format 2"),
        (vec![(name, Regular, b"nonsense")], "its manifest"),
    ] {
        let said = refused(&entries).await;
        assert!(
            said.contains(complaint) && said.contains("Nothing was changed"),
            "{complaint}: {said}"
        );
    }
}

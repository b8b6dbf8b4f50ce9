use super::*;

fn store(folder: &Path, limit: u64) -> Arc<Store> {
    let limits = Limits {
        reserve: 0,
        ..Limits::default()
    };
    Arc::new(Store::open(folder, limits, limit, Arc::default()).unwrap())
}

fn put(store: &Arc<Store>, name: &str, content: &[u8]) -> Result<Arc<Entry>, StoreError> {
    let mut draft = store.draft(Some(content.len() as u64))?;
    draft.write(content).unwrap();
    let sealed = draft.complete();
    let key = format!("http://mirror.example/{name}");
    let meta = Meta {
        url: key.clone(),
        key,
        length: content.len() as u64,
        sha256: sealed.sha256.clone(),
        etag: None,
        last_modified: None,
        unsettled: false,
        content_type: None,
        content_encoding: None,
        fetched: 0,
    };
    sealed.store(meta)
}

fn names(store: &Store) -> Vec<String> {
    let mut names: Vec<_> = store
        .all()
        .iter()
        .map(|e| e.meta.key.rsplit('/').next().unwrap().to_string())
        .collect();
    names.sort();
    names
}

#[test]
fn what_was_stored_is_there_after_a_restart_and_nothing_that_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path(), 1000);
    let (whole, torn, moved) = (
        put(&first, "a.deb", b"whole").unwrap(),
        put(&first, "b.deb", b"torn").unwrap(),
        put(&first, "c.deb", b"moved").unwrap(),
    );
    let unfinished = first.draft(None).unwrap();
    File::options()
        .write(true)
        .open(&torn.path)
        .unwrap()
        .set_len(20)
        .unwrap();
    std::fs::rename(&moved.path, moved.path.with_file_name("elsewhere")).unwrap();
    // As if the process had been killed: nobody cleans up.
    std::mem::forget(unfinished);
    let second = store(folder.path(), 1000);
    assert_eq!(names(&second), ["a.deb"]);
    assert_eq!(second.counters.repaired.load(Ordering::Relaxed), 2);
    let entry = second.get(&whole.meta.key).unwrap();
    assert_eq!(second.read_small(&second.hold(&entry)).unwrap().as_ref(), b"whole");
    assert_eq!(std::fs::read_dir(folder.path().join("drafts")).unwrap().count(), 0);
}

#[test]
fn what_was_not_used_for_longest_makes_room_but_never_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), 1000);
    let old: Vec<_> = (0..4)
        .map(|i| put(&store, &format!("{i}.deb"), &[0; 200]).unwrap())
        .collect();
    for (age, entry) in old.iter().enumerate() {
        entry.used.store(100 + age as u64, Ordering::Relaxed);
    }
    let read = store.hold(&old[0]);
    read.0.used.store(1, Ordering::Relaxed);
    put(&store, "new.deb", &[0; 400]).unwrap();
    assert_eq!(names(&store), ["0.deb", "3.deb", "new.deb"]);
    assert!(store.size().1 <= 1000);
    assert_eq!(store.counters.evicted.load(Ordering::Relaxed), 2);
}

#[test]
fn what_can_never_fit_is_refused_and_evicts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), 1000);
    put(&store, "a.deb", &[0; 900]).unwrap();
    assert!(matches!(store.draft(Some(1001)), Err(StoreError::TooLarge(1001))));
    assert_eq!(names(&store), ["a.deb"]);
    let mut endless = store.draft(None).unwrap();
    assert_eq!(
        endless.write(&[0; 1001]).unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
}

#[test]
fn a_smaller_limit_takes_effect_and_a_lower_use_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path(), 1000);
    for name in ["a.deb", "b.deb"] {
        put(&first, name, &[0; 400]).unwrap();
    }
    first
        .get("http://mirror.example/b.deb")
        .unwrap()
        .used
        .store(77, Ordering::Relaxed);
    first.note_uses();
    let second = store(folder.path(), 500);
    assert_eq!(names(&second), ["a.deb"]);
}

#[test]
fn new_content_takes_the_place_of_the_old_and_a_reader_keeps_what_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), 1000);
    let old = store.hold(&put(&store, "Packages", b"old").unwrap());
    let file = store.file(&old).unwrap();
    put(&store, "Packages", b"new one").unwrap();
    let mut read = [0; 3];
    std::os::unix::fs::FileExt::read_exact_at(&*file, &mut read, 0).unwrap();
    assert_eq!(&read, b"old");
    assert_eq!(store.size(), (1, 7));
    let digest = hex(&Sha256::digest(b"new one"));
    assert_eq!(store.by_digest(&digest).unwrap().meta.length, 7);
    assert!(store.by_digest(&hex(&Sha256::digest(b"old"))).is_none());
}

//! Bytes as a part on disk.

use std::cell::RefCell;

use skopos_storage::{PartReader, PartStore};

thread_local! {
    static STORE: RefCell<Option<(tempfile::TempDir, PartStore)>> = const { RefCell::new(None) };
}

/// Puts the bytes where a part would be and opens it; `None` where it cannot be opened.
pub fn open(signal: &'static str, bytes: &[u8]) -> Option<PartReader> {
    STORE.with_borrow_mut(|store| {
        let path = format!("default/{signal}/1970-01-01/0-0-0-0.parquet");
        let (folder, store) = store.get_or_insert_with(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join(&path);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder in it");
            let store = PartStore::local(folder.path(), signal).expect("a store");
            (folder, store)
        });
        std::fs::write(folder.path().join(&path), bytes).expect("written");
        store.inspect(&path).ok()
    })
}

/// Lets panics unwind as in the product, where those of the Parquet library make a part corrupt. Others still end
/// the run: libfuzzer-sys aborts when one reaches it.
pub fn contain_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

//! Parts of one signal on an object store: publish, open, set aside, remove, list.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_128;

use super::block_on::block_on;
use super::bytes::ObjectBytes;
use super::name::{CORRUPT_SUFFIX, EXTENSION, part_path};
use super::{PartFormat, PartMeta, PartReader, PartSpec, PartWriter};
use crate::{StorageError, telemetry};

/// Most parts kept open; a part open too many is closed in the order of opening.
const MAX_OPEN_PARTS: usize = 96;

/// The parts of one signal, of all tenants.
#[derive(Debug)]
pub struct PartStore {
    store: Arc<dyn ObjectStore>,
    /// Where the store lies, if it is a local folder: then writes are brought to the disk.
    pub(super) root: Option<PathBuf>,
    pub(super) signal: &'static str,
    open: Mutex<OpenParts>,
}

/// Bounded cache of open parts, first in, first out.
#[derive(Debug, Default)]
struct OpenParts {
    readers: HashMap<String, Arc<PartReader>>,
    order: std::collections::VecDeque<String>,
}

impl PartStore {
    /// Parts in a local folder, which is created where needed.
    pub fn local(root: &Path, signal: &'static str) -> Result<Self, StorageError> {
        std::fs::create_dir_all(root).map_err(|source| StorageError::io("create", root, source))?;
        let store = LocalFileSystem::new_with_prefix(root).map_err(|source| StorageError::Object {
            action: "open the part store at",
            path: root.display().to_string(),
            source,
        })?;
        Ok(Self {
            store: Arc::new(store),
            root: Some(root.to_path_buf()),
            signal,
            open: Mutex::default(),
        })
    }

    /// Parts on another object store.
    pub fn remote(store: Arc<dyn ObjectStore>, signal: &'static str) -> Self {
        Self {
            store,
            root: None,
            signal,
            open: Mutex::default(),
        }
    }

    /// Writes batches as one part.
    pub fn write(
        &self,
        format: &PartFormat,
        spec: PartSpec,
        batches: &[RecordBatch],
    ) -> Result<PartMeta, StorageError> {
        let mut writer = PartWriter::new(format)?;
        for batch in batches {
            writer.write(batch)?;
        }
        self.publish(writer, spec)
    }

    /// Ends a writer and puts its object in place, whole or not at all. The part is not live
    /// before the manifest lists it.
    pub fn publish(&self, writer: PartWriter, spec: PartSpec) -> Result<PartMeta, StorageError> {
        let (bytes, rows) = writer.finish(&spec)?;
        let meta = PartMeta {
            path: part_path(self.signal, &spec),
            spec,
            rows,
            bytes: bytes.len() as u64,
            digest: format!("{:032x}", xxh3_128(&bytes)),
        };
        let path = object_path(&meta.path)?;
        block_on(self.store.put(&path, PutPayload::from(bytes)))
            .map_err(|source| object_error("write", &meta.path, source))?;
        self.sync(&meta.path)?;
        telemetry::PARTS_WRITTEN.with_label_values(&[self.signal]).inc();
        Ok(meta)
    }

    /// Opens a part. The first time in this process its bytes are checked against the digest.
    pub fn open(&self, meta: &PartMeta) -> Result<Arc<PartReader>, StorageError> {
        if let Some(reader) = self.open.lock().readers.get(&meta.path) {
            return Ok(Arc::clone(reader));
        }
        let path = object_path(&meta.path)?;
        let bytes = ObjectBytes::open(&self.store, &path).map_err(|source| object_error("open", &meta.path, source))?;
        let digest = bytes
            .digest()
            .map_err(|source| StorageError::io("read", Path::new(&meta.path), source))?;
        if digest != meta.digest {
            return Err(StorageError::Corrupt {
                what: meta.path.clone(),
                reason: format!("digest is {digest}, the manifest says {}", meta.digest),
            });
        }
        let reader = Arc::new(PartReader::open(meta.clone(), bytes)?);
        self.open.lock().insert(&meta.path, &reader);
        Ok(reader)
    }

    /// Opens a part that no manifest knows, by its path.
    pub fn inspect(&self, path: &str) -> Result<PartReader, StorageError> {
        let bytes =
            ObjectBytes::open(&self.store, &object_path(path)?).map_err(|source| object_error("open", path, source))?;
        let digest = bytes
            .digest()
            .map_err(|source| StorageError::io("read", Path::new(path), source))?;
        let length = parquet::file::reader::Length::len(&bytes);
        let placeholder = PartMeta {
            path: path.to_owned(),
            spec: PartSpec {
                tenant: skopos_core::TenantId::default(),
                level: 0,
                partition: 0,
                first_offset: crate::Offset::ZERO,
                last_offset: crate::Offset::ZERO,
                min_time_ms: 0,
                max_time_ms: 0,
                aggregate: None,
            },
            rows: 0,
            bytes: length,
            digest,
        };
        PartReader::open(placeholder, bytes)?.described()
    }

    /// Renames a damaged part so that it is no longer read, and counts and tells it.
    pub fn set_aside(&self, meta: &PartMeta, reason: &str) -> Result<(), StorageError> {
        self.open.lock().remove(&meta.path);
        let aside = format!("{}{CORRUPT_SUFFIX}", meta.path);
        let (from, to) = (object_path(&meta.path)?, object_path(&aside)?);
        telemetry::PARTS_CORRUPT.with_label_values(&[self.signal]).inc();
        tracing::error!(part = meta.path, rows = meta.rows, reason, "set a corrupt part aside");
        match block_on(self.store.rename(&from, &to)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(object_error("set aside", &meta.path, source)),
        }
    }

    /// Removes the object of a part that the manifest no longer lists; no part there is fine.
    pub fn remove(&self, path: &str, cause: &str) -> Result<(), StorageError> {
        self.open.lock().remove(path);
        match block_on(self.store.delete(&object_path(path)?)) {
            Ok(()) => {
                telemetry::PARTS_REMOVED.with_label_values(&[self.signal, cause]).inc();
                Ok(())
            }
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(object_error("remove", path, source)),
        }
    }

    /// Puts the object of a part below another folder: as a link to the same file where both lie
    /// on one local file system, else as a copy.
    pub(crate) fn copy_to(&self, path: &str, root: &Path) -> Result<(), StorageError> {
        let target = root.join(path);
        if let Some(dir) = target.parent() {
            std::fs::create_dir_all(dir).map_err(|source| StorageError::io("create", dir, source))?;
        }
        if let Some(own) = &self.root
            && std::fs::hard_link(own.join(path), &target).is_ok()
        {
            return Ok(());
        }
        let fetch = async {
            self.store
                .get(&object_path(path)?)
                .await
                .map_err(|source| object_error("open", path, source))
        };
        let found = block_on(fetch)?;
        let bytes = block_on(found.bytes()).map_err(|source| object_error("read", path, source))?;
        crate::atomic::replace_file(&target, &bytes)
    }

    /// Paths of all objects of this signal that are named like parts.
    pub fn list(&self) -> Result<Vec<String>, StorageError> {
        let objects: Vec<_> = block_on(self.store.list(None).try_collect())
            .map_err(|source| object_error("list", self.signal, source))?;
        let paths = objects.into_iter().map(|object| object.location.to_string());
        let mut paths: Vec<String> = paths.filter(|path| self.is_part_path(path)).collect();
        paths.sort();
        Ok(paths)
    }

    fn is_part_path(&self, path: &str) -> bool {
        path.ends_with(EXTENSION) && path.split('/').nth(1) == Some(self.signal)
    }

    /// Brings a new local object and the folders above it to the disk.
    fn sync(&self, path: &str) -> Result<(), StorageError> {
        let Some(root) = &self.root else { return Ok(()) };
        let file = root.join(path);
        std::fs::File::open(&file)
            .and_then(|handle| handle.sync_all())
            .map_err(|source| StorageError::io("sync", &file, source))?;
        for dir in file.ancestors().skip(1) {
            crate::wal::sync_dir(dir)?;
            if dir == root {
                break;
            }
        }
        Ok(())
    }
}

impl OpenParts {
    fn insert(&mut self, path: &str, reader: &Arc<PartReader>) {
        while self.readers.len() >= MAX_OPEN_PARTS {
            let Some(oldest) = self.order.pop_front() else { break };
            self.readers.remove(&oldest);
        }
        if self.readers.insert(path.to_owned(), Arc::clone(reader)).is_none() {
            self.order.push_back(path.to_owned());
        }
    }

    fn remove(&mut self, path: &str) {
        self.readers.remove(path);
        self.order.retain(|open| open != path);
    }
}

fn object_path(path: &str) -> Result<ObjectPath, StorageError> {
    ObjectPath::parse(path).map_err(|source| object_error("use", path, source.into()))
}

fn object_error(action: &'static str, path: &str, source: object_store::Error) -> StorageError {
    StorageError::Object {
        action,
        path: path.to_owned(),
        source,
    }
}

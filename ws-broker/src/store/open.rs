//! From a file, whatever its state, to a store that works.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use protocol::Time;

use super::disk::{Disk, Medium, builder, failed};
use super::load::{FORMAT, Failure, Read, read};
use super::{Group, Loaded, Store, StoreError};

/// Why there is no store; displays as one line.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or the file cannot be used.
    #[error("cannot use persistence_location {folder}: {why}")]
    Folder {
        /// `persistence_location`.
        folder: String,
        /// What the system says.
        why: String,
    },
    /// Another broker has it open.
    #[error("the store {file} is in use by another broker; stop it, or set persistence_location")]
    InUse {
        /// The file.
        file: String,
    },
    /// It was written by a later version.
    #[error(
        "the store {file} was written by a newer version of this broker (format {found}, this \
         one knows {FORMAT}); start that one, or set persistence_location"
    )]
    Newer {
        /// The file.
        file: String,
        /// Its format.
        found: u64,
    },
}

/// A store that works, and all that was in it.
pub(crate) struct Opened {
    /// The store.
    pub store: Box<dyn Store>,
    /// What was in it.
    pub loaded: Loaded,
    /// The file.
    pub file: PathBuf,
    /// Where the file was set aside that could not be read in full, and what
    /// was wrong with it.
    pub set_aside: Option<(PathBuf, String)>,
}

/// Opens the store `name` in `folder`, which is made if need be. What expired
/// before `now` is left out.
pub(crate) fn open(folder: &Path, name: &str, now: Time) -> Result<Opened, OpenError> {
    let file = folder.join(name);
    let medium = Box::new(File(file.clone()));
    let unusable = |why: String| OpenError::Folder {
        folder: folder.display().to_string(),
        why,
    };
    std::fs::create_dir_all(folder).map_err(|error| unusable(error.to_string()))?;
    let (database, read) = match catch_unwind(AssertUnwindSafe(|| read(&*medium, now))) {
        Ok(Ok((database, read))) => (Some(database), read),
        Ok(Err(Failure::Newer(found))) => {
            let file = file.display().to_string();
            return Err(OpenError::Newer { file, found });
        }
        Ok(Err(Failure::Redb(redb::Error::DatabaseAlreadyOpen))) => {
            let file = file.display().to_string();
            return Err(OpenError::InUse { file });
        }
        Ok(Err(Failure::Redb(redb::Error::Io(error)))) if !is_damage(&error) => {
            return Err(unusable(error.to_string()));
        }
        Ok(Err(Failure::Redb(why))) => (None, Read::damaged(why.to_string())),
        Err(_) => (None, Read::damaged("redb gave up".into())),
    };
    sync_folder(folder).map_err(|error| unusable(error.to_string()))?;
    let Read {
        loaded,
        messages,
        damage,
    } = read;
    if let Some(why) = damage {
        // It is closed before it is moved.
        drop(database);
        let aside = set_aside(&file).map_err(|error| unusable(error.to_string()))?;
        let mut store = read_empty(medium, now).map_err(|why| unusable(why.0))?;
        let mut group = Group::default();
        loaded.changes().into_iter().for_each(|c| group.add(c));
        store.commit(&group).map_err(|why| unusable(why.0))?;
        return Ok(Opened {
            store: Box::new(store),
            loaded,
            file,
            set_aside: Some((aside, why)),
        });
    }
    let disk = Disk::new(medium, database, messages);
    Ok(Opened {
        store: Box::new(disk),
        loaded,
        file,
        set_aside: None,
    })
}

/// The file of the store.
struct File(PathBuf);

impl Medium for File {
    fn open(&self) -> Result<redb::Database, redb::Error> {
        Ok(builder().create(&self.0)?)
    }

    fn size(&self) -> u64 {
        self.0.metadata().map_or(0, |file| file.len())
    }
}

/// The store that was just made.
fn read_empty(medium: Box<dyn Medium>, now: Time) -> Result<Disk, StoreError> {
    match read(&*medium, now) {
        Ok((database, read)) => Ok(Disk::new(medium, Some(database), read.messages)),
        Err(Failure::Redb(error)) => Err(failed(error)),
        Err(Failure::Newer(_)) => Err(StoreError("it is not empty".into())),
    }
}

/// Gives the damaged file a name that no other has.
fn set_aside(file: &Path) -> io::Result<PathBuf> {
    for number in 1.. {
        let aside = file.with_extension(format!("damaged-{number}.db"));
        if !aside.try_exists()? {
            std::fs::rename(file, &aside)?;
            return Ok(aside);
        }
    }
    unreachable!("some number is free")
}

/// A file that was just made is found again after a power cut only when its
/// folder has been written.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether the file has been read, and is not what it should be.
fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, UnexpectedEof};
    matches!(error.kind(), InvalidData | UnexpectedEof)
}

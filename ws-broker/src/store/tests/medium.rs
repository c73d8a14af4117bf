use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use redb::StorageBackend;

use crate::store::disk::{self, builder};

/// A file on a disk that fails when it is told to, and may forget or tear
/// what was not synced when the power is cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Medium(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What a reader sees.
    content: Vec<u8>,
    /// What survives a power cut for certain.
    synced: Vec<u8>,
    unsynced: Vec<Write>,
    /// How many writes, changes of length and syncs there were.
    steps: usize,
    fault: Option<Fault>,
}

#[derive(Clone, Debug)]
enum Write {
    At(usize, Vec<u8>),
    Len(usize),
}

/// What goes wrong, from which step on, how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub what: What,
    pub from: usize,
    pub times: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Nothing is written.
    Fails,
    /// Half of it is written.
    Short,
    /// Nothing more fits; what is there can be overwritten.
    Full,
    /// Writes seem to work, and syncs fail.
    SyncFails,
}

impl Medium {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn steps(&self) -> usize {
        self.lock().steps
    }

    pub(super) fn set_fault(&self, fault: Option<Fault>) {
        self.lock().fault = fault;
    }

    /// The disk as it is found after a power cut at this moment: of what was
    /// not synced, some is there, some is not, some is torn.
    pub(super) fn after_power_cut(&self, rng: &mut Rng) -> Self {
        let state = self.lock();
        let mut content = state.synced.clone();
        for write in &state.unsynced {
            match rng.u8(0..3) {
                0 => {}
                1 => write.apply(&mut content),
                _ => write.torn(rng).apply(&mut content),
            }
        }
        Self(Arc::new(Mutex::new(State {
            synced: content.clone(),
            content,
            ..State::default()
        })))
    }

    /// The disk with some bytes of it wrong.
    pub(super) fn damaged(&self, rng: &mut Rng) -> Vec<u8> {
        let mut content = self.lock().content.clone();
        for _ in 0..rng.usize(1..20) {
            let at = rng.usize(0..content.len());
            let len = rng.usize(1..200).min(content.len() - at);
            rng.fill(&mut content[at..at + len]);
        }
        content
    }
}

impl disk::Medium for Medium {
    fn open(&self) -> Result<redb::Database, redb::Error> {
        Ok(builder().create_with_backend(self.clone())?)
    }

    fn size(&self) -> u64 {
        self.lock().content.len() as u64
    }
}

impl Write {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Len(len) => content.resize(*len, 0),
            Self::At(at, data) => {
                let end = at + data.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*at..end].copy_from_slice(data);
            }
        }
    }

    /// Sectors are written in any order, each in full.
    fn torn(&self, rng: &mut Rng) -> Self {
        const SECTOR: usize = 512;
        match self {
            Self::At(at, data) if data.len() > SECTOR => {
                let sectors = data.len().div_ceil(SECTOR);
                let from = rng.usize(0..sectors) * SECTOR;
                let to = (from + SECTOR * rng.usize(1..=sectors)).min(data.len());
                Self::At(at + from, data[from..to].to_vec())
            }
            whole => whole.clone(),
        }
    }
}

impl State {
    fn write(&mut self, write: Write) -> io::Result<()> {
        self.steps += 1;
        let grows = match &write {
            Write::At(at, data) => at + data.len() > self.content.len(),
            Write::Len(len) => *len > self.content.len(),
        };
        let fault = self.fault.filter(|fault| fault.is_at(self.steps));
        match (fault.map(|fault| fault.what), &write) {
            (Some(What::Fails), _) => return Err(io::Error::other("it failed")),
            (Some(What::Short), Write::At(at, data)) => {
                let half = Write::At(*at, data[..data.len() / 2].to_vec());
                half.apply(&mut self.content);
                self.unsynced.push(half);
                return Err(io::Error::other("it was cut short"));
            }
            (Some(What::Full), _) if grows => return Err(io::ErrorKind::StorageFull.into()),
            _ => {}
        }
        write.apply(&mut self.content);
        self.unsynced.push(write);
        Ok(())
    }
}

impl Fault {
    fn is_at(&self, step: usize) -> bool {
        (self.from..self.from.saturating_add(self.times)).contains(&step)
    }
}

impl StorageBackend for Medium {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().content.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.lock();
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = state.content.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        self.lock().write(Write::Len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.steps += 1;
        let step = state.steps;
        if state
            .fault
            .is_some_and(|fault| fault.is_at(step) && fault.what != What::Full)
        {
            return Err(io::Error::other("it was not synced"));
        }
        state.synced = state.content.clone();
        state.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let at = usize::try_from(offset).map_err(io::Error::other)?;
        self.lock().write(Write::At(at, data.to_vec()))
    }
}

use std::path::PathBuf;

/// The file that `pid_file` names; it is removed when this is dropped.
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    pub(crate) fn write(file: PathBuf) -> Result<Self, String> {
        match std::fs::write(&file, format!("{}\n", std::process::id())) {
            Ok(()) => Ok(Self(file)),
            Err(error) => Err(format!("cannot write pid_file {}: {error}", file.display())),
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Whoever is not in its folder any more may not remove it.
        let _ = std::fs::remove_file(&self.0);
    }
}

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

/// The file that `pid_file` names; it is removed when this is dropped.
pub(crate) struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    pub(crate) fn write(path: PathBuf) -> Result<Self, String> {
        let written = File::create(&path).and_then(|mut file| {
            writeln!(file, "{}", std::process::id())?;
            Ok(file)
        });
        match written {
            Ok(file) => Ok(Self { path, file }),
            Err(error) => Err(format!("cannot write pid_file {}: {error}", path.display())),
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Whoever has given up its rights may not remove it, and leaves
        // nothing in it.
        if std::fs::remove_file(&self.path).is_err() {
            let _ = self.file.set_len(0);
        }
    }
}

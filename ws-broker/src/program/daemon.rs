//! `-d`: into the background.

/// Goes on in the background; the process that was started ends here. Standard
/// error stays, for what may still go wrong, until [`close_output`].
#[cfg(unix)]
pub(crate) fn begin() -> Result<(), String> {
    #[cfg(not(target_vendor = "apple"))]
    {
        nix::unistd::daemon(true, true)
            .map_err(|error| format!("cannot go into the background: {error}"))
    }
    #[cfg(target_vendor = "apple")]
    {
        Err("-d is not there on this system: leave it to launchd".into())
    }
}

/// Lets the terminal go.
#[cfg(unix)]
pub(crate) fn close_output() -> Result<(), String> {
    use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout};

    let nowhere = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null");
    nowhere
        .and_then(|nowhere| {
            dup2_stdin(&nowhere)?;
            dup2_stdout(&nowhere)?;
            dup2_stderr(&nowhere)?;
            Ok(())
        })
        .map_err(|error| format!("cannot let the terminal go: {error}"))
}

#[cfg(not(unix))]
pub(crate) fn begin() -> Result<(), String> {
    Err("-d is not there on this system: make it a service".into())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
pub(crate) fn close_output() -> Result<(), String> {
    Ok(())
}

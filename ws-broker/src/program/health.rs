//! Whether a broker answers, for whoever looks after containers: there may be
//! no other program in them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(3);

/// Look whether a broker answers on its WebSocket port; exit code 0 if so.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where.
    #[arg(default_value = "127.0.0.1:9001")]
    address: SocketAddr,
}

/// Asks for `/health`.
///
/// # Errors
/// Nobody answers, or something else than that all is well.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let address = arguments.address;
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        BufReader::new(stream.take(1024)).read_line(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    match ask() {
        Ok(answer) if answer.split_whitespace().nth(1) == Some("200") => Ok(()),
        Ok(answer) => Err(format!("{address} answers \"{}\"", answer.trim())),
        Err(error) => Err(format!("nobody answers on {address}: {error}")),
    }
}

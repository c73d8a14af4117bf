//! Plain HTTP, as written: no client that decompresses, redirects or caches.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Broker, PATIENCE};

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status, such as 200.
    pub status: u16,
    /// The headers, their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// What follows the headers.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value, empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Asks the broker's web port, with these headers besides `Host`.
///
/// # Panics
/// If what comes back is no HTTP.
pub async fn ask(broker: &Broker, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n",
        broker.web
    );
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", broker.web)).await?;
        stream.write_all(request.as_bytes()).await?;
        read(&mut stream, method == "HEAD").await
    };
    let answer = timeout(PATIENCE, exchange).await.expect("no answer");
    answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

/// Asks for a page, as a browser that takes brotli.
pub async fn get(broker: &Broker, path: &str) -> Answer {
    ask(broker, "GET", path, &[("Accept-Encoding", "gzip, br")]).await
}

async fn read(stream: &mut TcpStream, head_only: bool) -> std::io::Result<Answer> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        more(stream, &mut bytes).await?;
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap_or_default();
    let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").filter(|_| !head_only);
    let length = length.map_or(0, |length| length.parse().unwrap_or(0));
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        more(stream, &mut body).await?;
    }
    Ok(Answer {
        status: status.ok_or_else(|| std::io::Error::other(format!("no HTTP: {text}")))?,
        headers,
        body,
    })
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    match stream.read_buf(bytes).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

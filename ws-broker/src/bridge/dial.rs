//! From an address to a stream of bytes.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;

use super::tls;
use crate::config::{Address, Bridge};

/// How long one of a host's addresses has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A stream of bytes to another broker.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens a connection; an error says why there is none.
pub(super) async fn dial(config: &Bridge, address: &Address) -> Result<Box<dyn Stream>, String> {
    let tcp = connect(config, address).await?;
    set_up(config, &tcp).map_err(|error| format!("cannot set up the socket: {error}"))?;
    match &config.tls {
        None => Ok(Box::new(tcp)),
        Some(options) => match timeout(PATIENCE, tls::connect(options, &address.host, tcp)).await {
            Ok(stream) => Ok(Box::new(stream?)),
            Err(_) => Err(format!("TLS: no answer in {} s", PATIENCE.as_secs())),
        },
    }
}

/// Whether there is anybody at an address.
pub(super) async fn answers(config: &Bridge, address: &Address) -> bool {
    connect(config, address).await.is_ok()
}

async fn connect(config: &Bridge, address: &Address) -> Result<TcpStream, String> {
    let from = match &config.bind_address {
        Some(host) => Some(resolve(host, 0).await?),
        None => None,
    };
    let mut last = "its host name has no address".into();
    for to in resolve(&address.host, address.port).await? {
        let from = match &from {
            Some(from) => match from.iter().find(|from| from.is_ipv4() == to.is_ipv4()) {
                Some(from) => Some(*from),
                None => {
                    last = format!("bridge_bind_address cannot reach {}", to.ip());
                    continue;
                }
            },
            None => None,
        };
        match timeout(PATIENCE, connect_to(from, to)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = format!("no answer in {} s", PATIENCE.as_secs()),
        }
    }
    Err(last)
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![(ip, port).into()]);
    }
    match lookup_host((host, port)).await {
        Ok(found) => Ok(found.collect()),
        Err(error) => Err(format!("cannot find the host {host}: {error}")),
    }
}

async fn connect_to(from: Option<SocketAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(from) = from {
        socket.bind(from)?;
    }
    socket.connect(to).await
}

fn set_up(config: &Bridge, tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(tcp);
    if let Some(keep_alive) = config.tcp_keep_alive {
        let how = TcpKeepalive::new()
            .with_time(keep_alive.idle)
            .with_interval(keep_alive.interval);
        #[cfg(unix)]
        let how = how.with_retries(keep_alive.count);
        socket.set_tcp_keepalive(&how)?;
    }
    #[cfg(target_os = "linux")]
    if let Some(limit) = config.tcp_user_timeout {
        socket.set_tcp_user_timeout(Some(limit))?;
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::config::TcpKeepAlive;

    /// `bridge_tcp_keepalive`, `bridge_tcp_user_timeout`.
    #[tokio::test]
    async fn the_system_watches_a_connection_as_it_is_told() {
        let there = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address {
            host: "127.0.0.1".into(),
            port: there.local_addr().unwrap().port(),
        };
        let mut config = Bridge::new("up");
        let tcp = connect(&config, &address).await.unwrap();
        set_up(&config, &tcp).unwrap();
        let socket = SockRef::from(&tcp);
        assert!(tcp.nodelay().unwrap());
        assert!(!socket.keepalive().unwrap());
        assert_eq!(socket.tcp_user_timeout().unwrap(), None);

        let seconds = Duration::from_secs;
        config.tcp_keep_alive = Some(TcpKeepAlive {
            idle: seconds(70),
            interval: seconds(11),
            count: 4,
        });
        config.tcp_user_timeout = Some(Duration::from_millis(2500));
        set_up(&config, &tcp).unwrap();
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), seconds(70));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), seconds(11));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
        let limit = socket.tcp_user_timeout().unwrap();
        assert_eq!(limit, config.tcp_user_timeout);
    }
}

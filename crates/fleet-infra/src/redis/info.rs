//! The answer of Redis to INFO, as pairs. <https://redis.io/docs/latest/commands/info/>

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// How long the server may take.
const LIMIT: Duration = Duration::from_secs(2);
/// Bytes of an answer at most; usual ones have 5 000.
const MAX_BYTES: usize = 1 << 20;

/// The fields of INFO.
pub(super) type Info = BTreeMap<String, String>;

/// Asks the server.
pub(super) async fn read(address: SocketAddr) -> io::Result<Info> {
    tokio::time::timeout(LIMIT, ask(address))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// An inline command, answered by a bulk string: `$<bytes>\r\n…\r\n`.
async fn ask(address: SocketAddr) -> io::Result<Info> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    stream.write_all(b"INFO\r\n").await?;
    let mut head = String::new();
    stream.read_line(&mut head).await?;
    let length: usize = head
        .trim()
        .strip_prefix('$')
        .and_then(|length| length.parse().ok())
        .filter(|length| *length <= MAX_BYTES)
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("no answer to INFO: {}", head.trim()),
            )
        })?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(parse(&String::from_utf8_lossy(&body)))
}

fn parse(text: &str) -> Info {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_headings_left_out() {
        let info = parse("# Server\r\nredis_version:7.0.15\r\n\r\n# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=0\r\n");
        assert_eq!(info["redis_version"], "7.0.15");
        assert_eq!(info["db0"], "keys=3,expires=1,avg_ttl=0");
        assert_eq!(info.len(), 2);
    }
}

//! The body of an HTTP answer, read up to a bound: whoever answers must not fill this machine's memory.

use bytes::{Bytes, BytesMut};

/// The longest answer that is read, in bytes; our own bound. Fifty findings, or a page of incidents, have a megabyte or two;
/// the whole configuration of a large platform, which `customize` and `selftest` read, has some ten.
pub(crate) const LIMIT: usize = 64 * 1024 * 1024;
/// As much of an answer that tells an error is read, in bytes; our own bound. It is shown on one line.
pub(crate) const ERROR_LIMIT: usize = 64 * 1024;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The connection failed.
    #[error(transparent)]
    Transport(#[from] reqwest::Error),
    /// It is longer than the limit.
    #[error("it is longer than the limit of {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// The whole body, unless it is longer than `limit` bytes.
pub(crate) async fn read(
    mut response: reqwest::Response,
    limit: usize,
) -> Result<Bytes, BodyError> {
    let too_long = BodyError::TooLong { limit };
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |announced| announced > limit) {
        return Err(too_long);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > limit - body.len() {
            return Err(too_long);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The body as far as `limit` bytes; the rest is left unread.
pub(crate) async fn beginning(
    mut response: reqwest::Response,
    limit: usize,
) -> Result<Bytes, reqwest::Error> {
    let mut body = BytesMut::new();
    while body.len() < limit {
        let Some(chunk) = response.chunk().await? else {
            break;
        };
        let room = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok(body.freeze())
}

#[cfg(test)]
pub(crate) mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// The address of a server that says exactly this, once.
    pub(crate) async fn says(wire: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            // The client may hang up before the end.
            let _ = stream.write_all(&wire).await;
        });
        format!("http://{address}/")
    }

    /// What a server answers that says exactly this.
    pub(crate) async fn answered(wire: Vec<u8>) -> reqwest::Response {
        let address = says(wire).await;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.get(address).send().await.unwrap()
    }

    fn with_length(body: &str, length: usize) -> Vec<u8> {
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
    }

    fn in_chunks(body: &str) -> Vec<u8> {
        let mut wire = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for chunk in body.as_bytes().chunks(3) {
            wire.extend(format!("{:x}\r\n", chunk.len()).bytes());
            wire.extend(chunk);
            wire.extend(b"\r\n");
        }
        wire.extend(b"0\r\n\r\n");
        wire
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit_and_not_beyond() {
        for wire in [with_length("0123456789", 10), in_chunks("0123456789")] {
            let response = answered(wire.clone()).await;
            assert_eq!(&read(response, 10).await.unwrap()[..], b"0123456789");
            let response = answered(wire).await;
            let refused = read(response, 9).await;
            assert!(matches!(refused, Err(BodyError::TooLong { limit: 9 })));
        }
    }

    #[tokio::test]
    async fn an_announced_length_is_refused_before_it_arrives() {
        let response = answered(with_length("", LIMIT + 1)).await;
        let refused = read(response, LIMIT).await;
        assert!(matches!(refused, Err(BodyError::TooLong { limit: LIMIT })));
    }

    #[tokio::test]
    async fn of_an_error_only_the_beginning_is_read() {
        for wire in [with_length("0123456789", 10), in_chunks("0123456789")] {
            let body = beginning(answered(wire).await, 4).await.unwrap();
            assert_eq!(&body[..], b"0123");
        }
    }
}

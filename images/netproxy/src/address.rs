//! Addresses in the notation of Go's `net` package, which Toxiproxy's users write.

use std::io;
use std::net::SocketAddr;

/// The address to listen on. A missing host means every IPv4 address; nothing at all, any port of it.
pub async fn resolve_listen(listen: &str) -> io::Result<SocketAddr> {
    let completed = match listen {
        "" => "0.0.0.0:0".to_owned(),
        port if port.starts_with(':') => format!("0.0.0.0{port}"),
        whole => whole.to_owned(),
    };
    let mut found = tokio::net::lookup_host(completed).await?;
    found.next().ok_or_else(|| io::Error::other("the name has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn go_notation_is_understood() {
        for (listen, address) in [
            ("", "0.0.0.0:0"),
            (":8080", "0.0.0.0:8080"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[::1]:2", "[::1]:2"),
        ] {
            assert_eq!(resolve_listen(listen).await.unwrap(), address.parse().unwrap());
        }
        assert!(resolve_listen("127.0.0.1").await.is_err(), "a port is required");
    }
}

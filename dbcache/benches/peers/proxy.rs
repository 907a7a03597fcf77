//! A proxy that adds the latency of a network to a server on this machine.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::measure::Result;

/// Starts a proxy for the socket of a server, and returns its port. The proxy ends with the program.
///
/// It adds latency to each round trip, but does not limit the throughput: bytes need not wait until the previous ones have
/// arrived.
pub(crate) fn start(server: PathBuf, latency: Duration) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if let Err(cause) = connect(client, &server, latency / 2) {
                eprintln!("a connection through the proxy failed: {cause}");
            }
        }
    });
    Ok(port)
}

fn connect(client: TcpStream, server: &Path, one_way: Duration) -> Result<()> {
    client.set_nodelay(true)?;
    let server = UnixStream::connect(server)?;
    let (from_client, from_server) = (client.try_clone()?, server.try_clone()?);
    pass_on(from_client, one_way, move |bytes| deliver(&server, bytes, |server| server.shutdown(Shutdown::Write)));
    pass_on(from_server, one_way, move |bytes| deliver(&client, bytes, |client| client.shutdown(Shutdown::Write)));
    Ok(())
}

/// Bytes, and the time of their arrival.
type Bytes = (Instant, Vec<u8>);

/// Reads in one thread and delivers in another.
fn pass_on(
    mut from: impl Read + Send + 'static,
    delay: Duration,
    deliver: impl FnOnce(Receiver<Bytes>) + Send + 'static,
) {
    let (sent, under_way) = channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let bytes = buffer.get(..length).unwrap_or_default().to_vec();
            if sent.send((Instant::now() + delay, bytes)).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || deliver(under_way));
}

/// Ignores errors of a side that has closed its connection, because it needs no more bytes.
fn deliver<S>(to: &S, under_way: Receiver<Bytes>, close: impl FnOnce(&S) -> std::io::Result<()>)
where
    for<'s> &'s S: Write,
{
    let mut stream = to;
    for (arrival, bytes) in under_way {
        thread::sleep(arrival.saturating_duration_since(Instant::now()));
        if stream.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = close(to);
}

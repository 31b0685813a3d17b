//! Connections: how many, how long, how large.
//!
//! One request each, and none lasts longer than [`LONGEST`], whatever the client does: whoever sends or reads slowly loses its own
//! connection and holds up nobody else's. Bodies of requests are not read.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

/// Connections at a time. Further ones wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 64;

/// A connection's whole life. Prometheus gives up after ten seconds itself, unless told otherwise.
const LONGEST: Duration = Duration::from_secs(10);

/// Until the head of the request has arrived.
const LONGEST_HEAD: Duration = Duration::from_secs(5);

/// Size of the head of a request.
const LARGEST_HEAD_BYTES: usize = 16 << 10;

/// How long requests may take to their end when the service ends.
const GRACE: Duration = Duration::from_secs(3);

/// Serves until `ended`, then lets the requests under way come to their end.
pub(super) async fn serve(listener: TcpListener, router: Router, ended: impl Future<Output = ()>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    tokio::select! {
        () = accept(&listener, &router, &room) => {}
        () = ended => {}
    }
    drop(listener);
    let everyone = u32::try_from(MOST_CONNECTIONS).unwrap_or(u32::MAX);
    // Who is not done by then is cut off.
    let _ = timeout(GRACE, room.acquire_many(everyone)).await;
}

async fn accept(listener: &TcpListener, router: &Router, room: &Arc<Semaphore>) {
    loop {
        let Ok(permit) = Arc::clone(room).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(answer(stream, router.clone(), permit));
            }
            // Out of file descriptors, or a connection that was gone again: the next one may do.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn answer(stream: TcpStream, router: Router, _permit: OwnedSemaphorePermit) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LONGEST_HEAD)
        .max_buf_size(LARGEST_HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // A client that went away or sent nonsense has been answered as far as it can be.
    let _ = timeout(LONGEST, connection).await;
}

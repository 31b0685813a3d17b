//! Begins everything, and ends it in order.

use super::board::Board;
use super::export::{ExportOptions, Exporter};
use super::http;
use super::judge::{Judge, Judging};
use super::routes::{Shared, router};
use super::stop::Stop;
use anyhow::{Context, anyhow, bail};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, oneshot};

/// What to serve, where and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory of traces.
    pub directory: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Time from one round of judging to the next, at the least.
    pub every: Duration,
    /// How long processes that have ended are shown.
    pub keep_ended: Duration,
    /// Export by OTLP.
    pub export: Option<ExportOptions>,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the address cannot be listened on, or the judge ended by itself.
pub fn run(options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the HTTP server")?;
    runtime.block_on(serve(options))
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let listener = TcpListener::bind(options.listen).await.with_context(|| {
        let address = options.listen;
        format!("cannot listen on {address}; choose another address with --listen")
    })?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let address = listener.local_addr()?;
    announce(&options, address);

    let board = Arc::new(Board::default());
    let stop = Stop::default();
    let judged = judge(&options, &board, &stop)?;
    export(&options, &board, &stop)?;
    let shared = Shared {
        board,
        every: options.every,
        is_local: address.ip().is_loopback(),
        page: Arc::new(Semaphore::new(1)),
    };
    let mut failed = false;
    let ended = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            // Its end drops the sender.
            _ = judged => failed = true,
        }
    };
    http::serve(listener, router(shared), ended).await;
    stop.now();
    if failed {
        bail!("the thread that judges has ended; this is a defect, please report what it said");
    }
    Ok(())
}

/// Says where it listens, and what listening for everyone means.
fn announce(options: &Options, address: SocketAddr) {
    let directory = options.directory.display();
    eprintln!("flinkmem: serving {directory} at http://{address}/");
    if !address.ip().is_loopback() {
        eprintln!(
            "flinkmem: whoever reaches {address} can read the names of hosts, classes, methods, threads and jobs, and all figures; there is no password and no TLS"
        );
    }
}

/// The thread that judges. The receiver is told when that thread ends.
fn judge(
    options: &Options,
    board: &Arc<Board>,
    stop: &Stop,
) -> anyhow::Result<oneshot::Receiver<()>> {
    let judge = Judge::new(Judging {
        directory: options.directory.clone(),
        every: options.every,
        keep_ended: options.keep_ended,
    });
    let (alive, ended) = oneshot::channel::<()>();
    let (board, stop) = (Arc::clone(board), stop.clone());
    let run = move || {
        let _alive = alive;
        judge.run(&board, &stop);
    };
    let named = thread::Builder::new().name("judge".to_owned());
    named
        .spawn(run)
        .map_err(|error| anyhow!("cannot start a thread: {error}"))?;
    Ok(ended)
}

fn export(options: &Options, board: &Arc<Board>, stop: &Stop) -> anyhow::Result<()> {
    let Some(export) = options.export.clone() else {
        return Ok(());
    };
    let (board, stop) = (Arc::clone(board), stop.clone());
    let run = move || Exporter::new(export).run(&board, &stop);
    let named = thread::Builder::new().name("otlp".to_owned());
    named
        .spawn(run)
        .map_err(|error| anyhow!("cannot start a thread: {error}"))?;
    Ok(())
}

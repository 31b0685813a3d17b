//! Chromium's DevTools protocol over a pipe: JSON messages, each ended by a zero byte.
//!
//! A pipe needs neither a port that something else may have, nor a WebSocket. What comes is read by a thread of its own, so that a browser that
//! hangs is an error of the test and not a test that hangs.

use crate::process::Process;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long an answer may take. The machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Pipe {
    to: ChildStdin,
    from: Receiver<Value>,
    asked: u64,
    /// Messages that answered no question, in order.
    pub(super) events: Vec<Value>,
}

impl Pipe {
    pub(super) fn of(process: &mut Process) -> Result<Self> {
        let to = process.take_stdin().context("no pipe to the browser")?;
        let from = process.take_stdout().context("no pipe from the browser")?;
        Ok(Self {
            to,
            from: listen(from),
            asked: 0,
            events: Vec::new(),
        })
    }

    /// Asks, and waits for the answer; what else comes meanwhile is kept.
    pub(super) fn ask(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: &Value,
    ) -> Result<Value> {
        self.asked += 1;
        let id = self.asked;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.to
            .write_all(&bytes)
            .with_context(|| format!("the browser is gone; it was asked for {method}"))?;
        loop {
            let message = self
                .next()
                .with_context(|| format!("waiting for {method}"))?;
            if message["id"] != id {
                self.events.push(message);
                continue;
            }
            if let Some(error) = message.get("error") {
                bail!("{method}: {error}");
            }
            return Ok(message["result"].clone());
        }
    }

    fn next(&mut self) -> Result<Value> {
        self.from
            .recv_timeout(PATIENCE)
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => anyhow!("the browser said nothing for {PATIENCE:?}"),
                RecvTimeoutError::Disconnected => anyhow!("the browser has ended"),
            })
    }
}

fn listen(from: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut message = Vec::new();
        while let Ok(length) = from.read_until(0, &mut message)
            && length > 0
        {
            let text = message.strip_suffix(&[0]).unwrap_or(&message);
            // The protocol has nothing but JSON; nobody may be left to be told.
            let sent = serde_json::from_slice(text).map(|value| sender.send(value));
            if !matches!(sent, Ok(Ok(()))) {
                break;
            }
            message.clear();
        }
    });
    receiver
}

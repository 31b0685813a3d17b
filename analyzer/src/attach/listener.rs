//! The JVM's attach listener: a socket, `/tmp/.java_pid<pid>`, that the JVM opens when it gets SIGQUIT and finds a file
//! `.attach_pid<pid>` in its working directory or in /tmp. Without that file SIGQUIT means a thread dump on its stdout.
//!
//! The pid is the one that the JVM has in its own namespace. The signal is sent once: a second one, with the listener
//! begun, would be answered with a thread dump.

use super::{AttachError, Target};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the JVM may take to listen; that of the JDK's own tools.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a JVM that is starting may take to handle signals.
const UNTIL_IT_HEARS: Duration = Duration::from_secs(2);

/// How long a command may take: the agent looks at classes before it answers.
const ANSWER: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(20);

/// Opens a connection for each command: the JVM closes them after its answer.
#[derive(Debug)]
pub(super) struct Listener {
    socket: PathBuf,
    first: Option<UnixStream>,
}

impl Listener {
    pub(super) fn open(&mut self) -> Result<UnixStream, AttachError> {
        let stream = match self.first.take() {
            Some(stream) => stream,
            None => UnixStream::connect(&self.socket).map_err(AttachError::Silent)?,
        };
        let patient = stream
            .set_read_timeout(Some(ANSWER))
            .and_then(|()| stream.set_write_timeout(Some(ANSWER)));
        patient.map_err(AttachError::Silent)?;
        Ok(stream)
    }
}

/// Connects to the listener, waking it if it does not listen yet.
pub(super) fn connect(target: &Target) -> Result<Listener, AttachError> {
    target.check_tmp()?;
    let socket = target
        .tmp()
        .join(format!(".java_pid{}", target.namespace_pid()));
    let first = match try_connect(target, &socket)? {
        Some(stream) => stream,
        None => wake(target, &socket)?,
    };
    Ok(Listener {
        socket,
        first: Some(first),
    })
}

/// `None` when nobody listens, be it that the socket is not there or left over from an earlier process.
fn try_connect(target: &Target, socket: &Path) -> Result<Option<UnixStream>, AttachError> {
    let failed = |source| AttachError::Io {
        what: "reach",
        path: socket.to_owned(),
        source,
    };
    let metadata = match socket.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(failed)?,
    };
    let stream = match UnixStream::connect(socket) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
            ) =>
        {
            return Ok(None);
        }
        stream => stream.map_err(failed)?,
    };
    let is_the_jvms =
        metadata.file_type().is_socket() && metadata.uid() == target.user().0.as_raw();
    if is_the_jvms {
        Ok(Some(stream))
    } else {
        Err(AttachError::ForeignSocket(socket.to_owned()))
    }
}

/// Leaves the file, sends the signal, waits for the socket.
fn wake(target: &Target, socket: &Path) -> Result<UnixStream, AttachError> {
    let deaf_until = Instant::now() + UNTIL_IT_HEARS;
    while !target.handles_sigquit()? {
        if Instant::now() > deaf_until {
            return Err(AttachError::DeafToSigquit(target.pid()));
        }
        std::thread::sleep(PAUSE);
    }
    let _trigger = Trigger::leave(target)?;
    kill(Pid::from_raw(target.pid()), Signal::SIGQUIT).map_err(|error| {
        AttachError::NotPermitted {
            pid: target.pid(),
            source: error.into(),
        }
    })?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(stream) = try_connect(target, socket)? {
            return Ok(stream);
        }
        if Instant::now() > deadline {
            return Err(AttachError::NoListener {
                pid: target.pid(),
                seconds: PATIENCE.as_secs(),
            });
        }
        std::thread::sleep(PAUSE);
    }
}

/// The file that tells the JVM what the signal is for; removed when dropped.
struct Trigger(PathBuf);

impl Trigger {
    fn leave(target: &Target) -> Result<Self, AttachError> {
        let name = format!(".attach_pid{}", target.namespace_pid());
        let mut failure = None;
        for directory in [target.working_directory(), target.tmp()] {
            let path = directory.join(&name);
            // One that is there already was left by somebody who attaches at the same time, or was killed doing so.
            match File::options().write(true).create_new(true).open(&path) {
                Ok(_) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Ok(Self(path));
                }
                Err(source) => {
                    failure = Some(AttachError::Io {
                        what: "create",
                        path,
                        source,
                    });
                }
            }
        }
        Err(failure.unwrap_or(AttachError::NoProcess(target.pid())))
    }
}

impl Drop for Trigger {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

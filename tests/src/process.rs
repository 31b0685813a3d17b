//! A child process that never outlives its test.
//!
//! Dropping it kills it. And should the test itself be killed, the kernel kills it: the child asks for that before it
//! becomes the program. "The test" is the thread that started the child, so start what is to be shared in a thread that stays.
//!
//! # Safety
//! The only unsafe code is what runs in the child between fork and exec, where only async-signal-safe calls are allowed:
//! it makes the system calls `prctl` and `write`, and touches no memory but its own captures.
#![allow(unsafe_code)]

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::time::Duration;

/// A running child process.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`, in the cgroups whose `cgroup.procs` files are given.
    ///
    /// # Errors
    /// When the program cannot be started or a cgroup cannot be entered.
    pub fn start(command: &mut Command, cgroups: Vec<File>) -> Result<Self> {
        // SAFETY: the closure calls prctl and write, which are async-signal-safe, and allocates nothing.
        unsafe {
            command.pre_exec(move || {
                die_with_parent()?;
                for procs in &cgroups {
                    // 0 is the process that writes.
                    (&*procs).write_all(b"0")?;
                }
                Ok(())
            });
        }
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { child })
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard input, if that is a pipe and was not taken before.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Its standard output, if that is a pipe and was not taken before.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Its exit status, if it has ended.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn status(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it is still there at the deadline.
    pub fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        crate::wait::wait_for("the process to end", deadline, || self.status())
    }

    /// Kills it with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill()?;
        Ok(self.child.wait()?)
    }

    /// Asks it to end (SIGTERM).
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn terminate(&mut self) -> Result<()> {
        self.signal(libc::SIGTERM)
    }

    /// Stops it as a debugger or a frozen container would, and lets it go on after `time`.
    ///
    /// # Errors
    /// When the signals cannot be sent.
    pub fn stop_for(&mut self, time: Duration) -> Result<()> {
        self.signal(libc::SIGSTOP)?;
        std::thread::sleep(time);
        self.signal(libc::SIGCONT)
    }

    fn signal(&mut self, signal: libc::c_int) -> Result<()> {
        if self.status()?.is_some() {
            return Ok(());
        }
        self.send(signal)
    }

    /// Sends a signal to a process that was not waited for yet.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn send(&self, signal: libc::c_int) -> Result<()> {
        let pid = libc::pid_t::try_from(self.child.id())?;
        // SAFETY: kill has no memory effects; the child is not reaped yet, so the id is still its own.
        let result = unsafe { libc::kill(pid, signal) };
        if result != 0 {
            return Err(io::Error::last_os_error())
                .with_context(|| format!("cannot send signal {signal}"));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone is fine; there is nobody to tell anything else.
        let _ = self.kill();
    }
}

fn die_with_parent() -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and touches no memory.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

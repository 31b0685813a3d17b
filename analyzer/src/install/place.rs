//! A file that appears as a whole.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Puts a file there as a whole, whatever the umask: one that is in place may be mapped by a process, which must not see it
/// change.
pub(crate) fn place(content: &[u8], path: &Path, mode: u32) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    // What a killed run left: in a container the process has the same id every time.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .open(&temporary)?;
    let placed = file
        .write_all(content)
        .and_then(|()| file.set_permissions(Permissions::from_mode(mode)))
        .and_then(|()| file.sync_all())
        .and_then(|()| {
            // A file that is open for writing cannot be run.
            drop(file);
            std::fs::rename(&temporary, path)
        });
    if placed.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    placed
}

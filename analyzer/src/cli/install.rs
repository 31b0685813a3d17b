//! `flinkmem install`.

use super::{EXIT_NOTHING_FOUND, output};
use crate::install::Installation;
use clap::Args;
use flinkmem_trace::version::build;
use std::path::PathBuf;
use std::process::ExitCode;

/// Copy the agent library and this program into a directory.
#[derive(Debug, Args)]
#[command(
    before_long_help = "\
Examples:
  flinkmem install /opt/flinkmem                 from an unpacked release
  /flinkmem install /flinkmem-volume             in an init container, from an image without a shell",
    after_long_help = "\
The library is the one beside this program, and has to be of its version. Files that are there already are replaced as a
whole: a JVM that has the old library loaded keeps it. The copies are read again, and the program is run once from there, so
a file system that is mounted noexec is found out now and not when a JVM starts.

Exit status:
  0  both are in place
  2  they are not; the reason and the next step are on stderr"
)]
pub struct Install {
    /// The directory; it is made where it does not exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) fn run(arguments: &Install) -> anyhow::Result<ExitCode> {
    let copy = Installation::of_this_program()?.copy_to(&arguments.directory)?;
    let text = format!(
        "{program} and {library} are in place, version {version}\nstart a JVM with -agentpath:{library}=dir=/traces, with the path that the JVM sees\n",
        program = copy.program.display(),
        library = copy.library.display(),
        version = build(),
    );
    output::write(&text, None)?;
    Ok(ExitCode::from(EXIT_NOTHING_FOUND))
}

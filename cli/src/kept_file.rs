//! Files that keep something from one command to the next, whole and readable by their owner only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

/// Writes a file beside it and puts that in its place, so that no reader, and no power cut, ever
/// leaves half of it. Makes the folder it is in.
///
/// # Errors
///
/// Those of the file system; what was there is there still.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    private_directories().create(folder)?;
    let beside = beside(path, &format!(".{}", process::id()));
    let written = write_private(&beside, text).and_then(|()| fs::rename(&beside, path));
    written.inspect_err(|_| {
        // What is left of the attempt may hold secrets; the first error is the one to tell.
        fs::remove_file(&beside).unwrap_or_default();
    })?;
    sync_folder(folder)
}

/// Makes the new name last beyond a power cut.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes the new name last as far as the system does that by itself: folders cannot be synced here.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Waits until no other command has this file to itself, and has it until what this returns is
/// dropped. The lock is a file of its own, because the file itself is replaced by every change.
///
/// # Errors
///
/// Those of the file system.
pub fn lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).open(beside(path, ".lock"))?;
    file.lock()?;
    Ok(file)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(ending);
    PathBuf::from(beside)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = private_file().open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}

fn private_directories() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder
}

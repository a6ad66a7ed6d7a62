//! The folder of a report. It is made beside its place and moved there when everything is in it: whoever looks finds all of it, or nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why there can be no report.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("--report {0}: there is something already; name a new folder, or an empty one")]
    NotEmpty(String),
    #[error("--report {0}: this is a file; name a folder")]
    NotAFolder(String),
    #[error("--report {0}: cannot write there: {1}")]
    Unwritable(String, io::Error),
}

/// A folder that is being filled. What is not finished is removed.
#[derive(Debug)]
pub struct Staging {
    goal: PathBuf,
    here: PathBuf,
    is_finished: bool,
}

impl Staging {
    /// Makes it, beside the goal: so it is known now, not after ten minutes, that the goal can be written.
    ///
    /// # Errors
    /// If the goal is a file, or a folder with something in it; of the file system.
    pub fn beside(goal: &Path) -> Result<Self, FolderError> {
        let shown = || goal.display().to_string();
        let unwritable = |error| FolderError::Unwritable(shown(), error);
        match fs::read_dir(goal) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(FolderError::NotEmpty(shown()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) if goal.is_file() => return Err(FolderError::NotAFolder(shown())),
            Err(error) => return Err(unwritable(error)),
        }
        let name = goal.file_name().ok_or_else(|| unwritable(io::ErrorKind::InvalidInput.into()))?;
        let parent = match goal.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let here = parent.join(format!(".{}.unfinished-{}", name.to_string_lossy(), std::process::id()));
        fs::create_dir(&here).map_err(unwritable)?;
        Ok(Self { goal: goal.to_owned(), here, is_finished: false })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.here
    }

    /// Moves it to its place.
    ///
    /// # Errors
    /// Of the file system, and if something has come there since.
    pub fn finish(mut self) -> Result<(), FolderError> {
        let unwritable = |error| FolderError::Unwritable(self.goal.display().to_string(), error);
        match fs::remove_dir(&self.goal) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(error)),
            _ => {}
        }
        fs::rename(&self.here, &self.goal).map_err(unwritable)?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.is_finished {
            // Nothing can be done about a failure here, and the goal is untouched.
            drop(fs::remove_dir_all(&self.here));
        }
    }
}

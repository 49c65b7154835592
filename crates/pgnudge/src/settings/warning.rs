//! What went wrong without keeping the settings from being used.

use std::path::PathBuf;

/// Something that the user should know. The caller logs it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// Group or others may use the file, so it was not read.
    #[error(
        "password file \"{}\" has group or world access and is ignored; \
         permissions should be u=rw (0600) or less", path.display()
    )]
    PassfileExposed {
        /// The file.
        path: PathBuf,
    },
    /// A directory, pipe or device, so it was not read.
    #[error("password file \"{}\" is not a plain file and is ignored", path.display())]
    PassfileNotPlain {
        /// The file.
        path: PathBuf,
    },
    /// Larger than 1 MiB, so it was not used.
    #[error("password file \"{}\" is larger than 1 MiB and is ignored", path.display())]
    PassfileTooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read; a missing file only counts if it was named.
    #[error("password file \"{}\" cannot be read and is ignored: {reason}", path.display())]
    PassfileUnreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// The password of one login is no UTF-8, so that login has none.
    #[error("password file \"{}\" has a password that is not UTF-8, which is ignored", path.display())]
    PassfileNotUtf8 {
        /// The file.
        path: PathBuf,
    },
}

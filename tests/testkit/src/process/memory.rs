//! What a process holds: memory and open files. Linux tells it under `/proc`; elsewhere these
//! are errors.

use crate::error::Error;

/// The resident memory of a process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Now.
    pub resident: u64,
    /// At its highest.
    pub peak: u64,
}

impl Memory {
    /// Of the process with that id.
    ///
    /// # Errors
    /// When there is no such process, or no `/proc`.
    pub fn of(pid: u32) -> Result<Self, Error> {
        let file = format!("/proc/{pid}/status");
        let status = std::fs::read_to_string(&file).map_err(|error| Error::because(file.clone(), error))?;
        Self::parse(&status).ok_or_else(|| Error::new(format!("{file} tells no memory")))
    }

    /// From lines such as `VmHWM:      1234 kB`.
    fn parse(status: &str) -> Option<Self> {
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1024)
        };
        Some(Self { resident: bytes("VmRSS")?, peak: bytes("VmHWM")? })
    }
}

/// How many files, sockets and pipes a process has open.
///
/// # Errors
/// When there is no such process, or no `/proc`.
pub fn open_files(pid: u32) -> Result<usize, Error> {
    let directory = format!("/proc/{pid}/fd");
    let entries = std::fs::read_dir(&directory).map_err(|error| Error::because(directory, error))?;
    Ok(entries.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tcat\nVmPeak:\t    9 kB\nVmHWM:\t    1500 kB\nVmRSS:\t    1200 kB\n";
        let expected = Memory { resident: 1200 * 1024, peak: 1500 * 1024 };
        assert_eq!(Memory::parse(status), Some(expected));
        assert_eq!(Memory::parse("Name:\tkthreadd\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_tells_its_own() {
        let own = Memory::of(std::process::id()).unwrap();
        assert!(own.peak >= own.resident && own.resident > 0, "{own:?}");
        let before = open_files(std::process::id()).unwrap();
        assert!(before >= 3, "{before}");
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(Memory::of(u32::MAX).is_err());
        assert!(open_files(u32::MAX).is_err());
    }
}

//! Lines that are drawn again in place, at the end of what a terminal shows.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use console::Term;

/// The last lines of a terminal. Clones share it.
#[derive(Clone)]
pub(crate) struct Screen(Arc<Mutex<Drawn>>);

struct Drawn {
    term: Term,
    /// So many lines above the cursor are ours.
    lines: usize,
}

impl Screen {
    /// Standard output, if that is a terminal.
    pub(crate) fn of_terminal() -> Option<Self> {
        let term = Term::buffered_stdout();
        term.is_term().then(|| Self(Arc::new(Mutex::new(Drawn { term, lines: 0 }))))
    }

    /// Rows and columns that may be drawn on: the cursor takes the last row.
    pub(crate) fn size(&self) -> (usize, usize) {
        let (rows, columns) = self.drawn().term.size();
        (usize::from(rows).saturating_sub(1), usize::from(columns))
    }

    /// Shows these lines in place of the ones before, in one write.
    pub(crate) fn draw(&self, lines: &[String]) -> io::Result<()> {
        let mut drawn = self.drawn();
        drawn.term.move_cursor_up(drawn.lines)?;
        for line in lines {
            drawn.term.clear_line()?;
            drawn.term.write_line(line)?;
        }
        drawn.term.clear_to_end_of_screen()?;
        drawn.lines = lines.len();
        drawn.term.flush()
    }

    /// Lets somebody else write to the terminal: our lines go, and come back below with the next drawing.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        let mut drawn = self.drawn();
        // Whoever cannot clear a screen can still log.
        let _ = drawn.term.move_cursor_up(drawn.lines);
        let _ = drawn.term.clear_to_end_of_screen();
        let _ = drawn.term.flush();
        drawn.lines = 0;
        write()
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Where items go: lines of text or JSON, a board, or a command.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant, SystemTime};

use console::Term;
use pgnudge::{FeedItem, Status};
use tokio::sync::watch;

use super::board::Board;
use super::exec::Exec;
use crate::arguments::{Output, WatchArguments};
use crate::failure::Failure;
use crate::item_text::{ItemText, Styles, When};
use crate::screen::Screen;
use crate::{json, service};

/// Where items go.
pub(super) enum Outlet {
    /// A line of text per item.
    Text { styles: Styles, began: Instant, watched: bool },
    /// A line of JSON per item.
    Json,
    /// A line per table, on a screen.
    Board { board: Board, screen: Screen, status: watch::Receiver<Status> },
    /// The same without a screen: a line per table and item.
    Summary { board: Board, styles: Styles },
    /// The standard input of a command.
    Exec(Exec),
}

impl Outlet {
    pub(super) fn new(
        arguments: &WatchArguments,
        screen: Option<Screen>,
        status: watch::Receiver<Status>,
    ) -> Self {
        let (began, styles) = (Instant::now(), Styles::new(console::colors_enabled()));
        match (&arguments.exec, arguments.summary, screen, arguments.output) {
            (Some(command), ..) => {
                Self::Exec(Exec::new(command, arguments.exec_timeout, arguments.exec_retry))
            }
            (None, true, Some(screen), _) => Self::Board { board: Board::new(began), screen, status },
            (None, true, None, _) => Self::Summary { board: Board::new(began), styles },
            (None, false, _, Output::Json) => Self::Json,
            (None, false, _, Output::Text) => Self::Text { styles, began, watched: Term::stdout().is_term() },
        }
    }

    /// Tells an item. `false`: nobody reads stdout any more.
    pub(super) async fn tell(&mut self, item: &FeedItem) -> Result<bool, Failure> {
        let told = match self {
            Self::Exec(exec) => {
                exec.run(item).await?;
                return Ok(true);
            }
            Self::Text { styles, began, watched } => {
                let when = if *watched { When::After(began.elapsed()) } else { When::At(SystemTime::now()) };
                print(&format!("{}\n", ItemText { item, when, styles }))
            }
            Self::Json => json::line(item).map_err(io::Error::from).and_then(|json| print(&(json + "\n"))),
            Self::Board { board, screen, status } => {
                board.record(item, Instant::now());
                draw(board, screen, status)
            }
            Self::Summary { board, styles } => {
                let now = Instant::now();
                board.record(item, now);
                print(&board.lines_about(item, SystemTime::now(), now, styles))
            }
        };
        match told {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Draws a board again and again: rates fall, changes grow old, and the connection changes its state without a
    /// further item. It asks the server nothing.
    pub(super) async fn keep_fresh(&self) -> Result<Infallible, Failure> {
        let Self::Board { board, screen, status } = self else { return std::future::pending().await };
        loop {
            draw(board, screen, status)?;
            tokio::time::sleep(FRAME).await;
        }
    }

    /// Whether the last command succeeded, at the end of a run that ends by itself.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        match self {
            Self::Exec(exec) => exec.verdict(),
            _ => Ok(()),
        }
    }

    /// Ends a command that still runs.
    pub(super) async fn close(&mut self) {
        if let Self::Exec(exec) = self {
            exec.stop().await;
        }
    }
}

fn draw(board: &Board, screen: &Screen, status: &watch::Receiver<Status>) -> io::Result<()> {
    let state = service::words(&status.borrow());
    screen.draw(&board.render(Instant::now(), screen.size(), &state, &Styles::new(console::colors_enabled())))
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Ages are shown in tenths of a second at first, then in seconds.
const FRAME: Duration = Duration::from_millis(500);

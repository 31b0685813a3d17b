//! The loop: time, keys and signals. The terminal is given back as it was, also after an error, a panic or a signal.

use super::draw::{Palette, Scene, draw, draw_choice};
use super::keyboard::{Input, Keyboard};
use super::screen::{Page, Panel, Rows, Screen, Wish, put_in_order};
use super::view::View;
use super::{Choice, Subject, SubjectError};
use crate::case::Outcome;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{Event, KeyEventKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What is shown.
#[derive(Debug)]
pub enum Session {
    /// One process.
    One(Box<Subject>),
    /// Several traces, of which one is opened.
    Many(Choice),
}

/// Why it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Somebody wanted it to.
    Left,
    /// The process ended.
    Process(Outcome),
}

/// A signal is noticed within this time.
const PATIENCE: Duration = Duration::from_millis(200);

/// Shows a session until the user leaves or its process ends.
///
/// # Errors
/// When the terminal cannot be used, or what is shown cannot be read any more.
pub fn show(session: Session, interval: Duration, has_colours: bool) -> anyhow::Result<Ended> {
    let is_to_stop = stop_by_signals()?;
    let mut terminal = ratatui::try_init()?;
    // Its hook gives the terminal back before a panic is told; this does when the loop has ended.
    let given_back = GivenBack;
    let mut shown = Shown {
        session,
        screen: Screen::new(interval),
        palette: Palette { has_colours },
        open: None,
        view: View::default(),
        looked: Instant::now(),
    };
    let ended = shown.run(&mut terminal, &is_to_stop);
    drop(given_back);
    ended
}

struct GivenBack;

impl Drop for GivenBack {
    fn drop(&mut self) {
        // Prints what goes wrong on stderr; nothing more can be done.
        ratatui::restore();
    }
}

fn stop_by_signals() -> std::io::Result<Arc<AtomicBool>> {
    let is_to_stop = Arc::new(AtomicBool::new(false));
    for signal in [
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
        signal_hook::consts::SIGINT,
    ] {
        signal_hook::flag::register(signal, Arc::clone(&is_to_stop))?;
    }
    Ok(is_to_stop)
}

struct Shown {
    session: Session,
    screen: Screen,
    palette: Palette,
    /// Of several, the one that is opened.
    open: Option<PathBuf>,
    view: View,
    looked: Instant,
}

impl Shown {
    fn run(
        &mut self,
        terminal: &mut DefaultTerminal,
        is_to_stop: &AtomicBool,
    ) -> anyhow::Result<Ended> {
        let keyboard = Keyboard::open()?;
        self.renew_view();
        self.draw(terminal)?;
        while !is_to_stop.load(Ordering::Relaxed) {
            let is_due = !self.screen.is_paused && self.looked.elapsed() >= self.screen.interval;
            if is_due {
                if let Some(outcome) = self.look()? {
                    return Ok(Ended::Process(outcome));
                }
                self.draw(terminal)?;
            }
            let wait = self.screen.interval.saturating_sub(self.looked.elapsed());
            let wait = if self.screen.is_paused {
                PATIENCE
            } else {
                wait.min(PATIENCE)
            };
            let wish = match keyboard.next(wait)? {
                Input::Nothing => continue,
                Input::Gone => return Ok(Ended::Left),
                Input::Event(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                    let rows = self.rows();
                    self.screen.press(key, rows)
                }
                Input::Event(_) => Wish::Draw,
            };
            if self.fulfil(wish)? {
                return Ok(Ended::Left);
            }
            self.draw(terminal)?;
        }
        Ok(Ended::Left)
    }

    /// Takes in what is new. An outcome where the only process has ended.
    fn look(&mut self) -> Result<Option<Outcome>, SubjectError> {
        self.looked = Instant::now();
        let ended = match &mut self.session {
            Session::One(subject) => {
                subject.advance()?;
                subject.end()
            }
            Session::Many(choice) => {
                choice.advance()?;
                None
            }
        };
        self.renew_view();
        Ok(ended)
    }

    /// True when the user wants to leave.
    fn fulfil(&mut self, wish: Wish) -> Result<bool, SubjectError> {
        match wish {
            Wish::Quit => return Ok(true),
            Wish::Back => self.open = None,
            Wish::Open => self.open_selected(),
            Wish::Look => {
                self.look()?;
            }
            Wish::Draw => {}
        }
        self.renew_view();
        Ok(false)
    }

    fn open_selected(&mut self) {
        if let (Session::Many(choice), None) = (&self.session, &self.open) {
            self.open = choice.directory_of(self.screen.chosen).map(PathBuf::from);
            return;
        }
        let selected = self.screen.selected.get(Panel::Findings.index());
        let row = selected.and_then(|selected| self.view.findings.get(*selected));
        let Some(row) = row else {
            return;
        };
        let (index, title) = (row.index, row.label.to_owned());
        if let Some(subject) = self.subject() {
            let text = subject.text(index);
            self.screen.page = Some(Page::new(&title, &text));
        }
    }

    fn subject(&mut self) -> Option<&mut Subject> {
        match (&mut self.session, &self.open) {
            (Session::One(subject), _) => Some(subject),
            (Session::Many(choice), Some(directory)) => choice.subject(directory),
            (Session::Many(_), None) => None,
        }
    }

    fn renew_view(&mut self) {
        let view = self.subject().map(|subject| subject.view());
        if self.open.is_some() && view.is_none() {
            // Its trace is gone or cannot be read any more; the list says why.
            self.open = None;
        }
        self.view = view.unwrap_or_default();
        put_in_order(&mut self.view, &self.screen);
    }

    fn rows(&self) -> Rows {
        match (&self.session, &self.open) {
            (Session::Many(choice), None) => Rows::Traces(choice.rows().len()),
            _ => Rows::of(&self.view),
        }
    }

    fn draw(&self, terminal: &mut DefaultTerminal) -> std::io::Result<()> {
        let scene = Scene {
            screen: &self.screen,
            palette: self.palette,
            now_ms: (!self.screen.is_paused).then(|| jiff::Timestamp::now().as_millisecond()),
            has_keys: true,
        };
        terminal.draw(|frame| {
            let area = frame.area();
            match (&self.session, &self.open) {
                (Session::Many(choice), None) => {
                    draw_choice(area, frame.buffer_mut(), &choice.rows(), scene)
                }
                _ => draw(area, frame.buffer_mut(), &self.view, scene),
            }
        })?;
        Ok(())
    }
}

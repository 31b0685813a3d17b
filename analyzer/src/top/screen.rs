//! What the user made of the screen: which panel, in which order, what is selected; and what a key does.

use super::view::{Pace, PoolRow, View};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::cmp::Reverse;
use std::time::Duration;

/// A part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    /// Pools against limits.
    Pools,
    /// Findings.
    Findings,
    /// Call sites.
    Sites,
    /// Threads and processes.
    Threads,
}

impl Panel {
    /// In the order of the screen.
    pub(super) const ALL: [Self; 4] = [Self::Pools, Self::Findings, Self::Sites, Self::Threads];

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub(super) fn index(self) -> usize {
        Self::ALL
            .iter()
            .position(|panel| *panel == self)
            .unwrap_or(0)
    }

    /// The orders that its rows can have; the first is the one that a view has.
    fn orders(self) -> &'static [Order] {
        match self {
            Self::Pools => &[Order::AsNested, Order::Fullest, Order::Growth],
            Self::Findings => &[Order::Worst, Order::Surest],
            Self::Sites => &[Order::Growth, Order::LiveBytes, Order::OldShare],
            Self::Threads => &[Order::Number, Order::Growth, Order::Name],
        }
    }
}

/// An order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    AsNested,
    Fullest,
    Growth,
    Worst,
    Surest,
    LiveBytes,
    OldShare,
    Number,
    Name,
}

impl Order {
    /// As the foot of the screen says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AsNested => "as nested",
            Self::Fullest => "fullest first",
            Self::Growth => "growth",
            Self::Worst => "worst first",
            Self::Surest => "surest first",
            Self::LiveBytes => "live bytes",
            Self::OldShare => "old share",
            Self::Number => "number",
            Self::Name => "name",
        }
    }
}

/// Something that lies over the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Above it.
    pub(super) title: String,
    /// Its text.
    pub(super) text: String,
    /// Lines that are scrolled away.
    pub(super) scroll: usize,
}

/// What the loop has to do after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Draw.
    Draw,
    /// Look again now.
    Look,
    /// Open what is selected.
    Open,
    /// Back to the list, or leave.
    Back,
    /// Leave.
    Quit,
}

/// The state of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Screen {
    /// Where the selection is.
    pub(super) panel: Panel,
    /// The selected row of each panel.
    pub(super) selected: [usize; 4],
    /// The order of each panel's rows.
    pub(super) order: [usize; 4],
    /// Nothing is read.
    pub(super) is_paused: bool,
    /// From one reading to the next.
    pub(super) interval: Duration,
    /// What lies over it.
    pub(super) page: Option<Page>,
    /// The selected row of the list of traces.
    pub(super) chosen: usize,
}

/// The intervals that `+` and `-` go through, milliseconds.
const INTERVALS_MS: [u64; 8] = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

impl Screen {
    /// As it is at first.
    #[must_use]
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            panel: Panel::Pools,
            selected: [0; 4],
            order: [0; 4],
            is_paused: false,
            interval,
            page: None,
            chosen: 0,
        }
    }

    /// The order of a panel's rows.
    #[must_use]
    pub(super) fn order_of(&self, panel: Panel) -> Order {
        let order = self.order.get(panel.index()).copied().unwrap_or(0);
        let orders = panel.orders();
        orders.get(order).copied().unwrap_or(Order::AsNested)
    }

    /// Takes in a key; `rows` is how many the panels have, or the list of traces where that is shown.
    pub(super) fn press(&mut self, key: KeyEvent, rows: Rows) -> Wish {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Wish::Quit,
                KeyCode::Char('l') => Wish::Look,
                _ => Wish::Draw,
            };
        }
        if self.page.is_some() {
            return self.press_on_page(key.code);
        }
        match key.code {
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Esc | KeyCode::Backspace => return Wish::Back,
            KeyCode::Enter => return Wish::Open,
            KeyCode::Char('r') => return Wish::Look,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.page = Some(Page::new("Help", HELP)),
            KeyCode::Char('p' | ' ') => self.is_paused = !self.is_paused,
            KeyCode::Char('+' | '=') => self.change_interval(true),
            KeyCode::Char('-') => self.change_interval(false),
            KeyCode::Char('s') => self.next_order(),
            KeyCode::Tab | KeyCode::Right => self.next_panel(1),
            KeyCode::BackTab | KeyCode::Left => self.next_panel(Panel::ALL.len() - 1),
            KeyCode::Down | KeyCode::Char('j') => self.select(rows, |row| row.saturating_add(1)),
            KeyCode::Up | KeyCode::Char('k') => self.select(rows, |row| row.saturating_sub(1)),
            KeyCode::PageDown => self.select(rows, |row| row.saturating_add(10)),
            KeyCode::PageUp => self.select(rows, |row| row.saturating_sub(10)),
            KeyCode::Home | KeyCode::Char('g') => self.select(rows, |_| 0),
            KeyCode::End | KeyCode::Char('G') => self.select(rows, |_| usize::MAX),
            _ => {}
        }
        Wish::Draw
    }

    fn press_on_page(&mut self, code: KeyCode) -> Wish {
        let Some(page) = &mut self.page else {
            return Wish::Draw;
        };
        let last = page.text.lines().count().saturating_sub(1);
        let scroll = page.scroll;
        let to = match code {
            KeyCode::Char('q' | '?') | KeyCode::Esc | KeyCode::Enter | KeyCode::Backspace => {
                self.page = None;
                return Wish::Draw;
            }
            KeyCode::Down | KeyCode::Char('j') => scroll + 1,
            KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => scroll + 10,
            KeyCode::PageUp => scroll.saturating_sub(10),
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => last,
            _ => scroll,
        };
        page.scroll = to.min(last);
        Wish::Draw
    }

    fn select(&mut self, rows: Rows, to: impl Fn(usize) -> usize) {
        let (row, count) = match rows {
            Rows::Traces(count) => (&mut self.chosen, count),
            Rows::Panels(counts) => {
                let index = self.panel.index();
                let count = counts.get(index).copied().unwrap_or(0);
                let Some(row) = self.selected.get_mut(index) else {
                    return;
                };
                (row, count)
            }
        };
        *row = to(*row).min(count.saturating_sub(1));
    }

    fn next_panel(&mut self, by: usize) {
        let index = (self.panel.index() + by) % Panel::ALL.len();
        self.panel = Panel::ALL.get(index).copied().unwrap_or(Panel::Pools);
    }

    fn next_order(&mut self) {
        let orders = self.panel.orders().len().max(1);
        if let Some(order) = self.order.get_mut(self.panel.index()) {
            *order = (*order + 1) % orders;
        }
    }

    fn change_interval(&mut self, longer: bool) {
        let now = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
        let next = match longer {
            true => INTERVALS_MS.iter().find(|ms| **ms > now),
            false => INTERVALS_MS.iter().rev().find(|ms| **ms < now),
        };
        self.interval = next.map_or(self.interval, |ms| Duration::from_millis(*ms));
    }
}

/// How many rows can be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Of the list of traces.
    Traces(usize),
    /// Of each panel.
    Panels([usize; 4]),
}

impl Rows {
    /// Those of a view.
    #[must_use]
    pub(super) fn of(view: &View) -> Self {
        Self::Panels([
            view.pools.len(),
            view.findings.len(),
            view.sites.len(),
            view.threads.len(),
        ])
    }
}

/// Puts the rows of a view into the orders that were chosen.
pub(super) fn put_in_order(view: &mut View, screen: &Screen) {
    let growth = |pace: Option<Pace>| pace.map_or(0.0, Pace::per_minute);
    match screen.order_of(Panel::Pools) {
        Order::Fullest => {
            let share = |row: &PoolRow| row.share().unwrap_or(-1.0);
            largest_first(&mut view.pools, share);
        }
        Order::Growth => largest_first(&mut view.pools, |row| growth(row.pace)),
        _ => {}
    }
    if screen.order_of(Panel::Findings) == Order::Surest {
        largest_first(&mut view.findings, |row| row.confidence);
    }
    match screen.order_of(Panel::Sites) {
        Order::LiveBytes => view.sites.sort_by_key(|row| Reverse(row.live_bytes)),
        Order::OldShare => largest_first(&mut view.sites, |row| row.old_share),
        _ => {}
    }
    match screen.order_of(Panel::Threads) {
        Order::Growth => view.threads.sort_by_key(|row| Reverse(row.grown)),
        Order::Name => view.threads.sort_by(|one, other| one.name.cmp(&other.name)),
        _ => {}
    }
}

fn largest_first<T>(rows: &mut [T], value: impl Fn(&T) -> f64) {
    rows.sort_by(|one, other| value(other).total_cmp(&value(one)));
}

impl Page {
    /// A page that is not scrolled.
    #[must_use]
    pub(super) fn new(title: &str, text: &str) -> Self {
        Self {
            title: title.to_owned(),
            text: text.to_owned(),
            scroll: 0,
        }
    }
}

/// The page behind `?`.
const HELP: &str = "\
Keys
  Tab, arrows left and right   next or previous panel
  arrows up and down           select a row; Page Up, Page Down, Home, End
  Enter                        open a finding: the whole report of it
  s                            another order of the panel's rows
  p                            pause, go on
  + -                          longer or shorter interval
  r                            look again now
  Esc                          back to the list of traces
  q                            quit

Pools
  container      the cgroup's usage without page cache, which the kernel takes
                 back first; its limit is what the process is killed at
  resident       VmRSS, all that the process has in memory
  jvm_heap       used, garbage included; growth is that of what collections leave
  jvm_direct     capacity of direct buffers, which the JVM holds against the limit
  network        buffers that are lent to tasks; the pool is allocated at the start
  ..._off_heap   direct memory of Flink and of tasks, by call sites
  managed        what slots have reserved
  jvm_metaspace  committed, which the JVM holds against the limit
  nmt ...        Native Memory Tracking's own figures, where the JVM keeps them
  growth/min     a robust slope over the last minute, else the last 5; steady: no
                 more than chance
  full in        where a rule forecasts it, without the agent by growth alone;
                 met: something did not fit already

Call sites
  live           off-heap bytes by the method that somebody can change
  old            the share that is older than three collections

Colour and the share of a limit: from 75 % on yellow, from 90 % on red.
";

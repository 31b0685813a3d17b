//! How a report is to look: how wide, in which characters, how much of it.

/// How a report looks. Colours are no part of it: the text carries them, and whoever prints it strips what its reader cannot show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns of a line.
    pub columns: usize,
    /// Which characters it may have.
    pub characters: Characters,
    /// How much is told.
    pub verbosity: Verbosity,
}

/// What a reader can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Characters {
    /// Anything.
    Unicode,
    /// Nothing but ASCII; other characters of names become `?`.
    Ascii,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// A screen: what matters now.
    Screen,
    /// Everything that the report has.
    Everything,
}

/// What a report is never wider than: longer lines do not read well.
pub const WIDEST: usize = 80;
/// What it is never narrower than: tables would fall apart.
pub const NARROWEST: usize = 60;

impl Default for Look {
    fn default() -> Self {
        Self {
            columns: WIDEST,
            characters: Characters::Unicode,
            verbosity: Verbosity::Screen,
        }
    }
}

impl Look {
    /// The same for a terminal of so many columns.
    #[must_use]
    pub fn for_columns(self, columns: usize) -> Self {
        Self {
            columns: columns.clamp(NARROWEST, WIDEST),
            ..self
        }
    }

    /// What bars are made of: what is in use, what was in use at most.
    pub(super) fn bar_characters(self) -> (char, char) {
        match self.characters {
            Characters::Ascii => ('#', '+'),
            Characters::Unicode => ('█', '▒'),
        }
    }

    /// Whether everything is told.
    #[must_use]
    pub fn is_verbose(self) -> bool {
        self.verbosity == Verbosity::Everything
    }
}

impl Characters {
    /// What a locale can show, by the variables that name it, the first that is set and not empty.
    #[must_use]
    pub fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Self {
        let named = ["LC_ALL", "LC_CTYPE", "LANG"];
        let locale = named
            .iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()));
        let name = locale.unwrap_or_default().to_ascii_lowercase();
        if name.contains("utf-8") || name.contains("utf8") {
            Self::Unicode
        } else {
            Self::Ascii
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_names_the_locale() {
        let with = |variables: &'static [(&str, &str)]| {
            Characters::of_locale(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(with(&[]), Characters::Ascii);
        assert_eq!(with(&[("LANG", "en_GB.UTF-8")]), Characters::Unicode);
        assert_eq!(with(&[("LANG", "C.utf8")]), Characters::Unicode);
        assert_eq!(
            with(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]),
            Characters::Ascii
        );
        assert_eq!(
            with(&[("LC_ALL", ""), ("LANG", "de_DE.UTF-8")]),
            Characters::Unicode
        );
    }

    #[test]
    fn a_report_is_neither_wider_nor_narrower_than_it_reads_well() {
        let columns = |of: usize| Look::default().for_columns(of).columns;
        assert_eq!((columns(10), columns(60), columns(200)), (60, 60, 80));
    }
}

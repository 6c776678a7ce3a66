//! The terminal: its width, its colours, and nothing in it that a customer could steer.

use std::io::{self, IsTerminal as _, Write as _};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

/// What is written to where there is no terminal to ask.
const DEFAULT_WIDTH: usize = 100;
/// Lines longer than this are hard to follow.
const MAX_WIDTH: usize = 110;
/// Below this there is no room beside the gutter; lines are then cut by the terminal itself.
const MIN_WIDTH: usize = 48;

pub const PLAIN: Style = Style::new();
pub const BOLD: Style = Style::new().bold();
pub const DIM: Style = Style::new().dimmed();
pub const GREEN: Style = AnsiColor::Green.on_default();
pub const YELLOW: Style = AnsiColor::Yellow.on_default();
pub const CYAN: Style = AnsiColor::Cyan.on_default();
pub const RED: Style = AnsiColor::Red.on_default().bold();

/// A piece of a line.
pub type Span<'a> = (Style, &'a str);

/// Standard output; colours are left out where it is no terminal or `NO_COLOR` is set.
pub struct Screen {
    out: AutoStream<io::Stdout>,
    width: usize,
}

impl Screen {
    /// Looks at standard output.
    #[must_use]
    pub fn open() -> Self {
        let stdout = io::stdout();
        let size = stdout.is_terminal().then(terminal_size::terminal_size).flatten();
        let width = size.map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0));
        Self { out: AutoStream::auto(stdout), width: width.clamp(MIN_WIDTH, MAX_WIDTH) }
    }

    /// How many columns a line may have.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Writes one line. Where it does not fit, the middle is cut: what stands first and last stays.
    pub fn line(
        &mut self,
        start: &[Span<'_>],
        middle: Span<'_>,
        end: &[Span<'_>],
    ) -> io::Result<()> {
        let taken: usize = start.iter().chain(end).map(|(_, text)| text.chars().count()).sum();
        let (style, text) = middle;
        let middle = fit(&printable(text), self.width.saturating_sub(taken));
        for (style, text) in start {
            write!(self.out, "{style}{}{style:#}", printable(text))?;
        }
        write!(self.out, "{style}{middle}{style:#}")?;
        for (style, text) in end {
            write!(self.out, "{style}{}{style:#}", printable(text))?;
        }
        writeln!(self.out)
    }

    /// Writes a line whole, however long: something to copy.
    pub fn verbatim(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", printable(text))
    }

    /// Writes words, broken into lines that fit behind an indent.
    pub fn paragraph(&mut self, style: Style, indent: usize, text: &str) -> io::Result<()> {
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty()
                && indent + line.chars().count() + 1 + word.chars().count() > self.width
            {
                writeln!(self.out, "{:indent$}{style}{line}{style:#}", "")?;
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        writeln!(self.out, "{:indent$}{style}{line}{style:#}", "")
    }

    /// Writes an empty line.
    pub fn gap(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }
}

/// A text cut to so many characters, with a sign where it was cut.
fn fit(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    kept.trim_end().to_owned() + "…"
}

/// Replaces control characters: what a customer wrote must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::{fit, printable};

    #[test]
    fn a_text_that_fits_is_left_alone_and_another_is_cut_with_a_sign() {
        assert_eq!(fit("ticket", 6), "ticket");
        assert_eq!(fit("ticket", 5), "tick…");
        assert_eq!(fit("een ticket", 5), "een…");
        assert_eq!(fit("ticket", 0), "…");
    }

    #[test]
    fn a_customer_cannot_steer_the_terminal() {
        assert_eq!(printable("\u{1b}[2Jhello\r\nthere"), " [2Jhello  there");
    }
}

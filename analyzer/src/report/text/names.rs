//! Long names on narrow lines.

use super::look::Characters;

/// A name of at most so many characters. What is left out is in the middle: the begin tells whose it is, the end what it is.
pub(super) fn shortened(name: &str, most: usize, characters: Characters) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= most {
        return name.to_owned();
    }
    let gap = match characters {
        Characters::Ascii => "...",
        Characters::Unicode => "…",
    };
    let room = most.saturating_sub(gap.chars().count());
    // A class and its method stand at the end.
    let head = room / 3;
    let tail = letters.len() - (room - head);
    let (head, tail) = at_seams(&letters, head, tail);
    let text = |letters: Option<&[char]>| letters.unwrap_or_default().iter().collect::<String>();
    format!(
        "{}{gap}{}",
        text(letters.get(..head)),
        text(letters.get(tail..))
    )
}

/// The cuts, moved outwards to the next dot where one is near.
fn at_seams(letters: &[char], head: usize, tail: usize) -> (usize, usize) {
    let is_seam = |index: &usize| matches!(letters.get(*index), Some('.' | '$' | '/'));
    let before = (head.saturating_sub(NEAR)..head).rev().find(is_seam);
    let end = letters.len().min(tail + NEAR);
    let behind = (tail..end).find(is_seam);
    (
        before.map_or(head, |dot| dot + 1),
        behind.map_or(tail, |dot| dot + 1),
    )
}

/// How far away a dot may be.
const NEAR: usize = 12;

/// A name with spaces where it has to be broken into pieces of at most so many characters: behind a dot, where there is one.
pub(super) fn broken(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut pieces: Vec<String> = Vec::new();
    let mut rest = letters.as_slice();
    while rest.len() > most.max(1) {
        let (line, _) = rest.split_at(most.max(1));
        let seam = line
            .iter()
            .rposition(|letter| matches!(letter, '.' | '$' | '/' | ',' | ':'));
        let cut = seam.map_or(line.len(), |seam| seam + 1);
        let (piece, more) = rest.split_at(cut);
        pieces.push(piece.iter().collect());
        rest = more;
    }
    pieces.push(rest.iter().collect());
    pieces.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "org.apache.flink.shaded.netty4.io.netty.buffer.PoolArena$DirectArena.newChunk";

    #[test]
    fn a_short_name_keeps_its_begin_and_its_end() {
        assert_eq!(shortened("a.B.c", 5, Characters::Ascii), "a.B.c");
        let short = shortened(NAME, 50, Characters::Ascii);
        assert_eq!(short, "org.apache.flink...PoolArena$DirectArena.newChunk");
        for most in 0..90 {
            let length = shortened(NAME, most, Characters::Unicode).chars().count();
            assert!(length <= most.max(1), "{length} > {most}");
        }
    }

    #[test]
    fn a_broken_name_is_whole() {
        for most in 0..90 {
            let pieces = broken(NAME, most);
            assert_eq!(pieces.replace(' ', ""), NAME);
            let longest = pieces.split(' ').map(str::len).max().unwrap();
            assert!(longest <= most.max(1));
        }
        assert_eq!(
            broken("com.acme.Job.open", 10),
            "com.acme. Job.open"
        );
    }
}

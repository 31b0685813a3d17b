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
    let tail = tail(&letters, room);
    let head = head(&letters, room.saturating_sub(letters.len() - tail));
    let text = |letters: Option<&[char]>| letters.unwrap_or_default().iter().collect::<String>();
    format!(
        "{}{gap}{}",
        text(letters.get(..head)),
        text(letters.get(tail..))
    )
}

/// Where the end of a name begins that is kept: behind a dot, as far to the left as three quarters of the room allow; a class with its method
/// may take nearly all of it.
fn tail(letters: &[char], room: usize) -> usize {
    let mut seams = (0..letters.len())
        .rev()
        .filter(|index| is_seam(letters, *index));
    let length = |seam: usize| letters.len() - seam - 1;
    let mut kept = None;
    for (nth, seam) in seams.by_ref().enumerate() {
        let most = if nth < 2 {
            room.saturating_sub(4)
        } else {
            room / 4 * 3
        };
        if length(seam) > most {
            break;
        }
        kept = Some(seam + 1);
    }
    // Without a dot at a good place the cut goes through a word.
    kept.unwrap_or(letters.len() - (room - room / 3))
}

/// How much of the begin fits: up to a dot, if one is near.
fn head(letters: &[char], room: usize) -> usize {
    let near = room / 2;
    let seam = (room - near..=room)
        .rev()
        .find(|index| is_seam(letters, *index));
    seam.unwrap_or(room)
}

fn is_seam(letters: &[char], index: usize) -> bool {
    matches!(letters.get(index), Some('.' | '/'))
}

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

    const NAME: &str =
        "org.apache.flink.shaded.netty4.io.netty.buffer.PoolArena$DirectArena.newChunk";

    #[test]
    fn a_short_name_keeps_its_begin_and_its_end() {
        assert_eq!(shortened("a.B.c", 5, Characters::Ascii), "a.B.c");
        let short = shortened(NAME, 50, Characters::Ascii);
        assert_eq!(short, "org.apache.flink...PoolArena$DirectArena.newChunk");
        assert_eq!(
            shortened(
                "a.b.netty.NettyMessage.allocateBuffer",
                36,
                Characters::Ascii
            ),
            "a.b...NettyMessage.allocateBuffer"
        );
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
        assert_eq!(broken("com.acme.Job.open", 10), "com.acme. Job.open");
    }
}

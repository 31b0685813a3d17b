//! The examples in `docs/memory-model.md`: what the page shows is what the program prints.
//!
//! `UPDATE_DOCS=1 cargo test -p flinkmem document` writes the output into the page.

use std::path::{Path, PathBuf};
use std::process::Command;

const BEGIN: &str = "```console\n$ flinkmem ";
const END: &str = "\n```";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/memory-model.md")
}

fn output_of(arguments: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_flinkmem"))
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    assert!(
        output.stderr.is_empty(),
        "{arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

/// The page with every example run anew, and how many there are.
fn rewritten(text: &str) -> (String, usize) {
    let mut pieces = text.split(BEGIN);
    let mut result = pieces.next().unwrap().to_owned();
    let mut count = 0;
    for piece in pieces {
        let (block, rest) = piece.split_once(END).expect("a block that ends");
        let arguments = block.lines().next().unwrap();
        result.push_str(&format!(
            "{BEGIN}{arguments}\n{}{END}{rest}",
            output_of(arguments)
        ));
        count += 1;
    }
    (result, count)
}

#[test]
fn examples_in_the_page_are_what_the_program_prints() {
    let text = std::fs::read_to_string(page()).unwrap();
    let (result, count) = rewritten(&text);
    assert!(count >= 4, "the page lost its examples");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(page(), result).unwrap();
        return;
    }
    assert_eq!(
        text, result,
        "run UPDATE_DOCS=1 cargo test -p flinkmem document"
    );
}

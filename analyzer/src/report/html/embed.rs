//! What stands in a page beside its markup: styles, scripts, and data for them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Charts over time: uPlot 1.6.32, as npm has it.
const UPLOT: &str = include_str!("../../../assets/report/uplot.min.js");
/// Its licence, which goes with every copy.
const UPLOT_LICENCE: &str = include_str!("../../../assets/report/uplot.LICENSE");

/// Ours, in the order in which they need each other.
const SCRIPTS: &[&str] = &[
    include_str!("../../../assets/report/units.js"),
    include_str!("../../../assets/report/number.js"),
    include_str!("../../../assets/report/model.js"),
    include_str!("../../../assets/report/chart.js"),
    include_str!("../../../assets/report/lanes.js"),
    include_str!("../../../assets/report/timeline.js"),
    include_str!("../../../assets/report/ledger.js"),
    include_str!("../../../assets/report/flame.js"),
    include_str!("../../../assets/report/what_if.js"),
    include_str!("../../../assets/report/page.js"),
];

const STYLES: &[&str] = &[
    include_str!("../../../assets/report/uplot.min.css"),
    include_str!("../../../assets/report/page.css"),
];

/// The policy, the styles and the scripts of a page.
pub(super) struct Assets {
    script: String,
    style: String,
}

impl Assets {
    pub(super) fn new() -> Self {
        let ours = SCRIPTS.iter().map(|script| (*script).to_owned());
        Self {
            script: [uplot()]
                .into_iter()
                .chain(ours)
                .collect::<Vec<_>>()
                .join("\n"),
            style: STYLES.join("\n"),
        }
    }

    /// Nothing may be loaded from anywhere, and no script may run but the one whose hash is told: should text of a trace ever get into the
    /// markup unescaped, it stays text. Styles may be inline, for sizes of boxes are.
    pub(super) fn policy(&self) -> String {
        let hash = STANDARD.encode(Sha256::digest(self.script.as_bytes()));
        format!(
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
        )
    }

    pub(super) fn style(&self) -> Markup {
        html! { style { (PreEscaped(self.style.as_str())) } }
    }

    pub(super) fn script(&self) -> Markup {
        html! { script { (PreEscaped(self.script.as_str())) } }
    }
}

/// uPlot under its licence; its own first line is an address, which a page that refers to nothing has no use for.
fn uplot() -> String {
    let code = UPLOT.split_once('\n').map_or(UPLOT, |(_, code)| code);
    format!("/*\nuPlot 1.6.32\n\n{UPLOT_LICENCE}\n*/\n{code}")
}

/// Data for the scripts. In JSON `<` stands in texts only, where it may as well be written as an escape: nothing in it can then end the script
/// element or begin a comment. U+2028 and U+2029 are line ends to JavaScript of before 2019.
pub(super) fn data(id: &str, value: &impl Serialize) -> Markup {
    // Plain data always serialises.
    let json = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    let safe = json
        .replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029");
    html! { script type="application/json" id=(id) { (PreEscaped(safe)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_end_its_element() {
        let hostile = "</script><script>alert(1)</script><!-- \u{2028}";
        let markup = data("d", &hostile).into_string();
        assert_eq!(markup.matches('<').count(), 2, "{markup}");
        let (_, rest) = markup.split_once('>').unwrap();
        let (json, _) = rest.split_once("</script>").unwrap();
        assert_eq!(serde_json::from_str::<String>(json).unwrap(), hostile);
    }

    #[test]
    fn assets_neither_end_their_elements_nor_name_an_address_to_load_from() {
        let assets = Assets::new();
        assert!(!assets.script.contains("</script"));
        assert!(!assets.script.contains("<!--"));
        assert!(!assets.style.contains("</style"));
        assert!(!assets.style.contains("url("));
        assert!(!assets.style.contains("@import"));
    }
}

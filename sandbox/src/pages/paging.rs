//! Lists a page at a time.

use maud::{Markup, html};
use serde::Serialize;

/// How many entries a page has.
pub(super) const SIZE: usize = 25;

/// What a list is asked for, as the query of its address.
pub(super) trait Asked: Serialize + Clone {
    const PATH: &'static str;

    fn page(&self) -> usize;
    fn at_page(self, page: usize) -> Self;

    /// The address of what is asked for.
    fn address(&self) -> String {
        let query = serde_urlencoded::to_string(self).unwrap_or_default();
        if query.is_empty() {
            return Self::PATH.to_owned();
        }
        format!("{}?{query}", Self::PATH)
    }

    fn skip(&self) -> usize {
        self.page().saturating_sub(1).saturating_mul(SIZE)
    }
}

/// Links to the pages before and after, and where one is.
pub(super) fn pager<A: Asked>(asked: &A, total: usize) -> Markup {
    let pages = total.div_ceil(SIZE).max(1);
    let page = asked.page().max(1);
    let link = |to: usize, text: &str| {
        let possible = to != page && (1..=pages).contains(&to);
        html! {
            @if possible { a.button href=(asked.clone().at_page(to).address()) { (text) } }
            @else { span.button aria-disabled="true" { (text) } }
        }
    };
    html! {
        nav.pager aria-label="Pages of the list" {
            (link(page - 1, "Previous"))
            span { "Page " (page) " of " (pages) }
            (link(page + 1, "Next"))
        }
    }
}

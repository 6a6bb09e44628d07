//! Rich text: the few tags that analysts and scripts use. Everything else is shown as the text that it is.

use maud::{Markup, PreEscaped};

const TAGS: [&str; 14] = [
    "b", "strong", "i", "em", "u", "p", "div", "span", "ul", "ol", "li", "pre", "code", "br",
];

/// HTML that holds no tag but the permitted ones, without attributes, each closed.
pub(super) fn rich_text(html: &str) -> Markup {
    let (mut shown, mut open) = (String::with_capacity(html.len()), Vec::new());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        push_text(&mut shown, &rest[..start]);
        rest = &rest[start..];
        if let Some((tag, after)) = Tag::at(rest) {
            tag.push(&mut shown, &mut open);
            rest = after;
        } else {
            shown.push_str("&lt;");
            rest = &rest[1..];
        }
    }
    push_text(&mut shown, rest);
    for name in open.iter().rev() {
        close(&mut shown, name);
    }
    PreEscaped(shown)
}

struct Tag {
    name: &'static str,
    closes: bool,
}

impl Tag {
    /// The permitted tag that a text begins with, and what comes after it.
    fn at(text: &str) -> Option<(Self, &str)> {
        let (inside, after) = text.strip_prefix('<')?.split_once('>')?;
        let (closes, name) = match inside.strip_prefix('/') {
            Some(name) => (true, name),
            None => (false, inside.strip_suffix('/').unwrap_or(inside)),
        };
        let name = name.trim_end();
        let known = TAGS.iter().find(|tag| tag.eq_ignore_ascii_case(name));
        known.map(|name| (Self { name, closes }, after))
    }

    fn push(&self, shown: &mut String, open: &mut Vec<&'static str>) {
        if self.name == "br" {
            shown.push_str("<br>");
        } else if !self.closes {
            open.push(self.name);
            shown.push('<');
            shown.push_str(self.name);
            shown.push('>');
        } else if open.contains(&self.name) {
            while let Some(name) = open.pop() {
                close(shown, name);
                if name == self.name {
                    break;
                }
            }
        }
    }
}

fn close(shown: &mut String, name: &str) {
    shown.push_str("</");
    shown.push_str(name);
    shown.push('>');
}

/// Text of HTML, in which references such as `&amp;` stay what they are.
fn push_text(shown: &mut String, text: &str) {
    for (at, character) in text.char_indices() {
        match character {
            '&' if !is_reference(&text[at + 1..]) => shown.push_str("&amp;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            other => shown.push(other),
        }
    }
}

fn is_reference(text: &str) -> bool {
    let Some((name, _)) = text.split_once(';') else {
        return false;
    };
    let digits = name.strip_prefix('#').unwrap_or(name);
    !digits.is_empty() && name.len() < 10 && digits.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(html: &str, shown: &str) {
        assert_eq!(rich_text(html).into_string(), shown, "{html}");
    }

    #[test]
    fn permitted_tags_stay_and_the_rest_is_text() {
        check("Was <b>archived</b> by", "Was <b>archived</b> by");
        check("a<br/>b<BR>c", "a<br>b<br>c");
        check(
            "<script>alert(1)</script>",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
        );
        check("<b onclick=\"x\">y</b>", "&lt;b onclick=&quot;x&quot;&gt;y");
        check("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;");
        check(
            "a &lt;b&gt; &#39;c&#39; & d &",
            "a &lt;b&gt; &#39;c&#39; &amp; d &amp;",
        );
        check("1 < 2", "1 &lt; 2");
    }

    #[test]
    fn tags_are_closed_in_their_order() {
        check("<b><i>x", "<b><i>x</i></b>");
        check("<b><i>x</b>y</i>", "<b><i>x</i></b>y");
        check("x</div></main>", "x&lt;/main&gt;");
    }

    proptest! {
        #[test]
        fn no_other_tag_comes_out(html in "[<>/a-z&;\"' =]{0,40}") {
            let shown = rich_text(&html).into_string();
            let mut depth = 0_i32;
            for part in shown.split('<').skip(1) {
                let (tag, _) = part.split_once('>').expect("a tag ends");
                let name = tag.strip_prefix('/').unwrap_or(tag);
                prop_assert!(TAGS.contains(&name), "{shown}");
                depth += if name == "br" { 0 } else if tag == name { 1 } else { -1 };
                prop_assert!(depth >= 0, "{shown}");
            }
            prop_assert_eq!(depth, 0);
        }
    }
}

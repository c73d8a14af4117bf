//! Finds the tags of a page that carry `data-trunk`, and puts others in their
//! place. Not an HTML parser: it knows comments, attributes and that the inside
//! of a script or style is no markup, which is what finding those tags takes.

use std::ops::Range;

/// A start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Its name, in lower case.
    pub(crate) name: String,
    /// Names in lower case, with values; an attribute without one has `""`.
    pub(crate) attributes: Vec<(String, String)>,
    /// Where it stands in the page, with its end tag when it is a script.
    pub(crate) span: Range<usize>,
}

impl Tag {
    /// The value of the attribute of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The attributes that are for the browser, except those named, as they are
    /// written in a tag, each with a space before it.
    pub(crate) fn others(&self, except: &[&str]) -> String {
        self.attributes
            .iter()
            .filter(|(key, _)| !key.starts_with("data-") && !except.contains(&key.as_str()))
            .map(|(key, value)| {
                if value.is_empty() {
                    format!(" {key}")
                } else {
                    format!(" {key}=\"{}\"", value.replace('"', "&quot;"))
                }
            })
            .collect()
    }
}

/// All tags that carry `data-trunk`, in the page's order.
pub(crate) fn trunk_tags(page: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(found) = page[at..].find('<') {
        let start = at + found;
        let rest = &page[start..];
        if rest.starts_with("<!--") {
            at = rest.find("-->").map_or(page.len(), |end| start + end + 3);
            continue;
        }
        if !rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            at = start + 1;
            continue;
        }
        let mut tag = read_tag(page, start);
        if tag.name == "script" || tag.name == "style" {
            let end_tag = format!("</{}>", tag.name);
            let inside = &page[tag.span.end..];
            let end = inside
                .to_ascii_lowercase()
                .find(&end_tag)
                .map_or(inside.len(), |end| end + end_tag.len());
            tag.span.end += end;
        }
        at = tag.span.end;
        if tag.get("data-trunk").is_some() {
            tags.push(tag);
        }
    }
    tags
}

/// The page with each tag replaced by its text; an empty text takes the line
/// with it when nothing else stands there.
pub(crate) fn replace(page: &str, with: &[(Tag, String)]) -> String {
    let mut out = String::with_capacity(page.len());
    let mut at = 0;
    for (tag, text) in with {
        out.push_str(&page[at..tag.span.start]);
        out.push_str(text);
        at = tag.span.end;
        let line_start = out.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = page[at..].trim_start_matches([' ', '\t', '\r']);
        if text.is_empty() && rest.starts_with('\n') && out[line_start..].trim().is_empty() {
            out.truncate(line_start);
            at = page.len() - rest.len() + 1;
        }
    }
    out.push_str(&page[at..]);
    out
}

/// Reads the start tag at `start`, where there is a `<` and a letter.
fn read_tag(page: &str, start: usize) -> Tag {
    let mut rest = &page[start + 1..];
    let mut attributes = Vec::new();
    let name = take_while(&mut rest, |c| !c.is_whitespace() && c != '>' && c != '/');
    loop {
        take_while(&mut rest, |c| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            break;
        }
        if let Some(after) = rest.strip_prefix('>') {
            rest = after;
            break;
        }
        // A `=` may open a name; without this a stray one would never be passed.
        let first = &rest[..rest.chars().next().map_or(0, char::len_utf8)];
        rest = &rest[first.len()..];
        let more = take_while(&mut rest, |c| {
            !c.is_whitespace() && !matches!(c, '=' | '>' | '/')
        });
        let key = format!("{first}{more}").to_ascii_lowercase();
        let value = attribute_value(&mut rest);
        attributes.push((key, value));
    }
    Tag {
        name: name.to_ascii_lowercase(),
        attributes,
        span: start..page.len() - rest.len(),
    }
}

fn attribute_value(rest: &mut &str) -> String {
    let Some(after) = rest.trim_start().strip_prefix('=') else {
        return String::new();
    };
    *rest = after.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = rest.strip_prefix(quote) {
            let (value, after) = quoted.split_once(quote).unwrap_or((quoted, ""));
            *rest = after;
            return value.to_owned();
        }
    }
    take_while(rest, |c| !c.is_whitespace() && c != '>').to_owned()
}

fn take_while<'a>(rest: &mut &'a str, wanted: impl Fn(char) -> bool) -> &'a str {
    let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
    let (taken, after) = rest.split_at(end);
    *rest = after;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_tags_with_quoted_bare_and_empty_attributes() {
        let page = "<!doctype html>\n<LINK data-trunk rel='css' href=a.css media=\"(min-width: 1px)\"/>\n<link rel=icon>";
        let tags = trunk_tags(page);
        assert_eq!(tags.len(), 1);
        assert_eq!(tags[0].name, "link");
        assert_eq!(tags[0].get("rel"), Some("css"));
        assert_eq!(tags[0].get("href"), Some("a.css"));
        assert_eq!(tags[0].get("data-trunk"), Some(""));
        assert_eq!(
            tags[0].others(&["rel", "href"]),
            " media=\"(min-width: 1px)\""
        );
        assert!(page[tags[0].span.clone()].ends_with("/>"));
    }

    #[test]
    fn passes_over_comments_and_the_inside_of_scripts() {
        let page = "<!-- <link data-trunk> --><script>'<link data-trunk>'</script><style><link data-trunk></style><link data-trunk>";
        let tags = trunk_tags(page);
        assert_eq!(tags.len(), 1);
        assert_eq!(tags[0].span.end, page.len());
    }

    #[test]
    fn a_script_is_taken_with_its_end_tag() {
        let page = "<script data-trunk src=\"theme.js\"></script>after";
        assert_eq!(&page[trunk_tags(page)[0].span.clone()], &page[..43]);
        assert!(page[43..].starts_with("after"));
    }

    #[test]
    fn markup_that_is_cut_short_or_odd_ends() {
        for page in [
            "<", "<a", "<a b", "<a b=", "<a b='", "<!--", "<a ==x>", "<script>", "a < b", "<é",
            "<a é=ü",
        ] {
            trunk_tags(page);
        }
    }

    #[test]
    fn a_tag_replaced_by_nothing_takes_its_line_along() {
        let page = "<head>\n  <link data-trunk a>\n  <link data-trunk b> x\n</head>";
        let tags = trunk_tags(page);
        let with: Vec<_> = tags.into_iter().map(|tag| (tag, String::new())).collect();
        assert_eq!(replace(page, &with), "<head>\n   x\n</head>");
    }

    #[test]
    fn replacing_keeps_what_stands_around() {
        let page = "a<link data-trunk>b<link data-trunk>c";
        let tags = trunk_tags(page);
        let with: Vec<_> = tags.into_iter().zip(["1".into(), "2".into()]).collect();
        assert_eq!(replace(page, &with), "a1b2c");
    }
}

//! Styles and scripts without what only people read. No parser: it takes out
//! what is certain to mean nothing, and leaves the rest as it stands.

/// A script without comments that have their lines to themselves, and without
/// indentation. Lines that belong to a template literal over several lines are
/// left as they are.
pub(crate) fn script(source: &str) -> String {
    let mut small = String::with_capacity(source.len());
    let (mut in_comment, mut in_template) = (false, false);
    for line in source.lines() {
        let trimmed = line.trim();
        if in_template {
            small.push_str(line);
            small.push('\n');
        } else if in_comment || trimmed.starts_with("/*") {
            in_comment = !trimmed.ends_with("*/");
            continue;
        } else if !trimmed.is_empty() && !trimmed.starts_with("//") {
            small.push_str(trimmed);
            small.push('\n');
        }
        in_template ^= line.matches('`').count() % 2 == 1;
    }
    small
}

/// Styles without comments, and without space that separates nothing.
pub(crate) fn style(source: &str) -> String {
    let mut bare = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("/*") {
        bare.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    bare.push_str(rest);

    let mut small = String::with_capacity(bare.len());
    let mut quote = None;
    let mut space = false;
    for c in bare.chars() {
        if quote.is_none() && c.is_whitespace() {
            space = true;
            continue;
        }
        // Around these, space says nothing; before `:` and `(` and around `+`
        // and `-` it does.
        let opens = small.ends_with(['{', '}', ';', ',', ':', '>']) || small.is_empty();
        let closes = matches!(c, '{' | '}' | ';' | ',' | '>');
        if std::mem::take(&mut space) && !opens && !closes {
            small.push(' ');
        }
        if c == '}' && small.ends_with(';') {
            small.pop();
        }
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            _ => {}
        }
        small.push(c);
    }
    small
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_mean_the_same_in_less() {
        let source = "/* All. */\n.a > .b, .c :hover {\n  margin: -1px  calc(1px + 2px);\n  content: \"a  ; b\";\n}\n@media (max-width: 9px) { .d { top: 0; } }\n";
        let small = ".a>.b,.c :hover{margin:-1px calc(1px + 2px);content:\"a  ; b\"}@media (max-width:9px){.d{top:0}}";
        assert_eq!(style(source), small);
    }

    #[test]
    fn scripts_lose_comments_and_indentation_and_templates_nothing() {
        let source = "/**\n * x\n */\nlet a = `1\n   // kept\n  `;\n\n    // gone\n    f(a); // stays\n/* gone */\n";
        let small = "let a = `1\n   // kept\n  `;\nf(a); // stays\n";
        assert_eq!(script(source), small);
    }
}

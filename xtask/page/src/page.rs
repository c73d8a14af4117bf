//! The page: each `data-trunk` tag is turned into what the browser needs, and
//! the file that it names into files of the output.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::bindgen;
use crate::html::{self, Tag};
use crate::output::{self, Output};
use crate::small;

/// Options of trunk's rust link that change the program. `cargo xtask` builds
/// the dashboard without them, so a page that has one would differ from trunk's.
const REFUSED: [&str; 5] = [
    "data-cargo-features",
    "data-cargo-no-default-features",
    "data-cargo-all-features",
    "data-initializer",
    "data-type",
];

/// What a browser loads at most of the page with brotli, bytes: a phone in a
/// school's network is to see it in a moment.
const GOAL: usize = 250_000;

/// The extensions of what is counted.
const COUNTED: [&str; 3] = ["wasm", "js", "css"];

/// Fills `out` from the page at `index` and the program at `wasm`, and says in
/// a line what came of it.
pub(crate) fn make(
    index: &Path,
    wasm: &Path,
    out: &Path,
    cache: &Path,
    keep_names: bool,
) -> Result<String> {
    let source =
        fs::read_to_string(index).with_context(|| format!("cannot read {}", index.display()))?;
    let mut maker = Maker {
        root: index.parent().unwrap_or(Path::new(".")),
        wasm,
        work: &cache.join("bindgen"),
        output: Output::default(),
        programs: 0,
        styles: String::new(),
        keep_names,
    };
    let mut replaced = Vec::new();
    for tag in html::trunk_tags(&source) {
        let text = maker
            .turn(&tag)
            .with_context(|| format!("{}: {}", index.display(), &source[tag.span.clone()]))?;
        replaced.push((tag, text));
    }
    // All styles are one file, where the first of them stood: they compress
    // better together, and a browser asks once.
    if !maker.styles.is_empty() {
        let styles = std::mem::take(&mut maker.styles).into_bytes();
        let name = maker.output.add_hashed("style", "css", styles);
        let first =
            |(tag, text): &&mut (Tag, String)| text.is_empty() && tag.get("rel") == Some("css");
        if let Some((_, text)) = replaced.iter_mut().find(first) {
            *text = format!("<link rel=\"stylesheet\" href=\"/{name}\">");
        }
    }
    if maker.programs != 1 {
        bail!(
            "{} has {} tags like <link data-trunk rel=\"rust\" href=\"dashboard/Cargo.toml\">, where one is needed",
            index.display(),
            maker.programs
        );
    }
    let mut output = maker.output;
    output.add("index.html", html::replace(&source, &replaced).into_bytes());
    let plain = output.weight(&COUNTED, "");
    output.compress(&cache.join("packed"))?;
    output.write(out)?;

    let gzip = output.weight(&COUNTED, output::GZIP);
    let brotli = output.weight(&COUNTED, output::BROTLI);
    let goal = if brotli > GOAL {
        format!("; the goal is {} KB", GOAL / 1000)
    } else {
        String::new()
    };
    Ok(format!(
        "{}: wasm, scripts and styles {} KB, {} KB with gzip, {:.1} KB with brotli{goal}",
        out.display(),
        plain.div_ceil(1000),
        gzip.div_ceil(1000),
        brotli as f64 / 1000.0
    ))
}

struct Maker<'a> {
    root: &'a Path,
    wasm: &'a Path,
    work: &'a Path,
    output: Output,
    programs: usize,
    /// All styles, in the page's order.
    styles: String,
    keep_names: bool,
}

impl Maker<'_> {
    fn turn(&mut self, tag: &Tag) -> Result<String> {
        if tag.name == "script" {
            let name = self.hashed_file(wanted(tag, "src")?)?;
            return Ok(format!(
                "<script src=\"/{name}\"{}></script>",
                tag.others(&["src"])
            ));
        }
        if tag.name == "base" {
            return Ok("<base href=\"/\">".to_owned());
        }
        if tag.name != "link" {
            bail!("only link, script and base may carry data-trunk");
        }
        let href = wanted(tag, "href")?;
        match wanted(tag, "rel")? {
            "rust" => self.program(tag, href),
            "css" if tag.others(&["rel", "href"]).is_empty() => {
                let style = read(&self.root.join(href))?;
                self.styles
                    .push_str(&small::style(&String::from_utf8(style)?));
                Ok(String::new())
            }
            rel @ ("css" | "icon") => {
                let rel = if rel == "css" { "stylesheet" } else { rel };
                let name = self.hashed_file(href)?;
                Ok(format!(
                    "<link rel=\"{rel}\" href=\"/{name}\"{}>",
                    tag.others(&["rel", "href"])
                ))
            }
            "copy-file" => {
                let path = self.root.join(href);
                let name = path
                    .file_name()
                    .context("a copied file needs a name")?
                    .to_string_lossy()
                    .into_owned();
                let content = read(&path)?;
                self.output.add(&below(tag, &name), content);
                Ok(String::new())
            }
            "copy-dir" => self.folder(tag, href),
            other => bail!("rel=\"{other}\" is not one of rust, css, icon, copy-file, copy-dir"),
        }
    }

    /// The program's own files, and the tags that fetch all of them at once: a
    /// browser would otherwise learn of each from the one before.
    fn program(&mut self, tag: &Tag, href: &str) -> Result<String> {
        if let Some(refused) = REFUSED.iter().find(|name| tag.get(name).is_some()) {
            bail!("{refused} has no effect in `cargo xtask`: remove it");
        }
        let manifest = self.root.join(href);
        if !manifest.exists() {
            bail!("{} does not exist", manifest.display());
        }
        self.programs += 1;

        let bound = bindgen::bind(self.wasm, self.work, self.keep_names)?;
        let mut script = small::script(&bound.script);
        if !bound.snippets.is_empty() {
            let all: Vec<u8> = bound
                .snippets
                .iter()
                .flat_map(|(_, content)| content.iter().copied())
                .collect();
            let folder = format!("snippets-{}", output::hash(&all));
            script = script.replace("'./snippets/", &format!("'./{folder}/"));
            script = script.replace("\"./snippets/", &format!("\"./{folder}/"));
            for (path, content) in bound.snippets {
                let path = path.to_string_lossy().replace('\\', "/");
                let path = path.replacen("snippets", &folder, 1);
                self.output.add(&path, content);
            }
        }

        let wasm = self.output.add_hashed("dashboard", "wasm", bound.wasm);
        let script = self
            .output
            .add_hashed("dashboard", "js", script.into_bytes());
        let boot = format!(
            "import start from \"/{script}\";\n\
             start(await WebAssembly.compileStreaming(fetch(\"/{wasm}\")));\n"
        );
        let boot = self.output.add_hashed("boot", "js", boot.into_bytes());
        // A preload is only used by a fetch in the same mode: that of a script's
        // fetch() is the one `crossorigin` stands for.
        Ok(format!(
            "<link rel=\"preload\" href=\"/{wasm}\" as=\"fetch\" type=\"application/wasm\" crossorigin>\n  \
             <link rel=\"modulepreload\" href=\"/{script}\">\n  \
             <script type=\"module\" src=\"/{boot}\"></script>"
        ))
    }

    fn folder(&mut self, tag: &Tag, href: &str) -> Result<String> {
        let folder = self.root.join(href);
        if !folder.is_dir() {
            bail!("{} is no folder", folder.display());
        }
        let name = folder
            .file_name()
            .context("a copied folder needs a name")?
            .to_string_lossy()
            .into_owned();
        let name = tag
            .get("data-target-path")
            .unwrap_or(&name)
            .trim_matches('/');
        for path in output::files_below(&folder)? {
            let inside = path.strip_prefix(&folder).unwrap_or(&path);
            let inside = inside.to_string_lossy().replace('\\', "/");
            let content = read(&path)?;
            self.output.add(&format!("{name}/{inside}"), content);
        }
        Ok(String::new())
    }

    fn hashed_file(&mut self, href: &str) -> Result<String> {
        let path = self.root.join(href);
        let content = read(&path)?;
        let part = |part: Option<&std::ffi::OsStr>| {
            part.map(|part| part.to_string_lossy().into_owned())
                .with_context(|| format!("{} needs a name with an extension", path.display()))
        };
        let stem = part(path.file_stem())?;
        let extension = part(path.extension())?;
        Ok(self.output.add_hashed(&stem, &extension, content))
    }
}

fn wanted<'a>(tag: &'a Tag, attribute: &str) -> Result<&'a str> {
    tag.get(attribute)
        .with_context(|| format!("the attribute {attribute} is missing"))
}

/// The path of a copied file, in the folder that the tag asks for.
fn below(tag: &Tag, name: &str) -> String {
    match tag
        .get("data-target-path")
        .map(|path| path.trim_matches('/'))
    {
        None | Some("") => name.to_owned(),
        Some(folder) => format!("{folder}/{name}"),
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a page's parts, but for the program.
    fn root(name: &str) -> std::path::PathBuf {
        let root = std::env::temp_dir().join(format!("xtask-page-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("icons/small")).unwrap();
        fs::write(root.join("style.css"), "a {}").unwrap();
        fs::write(root.join("icons/small/a.png"), "png").unwrap();
        fs::write(root.join("site.webmanifest"), "{}").unwrap();
        root
    }

    /// What the only tag of a page becomes, and the files it adds.
    fn turned(root: &Path, tag: &str) -> Result<(String, Vec<String>)> {
        let mut maker = Maker {
            root,
            wasm: Path::new("none.wasm"),
            work: Path::new("none"),
            output: Output::default(),
            programs: 0,
            styles: String::new(),
            keep_names: false,
        };
        let text = maker.turn(&html::trunk_tags(tag)[0])?;
        let out = root.join("out");
        maker.output.write(&out)?;
        let files = output::files_below(&out)?
            .iter()
            .map(|path| {
                path.strip_prefix(&out)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/")
            })
            .collect();
        Ok((text, files))
    }

    #[test]
    fn styles_are_hashed_and_keep_the_browsers_attributes() {
        let root = root("css");
        let (text, files) = turned(
            &root,
            "<link data-trunk rel=css href=style.css media=print data-no-minify>",
        )
        .unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(
            text,
            format!(
                "<link rel=\"stylesheet\" href=\"/{}\" media=\"print\">",
                files[0]
            )
        );
        assert!(files[0].starts_with("style-") && files[0].ends_with(".css"));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn copied_files_and_folders_keep_their_names() {
        let root = root("copy");
        let tag = "<link data-trunk rel=copy-file href=site.webmanifest data-target-path=/a/>";
        assert_eq!(
            turned(&root, tag).unwrap(),
            (String::new(), vec!["a/site.webmanifest".to_owned()])
        );
        let tag = "<link data-trunk rel=copy-dir href=icons>";
        assert_eq!(
            turned(&root, tag).unwrap(),
            (String::new(), vec!["icons/small/a.png".to_owned()])
        );
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_trunk_knows_and_this_does_not_is_refused_by_name() {
        let root = root("refused");
        for (tag, said) in [
            ("<link data-trunk rel=scss href=style.css>", "scss"),
            ("<link data-trunk rel=css>", "href"),
            ("<link data-trunk rel=css href=none.css>", "none.css"),
            (
                "<link data-trunk rel=rust href=Cargo.toml data-initializer=a.js>",
                "data-initializer",
            ),
            ("<img data-trunk src=a.png>", "only link"),
        ] {
            let error = format!("{:#}", turned(&root, tag).unwrap_err());
            assert!(error.contains(said), "{tag}: {error}");
        }
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_page_without_a_program_is_refused() {
        let root = root("none");
        let index = root.join("index.html");
        fs::write(&index, "<html></html>").unwrap();
        let error = make(
            &index,
            Path::new(""),
            &root.join("out"),
            &root.join("cache"),
            false,
        );
        assert!(error.unwrap_err().to_string().contains("rel=\"rust\""));
        fs::remove_dir_all(root).unwrap();
    }
}

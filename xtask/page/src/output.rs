//! The folder that is made: names by content, compressed copies, and only what
//! changed is written, so that the broker is not compiled again for nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Compressing less than this gains nothing: it fits one TCP segment anyhow.
const SMALLEST_TO_COMPRESS: usize = 1024;

/// Kinds of file that are not compressed already.
const COMPRESSIBLE: [&str; 11] = [
    "html",
    "js",
    "css",
    "wasm",
    "svg",
    "json",
    "webmanifest",
    "txt",
    "xml",
    "ico",
    "map",
];

/// How a file is compressed, by what its name then ends with.
const FORMS: [(&str, Pack); 2] = [(BROTLI, brotli), (GZIP, gzip)];

type Pack = fn(&[u8]) -> Result<Vec<u8>>;

/// What the names of the compressed forms end with: the broker looks for them.
pub(crate) const BROTLI: &str = ".br";
pub(crate) const GZIP: &str = ".gz";

/// The files to be, by their path below the folder, with `/` on every system.
#[derive(Default)]
pub(crate) struct Output {
    files: BTreeMap<String, Vec<u8>>,
}

impl Output {
    /// Adds a file under its own name.
    pub(crate) fn add(&mut self, path: &str, content: Vec<u8>) {
        self.files.insert(path.to_owned(), content);
    }

    /// Adds a file named by its content, and returns the name.
    pub(crate) fn add_hashed(&mut self, stem: &str, extension: &str, content: Vec<u8>) -> String {
        let name = format!("{stem}-{}.{extension}", hash(&content));
        self.files.insert(name.clone(), content);
        name
    }

    /// The bytes a browser loads for the files with these extensions, in the
    /// form whose names end with `form`, or as they are if they have none.
    pub(crate) fn weight(&self, extensions: &[&str], form: &str) -> usize {
        let is_meant = |path: &str| {
            let name = path.strip_suffix(form).unwrap_or(path);
            let extension = name.rsplit_once('.').map(|(_, extension)| extension);
            extension.is_some_and(|extension| extensions.contains(&extension))
        };
        let meant = self.files.iter().filter(|(path, _)| is_meant(path));
        meant.map(|(_, content)| content.len()).sum()
    }

    /// Puts the compressed forms, `.br` and `.gz`, in the place of each file that
    /// they make smaller. `cache` keeps the forms of every content of this run.
    pub(crate) fn compress(&mut self, cache: &Path) -> Result<()> {
        fs::create_dir_all(cache).with_context(|| format!("cannot create {}", cache.display()))?;
        let mut files = BTreeMap::new();
        let mut used = Vec::new();
        for (path, content) in std::mem::take(&mut self.files) {
            let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
            let mut forms = Vec::new();
            if content.len() >= SMALLEST_TO_COMPRESS && COMPRESSIBLE.contains(&extension) {
                for (ending, pack) in FORMS {
                    let kept = cache.join(hash(&content) + ending);
                    let packed = match fs::read(&kept) {
                        Ok(packed) => packed,
                        Err(_) => {
                            let packed = pack(&content)?;
                            write_whole(&kept, &packed)?;
                            packed
                        }
                    };
                    used.push(kept);
                    forms.push((format!("{path}{ending}"), packed));
                }
            }
            let is_smaller = |(_, packed): &(_, Vec<u8>)| packed.len() < content.len();
            if !forms.is_empty() && forms.iter().all(is_smaller) {
                files.extend(forms);
            } else {
                files.insert(path, content);
            }
        }
        self.files = files;
        for old in files_below(cache)? {
            if !used.contains(&old) {
                remove(&old)?;
            }
        }
        Ok(())
    }

    /// Makes the folder hold these files and nothing else. `index.html` comes
    /// last: whoever sees the new one finds what it names.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let (last, first): (Vec<_>, Vec<_>) = self
            .files
            .iter()
            .partition(|(path, _)| path.starts_with("index.html"));
        for (path, content) in first.into_iter().chain(last) {
            let path = folder.join(path);
            if fs::read(&path).is_ok_and(|old| old == *content) {
                continue;
            }
            write_whole(&path, content)?;
        }
        for path in files_below(folder)? {
            let below = path.strip_prefix(folder).unwrap_or(&path);
            let name = below.to_string_lossy().replace('\\', "/");
            if !self.files.contains_key(&name) {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

/// 16 hexadecimal digits that name the content.
pub(crate) fn hash(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Every file in the folder and its folders, sorted; none when it is absent.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.exists() {
            continue;
        }
        let unreadable = || format!("cannot list {}", folder.display());
        for entry in fs::read_dir(&folder).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            if entry.file_type().with_context(unreadable)?.is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: content.len(),
        ..Default::default()
    };
    let mut small = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut small, &params)
        .context("brotli could not compress a file")?;
    Ok(small)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut small = Vec::new();
    zopfli::compress(
        zopfli::Options::default(),
        zopfli::Format::Gzip,
        content,
        &mut small,
    )
    .context("zopfli could not compress a file")?;
    Ok(small)
}

/// Writes beside the place and moves there: a run that is stopped leaves no
/// half file that a later one would take for done.
fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    let part = path.with_extension("part");
    let mut file = fs::File::create(&part).with_context(failed)?;
    file.write_all(content).with_context(failed)?;
    fs::rename(&part, path).with_context(failed)
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-page-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn a_hash_is_16_digits_and_follows_the_content() {
        assert_eq!(hash(b""), "e3b0c44298fc1c14");
        assert_ne!(hash(b"a"), hash(b"b"));
    }

    #[test]
    fn hashed_names_keep_stem_and_extension() {
        let mut output = Output::default();
        assert_eq!(
            output.add_hashed("style", "css", Vec::new()),
            "style-e3b0c44298fc1c14.css"
        );
    }

    #[test]
    fn writes_the_files_and_removes_what_is_no_longer_there() {
        let folder = folder("write");
        let mut first = Output::default();
        first.add("old.txt", b"old".to_vec());
        first.add("a/b.txt", b"1".to_vec());
        first.write(&folder).unwrap();
        let mut second = Output::default();
        second.add("a/b.txt", b"2".to_vec());
        second.add("index.html", b"page".to_vec());
        second.write(&folder).unwrap();
        assert_eq!(fs::read(folder.join("a/b.txt")).unwrap(), b"2");
        assert_eq!(
            files_below(&folder).unwrap(),
            [folder.join("a/b.txt"), folder.join("index.html")]
        );
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_file_that_did_not_change_is_left_alone() {
        let folder = folder("same");
        let mut output = Output::default();
        output.add("a.txt", b"same".to_vec());
        output.write(&folder).unwrap();
        let before = fs::metadata(folder.join("a.txt"))
            .unwrap()
            .modified()
            .unwrap();
        output.write(&folder).unwrap();
        let after = fs::metadata(folder.join("a.txt"))
            .unwrap()
            .modified()
            .unwrap();
        assert_eq!(before, after);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn compresses_text_that_is_worth_it_and_nothing_else() {
        let cache = folder("packed");
        let mut output = Output::default();
        let long = b"a { color: red }\n".repeat(200);
        output.add("long.css", long.clone());
        output.add("short.css", b"a {}".to_vec());
        output.add("picture.png", vec![0; 5000]);
        assert_eq!(output.weight(&["css"], ""), long.len() + 4);
        output.compress(&cache).unwrap();
        let names: Vec<_> = output.files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["long.css.br", "long.css.gz", "picture.png", "short.css"]
        );
        let mut plain = Vec::new();
        let packed = &output.files["long.css.br"][..];
        assert_eq!(output.weight(&["css"], BROTLI), packed.len() + 4);
        brotli::BrotliDecompress(&mut &*packed, &mut plain).unwrap();
        assert_eq!(plain, long);
        plain.clear();
        let packed = &output.files["long.css.gz"][..];
        assert_eq!(output.weight(&["css"], GZIP), packed.len() + 4);
        let mut reader = flate2::bufread::GzDecoder::new(packed);
        reader.read_to_end(&mut plain).unwrap();
        assert_eq!(plain, long);
        fs::remove_dir_all(&cache).unwrap();
    }
}

//! The files that are checked, and what is found in them.

use std::path::{Path, PathBuf};
use std::{env, fmt, fs};

/// A file of the tree, its path relative to the root, with `/` between the parts.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The file's name up to its first dot.
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.split('.').next().unwrap_or_default()
    }

    /// Whether a folder of this name is on the file's path.
    pub fn is_below(&self, folder: &str) -> bool {
        self.path.split('/').rev().skip(1).any(|part| part == folder)
    }

    /// Whether the whole file is test code.
    pub fn is_test(&self) -> bool {
        self.is_below("tests") || self.stem() == "tests" || self.stem().ends_with("_tests")
    }

    pub fn at(&self, line: usize, advice: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, advice: advice.into() }
    }
}

/// A breach of a rule, with what to do about it.
#[derive(Debug, PartialEq)]
pub struct Finding {
    pub path: String,
    pub line: usize,
    pub advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.advice)
    }
}

pub fn assert_none(findings: &[Finding]) {
    let list: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(list.is_empty(), "{} to mend:\n{}", list.len(), list.join("\n"));
}

/// The lines of the findings, for the tests of the rules themselves.
pub fn lines(findings: &[Finding]) -> Vec<usize> {
    findings.iter().map(|finding| finding.line).collect()
}

/// The root of the workspace: above this crate, or, when cargo is not at work, at or above the
/// current folder.
pub fn root() -> PathBuf {
    if let Some(manifest) = option_env!("CARGO_MANIFEST_DIR") {
        return Path::new(manifest).parent().expect("the crate is in the workspace").to_owned();
    }
    let here = env::current_dir().expect("there is a current folder");
    let found = here.ancestors().find(|folder| folder.join("buf.yaml").exists());
    found.expect("run this inside the workspace").to_owned()
}

/// Every Rust, proto and SQL file of the tree.
pub fn sources() -> Vec<Source> {
    let root = root();
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 10, "there must be sources below {}", root.display());
    paths.iter().map(|path| read(&root, path)).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the folder is readable");
    for path in entries.map(|entry| entry.expect("the entry is readable").path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                collect(&path, paths);
            }
        } else if [".rs", ".proto", ".sql"].iter().any(|kind| name.ends_with(kind)) {
            paths.push(path);
        }
    }
}

fn read(root: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("sources are UTF-8 text");
    let relative = path.strip_prefix(root).expect("it is below the root");
    Source { path: relative.to_string_lossy().replace('\\', "/"), text }
}

#[test]
fn the_tree_is_found_and_this_file_in_it() {
    let path = "tests/e2e/tidy/source.rs";
    let this = sources().into_iter().find(|source| source.path == path).expect("it is listed");
    assert!(this.is_rust() && this.is_test() && this.stem() == "source");
    assert!(!Source::new("server/src/booking/store.rs", "").is_test());
}

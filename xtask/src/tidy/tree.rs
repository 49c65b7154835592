//! The files that the rules look at, read once.

use std::io;
use std::path::{Path, PathBuf};

use super::code;

/// The workspace's text files, in the order of their paths.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    files: Vec<File>,
}

/// One text file.
#[derive(Debug)]
pub(crate) struct File {
    path: String,
    text: String,
    code: String,
}

impl Tree {
    /// Reads everything below `root` that people write by hand.
    ///
    /// # Errors
    /// When a directory or a file cannot be read.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self { root: root.to_path_buf(), files: Vec::new() };
        tree.collect(root)?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    /// Whether there is such a file or directory, of whatever kind.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// The file of that path.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The files whose names end so.
    pub(crate) fn ending(&self, end: &str) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |file| file.path.ends_with(end))
    }

    /// The Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.ending(".rs")
    }

    /// The Rust files of the library: the published crates without the command line, and
    /// without their tests and benchmarks.
    pub(crate) fn library(&self) -> impl Iterator<Item = &File> {
        let crates =
            self.rust().filter(|file| file.path.starts_with("crates/") && file.path.contains("/src/"));
        crates.filter(|file| !file.path.starts_with("crates/pgnudge-cli/"))
    }

    /// Every file.
    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    fn collect(&mut self, directory: &Path) -> io::Result<()> {
        for entry in directory.read_dir()? {
            let entry = entry?;
            if entry.file_type()?.is_symlink() {
                continue; // Another name of a file that is read under its own.
            }
            let path = entry.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                let hidden = name.starts_with('.') && !matches!(&*name, ".ci" | ".github" | ".cargo");
                if !hidden && !MADE_BY_PROGRAMS.contains(&&*name) {
                    self.collect(&path)?;
                }
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let relative = path.strip_prefix(&self.root).unwrap_or(&path);
                let path = relative.to_string_lossy().replace('\\', "/");
                self.files.push(File::new(path, text));
            }
        }
        Ok(())
    }
}

/// Directories that git ignores too.
const MADE_BY_PROGRAMS: [&str; 4] = ["target", "corpus", "artifacts", "proptest-regressions"];

impl File {
    fn new(path: String, text: String) -> Self {
        let code = if path.ends_with(".rs") { code::only(&text) } else { String::new() };
        Self { path, text, code }
    }

    /// The path below the root, with slashes.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// What the file holds.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Of a Rust file, what is neither comment nor literal; line by line as in the text.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// The lines of the text, numbered from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    //! A tree in a temporary directory, for the tests of the rules.

    use std::sync::atomic::{AtomicU32, Ordering};

    use super::super::findings::Rule;
    use super::*;

    /// What a rule finds in a tree of these files (path, text).
    pub(crate) fn findings(rule: &Rule, files: &[(&str, &str)]) -> Vec<String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("pgnudge-tidy-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(unique);
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            std::fs::write(path, text).expect("a file");
        }
        let found = (rule.check)(&Tree::read(&root).expect("a tree"));
        std::fs::remove_dir_all(&root).expect("the directory");
        found.iter().map(ToString::to_string).collect()
    }

    /// The rule holds for this repository.
    #[track_caller]
    pub(crate) fn holds(rule: &Rule) {
        let found = (rule.check)(&Tree::read(crate::cargo::root()).expect("a tree"));
        assert_eq!(found, [], "{}", rule.reason);
    }

    /// Nothing is found there.
    #[track_caller]
    pub(crate) fn passes(rule: &Rule, files: &[(&str, &str)]) {
        assert_eq!(findings(rule, files), Vec::<String>::new());
    }

    #[test]
    fn the_tree_holds_what_people_write() {
        let every = Rule {
            reason: "",
            check: |tree| tree.files().iter().map(|file| super::super::Finding::new(file, 1, "")).collect(),
        };
        let files = ["b.md", ".ci/run", ".git/config", "target/x.rs", "fuzz/corpus/seed", "a/c.rs"];
        let found = findings(&every, &files.map(|path| (path, "")));
        assert_eq!(found, [".ci/run:1: ", "a/c.rs:1: ", "b.md:1: "]);
    }
}

//! Reads a command's flags, by hand: there are few, and no dependency is worth it.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::suggestion;

/// The words after a command's name, split at `--`.
#[derive(Debug)]
pub(crate) struct Arguments {
    words: Vec<String>,
    after: Vec<String>,
    asked_for: Vec<&'static str>,
}

impl Arguments {
    pub(crate) fn new(words: &[String]) -> Self {
        let mut parts = words.splitn(2, |word| word == "--");
        let mut part = || parts.next().unwrap_or_default().to_vec();
        Self { words: part(), after: part(), asked_for: Vec::new() }
    }

    /// Takes every `--flag VALUE` and `--flag=VALUE` of that name.
    ///
    /// # Errors
    /// When the flag is the last word.
    pub(crate) fn values(&mut self, flag: &'static str) -> Result<Vec<String>, Failure> {
        self.asked_for.push(flag);
        let (mut values, mut others) = (Vec::new(), Vec::new());
        let mut words = std::mem::take(&mut self.words).into_iter();
        while let Some(word) = words.next() {
            if word == flag {
                let value = words.next().ok_or_else(|| Failure::Usage(format!("{flag} needs a value")))?;
                values.push(value);
            } else if let Some(value) = word.strip_prefix(flag).and_then(|rest| rest.strip_prefix('=')) {
                values.push(value.to_owned());
            } else {
                others.push(word);
            }
        }
        self.words = others;
        Ok(values)
    }

    /// Takes every `--bin-dir DIR`, as absolute paths: suites run in their package's directory.
    ///
    /// # Errors
    /// When the flag is the last word.
    pub(crate) fn bin_dirs(&mut self) -> Result<Vec<PathBuf>, Failure> {
        let dirs = self.values("--bin-dir")?.into_iter().map(PathBuf::from);
        Ok(dirs.map(|dir| std::path::absolute(&dir).unwrap_or(dir)).collect())
    }

    /// Takes the one `--bin-dir DIR`, if there is one.
    ///
    /// # Errors
    /// When there are several, or the flag is the last word.
    pub(crate) fn bin_dir(&mut self) -> Result<Option<PathBuf>, Failure> {
        match self.bin_dirs()?.as_slice() {
            [] => Ok(None),
            [dir] => Ok(Some(dir.clone())),
            _ => Err(Failure::Usage("--bin-dir is given more than once".to_owned())),
        }
    }

    /// Takes a flag without a value, and returns whether it was there.
    pub(crate) fn has(&mut self, flag: &'static str) -> bool {
        self.asked_for.push(flag);
        let before = self.words.len();
        self.words.retain(|word| word != flag);
        self.words.len() < before
    }

    /// Every word that is left, for a command that takes names and nothing behind `--`.
    ///
    /// # Errors
    /// When a flag is left over.
    pub(crate) fn names(mut self) -> Result<Vec<String>, Failure> {
        let (flags, names) = self.words.into_iter().partition(|word: &String| word.starts_with('-'));
        self.words = flags;
        self.none()?;
        Ok(names)
    }

    /// What stands behind `--`. Every other word has to be taken by now.
    ///
    /// # Errors
    /// When a word is left over.
    pub(crate) fn rest(self) -> Result<Vec<String>, Failure> {
        match self.words.first() {
            None => Ok(self.after),
            Some(word) => {
                let hint = suggestion::for_unknown(word, &self.asked_for);
                Err(Failure::Usage(format!("unknown argument {word}{hint}")))
            }
        }
    }

    /// For a command that takes nothing at all.
    ///
    /// # Errors
    /// When there is a word.
    pub(crate) fn none(self) -> Result<(), Failure> {
        match self.rest()?.first() {
            None => Ok(()),
            Some(word) => Err(Failure::Usage(format!("unknown argument {word}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Arguments {
        Arguments::new(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_flag_takes_its_value_from_the_next_word_or_behind_the_equals_sign() {
        let mut given = arguments("--bin-dir /a --bin-dir=/b -- --bin-dir /c");
        assert_eq!(given.bin_dirs(), Ok(vec!["/a".into(), "/b".into()]));
        assert_eq!(given.rest(), Ok(vec!["--bin-dir".to_owned(), "/c".to_owned()]));
    }

    #[test]
    fn a_flag_without_a_value_and_a_flag_given_twice_are_refused() {
        let refused = |line: &str| arguments(line).bin_dir().expect_err("refused");
        assert_eq!(refused("--bin-dir"), Failure::Usage("--bin-dir needs a value".to_owned()));
        assert_eq!(
            refused("--bin-dir a --bin-dir b"),
            Failure::Usage("--bin-dir is given more than once".to_owned())
        );
    }

    #[test]
    fn names_are_what_the_flags_leave() {
        let mut given = arguments("a --list b");
        assert!(given.has("--list") && !given.has("--list"));
        assert_eq!(given.names(), Ok(vec!["a".to_owned(), "b".to_owned()]));
        let mut given = arguments("a --lst");
        given.has("--list");
        let refused = Failure::Usage("unknown argument --lst; did you mean --list?".to_owned());
        assert_eq!(given.names(), Err(refused));
    }

    #[test]
    fn a_command_without_arguments_refuses_those_behind_the_dashes_too() {
        assert_eq!(arguments("").none(), Ok(()));
        assert_eq!(arguments("--").none(), Ok(()));
        assert_eq!(arguments("-- x").none(), Err(Failure::Usage("unknown argument x".to_owned())));
    }
}

//! A password file, as it is in memory.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use foldhash::fast::RandomState;
use protocol::scram::Credentials;

use super::password::Stored;
use crate::user_file;

/// Why a password file cannot be used; displays as one line that begins as
/// Mosquitto's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordFileError {
    file: PathBuf,
    line: usize,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Unreadable(String),
    /// No user name.
    Invalid(&'static str),
    /// No hash.
    Undecodable(String),
}

impl fmt::Display for PasswordFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line) = (self.file.display(), self.line);
        match &self.what {
            What::Unreadable(why) => write!(f, "cannot read password_file {file}: {why}"),
            What::Invalid(why) => write!(f, "Invalid line in password file {file}:{line}: {why}"),
            What::Undecodable(why) => write!(
                f,
                "Unable to decode line in password file {file}:{line}: {why}"
            ),
        }
    }
}

impl std::error::Error for PasswordFileError {}

/// The users of a password file.
#[derive(Debug, Default)]
pub(crate) struct Users {
    users: HashMap<String, Stored, RandomState>,
    /// Whose hash stands in for that of a user who does not exist.
    example: Option<Stored>,
    /// The first of those with which SCRAM works.
    scram_example: Option<Credentials>,
    /// Whether there are some with which it does not.
    has_others: bool,
    /// What is odd about the file.
    pub warnings: Vec<String>,
}

/// What the file says of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    Wrong,
    NoUser,
}

impl Users {
    pub(crate) fn read(file: &Path) -> Result<Self, PasswordFileError> {
        let error = |line, what| PasswordFileError {
            file: file.into(),
            line,
            what,
        };
        let (text, odd) =
            user_file::read(file).map_err(|why| error(0, What::Unreadable(why.to_string())))?;
        let mut users = Self::parse(&text).map_err(|(line, what)| error(line, what))?;
        for warning in &mut users.warnings {
            *warning = format!("{}:{warning}", file.display());
        }
        users.warnings.extend(odd);
        Ok(users)
    }

    /// Reads the text of a file; an error has the line, counted from 1.
    fn parse(text: &str) -> Result<Self, (usize, What)> {
        let mut users = Self::default();
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let number = number + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, hash) = line
                .split_once(':')
                .ok_or((number, What::Invalid("it is not USER:HASH")))?;
            let name = name.trim_end();
            if name.is_empty() {
                return Err((number, What::Invalid("it has no user name")));
            }
            let stored = Stored::parse(hash.trim_start())
                .map_err(|why| (number, What::Undecodable(format!("user {name}: {why}"))))?;
            users.example.get_or_insert_with(|| stored.clone());
            if let Stored::Scram(credentials) = &stored {
                users
                    .scram_example
                    .get_or_insert_with(|| credentials.clone());
            } else {
                users.has_others = true;
            }
            if users.users.insert(name.into(), stored).is_some() {
                users.warnings.push(format!(
                    "{number}: user {name} is there twice; this line counts."
                ));
            }
        }
        Ok(users)
    }

    /// Whether this is the user's password. It takes as long for a user who
    /// does not exist.
    pub(crate) fn check(&self, name: &str, password: &[u8]) -> Verdict {
        match self.users.get(name) {
            Some(stored) if stored.verify(password) => Verdict::Right,
            Some(_) => Verdict::Wrong,
            None => {
                if let Some(example) = &self.example {
                    std::hint::black_box(example.verify(password));
                }
                Verdict::NoUser
            }
        }
    }

    /// What the file has of a user.
    pub(crate) fn stored(&self, name: &str) -> Option<&Stored> {
        self.users.get(name)
    }

    /// Whether anybody can log in with SCRAM.
    pub(crate) fn has_scram(&self) -> bool {
        self.scram_example.is_some()
    }

    /// Whether there are users who cannot log in with SCRAM.
    pub(crate) const fn has_others(&self) -> bool {
        self.has_others
    }

    /// What SCRAM needs to know of a user; for one who does not exist, or
    /// whose hash is another, something that looks like it.
    pub(crate) fn scram(&self, name: &str) -> (Credentials, Verdict) {
        match self.users.get(name) {
            Some(Stored::Scram(credentials)) => (credentials.clone(), Verdict::Right),
            found => {
                // The same as long as the first user's password is, also
                // after a restart, and unknown to all but that user.
                let like = self.scram_example.as_ref();
                let secret = like.map_or([0; 32], |like| like.server_key);
                let (iterations, salt) = like.map_or((0, 16), |l| (l.iterations, l.salt.len()));
                let fake = Credentials::fake(name, &secret, iterations, salt);
                (fake, found.map_or(Verdict::NoUser, |_| Verdict::Wrong))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::password::Hash;
    use super::*;

    fn line(name: &str, hash: Hash, password: &str) -> String {
        let iterations = (hash != Hash::Sha512).then_some(4096);
        let stored = Stored::new(hash, iterations, password.as_bytes()).unwrap();
        format!("{name}:{stored}\n")
    }

    #[test]
    fn users_of_every_kind_stand_in_one_file() {
        let text = [
            "\u{feff}# the kitchen\r\n\r\n".to_owned(),
            line("ada", Hash::Sha512, "a"),
            line("bob smith", Hash::Sha512Pbkdf2, "b"),
            line("  cy ", Hash::ScramSha256, "c"),
        ];
        let users = Users::parse(&text.concat()).unwrap();
        for (name, password) in [("ada", "a"), ("bob smith", "b"), ("cy", "c")] {
            let check = |password: &str| users.check(name, password.as_bytes());
            assert_eq!(check(password), Verdict::Right, "{name}");
            assert_eq!(check("x"), Verdict::Wrong, "{name}");
        }
        assert_eq!(users.check("dan", b"a"), Verdict::NoUser);
        assert_eq!(users.check("", b""), Verdict::NoUser);
        assert!(users.has_scram() && users.warnings.is_empty());
    }

    #[test]
    fn a_bad_line_is_told_with_its_number() {
        let good = line("ada", Hash::Sha512, "a");
        for (bad, message) in [
            ("ada", "Invalid line in password file F:3: it is not"),
            (
                ":$6$AAAA$BBBB",
                "Invalid line in password file F:3: it has no",
            ),
            (
                "bob:",
                "Unable to decode line in password file F:3: user bob: ",
            ),
        ] {
            let error = Users::parse(&format!("{good}\n{bad}\n{good}")).unwrap_err();
            let (line, what) = error;
            let file = "F".into();
            let error = PasswordFileError { file, line, what }.to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn of_two_lines_for_a_user_the_last_counts_as_in_mosquitto() {
        let text = line("ada", Hash::Sha512, "1") + &line("ada", Hash::Sha512, "2");
        let users = Users::parse(&text).unwrap();
        assert_eq!(users.check("ada", b"2"), Verdict::Right);
        assert_eq!(users.check("ada", b"1"), Verdict::Wrong);
        assert_eq!(
            users.warnings,
            ["2: user ada is there twice; this line counts."]
        );
    }

    #[test]
    fn who_has_no_scram_hash_looks_as_if() {
        let text = line("ada", Hash::ScramSha256, "a") + &line("bob", Hash::Sha512, "b");
        let users = Users::parse(&text).unwrap();
        let (ada, verdict) = users.scram("ada");
        assert_eq!(verdict, Verdict::Right);
        for (name, verdict) in [("bob", Verdict::Wrong), ("cy", Verdict::NoUser)] {
            let (fake, found) = users.scram(name);
            assert_eq!(found, verdict);
            assert_eq!(fake.iterations, ada.iterations);
            assert_eq!(fake.salt.len(), ada.salt.len());
            let again = Users::parse(&text).unwrap().scram(name).0;
            assert_eq!(again, fake, "after a restart too");
        }
        assert!(users.has_others());
        let users = Users::parse("").unwrap();
        assert!(!users.has_scram() && !users.has_others());
    }
}

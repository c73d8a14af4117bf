//! `ws-broker passwd`: adds users to a password file, as mosquitto_passwd.

use std::fs;
use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use super::password::{Hash, Stored};
use crate::replace::{Readers, replace};

/// Adds, changes and removes users in a password file. By default a password
/// is hashed so that its user can log in both with a plain password and with
/// SCRAM-SHA-256.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Start a new file; an old one is overwritten
    #[arg(short, conflicts_with_all = ["delete", "upgrade"])]
    create: bool,
    /// Take the password from the command line, where other users of this
    /// machine may see it
    #[arg(short, requires = "password", conflicts_with_all = ["delete", "upgrade"])]
    batch: bool,
    /// Remove the user
    #[arg(short = 'D', conflicts_with = "upgrade")]
    delete: bool,
    /// Hash the plain passwords of a file of USER:PASSWORD lines
    #[arg(short = 'U', conflicts_with = "user")]
    upgrade: bool,
    /// How the password is hashed
    #[arg(short = 'H', value_name = "HASH", default_value = "scram-sha-256")]
    hash: Hash,
    /// How often the hash is applied; 15000 unless said otherwise
    #[arg(short = 'I', value_name = "NUMBER")]
    iterations: Option<u32>,
    /// The password file
    file: PathBuf,
    /// The user's name
    #[arg(required_unless_present = "upgrade")]
    user: Option<String>,
    /// The password, with -b
    #[arg(requires = "batch")]
    password: Option<String>,
}

/// Does what is asked for; an error is one line.
///
/// # Errors
/// The file cannot be read or written, or what is asked for makes no sense.
#[expect(clippy::print_stdout, reason = "it is what the user sees")]
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let file = &arguments.file;
    let mut lines = if arguments.create {
        Vec::new()
    } else {
        read(file)?
    };
    if arguments.upgrade {
        let count = upgrade(&mut lines, arguments)?;
        write(file, &lines)?;
        println!("Hashed {count} passwords in {}.", file.display());
        return Ok(());
    }
    let user = arguments.user.as_deref().unwrap_or_default();
    check_name(user)?;
    if arguments.delete {
        let before = lines.len();
        lines.retain(|line| name_of(line) != Some(user));
        if lines.len() == before {
            return Err(format!("there is no user {user} in {}", file.display()));
        }
        write(file, &lines)?;
        println!("Removed user {user}.");
        return Ok(());
    }
    let password = match &arguments.password {
        Some(password) => password.clone(),
        None => ask(user)?,
    };
    let line = entry(user, &password, arguments)?;
    let mut others = lines.iter_mut().filter(|l| name_of(l) == Some(user));
    let is_new = match others.next_back() {
        // Of several the last one counts.
        Some(last) => {
            *last = line;
            false
        }
        None => {
            lines.push(line);
            true
        }
    };
    write(file, &lines)?;
    println!("{} user {user}.", if is_new { "Added" } else { "Changed" });
    Ok(())
}

fn entry(user: &str, password: &str, arguments: &Arguments) -> Result<String, String> {
    // It would let nobody in: an empty password counts as none.
    if password.is_empty() {
        return Err(format!("the password of {user} is empty"));
    }
    if password.len() > usize::from(u16::MAX) {
        return Err(format!(
            "the password of {user} is longer than MQTT can say"
        ));
    }
    let stored = Stored::new(arguments.hash, arguments.iterations, password.as_bytes())?;
    Ok(format!("{user}:{stored}"))
}

/// The user whose line it is.
fn name_of(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    Some(line.split_once(':')?.0.trim_end())
}

fn check_name(name: &str) -> Result<(), String> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name.contains(':') {
        "it has a colon"
    } else if name.contains(char::is_control) {
        "it has a control character"
    } else if name.trim() != name {
        "it begins or ends with a space"
    } else if name.starts_with('#') {
        "it begins like a comment"
    } else if name.len() > usize::from(u16::MAX) {
        "it is longer than MQTT can say"
    } else {
        return Ok(());
    };
    Err(format!("{name:?} cannot be a user name: {why}"))
}

/// Hashes the passwords that are not; gives how many.
fn upgrade(lines: &mut [String], arguments: &Arguments) -> Result<usize, String> {
    let mut count = 0;
    for (number, line) in lines.iter_mut().enumerate() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let at = |why: String| format!("{}:{}: {why}", arguments.file.display(), number + 1);
        let (user, password) = line
            .split_once(':')
            .ok_or_else(|| at("it is not USER:PASSWORD".into()))?;
        if Stored::parse(password.trim()).is_ok() {
            continue;
        }
        let user = user.trim();
        check_name(user).map_err(at)?;
        *line = entry(user, password, arguments).map_err(at)?;
        count += 1;
    }
    Ok(count)
}

/// Asks twice on a terminal, without showing what is typed; else takes it from
/// what comes in.
fn ask(user: &str) -> Result<String, String> {
    let typed = if io::stdin().is_terminal() {
        rpassword::prompt_password(format!("Password of {user}: ")).and_then(|password| {
            let again = rpassword::prompt_password("Once more: ")?;
            Ok((password, Some(again)))
        })
    } else {
        piped(io::stdin().lock())
    };
    let (password, again) = typed.map_err(|error| format!("cannot read the password: {error}"))?;
    if again.is_some_and(|again| again != password) {
        return Err("the passwords differ; nothing was changed".into());
    }
    Ok(password)
}

/// The first line and, if there is one, the second.
fn piped(input: impl BufRead) -> io::Result<(String, Option<String>)> {
    let mut lines = input.lines();
    let password = lines.next().transpose()?.unwrap_or_default();
    Ok((password, lines.next().transpose()?))
}

fn read(file: &Path) -> Result<Vec<String>, String> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text.lines().map(Into::into).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("there is no file {}; -c makes one", file.display()))
        }
        Err(error) => Err(format!("cannot read {}: {error}", file.display())),
    }
}

fn write(file: &Path, lines: &[String]) -> Result<(), String> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    replace(file, &text, Readers::Owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_be_piped_in_once_or_twice() {
        let piped = |text: &str| piped(text.as_bytes()).unwrap();
        assert_eq!(piped("secret"), ("secret".into(), None));
        assert_eq!(piped("secret\r\n"), ("secret".into(), None));
        let twice = (" a b".to_owned(), Some("other".to_owned()));
        assert_eq!(piped(" a b\nother\nmore"), twice);
        assert_eq!(piped(""), (String::new(), None));
    }
}

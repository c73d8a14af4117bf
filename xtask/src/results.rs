//! Counts what test programs say they ran.

use anyhow::{Result, bail};

/// Tests that passed and that failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Results {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

impl Results {
    /// Adds what a line of output tells, when it is one that sums up:
    /// `test result: ok. 12 passed; 0 failed; ...`, of cargo and wasm-bindgen.
    pub(crate) fn read(&mut self, line: &str) {
        let Some((_, summary)) = line.split_once("test result:") else {
            return;
        };
        let before = |what: &str| {
            let (front, _) = summary.split_once(what)?;
            front.split_whitespace().last()?.parse::<usize>().ok()
        };
        self.passed += before(" passed").unwrap_or(0);
        self.failed += before(" failed").unwrap_or(0);
    }

    /// The results of a step, which must have run something; when it failed
    /// without a test to blame, one failure stands for that.
    pub(crate) fn of_step(mut self, name: &str, succeeded: bool) -> Result<Results> {
        if succeeded && self.passed + self.failed == 0 {
            bail!("the step `{name}` ran no test");
        }
        if !succeeded && self.failed == 0 {
            self.failed = 1;
        }
        Ok(self)
    }

    /// Adds those of another step.
    pub(crate) fn add(&mut self, other: Results) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_the_lines_that_sum_up() {
        let mut results = Results::default();
        for line in [
            "running 2 tests",
            "test a ... ok",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored",
            "5 passed",
        ] {
            results.read(line);
        }
        let wanted = Results {
            passed: 15,
            failed: 2,
        };
        assert_eq!(results, wanted);
        assert_eq!(results.of_step("x", false).unwrap(), wanted);
    }

    #[test]
    fn a_step_without_tests_has_failed() {
        assert!(Results::default().of_step("x", true).is_err());
        assert_eq!(
            Results::default().of_step("x", false).unwrap(),
            Results {
                passed: 0,
                failed: 1
            }
        );
    }
}

//! Counts what test programs say they ran.

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

    /// The results of a step that has ended: when it failed without a test to
    /// blame, one failure stands for that.
    pub(crate) fn of_step(mut self, succeeded: bool) -> Results {
        if !succeeded && self.failed == 0 {
            self.failed = 1;
        }
        self
    }

    /// Whether no test was run.
    pub(crate) fn is_empty(self) -> bool {
        self == Results::default()
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
        assert_eq!(results.of_step(false), wanted);
    }

    #[test]
    fn a_step_that_ends_badly_after_its_tests_has_failed() {
        let mut results = Results {
            passed: 2,
            failed: 0,
        };
        results = results.of_step(false);
        assert_eq!((results.passed, results.failed), (2, 1));
    }
}

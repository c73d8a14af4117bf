//! Lines that programs have written and that nobody has asked for yet.

use std::collections::VecDeque;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::PATIENCE;

/// The lines of one program, or of several that are one client.
#[derive(Debug)]
pub(crate) struct Lines {
    incoming: mpsc::UnboundedReceiver<String>,
    backlog: VecDeque<String>,
    /// Everything, for the report when a wait fails.
    history: Vec<String>,
}

/// Where a program's lines go.
pub(crate) type Sink = mpsc::UnboundedSender<String>;

impl Lines {
    pub(crate) fn new() -> (Sink, Lines) {
        let (sink, incoming) = mpsc::unbounded_channel();
        let lines = Lines {
            incoming,
            backlog: VecDeque::new(),
            history: Vec::new(),
        };
        (sink, lines)
    }

    /// Takes the first line for which `take` has an answer, now or once it is
    /// written; the others stay for later. `what` is named if it does not come.
    pub(crate) async fn find<T>(&mut self, what: &str, take: impl Fn(&str) -> Option<T>) -> T {
        match self.next(take).await {
            Ok(found) => found,
            Err(how) => panic!("{how} without {what}; what it said:\n{}", self.tail()),
        }
    }

    /// The same; the error says what happened instead.
    pub(crate) async fn next<T>(
        &mut self,
        take: impl Fn(&str) -> Option<T>,
    ) -> Result<T, &'static str> {
        let mut looked = 0;
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Some(line) = self.backlog.get(looked) {
                if let Some(found) = take(line) {
                    self.backlog.remove(looked);
                    return Ok(found);
                }
                looked += 1;
            }
            match timeout_at(deadline, self.incoming.recv()).await {
                Ok(Some(line)) => self.push(line),
                Ok(None) => return Err("it ended"),
                Err(_) => return Err("much time passed"),
            }
        }
    }

    /// Takes all lines so far for which `take` has an answer.
    pub(crate) fn all<T>(&mut self, take: impl Fn(&str) -> Option<T>) -> Vec<T> {
        while let Ok(line) = self.incoming.try_recv() {
            self.push(line);
        }
        let mut found = Vec::new();
        self.backlog.retain(|line| match take(line) {
            Some(taken) => {
                found.push(taken);
                false
            }
            None => true,
        });
        found
    }

    /// Takes all lines up to the end, which must come.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        while let Some(line) = timeout_at(deadline, self.incoming.recv())
            .await
            .expect("it does not end")
        {
            self.push(line);
        }
        self.backlog.drain(..).collect()
    }

    fn push(&mut self, line: String) {
        self.history.push(line.clone());
        self.backlog.push_back(line);
    }

    fn tail(&self) -> String {
        self.history[self.history.len().saturating_sub(60)..].join("\n")
    }
}

/// Passes on what is written to a pipe, line by line, until its end.
pub(crate) fn forward(pipe: impl AsyncRead + Unpin + Send + 'static, sink: Sink) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if sink.send(line).is_err() {
                break;
            }
        }
    });
}

//! The futures that a client gives.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use codec::ReasonCode;

use crate::acknowledgement::Answer;
#[cfg(feature = "js")]
use crate::acknowledgement::Outcome;
use crate::core::{Published, Requested};
use crate::reply::Receiver;
use crate::{Acknowledgement, Error, Message, Subscription};

/// An outcome that is known, or will be told.
#[derive(Debug)]
pub(crate) enum Wait<T> {
    Over(Result<T, Error>),
    For(Receiver<Result<T, Error>>),
}

impl<T: Clone> Wait<T> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<T, Error>> {
        match self {
            Self::Over(outcome) => Poll::Ready(outcome.clone()),
            Self::For(outcome) => Pin::new(outcome)
                .poll(context)
                .map(|outcome| outcome.unwrap_or(Err(Error::Ended))),
        }
    }
}

/// The outcome of [`crate::Client::publish`]. Dropping it does not take the
/// message back.
#[derive(Debug)]
pub struct Publishing(pub(crate) Wait<Acknowledgement>);

impl Publishing {
    /// The outcome, if it is known already.
    #[cfg(feature = "js")]
    pub(crate) fn known(&self) -> Option<Outcome> {
        match &self.0 {
            Wait::Over(outcome) => Some(outcome.clone()),
            Wait::For(_) => None,
        }
    }
}

impl Future for Publishing {
    type Output = Result<Acknowledgement, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}

/// The outcome of [`crate::Client::reauthenticate`]. Dropping it does not take
/// it back.
#[derive(Debug)]
pub struct Reauthenticating(pub(crate) Wait<Acknowledgement>);

impl Future for Reauthenticating {
    type Output = Result<Acknowledgement, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}

/// The answer to [`crate::Client::request`]. Dropping it does not take the
/// request back.
#[derive(Debug)]
pub struct Requesting {
    published: Option<Wait<Acknowledgement>>,
    answer: Wait<Message>,
}

impl Requesting {
    pub(crate) fn new(begun: Result<Requested, Error>) -> Self {
        match begun {
            Ok(Requested { published, answer }) => Self {
                published: match published {
                    Published::Sent => None,
                    Published::Pending(outcome) => Some(Wait::For(outcome)),
                },
                answer: Wait::For(answer),
            },
            Err(error) => Self {
                published: None,
                answer: Wait::Over(Err(error)),
            },
        }
    }
}

impl Future for Requesting {
    type Output = Result<Message, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // It may overtake the acknowledgement of the request.
        if let Poll::Ready(answer) = self.answer.poll(context) {
            return Poll::Ready(answer);
        }
        if let Some(published) = &mut self.published
            && let Poll::Ready(outcome) = published.poll(context)
        {
            self.published = None;
            match outcome {
                Ok(told) if told.reason == ReasonCode::NoMatchingSubscribers => {
                    return Poll::Ready(Err(Error::NobodyThere));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Pending
    }
}

/// What [`crate::Client::subscribe`] has begun. Dropping it takes the
/// subscription back.
#[derive(Debug)]
#[must_use = "dropping it takes the subscription back"]
pub struct Subscribing(pub(crate) Option<Result<Begun, Error>>);

/// A subscription, and whether the broker gives it.
type Begun = (Subscription, Answer);

impl Future for Subscribing {
    type Output = Result<Subscription, Error>;

    /// # Panics
    /// If it is polled after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let granted = match &mut self.0 {
            Some(Ok((_, granted))) => match Pin::new(granted).poll(context) {
                Poll::Ready(granted) => granted.unwrap_or(Err(Error::Ended)),
                Poll::Pending => return Poll::Pending,
            },
            // Told below.
            Some(Err(_)) | None => Ok(Acknowledgement::SUCCESS),
        };
        let begun = self.0.take().expect("it is polled until it is ready");
        Poll::Ready(begun.and_then(|(mut subscription, _)| {
            subscription.granted = granted?;
            Ok(subscription)
        }))
    }
}

/// The outcome of [`crate::Client::unsubscribe`] and of
/// [`Subscription::unsubscribe`].
#[derive(Debug)]
pub struct Unsubscribing(Wait<Acknowledgement>);

impl Unsubscribing {
    pub(crate) fn new(begun: Result<Answer, Error>) -> Self {
        Self(match begun {
            Ok(outcome) => Wait::For(outcome),
            Err(error) => Wait::Over(Err(error)),
        })
    }
}

impl Future for Unsubscribing {
    type Output = Result<Acknowledgement, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}

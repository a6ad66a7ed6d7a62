//! How long a request waits for the node, and how long the bot itself works on it.

use std::future::{poll_fn, Future};
use std::pin::pin;
use std::time::{Duration, Instant};

/// A request's waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// When it waited first: by then it was made into bytes and handed to the connection. `None` if it never had to.
    pub first: Option<Instant>,
    /// Sum of the times in which there was nothing to be done but to wait. Making the request and reading the answer are not in it.
    pub sum: Duration,
}

/// Carries out a request, with a watch on its waiting.
pub async fn watched<F: Future>(request: F) -> (F::Output, Waited) {
    let mut request = pin!(request);
    let (mut waited, mut since) = (Waited::default(), None::<Instant>);
    let output = poll_fn(|context| {
        waited.sum += since.take().map_or(Duration::ZERO, |since| since.elapsed());
        let polled = request.as_mut().poll(context);
        if polled.is_pending() {
            let now = Instant::now();
            (waited.first, since) = (waited.first.or(Some(now)), Some(now));
        }
        polled
    })
    .await;
    (output, waited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_not_waiting() {
        let (work, wait) = (Duration::from_millis(30), Duration::from_millis(60));
        let started = Instant::now();
        let (answer, waited) = watched(async {
            std::thread::sleep(work);
            tokio::time::sleep(wait).await;
            std::thread::sleep(work);
            7
        })
        .await;
        assert_eq!(answer, 7);
        let first = waited.first.unwrap().duration_since(started);
        assert!(first >= work && first < work + wait, "{first:?}");
        assert!(waited.sum >= wait && started.elapsed() - waited.sum >= 2 * work, "{waited:?}");
        let (_, nothing) = watched(async {}).await;
        assert_eq!(nothing, Waited::default());
    }
}

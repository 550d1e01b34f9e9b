//! How often a request is repeated, and how long to wait before.

use std::time::Duration;

use img_core::model::secret::random_bytes;

/// Waits double from `base` to `wait_max`, less a random part, so that many clients do not come back together.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryPolicy {
    pub(super) attempts_max: u32,
    pub(super) base: Duration,
    pub(super) wait_max: Duration,
    /// The longest wait that a server may ask for.
    pub(super) asked_max: Duration,
    /// How long one request waits for its turn, where many share a rate.
    pub(super) turn_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            // Some 20 s in all, 40 s where nginx asks for 5 s each time: a server that restarts is back by then.
            attempts_max: 8,
            base: Duration::from_millis(200),
            wait_max: Duration::from_secs(10),
            asked_max: Duration::from_secs(120),
            // 64 at once at 10 in a minute.
            turn_max: Duration::from_secs(600),
        }
    }
}

/// What to do after an attempt that may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    After(Duration),
    GiveUp,
    /// The server asks for more patience than we have.
    AskedTooMuch(Duration),
}

impl RetryPolicy {
    /// `attempts`: made so far. `asked`: what the server said in Retry-After.
    pub(super) fn next(&self, attempts: u32, asked: Option<Duration>) -> Next {
        self.next_with(attempts, asked, random_fraction())
    }

    /// After a refusal that only says: slower. It is no fault, so it is not counted; `waited` is since the first attempt.
    pub(super) fn turn(&self, waited: Duration, asked: Duration) -> Next {
        self.turn_with(waited, asked, random_fraction())
    }

    fn turn_with(&self, waited: Duration, asked: Duration, fraction: f64) -> Next {
        if asked > self.asked_max {
            return Next::AskedTooMuch(asked);
        }
        if waited >= self.turn_max {
            return Next::GiveUp;
        }
        // Between what was asked for and twice that: all that wait were told the same.
        Next::After(asked.max(self.base).mul_f64(1.0 + fraction))
    }

    fn next_with(&self, attempts: u32, asked: Option<Duration>, fraction: f64) -> Next {
        if attempts >= self.attempts_max {
            return Next::GiveUp;
        }
        if let Some(asked) = asked.filter(|asked| *asked > self.asked_max) {
            return Next::AskedTooMuch(asked);
        }
        let doubled = self
            .base
            .saturating_mul(1 << attempts.saturating_sub(1).min(20));
        // Between half of it and all of it.
        let wait = doubled.min(self.wait_max).mul_f64(0.5 + fraction / 2.0);
        Next::After(asked.map_or(wait, |asked| asked.max(wait)))
    }
}

/// 0.0..1.0
fn random_fraction() -> f64 {
    f64::from(u32::from_le_bytes(random_bytes())) / (f64::from(u32::MAX) + 1.0)
}

/// Of the statuses that pass by themselves: too many requests, and what proxies say of servers that restart.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_end_and_attempts_are_bounded() {
        let policy = RetryPolicy::default();
        let wait = |attempts| match policy.next_with(attempts, None, 1.0) {
            Next::After(wait) => Some(wait.as_millis()),
            Next::GiveUp | Next::AskedTooMuch(_) => None,
        };
        let waits: Vec<_> = (1..=9).map(wait).collect();
        let expected = [200, 400, 800, 1600, 3200, 6400, 10_000].map(Some);
        assert_eq!(waits[..7], expected);
        assert_eq!(waits[7..], [None, None]);
        let half = policy.next_with(1, None, 0.0);
        assert_eq!(half, Next::After(Duration::from_millis(100)));
        assert!((0..100).all(|_| (0.0..1.0).contains(&random_fraction())));
    }

    #[test]
    fn a_turn_is_waited_for_as_long_as_it_takes_many_but_not_for_ever() {
        let policy = RetryPolicy::default();
        let asked = Duration::from_secs(2);
        let after = |waited_s, asked| policy.turn_with(Duration::from_secs(waited_s), asked, 0.5);
        assert_eq!(after(0, asked), Next::After(Duration::from_secs(3)));
        assert_eq!(after(599, asked), Next::After(Duration::from_secs(3)));
        assert_eq!(after(600, asked), Next::GiveUp);
        assert_eq!(
            after(0, Duration::ZERO),
            Next::After(Duration::from_millis(300))
        );
        let long = Duration::from_secs(121);
        assert_eq!(after(0, long), Next::AskedTooMuch(long));
    }

    #[test]
    fn a_server_may_ask_for_a_longer_wait_but_not_for_any() {
        let policy = RetryPolicy::default();
        let asked = |span_s| policy.next_with(1, Some(Duration::from_secs(span_s)), 0.0);
        assert_eq!(asked(0), Next::After(Duration::from_millis(100)));
        assert_eq!(asked(30), Next::After(Duration::from_secs(30)));
        assert_eq!(asked(3600), Next::AskedTooMuch(Duration::from_secs(3600)));
    }
}

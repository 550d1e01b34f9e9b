//! Candidates between the one who finds them and those who read them: bounded, and handed over by the handful.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::origin::ingest::{Candidate, StopFlag};

/// How often a worker without work looks whether it is to stop.
const STOP_POLL: Duration = Duration::from_millis(100);

/// A channel that wakes a worker for what there is, not for each item: waking costs as much as reading a small file.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    drained: Condvar,
    len_max: usize,
}

#[derive(Debug, Default)]
struct State {
    candidates: VecDeque<Candidate>,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(len_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            len_max,
        }
    }

    /// Waits for room; answers `false` after a stop.
    pub(crate) fn push(&self, candidate: Candidate, stop: &StopFlag) -> bool {
        let mut state = self.lock();
        while state.candidates.len() >= self.len_max {
            if stop.is_set() {
                return false;
            }
            let waited = self.drained.wait_timeout(state, STOP_POLL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.candidates.push_back(candidate);
        if state.candidates.len() == 1 {
            self.filled.notify_one();
        }
        !stop.is_set()
    }

    /// No more will be pushed.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// What there is, at most `max`; nothing after the end or a stop, even if the one who finds them is waiting himself.
    pub(crate) fn take(&self, max: usize, stop: &StopFlag) -> Vec<Candidate> {
        let mut state = self.lock();
        while state.candidates.is_empty() && !state.closed && !stop.is_set() {
            let waited = self.filled.wait_timeout(state, STOP_POLL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if stop.is_set() {
            return Vec::new();
        }
        let was_full = state.candidates.len() >= self.len_max;
        // Half of what there is, so that the others find something too.
        let count = state.candidates.len().div_ceil(2).min(max);
        let taken = state.candidates.drain(..count).collect();
        if was_full {
            self.drained.notify_one();
        }
        if !state.candidates.is_empty() {
            self.filled.notify_one();
        }
        taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::ingest::Input;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::thread;

    fn candidate(number: usize) -> Candidate {
        Candidate {
            path: PathBuf::from(number.to_string()),
            input: Input::Memory {
                bytes: Vec::new(),
                modified: 0,
            },
            alias: None,
        }
    }

    #[test]
    fn everything_pushed_is_taken_once() {
        let (queue, stop) = (Arc::new(Queue::new(4)), StopFlag::default());
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let (queue, stop) = (Arc::clone(&queue), stop.clone());
                thread::spawn(move || {
                    let mut found = Vec::new();
                    loop {
                        let taken = queue.take(3, &stop);
                        if taken.is_empty() {
                            return found;
                        }
                        found.extend(taken.into_iter().map(|candidate| candidate.path));
                    }
                })
            })
            .collect();
        for number in 0..1000 {
            assert!(queue.push(candidate(number), &stop));
        }
        queue.close();

        let mut found: Vec<PathBuf> = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect();
        found.sort_by_key(|path| path.to_str().unwrap().parse::<usize>().unwrap());
        let all: Vec<PathBuf> = (0..1000).map(|number| candidate(number).path).collect();
        assert_eq!(found, all);
    }

    #[test]
    fn a_stop_ends_those_who_wait() {
        let (queue, stop) = (Queue::new(1), StopFlag::default());
        assert!(queue.push(candidate(0), &stop));
        stop.stop();
        assert!(!queue.push(candidate(1), &stop));
        assert!(queue.take(1, &stop).is_empty());
    }
}

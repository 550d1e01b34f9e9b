//! The one door to CPU work on images: a pool of threads and a budget of memory.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::imaging::Stop;

/// Granularity of the memory budget, so that a semaphore of 32-bit permits covers terabytes.
const PERMIT_BYTES: u64 = 1 << 16;

/// Threads for imaging, and the memory that all their images together may take.
#[derive(Debug)]
pub struct CpuPool {
    threads: rayon::ThreadPool,
    memory: Arc<Semaphore>,
    memory_bytes_max: u64,
}

impl CpuPool {
    /// `threads` of 0 means one for each core.
    pub fn new(threads: usize, memory_bytes_max: u64) -> Result<Self, CpuError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("image-{index}"))
            // Without a handler a panic in a spawned job would abort the process.
            .panic_handler(|_| tracing::error!("a job of the image pool panicked"))
            .build()
            .map_err(|source| CpuError::Start { source })?;
        Ok(Self {
            threads: pool,
            memory: Arc::new(Semaphore::new(permits(memory_bytes_max) as usize)),
            memory_bytes_max,
        })
    }

    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Runs `job` on the pool once `memory_bytes` are free, and waits without blocking the runtime.
    pub async fn run<T, F>(&self, memory_bytes: u64, job: F) -> Result<T, CpuError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let reserved = self.reserve(memory_bytes).await?;
        let (done, result) = oneshot::channel();
        self.threads.spawn(move || {
            let _reserved = reserved;
            // The caller may be gone, and then nobody wants the result.
            let _ = done.send(job());
        });
        result.await.map_err(|_| CpuError::JobPanicked)
    }

    async fn reserve(&self, memory_bytes: u64) -> Result<OwnedSemaphorePermit, CpuError> {
        let needed = permits(memory_bytes);
        if needed > permits(self.memory_bytes_max) {
            return Err(CpuError::TooLarge {
                needed_bytes: memory_bytes,
                memory_bytes_max: self.memory_bytes_max,
            });
        }
        let memory = Arc::clone(&self.memory);
        let reserved = memory.acquire_many_owned(needed).await;
        Ok(reserved.expect("the memory semaphore is never closed"))
    }
}

fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX)
}

/// Stops imaging at a point in time.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

impl Stop for Deadline {
    fn should_stop(&self) -> bool {
        Instant::now() >= self.0
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CpuError {
    #[error("start the image pool")]
    Start {
        #[source]
        source: rayon::ThreadPoolBuildError,
    },
    #[error(
        "the image needs {needed_bytes} bytes of memory, and all together may take {memory_bytes_max}"
    )]
    TooLarge {
        needed_bytes: u64,
        memory_bytes_max: u64,
    },
    #[error("the image made its worker panic")]
    JobPanicked,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[tokio::test(flavor = "multi_thread")]
    async fn jobs_never_take_more_than_the_budget_together() {
        let pool = Arc::new(CpuPool::new(4, 4 * PERMIT_BYTES).unwrap());
        let (used, peak) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let jobs = (0..32).map(|_| {
            let (pool, used, peak) = (Arc::clone(&pool), Arc::clone(&used), Arc::clone(&peak));
            tokio::spawn(async move {
                let job = move || {
                    let now = used.fetch_add(2, Ordering::SeqCst) + 2;
                    peak.fetch_max(now, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    used.fetch_sub(2, Ordering::SeqCst);
                };
                pool.run(2 * PERMIT_BYTES, job).await.unwrap();
            })
        });
        for job in jobs.collect::<Vec<_>>() {
            job.await.unwrap();
        }
        assert!(peak.load(Ordering::SeqCst) <= 4);
    }

    #[tokio::test]
    async fn a_panic_harms_nobody_else_and_a_giant_is_refused() {
        let pool = CpuPool::new(1, PERMIT_BYTES).unwrap();
        let panicked = pool.run(1, || panic!("on purpose")).await;
        assert!(matches!(panicked, Err(CpuError::JobPanicked)));
        assert_eq!(pool.run(1, || 7).await.unwrap(), 7);
        let giant = pool.run(2 * PERMIT_BYTES, || ()).await;
        assert!(matches!(giant, Err(CpuError::TooLarge { .. })));
    }
}

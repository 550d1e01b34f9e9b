//! Ctrl-C: once to finish what has begun, twice to stop at once.

use img_core::origin::ingest::StopFlag;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::ExitStatus;

/// Sets `stop` at the first SIGINT, SIGTERM or SIGHUP and ends the process at the second.
///
/// Ending at once is safe: whatever was reported as done is durable, the rest was not reported.
pub(crate) fn on_interrupt(stop: &StopFlag, said: &'static str) {
    let stop = stop.clone();
    let Some(mut interrupts) = Interrupts::listen() else {
        return;
    };
    tokio::spawn(async move {
        interrupts.next().await;
        tracing::warn!("interrupted: {said}");
        stop.stop();
        interrupts.next().await;
        #[expect(clippy::exit, reason = "the second Ctrl-C asks for exactly this")]
        std::process::exit(ExitStatus::Interrupted as i32);
    });
}

/// SIGINT, SIGTERM and SIGHUP, which a closed terminal sends, as one stream.
#[derive(Debug)]
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Interrupts {
    /// `None` where the system refuses, and then signals do what they always do.
    pub(crate) fn listen() -> Option<Self> {
        let interrupt = signal(SignalKind::interrupt()).ok()?;
        let terminate = signal(SignalKind::terminate()).ok()?;
        let hang_up = signal(SignalKind::hangup()).ok()?;
        Some(Self {
            interrupt,
            terminate,
            hang_up,
        })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

//! The unix socket: taken, served, given back.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// The right to listen at a path, which no other imgd has.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    lock: File,
}

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: UnixListener,
    place: Place,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error("another imgd listens on {}", path.display())]
    Taken { path: PathBuf },
    #[error("listen on {}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Takes the place; a living imgd is not disturbed.
pub(crate) fn reserve(path: &Path) -> Result<Place, BindError> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(io_error(path))?;
    }
    let lock = File::create(path.with_extension("lock")).map_err(io_error(path))?;
    if lock.try_lock().is_err() {
        return Err(BindError::Taken {
            path: path.to_owned(),
        });
    }
    // Whoever waits for the socket must not take what a killed imgd left for a living one.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(path)(error)),
        Ok(()) | Err(_) => Ok(Place {
            path: path.to_owned(),
            lock,
        }),
    }
}

impl Place {
    pub(crate) fn listen(self) -> Result<Socket, BindError> {
        let path = &self.path;
        let listener = UnixListener::bind(path).map_err(io_error(path))?;
        // nginx's workers are another user. Whoever connects can ask for what any browser can ask for, and no more.
        fs::set_permissions(path, Permissions::from_mode(0o666)).map_err(io_error(path))?;
        Ok(Socket {
            listener,
            place: self,
        })
    }
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> BindError + '_ {
    move |source| BindError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Longer than any derivation and any flush, shorter than the patience of systemd (90 s): what is left after this is a
/// client that sends slowly.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until SIGINT or SIGTERM; then finishes what it has begun.
pub(crate) async fn run(socket: Socket, routes: Router) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stopped = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let Socket {
        listener,
        place: Place { path, lock },
    } = socket;
    let (stopping, stopped_at) = oneshot::channel();
    let stopped = async move {
        stopped.await;
        // Nobody waits if the server has ended by itself.
        let _ = stopping.send(());
    };
    let serve = axum::serve(listener, routes).with_graceful_shutdown(stopped);
    let too_late = async {
        match stopped_at.await {
            Ok(()) => tokio::time::sleep(STOP_TIMEOUT).await,
            Err(_) => std::future::pending().await,
        }
    };
    let served = tokio::select! {
        served = serve => served,
        () = too_late => {
            tracing::warn!("some clients took longer than {} s: they are cut off", STOP_TIMEOUT.as_secs());
            Ok(())
        }
    };
    // Removed under the lock, so that it is not the next imgd's socket.
    fs::remove_file(&path)?;
    drop(lock);
    served
}

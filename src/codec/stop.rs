//! Giving up in the middle of an image.

/// Says when to give up; asked about once for each row of blocks, so it must be cheap: an atomic flag, a look at a clock.
pub trait Stop: Sync {
    fn should_stop(&self) -> bool;
}

/// For tools and tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NeverStop;

impl Stop for NeverStop {
    fn should_stop(&self) -> bool {
        false
    }
}

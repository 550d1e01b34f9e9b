//! One file for each kind of request.

pub(crate) mod miss;

//! What every catalog must keep of names taken, erasures, blocks and searches.

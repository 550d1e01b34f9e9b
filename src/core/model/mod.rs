//! The words of the origin: ids, media types, recipes, presets, variants, URLs. Pure values, no I/O.

pub mod media; // what an original can be, what a derivative can be
pub mod image_id; // identity of original bytes
pub mod geometry; // fit, gravity, colour
pub mod turn; // trim, rotation, flip
pub mod effect; // what is done to the pixels after shrinking
pub mod watermark; // what is laid over them
pub mod recipe; // what a derivative is made by
pub mod words; // what options and presets have in common
pub mod options; // the URL form of a recipe
pub mod preset; // the named form of a recipe
pub mod variant; // the part of a URL that names either
pub mod image_name; // the file name in /i/…
pub mod layout; // where names live on disk
pub mod alias; // public paths that are not /i/…
pub mod signature; // who may ask for free options
pub mod perceptual_hash; // what an image shows, as bits
pub mod record; // what the catalog knows of an image
pub mod clock; // the time, so that tests can set it
pub mod time; // as people write it
pub mod secret; // what is shown once and kept as a hash
pub mod access; // who may do what
pub mod tag; // words on images
pub mod grant; // keys, tickets, users
pub mod audit; // what was done

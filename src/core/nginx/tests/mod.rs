//! Real nginx against a small imitation of imgd.

mod api;
mod apply;
mod auto_format;
mod fake_imgd;
mod hits;
mod http;
mod limits;
mod misses;
mod refusals;
mod rendering;
mod site;
mod tls;

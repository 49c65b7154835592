//! The laws of the decoder, for every name, every key, every message and every place to cut it.

mod cut;
mod encodings;
mod keys;
mod messages;
mod patterns;
mod printing;
mod repeats;
mod tables;

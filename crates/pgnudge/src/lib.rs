//! Which tables changed in PostgreSQL, pushed within milliseconds.

pub mod settings;

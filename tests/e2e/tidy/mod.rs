//! Keeps the tree as ARCHITECTURE.md and CONTRIBUTING.md say it is: how long its parts are, what
//! they are called, who may know whom. Every test names the file, the line and the way out. It uses
//! the standard library only, so that the rules also run where nothing else compiles:
//! `rustc --edition 2024 --test tests/e2e/tidy/mod.rs`.

mod contexts;
mod habits;
mod layers;
mod migrations;
mod names;
mod reasons;
mod rust;
mod scenarios;
mod settings;
mod size;
mod source;
mod sql;
mod statements;

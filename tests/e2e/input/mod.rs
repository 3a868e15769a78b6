//! Bad input: spoiled requests, broken frames, forged tokens, callers who may not, and clients
//! that misuse their connections. The server answers clearly and goes on.

mod connections;
mod dice;
pub(crate) mod exchange;
mod floods;
mod forged;
mod frames;
mod good_requests;
mod good_sale;
mod impatient;
mod matrix;
mod matrix_rows;
mod metadata;
pub(crate) mod raw;
mod scene;
mod spoiled;
mod tokens;
mod verdict;
mod walk;

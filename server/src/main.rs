//! The program that is released.

use std::process::ExitCode;

fn main() -> ExitCode {
    boxoffice_server::program::main()
}

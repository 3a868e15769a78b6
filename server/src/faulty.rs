//! The program with a fault of our own, which the environment chooses. For tests of the tests.

use std::process::ExitCode;

use boxoffice_server::{faults, program};

fn main() -> ExitCode {
    if let Err(complaint) = faults::choose_from_environment() {
        eprintln!("boxoffice-server-faulty: {complaint}");
        return ExitCode::FAILURE;
    }
    program::main()
}

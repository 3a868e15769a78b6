//! Technologies behind the ports, one a file.

pub mod system_clock;

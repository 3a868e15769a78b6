//! Technologies behind the ports, one a file.

pub mod database_bus;
pub mod database_holds;
pub mod sandbox;
pub mod system_clock;

//! Technologies behind the ports, one a file.

pub mod database_bus;
pub mod database_holds;
pub mod mail_folder;
pub mod mail_message;
pub mod sandbox;
pub mod system_clock;

//! Small sales, each made so that some bugs come to bite. A scene notes what it is answered wrongly
//! and goes on as well as it can; what is wrong with the tables, others see afterwards.

pub mod holds;
pub mod inventory;
pub mod money;
pub mod people;
pub mod streams;
pub mod work;

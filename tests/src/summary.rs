//! What tests came to: how often what happened, and by which seed.

use std::fs::File;
use std::io::Write;

/// The file that the lines go to besides; `script/test` shows it.
const VARIABLE: &str = "BOXOFFICE_TEST_SUMMARY";

/// Tells in a line what a test came to, as `println!` would. It is shown also if the test passes.
#[macro_export]
macro_rules! tell {
    ($($part:tt)*) => { $crate::tell(&format!($($part)*)) };
}

/// The same, of a line that is made already.
pub fn tell(line: &str) {
    println!("{line}");
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let mut file = File::options().create(true).append(true).open(path).expect("the summary");
    // In one piece, because other tests write as well.
    file.write_all(format!("{test}: {line}\n").as_bytes()).expect("the summary");
}

//! What a started server says on its terminal.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::Config;
use crate::demo::{DEMO_PASSWORD, DEMO_USERS};

/// The greeting: where the server is, how to sign in, and what to try.
pub fn text(
    config: &Config,
    address: SocketAddr,
    new_admin: Option<&(String, Option<String>)>,
    took: Duration,
) -> String {
    let mut text = format!(
        "Boxoffice {} ready on http://{address} after {:.1} s\n",
        env!("CARGO_PKG_VERSION"),
        took.as_secs_f64()
    );
    if config.demo {
        text.push_str(&demo(address));
    }
    match new_admin {
        Some((email, Some(password))) => text.push_str(&format!(
            "\nThis first start made an admin. Its password is shown only now:\n\n  \
             {email}   {password}\n"
        )),
        Some((email, None)) => {
            text.push_str(&format!("\nThis first start made the admin {email}.\n"));
        }
        None => {}
    }
    text
}

fn demo(address: SocketAddr) -> String {
    let mut text = String::from("\n  role        e-mail                   password\n");
    for (role, email, _) in DEMO_USERS {
        text.push_str(&format!("  {:<11} {email:<24} {DEMO_PASSWORD}\n", role.name()));
    }
    let server = match address.port() {
        50051 => String::new(),
        _ => format!("--server http://{address} "),
    };
    let cli = format!("cargo run -q --release -p boxoffice-cli -- {server}");
    text.push_str("\nTry, from the top of the repository in another shell:\n\n");
    for command in [
        "events list".to_owned(),
        format!("login --email customer@demo.example --password {DEMO_PASSWORD}"),
        "bookings list".to_owned(),
    ] {
        text.push_str(&format!("  {cli}{command}\n"));
    }
    text
}

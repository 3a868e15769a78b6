//! `boxoffice`: browse, buy and operate from a shell.

mod booking;
mod event;
mod failure;
mod hold;
mod identity;
mod json;
mod operations;
mod output;
mod page;
mod payment;
mod seat_plan;
mod seats;
mod session_file;
mod table;
mod text;
mod ticket;
mod venue;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use boxoffice_sdk::Client;
use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::output::{Output, Report};
use crate::session_file::SessionFile;

/// The heading of the flags that every command takes.
const GLOBAL: &str = "Global options";

/// Browse events, hold seats, book, pay, and keep an eye on it all.
#[derive(Parser)]
#[command(name = "boxoffice", version, propagate_version = true)]
struct Arguments {
    /// The server's address.
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        env = "BOXOFFICE_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:50051"
    )]
    server: String,
    /// Where the sign-in is kept [default: $XDG_STATE_HOME/boxoffice/session.json].
    #[arg(long, global = true, help_heading = GLOBAL)]
    #[arg(env = "BOXOFFICE_SESSION", value_name = "FILE")]
    session_file: Option<PathBuf>,
    /// Print JSON, for programs.
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make an account and sign in.
    Register(identity::Register),
    /// Sign in.
    Login(identity::Login),
    /// Sign out.
    Logout,
    /// Tell who is signed in.
    Whoami,
    /// Open a guest session, to buy without an account.
    Guest(identity::OpenGuestSession),
    /// Manage users, as an admin.
    #[command(subcommand)]
    Users(identity::Users),
    /// Places with seats.
    #[command(subcommand)]
    Venues(venue::Venues),
    /// What is on, and what is to come.
    #[command(subcommand)]
    Events(event::Events),
    /// The seats of an event, as they are now.
    #[command(subcommand)]
    Seats(seats::Seats),
    /// Hold seats for a short time.
    Hold(hold::HoldSeats),
    /// Holds that were made.
    #[command(subcommand)]
    Holds(hold::Holds),
    /// Make a booking from a hold.
    Book(booking::Book),
    /// Bookings that were made.
    #[command(subcommand)]
    Bookings(booking::Bookings),
    /// Pay for a booking.
    Pay(payment::Pay),
    /// Payments that were made.
    #[command(subcommand)]
    Payments(payment::Payments),
    /// Show the tickets of a booking.
    Tickets(ticket::Tickets),
    /// Run the platform, as an admin.
    #[command(subcommand)]
    Ops(operations::Operations),
}

/// What every command works with.
pub struct Shell {
    /// The server, in the name of whoever is signed in.
    pub client: Client,
    /// The way out.
    pub output: Output,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (server, json) = (arguments.server.clone(), arguments.json);
    let failure = match run(arguments).await {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::FAILURE,
        Err(failure) => failure,
    };
    let output = Output::new(json);
    match &failure {
        // Whoever read the output has had enough of it, e.g. `head`.
        Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        _ if json => output.error_json(&failure.json()),
        _ => {
            output.error(&failure.sentence());
            if let Some(advice) = failure.advice(&server) {
                output.note(&format!("try: {advice}"));
            }
        }
    }
    ExitCode::from(failure.exit_code())
}

/// Runs one command and keeps the sign-in it leaves. True when its answer is good.
async fn run(arguments: Arguments) -> Result<bool, Failure> {
    let path = arguments.session_file.map_or_else(session_file::default_path, Ok)?;
    let (file, tokens) = SessionFile::open(path, &arguments.server)?;
    let file = Arc::new(file);
    let client = Client::connect(arguments.server).await.map_err(|error| {
        // The only way to get here is an address that cannot work.
        Failure::usage(error.message())
    })?;
    client.set_tokens(tokens);
    let keeper = tokio::spawn(keep_tokens(client.clone(), Arc::clone(&file)));
    let shell = Shell { client, output: Output::new(arguments.json) };
    let outcome = dispatch(arguments.command, &shell).await;
    keeper.abort();
    let kept = file.keep(shell.client.tokens());
    let report = outcome?;
    shell.output.report(&report)?;
    kept?;
    Ok(!report.failed)
}

/// Keeps every new pair of tokens as it comes: a command that watches may run for days, and the
/// pair it began with is worth nothing by then. What cannot be kept now is tried again at the end,
/// where it is told.
async fn keep_tokens(client: Client, file: Arc<SessionFile>) {
    let mut changes = client.token_changes();
    while changes.changed().await.is_ok() {
        let tokens = changes.borrow_and_update().clone();
        if file.keep(tokens).is_err() {
            return;
        }
    }
}

async fn dispatch(command: Command, shell: &Shell) -> Result<Report, Failure> {
    match command {
        Command::Register(register) => register.run(shell).await,
        Command::Login(login) => login.run(shell).await,
        Command::Logout => identity::logout(shell).await,
        Command::Whoami => identity::who_am_i(shell).await,
        Command::Guest(guest) => guest.run(shell).await,
        Command::Users(users) => users.run(shell).await,
        Command::Venues(venues) => venues.run(shell).await,
        Command::Events(events) => events.run(shell).await,
        Command::Seats(seats) => seats.run(shell).await,
        Command::Hold(hold) => hold.run(shell).await,
        Command::Holds(holds) => holds.run(shell).await,
        Command::Book(book) => book.run(shell).await,
        Command::Bookings(bookings) => bookings.run(shell).await,
        Command::Pay(pay) => pay.run(shell).await,
        Command::Payments(payments) => payments.run(shell).await,
        Command::Tickets(tickets) => tickets.run(shell).await,
        Command::Ops(operations) => operations.run(shell).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_flags_may_stand_anywhere() {
        let line = ["boxoffice", "events", "list", "--json", "--server", "http://a"];
        let arguments = Arguments::try_parse_from(line);
        assert!(arguments.is_ok_and(|parsed| parsed.json && parsed.server == "http://a"));
    }

    #[test]
    fn a_hold_names_seats_or_a_count_but_not_both() {
        let parse = |rest: &[&str]| {
            let line = ["boxoffice", "hold", "evt_1"].iter().chain(rest);
            Arguments::try_parse_from(line).is_ok()
        };
        assert!(parse(&["Stalls/A/1", "Stalls/A/2"]));
        assert!(parse(&["--count", "2", "--section", "Stalls"]));
        assert!(!parse(&[]));
        assert!(!parse(&["Stalls/A/1", "--count", "2"]));
        assert!(!parse(&["Stalls/A/1", "--section", "Stalls"]));
        assert!(!parse(&["--count", "0"]));
    }
}

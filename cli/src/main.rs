//! `boxoffice`: browse, buy and operate from a shell.

mod account;
mod admission;
mod booking;
mod dead_letters;
mod event;
mod failure;
mod gate;
mod hold;
mod holds;
mod identity;
mod json;
mod kept_file;
mod notifications;
mod operations;
mod output;
mod page;
mod payment;
mod seat_plan;
mod seating;
mod seats;
mod service_account;
mod session_file;
mod table;
mod text;
mod ticket;
mod venue;
mod walks;

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
#[command(after_long_help = walks::EXAMPLES)]
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
    /// Verify an e-mail address by the token of a mail.
    VerifyEmail(account::VerifyEmail),
    /// Change the password of whoever is signed in, and end every other sign-in.
    ChangePassword(account::ChangePassword),
    /// Have a mail sent by which a new password can be set.
    RequestPasswordReset(account::RequestPasswordReset),
    /// Set a new password by the token of a mail.
    ResetPassword(account::ResetPassword),
    /// Manage users, as an admin.
    #[command(subcommand)]
    Users(identity::Users),
    /// Accounts of other backends.
    #[command(subcommand)]
    ServiceAccounts(service_account::ServiceAccounts),
    /// List who made which privileged call, the newest first, as an admin.
    Audit(service_account::Audit),
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
    Holds(holds::Holds),
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
    /// Show the tickets of a booking, draw them, or let their holders in.
    Tickets(ticket::Tickets),
    /// Keep a gate, also without a network.
    #[command(subcommand, after_help = gate::EXAMPLE)]
    Gate(gate::Gates),
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
        Command::VerifyEmail(verify) => verify.run(shell).await,
        Command::ChangePassword(change) => change.run(shell).await,
        Command::RequestPasswordReset(request) => request.run(shell).await,
        Command::ResetPassword(reset) => reset.run(shell).await,
        Command::Users(users) => users.run(shell).await,
        Command::ServiceAccounts(accounts) => accounts.run(shell).await,
        Command::Audit(audit) => audit.run(shell).await,
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
        Command::Gate(gates) => gates.run(shell).await,
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
    fn every_line_of_the_walks_can_be_typed() {
        let unfolded = walks::EXAMPLES.replace("\\\n      ", "");
        let lines = unfolded.lines().map(str::trim_start);
        let lines: Vec<&str> = lines.filter(|line| line.starts_with("boxoffice ")).collect();
        assert!(lines.len() > 25, "{lines:?}");
        for line in lines {
            // What follows a gap is a remark.
            let typed = line.split("   ").next().unwrap_or_default();
            let parsed = Arguments::try_parse_from(typed.split_whitespace());
            assert!(parsed.is_ok(), "{typed}: {:?}", parsed.err().map(|e| e.to_string()));
        }
    }

    #[test]
    fn global_flags_may_stand_anywhere() {
        let line = ["boxoffice", "events", "list", "--json", "--server", "http://a"];
        let arguments = Arguments::try_parse_from(line);
        assert!(arguments.is_ok_and(|parsed| parsed.json && parsed.server == "http://a"));
    }

    #[test]
    fn tickets_are_listed_by_booking_or_something_else_is_done_with_them() {
        let parse = |rest: &[&str]| {
            let line = ["boxoffice", "tickets"].iter().chain(rest);
            Arguments::try_parse_from(line).is_ok()
        };
        assert!(parse(&[]));
        assert!(parse(&["bkg_1", "--limit", "5"]));
        assert!(parse(&["render", "tkt_1", "--format", "svg", "--output", "a.svg"]));
        assert!(parse(&["check-in", "evt_1", "BO1.a.b", "--gate", "north"]));
        assert!(!parse(&["render", "tkt_1", "--format", "pdf"]));
        assert!(!parse(&["check-in", "evt_1"]));
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

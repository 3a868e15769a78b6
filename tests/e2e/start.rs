//! Starting the program itself: what it insists on, and what it says.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use boxoffice_sdk::identity::v1::{
    ChangePasswordRequest, CreateServiceAccountRequest, GetUserRequest, IssueServiceTokenRequest,
    LoginRequest, RefreshTokenRequest, RegisterRequest, RequestPasswordResetRequest,
    ResetPasswordRequest, VerifyEmailRequest, get_user_request,
};
use boxoffice_sdk::{Client, Code};
use boxoffice_server::config::EXAMPLE_SECRET;
use boxoffice_tests::{
    Backend, PASSWORD, Process, SECRET, Stage, StagePlan, program, request_id, search_logs,
};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// What mails of production need.
const WEBSITE: [(&str, &str); 2] = [
    ("BOXOFFICE_MAIL_FROM", "Boxoffice <tickets@shop.example>"),
    ("BOXOFFICE_PUBLIC_URL", "https://shop.example"),
];
/// How long a refusal may take.
const REFUSAL_MAX: Duration = Duration::from_secs(20);

fn server(folder: &Path, environment: &[(&str, &str)], flags: &[&str]) -> Command {
    let mut command = Command::new(program("boxoffice-server"));
    command.env_clear().envs(environment.iter().copied()).args(flags).current_dir(folder);
    command.args(["--listen", "127.0.0.1:0"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Starts a server that must not start, and gives what it says.
async fn refusal(folder: &Path, environment: &[(&str, &str)], flags: &[&str]) -> String {
    let ended = server(folder, environment, flags).output();
    let ended = tokio::time::timeout(REFUSAL_MAX, ended).await.expect("it gives up");
    let ended = ended.expect("it runs");
    assert!(!ended.status.success(), "{environment:?} {flags:?} was accepted");
    let said = String::from_utf8(ended.stderr).expect("text");
    assert!(!said.is_empty() && !said.contains("panicked"), "{said}");
    said
}

#[tokio::test]
async fn s_65_production_insists_on_secrets_of_its_own() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let (secret, password) = ("BOXOFFICE_SECRET", "BOXOFFICE_ADMIN_PASSWORD");
    let previous = "BOXOFFICE_PREVIOUS_SECRET";
    let (from, url) = ("BOXOFFICE_MAIL_FROM", "BOXOFFICE_PUBLIC_URL");
    let weak = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for (mut environment, named) in [
        (vec![], secret),
        (vec![(secret, "")], secret),
        (vec![(secret, "too short")], secret),
        (vec![(secret, weak)], secret),
        (vec![(secret, EXAMPLE_SECRET), (password, PASSWORD)], secret),
        (vec![(secret, SECRET), (previous, "short")], previous),
        (vec![(secret, SECRET)], password),
        (vec![(secret, SECRET), (password, "")], password),
        (vec![(secret, SECRET), (password, "12345678")], password),
    ] {
        environment.extend(WEBSITE);
        let said = refusal(folder.path(), &environment, &["--production"]).await;
        assert!(said.contains(named), "{named} is not named: {said}");
        for (_, value) in environment.iter().filter(|(_, value)| value.len() > 5) {
            assert!(!said.contains(value), "it says a secret: {said}");
        }
    }
    for (missing, flag) in [(from, "--mail-from"), (url, "--public-url")] {
        let mut environment = vec![(secret, SECRET), (password, PASSWORD)];
        environment.extend(WEBSITE.iter().filter(|(name, _)| *name != missing));
        let said = refusal(folder.path(), &environment, &["--production"]).await;
        assert!(said.contains(flag), "{flag} is not named: {said}");
    }
}

#[tokio::test]
async fn s_65_settings_that_cannot_be_meant_stop_the_start_by_name() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let config = folder.path().join("boxoffice.toml");
    std::fs::write(&config, "lisen = \"127.0.0.1:0\"\n").expect("it is written");
    let config = config.to_str().expect("text");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let own = vec![("BOXOFFICE_SECRET", SECRET)];
    for (environment, flags, named) in [
        (vec![("BOXOFFICE_SECRTE", SECRET)], vec![], "BOXOFFICE_SECRTE"),
        (vec![], vec!["--production", "--demo"], "--demo"),
        (vec![], vec!["--database", "mysql://localhost/x"], "--database"),
        (vec![], vec!["--database", "sqlite://:memory:"], "--database"),
        (vec![], vec!["--database", "sqlite:///no/such/folder/x.db"], "--database"),
        (own.clone(), vec!["--database", "sqlite:///no/such/folder/x.db"], "--database"),
        (own, vec!["--database", "postgres://me:hunter2hunter2@127.0.0.1:1/x"], "--database"),
        (vec![], vec!["--database", "postgres://me:hunter2hunter2@127.0.0.1:1/x"], "--database"),
        (vec![], vec!["--holds", "redis://localhost"], "--holds"),
        (vec![], vec!["--bus", "kafka://localhost"], "--bus"),
        (vec![], vec!["--payments", "stripe"], "--payments"),
        (vec![], vec!["--log", "boxoffice=loud"], "--log"),
        (vec![], vec!["--cors-origins", "a\nb"], "--cors-origins"),
        (vec![], vec!["--config", config], "lisen"),
        (vec![], vec!["--config", "missing.toml"], "missing.toml"),
        (vec![], vec!["--lisen", "x"], "--lisen"),
        (vec![("BOXOFFICE_PRODUCTION", "maybe")], vec![], "--production"),
    ] {
        let said = refusal(folder.path(), &environment, &flags).await;
        assert!(said.contains(named), "{named} is not named: {said}");
        assert!(!said.contains("hunter2"), "it says a password: {said}");
    }
    // The address is given last, so these two are asked by themselves.
    for address in [taken.as_str(), "nowhere"] {
        let mut command = Command::new(program("boxoffice-server"));
        command.env_clear().env("BOXOFFICE_LISTEN", address).current_dir(folder.path());
        let ended = tokio::time::timeout(REFUSAL_MAX, command.kill_on_drop(true).output()).await;
        let ended = ended.expect("it gives up").expect("it runs");
        let said = String::from_utf8(ended.stderr).expect("text");
        assert!(!ended.status.success() && said.contains("--listen"), "{said}");
    }
}

#[tokio::test]
async fn s_65_production_starts_with_what_it_needs_and_the_password_only_once() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let secret = ("BOXOFFICE_SECRET", SECRET);
    // What the command line reads may stand beside it.
    let client = [("BOXOFFICE_NEW_PASSWORD", PASSWORD), ("BOXOFFICE_SERVICE_SECRET", "x")];
    let first = [secret, ("BOXOFFICE_ADMIN_PASSWORD", PASSWORD)];
    for environment in [&first[..], &[secret]] {
        let environment = [environment, &WEBSITE, &client].concat();
        let mut child = server(folder.path(), &environment, &["--production"]);
        let mut child = child.spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let ready = tokio::time::timeout(REFUSAL_MAX, lines.next_line()).await;
        let ready = ready.expect("in time").expect("a line").expect("it is ready");
        let (_, rest) = ready.split_once("http://").expect("the ready line has its address");
        let address = rest.split(' ').next().expect("an address");
        let client = Client::connect(format!("http://{address}")).await.expect("a client");
        let request = LoginRequest {
            email: "admin@boxoffice.localhost".into(),
            password: PASSWORD.into(),
            ..Default::default()
        };
        client.login(request).await.expect("the admin signs in");
        child.kill().await.expect("it is stopped");
    }
}

/// Registers, signs in wrongly and rightly, refreshes, buys; gives everything that is secret.
async fn secret_doings(process: &Process) -> Vec<String> {
    let person = process.anonymous().await;
    let (email, password) = ("private.person@example.com", "a very private password");
    let mut secrets = vec![email.to_owned(), password.to_owned(), PASSWORD.to_owned()];
    let request = RegisterRequest {
        email: email.into(),
        password: password.into(),
        display_name: "Private Person".into(),
        ..Default::default()
    };
    person.register(request.clone()).await.expect("an account");
    secrets.extend(person.tokens().map(|tokens| tokens.access_token));
    secrets.extend(person.tokens().map(|tokens| tokens.refresh_token));
    person.register(request).await.expect_err("it is taken");
    let login = |password: &str| LoginRequest {
        email: email.into(),
        password: password.into(),
        ..Default::default()
    };
    let wrong = person.login(login("a private mistake")).await.expect_err("it is wrong");
    assert_eq!(wrong.code(), Code::Unauthenticated);
    secrets.push("a private mistake".into());
    person.login(login(password)).await.expect("it signs in");
    let spent = person.tokens().expect("tokens").refresh_token;
    person.refresh().await.expect("the next");
    person.refresh().await.expect("the next");
    let request = RefreshTokenRequest { refresh_token: spent.clone() };
    process.anonymous().await.refresh_token(request).await.expect_err("it is used");
    secrets.extend([spent, "tok_success".into(), "tok_declined".into()]);
    person.login(login(password)).await.expect("it signs in");
    secrets.extend(person.tokens().map(|tokens| tokens.access_token));

    let admin = process.anonymous().await;
    let request = LoginRequest {
        email: "admin@example.com".into(),
        password: PASSWORD.into(),
        ..Default::default()
    };
    admin.login(request).await.expect("it signs in");
    secrets.push("admin@example.com".into());
    let stage = Stage::publish(&admin, &StagePlan::default()).await;
    let hold = person.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
    let request = boxoffice_sdk::booking::v1::CreateBookingRequest {
        request_id: request_id(),
        hold_id: hold.hold_id,
        contact_email: "private.contact@example.com".into(),
    };
    secrets.push("private.contact@example.com".into());
    let booking = person.create_booking(request).await.expect("it is booked").booking;
    let booking = booking.expect("a booking");
    // A number that is no token is refused, and is as secret as if it were somebody's card.
    person.pay(&booking, "4242424242424242").await.expect_err("it is no token");
    secrets.push("4242424242424242".into());
    person.pay(&booking, "tok_declined").await.expect("it is declined");
    person.pay(&booking, "tok_success").await.expect("it is paid");
    secrets.extend(person.tickets_of(&booking).await.into_iter().map(|ticket| ticket.code));
    secrets
}

/// Changes and forgets a password, and acts as a service; gives everything that is secret.
async fn secret_accounts(process: &Process) -> Vec<String> {
    let person = process.anonymous().await;
    let (email, password) = ("forgetful.person@example.com", "a forgettable password");
    let (changed, mistake) = ("a changed password", "a mistaken secret");
    let request = RegisterRequest {
        email: email.into(),
        password: password.into(),
        display_name: "Forgetful Person".into(),
        ..Default::default()
    };
    person.register(request).await.expect("an account");
    let request =
        ChangePasswordRequest { current_password: password.into(), new_password: changed.into() };
    person.change_password(request).await.expect("it is changed");
    let request = RequestPasswordResetRequest { email: email.into() };
    person.request_password_reset(request).await.expect("it is asked for");
    let request = ResetPasswordRequest { token: mistake.into(), new_password: changed.into() };
    person.reset_password(request).await.expect_err("it is no token");
    let request = VerifyEmailRequest { token: mistake.into() };
    person.verify_email(request).await.expect_err("it is no token");

    let admin = process.anonymous().await;
    let request = LoginRequest {
        email: "admin@example.com".into(),
        password: PASSWORD.into(),
        ..Default::default()
    };
    admin.login(request).await.expect("it signs in");
    let request = CreateServiceAccountRequest {
        name: "Shop".into(),
        scopes: vec!["users:read".into()],
        ..Default::default()
    };
    let made = admin.create_service_account(request).await.expect("an account");
    let service = process.anonymous().await;
    let service_account_id = made.service_account.expect("an account").service_account_id;
    let request = IssueServiceTokenRequest { service_account_id, secret: made.secret.clone() };
    service.issue_service_token(request.clone()).await.expect("a token");
    let key = Some(get_user_request::Key::Email(email.into()));
    service.get_user(GetUserRequest { key }).await.expect("a user");
    let wrong = IssueServiceTokenRequest { secret: mistake.into(), ..request };
    process.anonymous().await.issue_service_token(wrong).await.expect_err("it is wrong");
    let token = service.tokens().expect("a token").access_token;
    vec![email.into(), password.into(), changed.into(), mistake.into(), made.secret, token]
}

async fn logs_hold_no_secret(backend: Backend, level: &str) {
    let mut process = Process::start_with(backend, &["--log", level]).await;
    let mut secrets = secret_doings(&process).await;
    secrets.extend(secret_accounts(&process).await);
    process.assert_sound().await;
    process.stop().await;
    let log = process.folder.path().join("server.log");
    let mut text = std::fs::read_to_string(&log).expect("a log");
    assert!(text.contains(&level.to_uppercase()), "nothing was logged");
    let leaks = search_logs(process.folder.path(), &secrets);
    assert!(leaks.is_empty(), "{leaks:#?}");
    // Each of them would have been found.
    for secret in &secrets {
        text.push_str(&format!("DEBUG somewhere: it says {secret:?}\n"));
    }
    std::fs::write(&log, text).expect("a log");
    let found = search_logs(process.folder.path(), &secrets);
    let lines: BTreeSet<usize> = found.iter().map(|leak| leak.line).collect();
    assert_eq!(lines.len(), secrets.len(), "{found:#?}");
    process.database.discard().await;
}

#[tokio::test]
async fn s_67_logs_hold_no_secret_on_sqlite() {
    logs_hold_no_secret(Backend::Sqlite, "trace").await;
}

#[tokio::test]
async fn s_67_logs_hold_no_secret_on_postgres() {
    logs_hold_no_secret(Backend::Postgres, "debug").await;
}

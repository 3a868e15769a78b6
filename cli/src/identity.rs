//! Accounts and who is signed in.

use std::io::{self, BufRead, IsTerminal};

use boxoffice_sdk::identity::v1::get_me_response::Session;
use boxoffice_sdk::identity::v1::{
    CreateGuestSessionRequest, GetMeRequest, GetUserRequest, Guest, LoginRequest, LogoutRequest,
    RegisterRequest, SetUserRolesRequest, User, get_user_request,
};
use boxoffice_sdk::r#type::v1::Role;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::Shell;
use crate::failure::Failure;
use crate::json;
use crate::output::{Report, Style};
use crate::table::Sheet;
use crate::text::{short, time};

/// A password from wherever it is safest to take it.
#[derive(Args)]
struct Password {
    /// The password. Asked for when it is left out; a flag can be seen by others on the machine.
    #[arg(long, env = "BOXOFFICE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

impl Password {
    fn read(self) -> Result<String, Failure> {
        read_secret(self.password, "Password", "--password")
    }
}

/// A secret that was given, or else is asked for: on the terminal without showing what is typed,
/// without a terminal as a line.
pub fn read_secret(
    given: Option<String>,
    name: &'static str,
    flag: &'static str,
) -> Result<String, Failure> {
    if let Some(secret) = given {
        return Ok(secret);
    }
    let unread = |error: io::Error| Failure::said(format!("{name} was not read: {error}"));
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("{name}: ")).map_err(unread);
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(unread)?;
    let secret = line.trim_end_matches(['\n', '\r']);
    if secret.is_empty() {
        let needed = format!("{} is needed: {flag}, or a line of input", name.to_lowercase());
        return Err(Failure::usage(needed));
    }
    Ok(secret.to_owned())
}

/// Whether the guest who acted so far becomes the user.
#[derive(Args)]
struct TakeOver {
    /// Take over the holds, bookings and tickets of the guest session that is kept here.
    #[arg(long)]
    take_over_guest: bool,
}

impl TakeOver {
    fn guest_refresh_token(&self, shell: &Shell) -> Result<String, Failure> {
        if !self.take_over_guest {
            return Ok(String::new());
        }
        let tokens = shell.client.tokens();
        let nobody = || Failure::usage("there is no guest session to take over");
        tokens.map(|tokens| tokens.refresh_token).ok_or_else(nobody)
    }
}

/// `register`.
#[derive(Args)]
pub struct Register {
    /// The e-mail address of the account.
    #[arg(long)]
    email: String,
    /// The name to show.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    take_over: TakeOver,
}

impl Register {
    /// Makes the account.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let request = RegisterRequest {
            email: self.email,
            guest_refresh_token: self.take_over.guest_refresh_token(shell)?,
            display_name: self.name,
            password: self.password.read()?,
        };
        let response = shell.client.register(request).await?;
        let user = response.user.ok_or_else(Failure::incomplete)?;
        Ok(user_report(&user, shell.output.style()).next("boxoffice events list"))
    }
}

/// `login`.
#[derive(Args)]
pub struct Login {
    /// The e-mail address of the account.
    #[arg(long)]
    email: String,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    take_over: TakeOver,
}

impl Login {
    /// Signs in.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let request = LoginRequest {
            email: self.email,
            guest_refresh_token: self.take_over.guest_refresh_token(shell)?,
            password: self.password.read()?,
        };
        let response = shell.client.login(request).await?;
        let user = response.user.ok_or_else(Failure::incomplete)?;
        Ok(user_report(&user, shell.output.style()).next("boxoffice events list"))
    }
}

/// `guest`.
#[derive(Args)]
pub struct OpenGuestSession {
    /// Where the tickets go; can be given with `book` as well.
    #[arg(long)]
    email: Option<String>,
}

impl OpenGuestSession {
    /// Opens the session.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let guest = open_guest_session(shell, self.email.unwrap_or_default()).await?;
        Ok(guest_report(&guest, shell.output.style()).next("boxoffice events list"))
    }
}

/// Opens a guest session and acts in its name from now on.
pub async fn open_guest_session(shell: &Shell, contact_email: String) -> Result<Guest, Failure> {
    let request = CreateGuestSessionRequest { contact_email, ..Default::default() };
    let response = shell.client.create_guest_session(request).await?;
    response.guest.ok_or_else(Failure::incomplete)
}

/// `logout`.
pub async fn logout(shell: &Shell) -> Result<Report, Failure> {
    let was_signed_in = shell.client.tokens().is_some();
    shell.client.logout(LogoutRequest::default()).await?;
    let text = if was_signed_in { "Signed out." } else { "Nobody was signed in." };
    Ok(Report::new(json!({ "signed_out": was_signed_in }), text))
}

/// `whoami`.
pub async fn who_am_i(shell: &Shell) -> Result<Report, Failure> {
    let response = shell.client.get_me(GetMeRequest {}).await?;
    match response.session.ok_or_else(Failure::incomplete)? {
        Session::User(user) => Ok(user_report(&user, shell.output.style())),
        Session::Guest(guest) => Ok(guest_report(&guest, shell.output.style())),
    }
}

/// `users`.
#[derive(Subcommand)]
pub enum Users {
    /// Look a user up.
    Get {
        /// The user's id or e-mail address.
        #[arg(value_name = "USER")]
        user: String,
    },
    /// Set all roles of a user. They count from the user's next sign-in or renewal on.
    SetRoles {
        /// The user's id.
        #[arg(value_name = "USER")]
        user_id: String,
        /// Every role the user is to have.
        #[arg(required = true, value_name = "ROLE")]
        roles: Vec<GivenRole>,
    },
}

/// A role that can be given.
#[derive(Clone, Copy, ValueEnum)]
pub enum GivenRole {
    /// A registered buyer.
    Customer,
    /// Somebody who owns venues and events.
    Organizer,
    /// An operator of the platform.
    Admin,
}

impl From<GivenRole> for Role {
    fn from(role: GivenRole) -> Role {
        match role {
            GivenRole::Customer => Role::Customer,
            GivenRole::Organizer => Role::Organizer,
            GivenRole::Admin => Role::Admin,
        }
    }
}

impl Users {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let user = match self {
            Users::Get { user } => {
                let key = match user.contains('@') {
                    true => get_user_request::Key::Email(user),
                    false => get_user_request::Key::UserId(user),
                };
                shell.client.get_user(GetUserRequest { key: Some(key) }).await?.user
            }
            Users::SetRoles { user_id, roles } => {
                let roles = roles.into_iter().map(|role| Role::from(role).into()).collect();
                let request = SetUserRolesRequest { user_id, roles, ..Default::default() };
                shell.client.set_user_roles(request).await?.user
            }
        };
        let user = user.ok_or_else(Failure::incomplete)?;
        Ok(user_report(&user, shell.output.style()))
    }
}

fn user_report(user: &User, style: Style) -> Report {
    let roles: Vec<&str> = user.roles().map(|role| short(role.as_str_name())).collect();
    let sheet = Sheet::new(format!("User {}", user.user_id))
        .field("name", &user.display_name)
        .field("email", &user.email)
        .field("verified", if user.email_verified { "yes" } else { "no" })
        .field("roles", roles.join(", "))
        .field("since", time(user.create_time.as_ref()));
    Report::new(json::user(user), sheet.render(style))
}

fn guest_report(guest: &Guest, style: Style) -> Report {
    let email = match guest.contact_email.as_str() {
        "" => "none yet",
        given => given,
    };
    let sheet = Sheet::new(format!("Guest {}", guest.guest_id))
        .field("email", email)
        .field_if_any("opened by", &guest.service_account_id)
        .field_if_any("reference", &guest.external_reference)
        .field("since", time(guest.create_time.as_ref()));
    Report::new(json::guest(guest), sheet.render(style))
}

//! Accounts and who is signed in.

use std::io::{self, BufRead, IsTerminal};

use boxoffice_sdk::identity::v1::get_me_response::Session;
use boxoffice_sdk::identity::v1::{
    CreateGuestSessionRequest, GetMeRequest, Guest, LoginRequest, LogoutRequest, RegisterRequest,
    SetUserRolesRequest, User,
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
    /// Asks on the terminal without showing what is typed; without a terminal reads a line.
    fn read(self) -> Result<String, Failure> {
        if let Some(password) = self.password {
            return Ok(password);
        }
        let unread = |error: io::Error| Failure::said(format!("no password was read: {error}"));
        if io::stdin().is_terminal() {
            return rpassword::prompt_password("Password: ").map_err(unread);
        }
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map_err(unread)?;
        let password = line.trim_end_matches(['\n', '\r']);
        if password.is_empty() {
            return Err(Failure::usage("a password is needed: --password, or a line of input"));
        }
        Ok(password.to_owned())
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
}

impl Register {
    /// Makes the account.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let request = RegisterRequest {
            email: self.email,
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
}

impl Login {
    /// Signs in.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let request = LoginRequest { email: self.email, password: self.password.read()? };
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
    let request = CreateGuestSessionRequest { contact_email };
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
        let Users::SetRoles { user_id, roles } = self;
        let roles = roles.into_iter().map(|role| Role::from(role).into()).collect();
        let request = SetUserRolesRequest { user_id, roles, ..Default::default() };
        let response = shell.client.set_user_roles(request).await?;
        let user = response.user.ok_or_else(Failure::incomplete)?;
        Ok(user_report(&user, shell.output.style()))
    }
}

fn user_report(user: &User, style: Style) -> Report {
    let roles: Vec<&str> = user.roles().map(|role| short(role.as_str_name())).collect();
    let sheet = Sheet::new(format!("User {}", user.user_id))
        .field("name", &user.display_name)
        .field("email", &user.email)
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
        .field("since", time(guest.create_time.as_ref()));
    Report::new(json::guest(guest), sheet.render(style))
}

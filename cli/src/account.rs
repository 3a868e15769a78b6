//! What an account needs beyond signing in: a verified address and another password.

use boxoffice_sdk::identity::v1::{
    ChangePasswordRequest, RequestPasswordResetRequest, ResetPasswordRequest, VerifyEmailRequest,
};
use clap::Args;
use serde_json::json;

use crate::Shell;
use crate::failure::Failure;
use crate::identity::read_secret;
use crate::output::Report;

/// `verify-email`.
#[derive(Args)]
pub struct VerifyEmail {
    /// The token, as the mail has it.
    token: String,
}

impl VerifyEmail {
    /// Verifies the address.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        shell.client.verify_email(VerifyEmailRequest { token: self.token }).await?;
        Ok(Report::new(json!({ "email_verified": true }), "The address is verified."))
    }
}

/// `change-password`.
#[derive(Args)]
pub struct ChangePassword {
    /// The current password. Asked for when it is left out; a flag can be seen by others on the
    /// machine.
    #[arg(long, env = "BOXOFFICE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// The new password. Asked for when it is left out.
    #[arg(long, env = "BOXOFFICE_NEW_PASSWORD", hide_env_values = true)]
    new_password: Option<String>,
}

impl ChangePassword {
    /// Changes the password.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let request = ChangePasswordRequest {
            current_password: read_secret(self.password, "Current password", "--password")?,
            new_password: read_secret(self.new_password, "New password", "--new-password")?,
        };
        shell.client.change_password(request).await?;
        let text = "The password is changed. Every other sign-in has ended.";
        Ok(Report::new(json!({ "password_changed": true }), text))
    }
}

/// `request-password-reset`.
#[derive(Args)]
pub struct RequestPasswordReset {
    /// The e-mail address of the account.
    #[arg(long)]
    email: String,
}

impl RequestPasswordReset {
    /// Asks for the mail.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let request = RequestPasswordResetRequest { email: self.email };
        shell.client.request_password_reset(request).await?;
        let text = "If there is such an account, a mail with a token is on its way.";
        Ok(Report::new(json!({ "requested": true }), text).next("boxoffice reset-password TOKEN"))
    }
}

/// `reset-password`.
#[derive(Args)]
pub struct ResetPassword {
    /// The token, as the mail has it.
    token: String,
    /// The new password. Asked for when it is left out.
    #[arg(long, env = "BOXOFFICE_NEW_PASSWORD", hide_env_values = true)]
    new_password: Option<String>,
}

impl ResetPassword {
    /// Sets the new password.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let new_password = read_secret(self.new_password, "New password", "--new-password")?;
        let request = ResetPasswordRequest { token: self.token, new_password };
        shell.client.reset_password(request).await?;
        let text = "The password is set. Every sign-in of the account has ended.";
        Ok(Report::new(json!({ "password_reset": true }), text).next("boxoffice login"))
    }
}

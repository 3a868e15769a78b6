//! Accounts of other backends, and the record of privileged calls.

use boxoffice_sdk::identity::v1::{
    AuditEntry, CreateServiceAccountRequest, DisableServiceAccountRequest,
    IssueServiceTokenRequest, ListAuditEntriesRequest, ListServiceAccountsRequest, ServiceAccount,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::Shell;
use crate::failure::Failure;
use crate::identity::read_secret;
use crate::json;
use crate::output::Report;
use crate::page::Limit;
use crate::table::{Sheet, Table};
use crate::text::time;

/// `service-accounts`.
#[derive(Subcommand)]
pub enum ServiceAccounts {
    /// Make an account for another backend, as an admin. Prints its secret, once.
    Create {
        /// Its name, for people.
        #[arg(long)]
        name: String,
        /// What it may do, e.g. users:read; may be given several times.
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<String>,
        /// How many calls it may make a minute.
        #[arg(long, value_name = "N")]
        calls_per_minute: Option<i32>,
    },
    /// List all service accounts, the newest first, as an admin.
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// End a service account for good, as an admin.
    Disable {
        /// The account's id.
        #[arg(value_name = "ACCOUNT")]
        service_account_id: String,
    },
    /// Sign in as a service, for the 15 minutes that its token works.
    IssueToken {
        /// The account's id.
        #[arg(value_name = "ACCOUNT")]
        service_account_id: String,
        /// The secret. Asked for when it is left out; a flag can be seen by others on the machine.
        #[arg(long, env = "BOXOFFICE_SERVICE_SECRET", hide_env_values = true)]
        secret: Option<String>,
    },
}

impl ServiceAccounts {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        match self {
            ServiceAccounts::Create { name, scopes, calls_per_minute } => {
                let request = CreateServiceAccountRequest {
                    name,
                    scopes,
                    calls_per_minute,
                    ..Default::default()
                };
                let response = shell.client.create_service_account(request).await?;
                let account = response.service_account.ok_or_else(Failure::incomplete)?;
                Ok(created(shell, &account, &response.secret))
            }
            ServiceAccounts::List { limit } => list(shell, limit).await,
            ServiceAccounts::Disable { service_account_id } => {
                let request =
                    DisableServiceAccountRequest { service_account_id, ..Default::default() };
                let response = shell.client.disable_service_account(request).await?;
                let account = response.service_account.ok_or_else(Failure::incomplete)?;
                let text = sheet(&account).render(shell.output.style());
                Ok(Report::new(account_json(&account), text))
            }
            ServiceAccounts::IssueToken { service_account_id, secret } => {
                let secret = read_secret(secret, "Secret", "--secret")?;
                let request = IssueServiceTokenRequest { service_account_id, secret };
                let response = shell.client.issue_service_token(request).await?;
                let until = response.access_expire_time.as_ref();
                let text = format!("Signed in as a service until {}.", time(until));
                Ok(Report::new(json!({ "access_expire_time": json::time(until) }), text))
            }
        }
    }
}

fn created(shell: &Shell, account: &ServiceAccount, secret: &str) -> Report {
    let mut value = account_json(account);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("secret".to_owned(), secret.into());
    }
    let told = if secret.is_empty() { "lost: make another account" } else { secret };
    let text = sheet(account).field("secret", told).render(shell.output.style());
    let next = format!("boxoffice service-accounts issue-token {}", account.service_account_id);
    Report::new(value, text).next(next)
}

async fn list(shell: &Shell, limit: Limit) -> Result<Report, Failure> {
    let listed = limit
        .collect(|page_size, page_token| async move {
            let request = ListServiceAccountsRequest { page_size, page_token };
            let response = shell.client.list_service_accounts(request).await?;
            Ok((response.service_accounts, response.next_page_token))
        })
        .await?;
    let mut table = Table::new(&["ACCOUNT", "NAME", "SCOPES", "SINCE", "DISABLED"]);
    for account in &listed.items {
        let disabled = account.disable_time.as_ref();
        table.row([
            (&account.service_account_id).into(),
            (&account.name).into(),
            account.scopes.join(" ").into(),
            time(account.create_time.as_ref()).into(),
            disabled.map(|at| time(Some(at))).unwrap_or_default().into(),
        ]);
    }
    let text = match listed.items.as_slice() {
        [] => "There are no service accounts.".to_owned(),
        _ => table.render(shell.output.style(), 0) + listed.footer(),
    };
    Ok(Report::new(json::list(&listed.items, account_json), text))
}

fn sheet(account: &ServiceAccount) -> Sheet {
    let calls = match account.calls_per_minute {
        0 => String::new(),
        calls => calls.to_string(),
    };
    let disabled = account.disable_time.as_ref().map(|at| time(Some(at)));
    Sheet::new(format!("Service account {}", account.service_account_id))
        .field("name", &account.name)
        .field("scopes", account.scopes.join(" "))
        .field_if_any("calls/min", calls)
        .field("since", time(account.create_time.as_ref()))
        .field_if_any("disabled", disabled.unwrap_or_default())
}

fn account_json(account: &ServiceAccount) -> Value {
    json!({
        "service_account_id": account.service_account_id,
        "name": account.name,
        "scopes": account.scopes,
        "calls_per_minute": account.calls_per_minute,
        "create_time": json::time(account.create_time.as_ref()),
        "disable_time": json::time(account.disable_time.as_ref()),
    })
}

/// `audit`.
#[derive(Args)]
pub struct Audit {
    #[command(flatten)]
    limit: Limit,
}

impl Audit {
    /// Lists privileged calls.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let listed = self
            .limit
            .collect(|page_size, page_token| async move {
                let request = ListAuditEntriesRequest { page_size, page_token };
                let response = shell.client.list_audit_entries(request).await?;
                Ok((response.audit_entries, response.next_page_token))
            })
            .await?;
        let mut table = Table::new(&["TIME", "WHO", "ACTION", "SUBJECT"]);
        for entry in &listed.items {
            table.row([
                time(entry.create_time.as_ref()).into(),
                (&entry.session_id).into(),
                (&entry.action).into(),
                (&entry.subject).into(),
            ]);
        }
        let text = match listed.items.as_slice() {
            [] => "Nobody has made a privileged call.".to_owned(),
            _ => table.render(shell.output.style(), 0) + listed.footer(),
        };
        Ok(Report::new(json::list(&listed.items, entry_json), text))
    }
}

fn entry_json(entry: &AuditEntry) -> Value {
    json!({
        "audit_entry_id": entry.audit_entry_id,
        "session_id": entry.session_id,
        "action": entry.action,
        "subject": entry.subject,
        "create_time": json::time(entry.create_time.as_ref()),
    })
}

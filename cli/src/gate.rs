//! Gates that go on when their network is lost. What a gate knows is kept in a file.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use boxoffice_sdk::ticket::v1::offline_entry_result::Outcome;
use boxoffice_sdk::ticket::v1::{ListCheckInsRequest, OfflineEntryResult, check_in};
use boxoffice_sdk::{Gate, Refusal, Scan};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::Shell;
use crate::failure::Failure;
use crate::json;
use crate::kept_file;
use crate::output::{Paint, Report, Style, clean, push};
use crate::page::Limit;
use crate::table::Table;
use crate::text::{State, short, time};

/// How long somebody at a gate waits for the server before the gate decides by itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a walk with a gate looks like.
pub const EXAMPLE: &str = "\
Example, with a network that comes and goes:
  boxoffice gate open EVENT --name north     while there is a network
  boxoffice gate scan CODE                   asks the server, or decides by itself
  boxoffice gate sync                        tells the server afterwards
  boxoffice gate log EVENT --wrong           whom two gates let in with one ticket";

/// `gate`.
#[derive(Subcommand)]
pub enum Gates {
    /// Make a gate ready, with everything it needs when its network is lost.
    Open {
        /// The event.
        #[arg(value_name = "EVENT")]
        event_id: String,
        /// What the gate is called.
        #[arg(long, value_name = "NAME")]
        name: String,
        #[command(flatten)]
        file: GateFile,
    },
    /// Decide whether the holder of a code comes in.
    Scan {
        /// What the QR code holds.
        #[arg(value_name = "CODE")]
        code: String,
        /// Do not ask the server.
        #[arg(long)]
        offline: bool,
        #[command(flatten)]
        file: GateFile,
    },
    /// Tell the server whom the gate let in without it, and learn what has changed.
    Sync {
        #[command(flatten)]
        file: GateFile,
    },
    /// List the entries of an event, those told last first.
    Log {
        /// The event.
        #[arg(value_name = "EVENT")]
        event_id: String,
        /// Only entries that should not have been given.
        #[arg(long)]
        wrong: bool,
        #[command(flatten)]
        limit: Limit,
    },
}

/// Where a gate is kept.
#[derive(Args)]
pub struct GateFile {
    /// The file that the gate is kept in.
    #[arg(long, value_name = "FILE", default_value = "gate.json")]
    file: PathBuf,
}

impl GateFile {
    /// Waits until no other command works with the gate, and lets none until the lock is dropped:
    /// what one has let in the next has to know.
    fn lock(&self) -> Result<File, Failure> {
        kept_file::lock(&self.file).map_err(|error| self.unwritable(&error))
    }

    fn load(&self) -> Result<Gate, Failure> {
        let path = self.file.display();
        let text = fs::read_to_string(&self.file)
            .map_err(|error| Failure::said(format!("cannot read {path}: {error}")))?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::said(format!("{path} is not a gate's file: {error}")))
    }

    /// Refuses when the file keeps entries that the server was not told: a new gate would take
    /// their place.
    fn require_told(&self) -> Result<(), Failure> {
        if !self.file.exists() {
            return Ok(());
        }
        let (path, count) = (self.file.display(), self.load()?.untold_count());
        let what = match count {
            0 => return Ok(()),
            1 => "1 entry".to_owned(),
            count => format!("{count} entries"),
        };
        let sentence = format!("{path} keeps {what} that the server does not know of");
        Err(Failure::said(format!("{sentence}; first: boxoffice gate sync")))
    }

    /// Puts a new file in the place of the old one, so that no entry is lost half-way.
    fn keep(&self, gate: &Gate) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(gate);
        let kept = text.map_err(Into::into).and_then(|text| kept_file::write(&self.file, &text));
        kept.map_err(|error| self.unwritable(&error))
    }

    fn unwritable(&self, error: &io::Error) -> Failure {
        Failure::said(format!("cannot write {}: {error}", self.file.display()))
    }
}

impl Gates {
    /// Does what is asked.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        match self {
            Gates::Open { event_id, name, file } => {
                let _lock = file.lock()?;
                file.require_told()?;
                let gate = Gate::open(&shell.client, &event_id, &name).await?;
                file.keep(&gate)?;
                let text = format!(
                    "Gate {} is open; {} tickets let nobody in.",
                    clean(gate.name()),
                    gate.spent_count()
                );
                let json = json!({ "gate": name, "event_id": event_id,
                    "spent_count": gate.spent_count() });
                Ok(Report::new(json, text).next("boxoffice gate scan CODE"))
            }
            Gates::Scan { code, offline, file } => {
                let _lock = file.lock()?;
                let mut gate = file.load()?;
                let scan = if offline {
                    gate.scan_offline(&code, SystemTime::now())
                } else {
                    let client = shell.client.clone().with_deadline(PATIENCE);
                    gate.scan(&client, &code).await?
                };
                file.keep(&gate)?;
                Ok(scanned(&scan, gate.untold_count(), shell.output.style()))
            }
            Gates::Sync { file } => {
                let _lock = file.lock()?;
                let mut gate = file.load()?;
                let results = gate.sync(&shell.client).await?;
                file.keep(&gate)?;
                gate.refresh(&shell.client).await?;
                file.keep(&gate)?;
                Ok(synced(&results, shell.output.style()))
            }
            Gates::Log { event_id, wrong, limit } => log(event_id, wrong, limit, shell).await,
        }
    }
}

fn scanned(scan: &Scan, untold_count: usize, style: Style) -> Report {
    match scan {
        Scan::Admitted { place_label, offline } => {
            let json = json!({ "admitted": true, "place_label": place_label, "offline": offline });
            let admitted = style.paint(Paint::Green, "Admitted");
            let text = format!("{admitted}: {}", clean(place_label));
            match offline {
                false => Report::new(json, text),
                true => {
                    let text = format!("{text} (offline; {untold_count} to tell)");
                    Report::new(json, text).next("boxoffice gate sync")
                }
            }
        }
        Scan::Refused(refusal) => {
            let (why, sentence) = refused(refusal);
            let json = json!({ "admitted": false, "why": why });
            let text = format!("{}: {}", style.paint(Paint::Red, "Refused"), clean(&sentence));
            Report { failed: true, ..Report::new(json, text) }
        }
    }
}

fn refused(refusal: &Refusal) -> (Value, String) {
    match refusal {
        Refusal::Used { gate, entry_time } => (
            json!({ "reason": "TICKET_USED", "gate": gate, "entry_time": entry_time }),
            format!("the ticket was used at gate {gate}, {entry_time}"),
        ),
        Refusal::Void => (json!({ "reason": "TICKET_VOID" }), "the ticket is void".to_owned()),
        Refusal::CodeInvalid => (
            json!({ "reason": "TICKET_CODE_INVALID" }),
            "the code is not that of a ticket".to_owned(),
        ),
        Refusal::OtherEvent => (
            json!({ "reason": "TICKET_OTHER_EVENT" }),
            "the ticket is for another event".to_owned(),
        ),
    }
}

fn synced(results: &[OfflineEntryResult], style: Style) -> Report {
    let mut text = match results.len() {
        1 => "The server was told of 1 entry.\n".to_owned(),
        count => format!("The server was told of {count} entries.\n"),
    };
    let wrong = results.iter().filter(|result| result.outcome() != Outcome::Admitted);
    for result in wrong {
        let entry = result.check_in.clone().unwrap_or_default();
        let outcome = style.paint(Paint::Red, short(result.outcome().as_str_name()));
        let place = clean(&entry.place_label);
        push(&mut text, format_args!("{outcome}: {place}, {}", time(entry.entry_time.as_ref())));
        if let Some(first) = &result.other {
            let (gate, when) = (clean(&first.gate), time(first.entry_time.as_ref()));
            push(&mut text, format_args!("; gate {gate} was first, {when}"));
        }
        text.push('\n');
    }
    Report::new(json::list(results, json::entry_result), text)
}

async fn log(
    event_id: String,
    wrong: bool,
    limit: Limit,
    shell: &Shell,
) -> Result<Report, Failure> {
    let outcomes: Vec<i32> = match wrong {
        true => vec![check_in::Outcome::DoubleEntry.into(), check_in::Outcome::VoidEntry.into()],
        false => Vec::new(),
    };
    let listed = limit
        .collect(|page_size, page_token| {
            let (event_id, outcomes) = (event_id.clone(), outcomes.clone());
            async move {
                let request = ListCheckInsRequest { event_id, outcomes, page_size, page_token };
                let response = shell.client.list_check_ins(request).await?;
                Ok((response.check_ins, response.next_page_token))
            }
        })
        .await?;
    let mut table = Table::new(&["ENTERED", "GATE", "PLACE", "OUTCOME", "TICKET"]);
    for entry in &listed.items {
        table.row([
            time(entry.entry_time.as_ref()).into(),
            (&entry.gate).into(),
            (&entry.place_label).into(),
            entry.outcome().cell(),
            (&entry.ticket_id).into(),
        ]);
    }
    let text = match listed.items.as_slice() {
        [] => "There are no such entries.".to_owned(),
        _ => table.render(shell.output.style(), 0) + listed.footer(),
    };
    Ok(Report::new(json::list(&listed.items, json::check_in), text))
}

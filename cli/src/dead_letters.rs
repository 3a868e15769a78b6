//! Events that a consumer could not take.

use boxoffice_sdk::operations::v1::{
    DeadLetter, DiscardDeadLetterRequest, ListDeadLettersRequest, ReplayDeadLettersRequest,
    ReplayDeadLettersResponse, dead_letter,
};
use clap::{Args, Subcommand, ValueEnum};

use crate::Shell;
use crate::failure::Failure;
use crate::json;
use crate::output::{Paint, Report, Style, clean, push};
use crate::page::Limit;
use crate::table::{Cell, Sheet, Table};
use crate::text::{State, time};

/// `ops dead-letters`.
#[derive(Subcommand)]
pub enum DeadLetters {
    /// List them, the first parked first.
    List {
        /// Only those of this consumer, e.g. reporting.timeline.
        #[arg(long, value_name = "NAME")]
        consumer: Option<String>,
        /// Those in this state.
        #[arg(long, value_enum, default_value_t = Wanted::Parked)]
        state: Wanted,
        #[command(flatten)]
        limit: Limit,
    },
    /// Deliver parked events once more, in the order of each aggregate.
    Replay(Replay),
    /// Let a consumer do without a parked event.
    Discard {
        /// The letter's id.
        #[arg(value_name = "LETTER")]
        dead_letter_id: String,
        /// Why it can; kept with the letter.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// Which letters to list.
#[derive(Clone, Copy, ValueEnum)]
pub enum Wanted {
    /// Those that wait.
    Parked,
    /// Those that were delivered after all.
    Replayed,
    /// Those that were given up.
    Discarded,
}

/// `ops dead-letters replay`.
#[derive(Args)]
pub struct Replay {
    /// A letter, with whatever is parked of its aggregate.
    #[arg(value_name = "LETTER", required_unless_present = "consumer")]
    #[arg(conflicts_with = "consumer")]
    dead_letter_id: Option<String>,
    /// Everything of this consumer.
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
    /// Of the consumer's only this aggregate, a UUID.
    #[arg(long, value_name = "ID", requires = "consumer")]
    aggregate: Option<String>,
}

impl DeadLetters {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let style = shell.output.style();
        match self {
            DeadLetters::List { consumer, state, limit } => {
                list(shell, consumer.unwrap_or_default(), state, limit).await
            }
            DeadLetters::Replay(replay) => replay.run(shell).await,
            DeadLetters::Discard { dead_letter_id, reason } => {
                let request =
                    DiscardDeadLetterRequest { dead_letter_id, reason, ..Default::default() };
                let response = shell.client.discard_dead_letter(request).await?;
                let letter = response.dead_letter.ok_or_else(Failure::incomplete)?;
                Ok(Report::new(json::dead_letter(&letter), sheet(&letter).render(style)))
            }
        }
    }
}

async fn list(
    shell: &Shell,
    consumer: String,
    state: Wanted,
    limit: Limit,
) -> Result<Report, Failure> {
    let state = match state {
        Wanted::Parked => dead_letter::State::Parked,
        Wanted::Replayed => dead_letter::State::Replayed,
        Wanted::Discarded => dead_letter::State::Discarded,
    };
    let listed = limit
        .collect(|page_size, page_token| {
            let consumer = consumer.clone();
            async move {
                let state = state.into();
                let request = ListDeadLettersRequest { consumer, state, page_size, page_token };
                let response = shell.client.list_dead_letters(request).await?;
                Ok((response.dead_letters, response.next_page_token))
            }
        })
        .await?;
    let json = json::list(&listed.items, json::dead_letter);
    if listed.items.is_empty() {
        return Ok(Report::new(json, "There are no dead letters."));
    }
    let mut table = Table::new(&["LETTER", "CONSUMER", "EVENT", ">FAILED", "PARKED", "CAUSE"]);
    for letter in &listed.items {
        table.row([
            Cell::painted(Paint::Bold, &letter.dead_letter_id),
            (&letter.consumer).into(),
            (&letter.r#type).into(),
            letter.failure_count.to_string().into(),
            time(letter.park_time.as_ref()).into(),
            cause(letter).into(),
        ]);
    }
    let text = format!("{}{}", table.render(shell.output.style(), 0), listed.footer());
    Ok(Report::new(json, text))
}

impl Replay {
    /// Replays, call by call, as long as something is delivered and more is parked.
    async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let mut whole = ReplayDeadLettersResponse::default();
        loop {
            let request = ReplayDeadLettersRequest {
                request_id: String::new(),
                dead_letter_id: self.dead_letter_id.clone().unwrap_or_default(),
                consumer: self.consumer.clone().unwrap_or_default(),
                aggregate_id: self.aggregate.clone().unwrap_or_default(),
            };
            let answer = shell.client.replay_dead_letters(request).await?;
            whole.delivered_count += answer.delivered_count;
            whole.parked_count = answer.parked_count;
            // What failed in an earlier call may have been tried again.
            let is_old = |old: &DeadLetter| {
                answer.failed.iter().all(|new| new.dead_letter_id != old.dead_letter_id)
            };
            whole.failed.retain(is_old);
            whole.failed.extend(answer.failed.iter().cloned());
            // A letter that was named may be resolved by now.
            let is_over = answer.delivered_count == 0 || answer.parked_count == 0;
            if is_over || self.dead_letter_id.is_some() {
                return Ok(replayed(&whole, shell.output.style()));
            }
        }
    }
}

fn replayed(answer: &ReplayDeadLettersResponse, style: Style) -> Report {
    let failed = !answer.failed.is_empty();
    let paint = if failed { Paint::Red } else { Paint::Green };
    let sentence = format!(
        "{} delivered, {} failed again, {} still parked.",
        answer.delivered_count,
        answer.failed.len(),
        answer.parked_count
    );
    let mut text = format!("{}\n", style.paint(paint, &sentence));
    for letter in &answer.failed {
        let id = style.paint(Paint::Red, &letter.dead_letter_id);
        push(&mut text, format_args!("  {id}  {}\n", clean(&letter.cause)));
    }
    let mut report = Report::new(json::replayed(answer), text);
    report.failed = failed;
    report
}

fn cause(letter: &DeadLetter) -> String {
    match letter.failure_count {
        0 => "waits behind another".to_owned(),
        _ => letter.cause.clone(),
    }
}

fn sheet(letter: &DeadLetter) -> Sheet {
    Sheet::new(format!("Dead letter {}", letter.dead_letter_id))
        .field("state", letter.state().cell())
        .field("consumer", &letter.consumer)
        .field("event", format!("{} {}", letter.r#type, letter.event_id))
        .field("aggregate", format!("{} version {}", letter.aggregate_id, letter.aggregate_version))
        .field("topic", &letter.topic)
        .field("cause", cause(letter))
        .field("parked", time(letter.park_time.as_ref()))
        .field("resolved", time(letter.resolve_time.as_ref()))
        .field_if_any("by", &letter.resolved_by)
        .field_if_any("reason", &letter.reason)
}

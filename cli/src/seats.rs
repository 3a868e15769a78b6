//! The seats of an event, drawn and watched.

use boxoffice_sdk::booking::v1::watch_seats_response::Update;
use boxoffice_sdk::booking::v1::{OfferStatus, SeatState, SeatStatus, WatchSeatsResponse};
use boxoffice_sdk::catalog::v1::{SeatMapRow, SeatMapSection};
use boxoffice_sdk::{Fold, SeatView, Timestamp};
use clap::Subcommand;
use futures::StreamExt;
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::Shell;
use crate::failure::Failure;
use crate::json;
use crate::output::{Output, Paint, Report, Style, clean, push};
use crate::seat_plan::SeatPlan;
use crate::text::{money, short, time};

/// Every state of a seat with the glyph and colour that it is drawn with.
const GLYPHS: [(SeatState, char, Paint); 5] = [
    (SeatState::Available, '○', Paint::Green),
    (SeatState::Held, '◔', Paint::Yellow),
    (SeatState::Claimed, '◑', Paint::Yellow),
    (SeatState::Sold, '●', Paint::Red),
    (SeatState::Blocked, '×', Paint::Dim),
];

/// Seats between two gaps, for the eye to count by.
const SEATS_PER_GROUP: usize = 10;
/// Seats on a line; longer rows go on below.
const SEATS_PER_LINE: usize = 60;

/// `seats`.
#[derive(Subcommand)]
pub enum Seats {
    /// Draw every seat as it is now.
    Map {
        /// The event's id.
        #[arg(value_name = "EVENT")]
        event_id: String,
        /// Only this section.
        #[arg(long, value_name = "NAME")]
        section: Option<String>,
    },
    /// Print a line for every seat that changes, as it happens.
    Watch {
        /// The event's id.
        #[arg(value_name = "EVENT")]
        event_id: String,
    },
}

impl Seats {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        match self {
            Seats::Map { event_id, section } => {
                let plan = SeatPlan::load(&shell.client, &event_id).await?;
                let sections = plan.sections(section.as_deref())?;
                let text = draw(&plan, &sections, shell.output.style());
                let mut map = plan.map().clone();
                map.sections = sections.into_iter().cloned().collect();
                let next = format!("boxoffice hold {event_id} --count 2");
                Ok(Report::new(json::seat_map(&map), text).next(next))
            }
            Seats::Watch { event_id } => watch(shell, &event_id).await,
        }
    }
}

fn draw(plan: &SeatPlan, sections: &[&SeatMapSection], style: Style) -> String {
    let mut text = String::new();
    for section in sections {
        let offer = plan.map().offers.iter().find(|offer| offer.offer_id == section.offer_id);
        let price = offer.map(|offer| money(offer.price.as_ref())).unwrap_or_default();
        let counts = Counts::of(section.rows.iter().flat_map(row_states));
        let heading = style.paint(Paint::Bold, &clean(&section.name));
        let free = format!("{} of {} free", counts.of_state(SeatState::Available), counts.all());
        push(&mut text, format_args!("{heading}  {price}  {}\n", style.paint(Paint::Dim, &free)));
        let width = section.rows.iter().map(|row| clean(&row.label).width()).max();
        for row in &section.rows {
            draw_row(&mut text, row, width.unwrap_or_default(), style);
        }
        text.push('\n');
    }
    draw_general_admission(&mut text, plan, style);
    let states = sections.iter().flat_map(|section| &section.rows).flat_map(row_states);
    push(&mut text, format_args!("{}\n", Counts::of(states).legend(style)));
    text
}

/// The offers of general admission, whose places are counted instead of drawn.
fn draw_general_admission(text: &mut String, plan: &SeatPlan, style: Style) {
    let map = plan.map();
    for status in &map.offer_statuses {
        let offer = map.offers.iter().find(|offer| offer.offer_id == status.offer_id);
        let Some(offer) = offer else { continue };
        let heading = style.paint(Paint::Bold, &clean(&offer.name));
        let free = format!("{} of {} free", status.available_count, offer.quantity);
        let (price, free) = (money(offer.price.as_ref()), style.paint(Paint::Dim, &free));
        push(text, format_args!("{heading}  {price}  {free}\n\n"));
    }
}

fn draw_row(text: &mut String, row: &SeatMapRow, width: usize, style: Style) {
    let label = clean(&row.label);
    let padding = " ".repeat(width.saturating_sub(label.width()));
    let mut margin = format!("  {padding}{}", style.paint(Paint::Dim, &label));
    for line in row.seats.chunks(SEATS_PER_LINE) {
        text.push_str(&margin);
        for group in line.chunks(SEATS_PER_GROUP) {
            text.push_str("  ");
            for (state, length) in runs(group.iter().map(|seat| seat.state())) {
                let (glyph, paint) = glyph(state);
                text.push_str(&style.paint(paint, &glyph.to_string().repeat(length)));
            }
        }
        text.push('\n');
        margin = " ".repeat(width + 2);
    }
}

fn row_states(row: &SeatMapRow) -> impl Iterator<Item = SeatState> {
    row.seats.iter().map(|seat| seat.state())
}

/// Equal neighbours taken together, so that a row needs few colour codes.
fn runs(states: impl Iterator<Item = SeatState>) -> Vec<(SeatState, usize)> {
    let mut runs: Vec<(SeatState, usize)> = Vec::new();
    for state in states {
        match runs.last_mut() {
            Some((last, length)) if *last == state => *length += 1,
            _ => runs.push((state, 1)),
        }
    }
    runs
}

fn glyph(state: SeatState) -> (char, Paint) {
    let known = GLYPHS.iter().find(|(known, _, _)| *known == state);
    known.map_or(('?', Paint::Dim), |(_, glyph, paint)| (*glyph, *paint))
}

/// How many seats are in each state, in the order of [`GLYPHS`].
struct Counts([usize; GLYPHS.len()]);

impl Counts {
    fn of(states: impl Iterator<Item = SeatState>) -> Counts {
        let mut counts = [0; GLYPHS.len()];
        for state in states {
            for (count, (known, _, _)) in counts.iter_mut().zip(GLYPHS) {
                *count += usize::from(known == state);
            }
        }
        Counts(counts)
    }

    fn of_state(&self, state: SeatState) -> usize {
        let counted = self.0.iter().zip(GLYPHS);
        counted.filter(|(_, (known, _, _))| *known == state).map(|(count, _)| *count).sum()
    }

    fn all(&self) -> usize {
        self.0.iter().sum()
    }

    /// What each glyph means and how many there are of it.
    fn legend(&self, style: Style) -> String {
        let entries = self.0.iter().zip(GLYPHS).map(|(count, (state, glyph, paint))| {
            let name = short(state.as_str_name()).to_lowercase();
            format!("{} {count} {name}", style.paint(paint, &glyph.to_string()))
        });
        entries.collect::<Vec<_>>().join("   ")
    }
}

/// Anybody may watch seats, so it is done in nobody's name: a stream that runs for hours should not
/// depend on a sign-in that other commands renew meanwhile.
async fn watch(shell: &Shell, event_id: &str) -> Result<Report, Failure> {
    let output = &shell.output;
    let watcher = shell.client.another_session();
    let plan = SeatPlan::load(&watcher, event_id).await?;
    let mut view = SeatView::of_map(plan.map());
    if !output.is_json() {
        let counts = Counts::of(view.iter().map(|(_, state)| state));
        output.line(&counts.legend(output.style()))?;
        output.note("watching; Ctrl-C ends it");
    }
    let mut stream = watcher.watch_seats(event_id, view.cursor());
    while let Some(message) = stream.next().await {
        let message = message?;
        let before = view.clone();
        if view.apply(&message) == Fold::OutOfOrder {
            return Err(Failure::said("the server sent seat changes out of order"));
        }
        tell(output, &plan, &before, &message)?;
    }
    Ok(Report::told())
}

/// Prints what a message changed.
fn tell(
    output: &Output,
    plan: &SeatPlan,
    before: &SeatView,
    message: &WatchSeatsResponse,
) -> Result<(), Failure> {
    let (seats, offers, change_time) = match &message.update {
        Some(Update::Changes(changes)) => (&changes.seats, &changes.offers, changes.change_time),
        Some(Update::Snapshot(snapshot)) => {
            output.note("the stream began anew; what changed meanwhile follows");
            (&snapshot.seats, &snapshot.offers, None)
        }
        None => return Ok(()),
    };
    let revision = message.cursor.map(|cursor| cursor.revision).unwrap_or_default();
    for seat in seats.iter().filter(|seat| before.state(&seat.seat_id) != Some(seat.state())) {
        output.line(&if output.is_json() {
            change_json(plan, seat, change_time.as_ref(), revision)
        } else {
            change_text(plan, seat, change_time.as_ref(), output.style())
        })?;
    }
    let news =
        |offer: &&OfferStatus| before.available(&offer.offer_id) != Some(offer.available_count);
    for offer in offers.iter().filter(news) {
        output.line(&if output.is_json() {
            offer_json(offer, change_time.as_ref(), revision)
        } else {
            offer_text(plan, offer, change_time.as_ref(), output.style())
        })?;
    }
    Ok(())
}

fn offer_text(
    plan: &SeatPlan,
    offer: &OfferStatus,
    change_time: Option<&Timestamp>,
    style: Style,
) -> String {
    let when = change_time.map_or_else(|| " ".repeat(20), |at| time(Some(at)));
    let name = clean(&plan.offer_name(&offer.offer_id));
    let padding = " ".repeat(24_usize.saturating_sub(name.width()));
    format!("{}  {name}{padding}  {} left", style.paint(Paint::Dim, &when), offer.available_count)
}

fn offer_json(offer: &OfferStatus, change_time: Option<&Timestamp>, revision: i64) -> String {
    json!({
        "offer_id": offer.offer_id,
        "available_count": offer.available_count,
        "change_time": json::time(change_time),
        "revision": revision,
    })
    .to_string()
}

fn change_text(
    plan: &SeatPlan,
    seat: &SeatStatus,
    change_time: Option<&Timestamp>,
    style: Style,
) -> String {
    let (glyph, paint) = glyph(seat.state());
    let state = format!("{glyph} {}", short(seat.state().as_str_name()));
    // As wide as a time, for changes whose time was not told.
    let when = change_time.map_or_else(|| " ".repeat(20), |at| time(Some(at)));
    let place = clean(&plan.label(&seat.seat_id));
    let padding = " ".repeat(24_usize.saturating_sub(place.width()));
    format!("{}  {place}{padding}  {}", style.paint(Paint::Dim, &when), style.paint(paint, &state))
}

fn change_json(
    plan: &SeatPlan,
    seat: &SeatStatus,
    change_time: Option<&Timestamp>,
    revision: i64,
) -> String {
    let place = plan.place(&seat.seat_id);
    json!({
        "seat_id": seat.seat_id,
        "section_name": place.map(|place| &place.section_name),
        "row_label": place.map(|place| &place.row_label),
        "seat_label": place.map(|place| &place.seat_label),
        "state": short(seat.state().as_str_name()),
        "change_time": json::time(change_time),
        "revision": revision,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seat_plan::tests::plan;

    #[test]
    fn a_map_shows_each_seat_the_price_and_the_counts() {
        let plan = plan(&[("Stalls", &["..hcsb", "............"])]);
        let sections = plan.sections(None).unwrap_or_default();
        let expected = "\
Stalls  45.00 EUR  14 of 18 free
  A  ○○◔◑●×
  B  ○○○○○○○○○○  ○○

○ 14 available   ◔ 1 held   ◑ 1 claimed   ● 1 sold   × 1 blocked
";
        assert_eq!(draw(&plan, &sections, Style::new(false)), expected);
    }

    #[test]
    fn a_long_row_goes_on_below_its_beginning() {
        let row = ".".repeat(SEATS_PER_LINE + 1);
        let plan = plan(&[("Stalls", &[row.as_str()])]);
        let sections = plan.sections(None).unwrap_or_default();
        let text = draw(&plan, &sections, Style::new(false));
        assert_eq!(text.lines().nth(2), Some("     ○"));
    }

    #[test]
    fn a_change_names_its_place_and_state() {
        let plan = plan(&[("Stalls", &["."])]);
        let state = SeatState::Sold.into();
        let seat = SeatStatus { seat_id: "sea_Stalls_A_1".to_owned(), state };
        let at = Timestamp { seconds: 0, nanos: 0 };
        let text = change_text(&plan, &seat, Some(&at), Style::new(false));
        assert_eq!(text, format!("1970-01-01T00:00:00Z  {:24}  ● SOLD", "Stalls A-1"));
        let json = change_json(&plan, &seat, Some(&at), 7);
        assert!(json.contains("\"section_name\":\"Stalls\"") && json.contains("\"revision\":7"));
    }
}

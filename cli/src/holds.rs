//! Holds that are there already.

use std::time::SystemTime;

use boxoffice_sdk::booking::v1::{
    ChangeHoldRequest, ExtendHoldRequest, GeneralAdmission, GetHoldRequest, Hold, ListHoldsRequest,
    Place, ReleaseHoldRequest, hold,
};
use clap::{Args, Subcommand};

use crate::Shell;
use crate::admission::{Quantity, resolve};
use crate::failure::Failure;
use crate::json;
use crate::output::{Report, Style, push};
use crate::page::Limit;
use crate::seat_plan::{self, SeatPlan};
use crate::table::{Sheet, Table};
use crate::text::{State, deadline, money, time};

/// `holds`.
#[derive(Subcommand)]
pub enum Holds {
    /// List your active holds, the newest first.
    List {
        /// Only of this event.
        #[arg(long, value_name = "EVENT")]
        event: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Show a hold.
    Get {
        /// The hold's id.
        #[arg(value_name = "HOLD")]
        hold_id: String,
    },
    /// Make it larger or smaller, as a cart.
    Change(ChangeHold),
    /// Start its time anew.
    Extend {
        /// The hold's id.
        #[arg(value_name = "HOLD")]
        hold_id: String,
    },
    /// Give its places back.
    Release {
        /// The hold's id.
        #[arg(value_name = "HOLD")]
        hold_id: String,
    },
}

impl Holds {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let client = &shell.client;
        let hold = match self {
            Holds::List { event, limit } => return list(event, limit, shell).await,
            Holds::Change(change) => change.run(shell).await?,
            Holds::Get { hold_id } => client.get_hold(GetHoldRequest { hold_id }).await?.hold,
            Holds::Extend { hold_id } => {
                let request = ExtendHoldRequest { hold_id, ..Default::default() };
                client.extend_hold(request).await?.hold
            }
            Holds::Release { hold_id } => {
                let request = ReleaseHoldRequest { hold_id, ..Default::default() };
                client.release_hold(request).await?.hold
            }
        };
        let hold = hold.ok_or_else(Failure::incomplete)?;
        let report = report(&hold, shell.output.style());
        Ok(match hold.state() {
            hold::State::Active => report.next(format!("boxoffice book {}", hold.hold_id)),
            hold::State::Released | hold::State::Expired | hold::State::Lost => {
                report.next(format!("boxoffice seats map {}", hold.event_id))
            }
            _ => report,
        })
    }
}

/// `holds change`.
#[derive(Args)]
pub struct ChangeHold {
    /// The hold's id.
    #[arg(value_name = "HOLD")]
    hold_id: String,
    /// A seat to hold besides, as Section/Row/Seat or as an id; may be repeated.
    #[arg(long, value_name = "SEAT")]
    add: Vec<String>,
    /// A seat to give back; may be repeated.
    #[arg(long, value_name = "SEAT")]
    remove: Vec<String>,
    /// How many places to have in the end of an offer of general admission, by its name or id; may
    /// be repeated.
    #[arg(long = "ga", value_name = "OFFER=N")]
    quantities: Vec<Quantity>,
}

impl ChangeHold {
    async fn run(self, shell: &Shell) -> Result<Option<Hold>, Failure> {
        let client = &shell.client;
        let hold_id = self.hold_id;
        let found = client.get_hold(GetHoldRequest { hold_id: hold_id.clone() }).await?.hold;
        let event_id = found.ok_or_else(Failure::incomplete)?.event_id;
        let plan = SeatPlan::load(client, &event_id).await?;
        let request = ChangeHoldRequest {
            hold_id,
            add_seat_ids: plan.resolve(&self.add)?,
            remove_seat_ids: plan.resolve(&self.remove)?,
            general_admission: resolve(client, &event_id, &self.quantities).await?,
            ..Default::default()
        };
        Ok(client.change_hold(request).await?.hold)
    }
}

async fn list(event: Option<String>, limit: Limit, shell: &Shell) -> Result<Report, Failure> {
    let event_id = event.unwrap_or_default();
    let listed = limit
        .collect(|page_size, page_token| {
            let event_id = event_id.clone();
            let request = ListHoldsRequest { page_size, page_token, event_id };
            async move {
                let response = shell.client.list_holds(request).await?;
                Ok((response.holds, response.next_page_token))
            }
        })
        .await?;
    let mut table = Table::new(&["HOLD", "EXPIRES", ">PLACES", ">TOTAL", "EVENT"]);
    for hold in &listed.items {
        let quantities = hold.general_admission.iter().map(|line| i64::from(line.quantity));
        let places = i64::try_from(hold.places.len()).unwrap_or_default() + quantities.sum::<i64>();
        table.row([
            (&hold.hold_id).into(),
            time(hold.expire_time.as_ref()).into(),
            places.to_string().into(),
            money(hold.total.as_ref()).into(),
            (&hold.event_id).into(),
        ]);
    }
    let text = match listed.items.as_slice() {
        [] => "There are no active holds.".to_owned(),
        _ => table.render(shell.output.style(), 0) + listed.footer(),
    };
    Ok(Report::new(json::list(&listed.items, json::hold), text))
}

/// A hold as people read it.
pub fn report(hold: &Hold, style: Style) -> Report {
    let mut sheet = Sheet::new(format!("Hold {}", hold.hold_id))
        .field("state", hold.state().cell())
        .field("event", &hold.event_id);
    if hold.state() == hold::State::Active {
        sheet = sheet
            .field("expires", deadline(hold.expire_time.as_ref(), SystemTime::now()))
            .field("at the latest", time(hold.expire_time_max.as_ref()));
    }
    let sheet = sheet.field("total", money(hold.total.as_ref()));
    let mut text = sheet.render(style);
    push(
        &mut text,
        format_args!("\n{}", places_table(&hold.places, &hold.general_admission, style)),
    );
    Report::new(json::hold(hold), text)
}

/// The places of a hold or booking, each with its price.
pub fn places_table(places: &[Place], lines: &[GeneralAdmission], style: Style) -> String {
    let mut table = Table::new(&["PLACE", ">PRICE", "ID"]);
    for place in places {
        let label = match place.seat_id.as_str() {
            "" => place.offer_name.clone(),
            _ => seat_plan::Place::label(&place.section_name, &place.row_label, &place.seat_label),
        };
        let id = if place.seat_id.is_empty() { &place.place_id } else { &place.seat_id };
        let price = match place.return_time {
            Some(_) => "returned".to_owned(),
            None => money(place.price.as_ref()),
        };
        table.row([label.into(), price.into(), id.into()]);
    }
    for line in lines {
        let label = format!("{} × {}", line.quantity, line.offer_name);
        table.row([label.into(), money(line.price.as_ref()).into(), (&line.offer_id).into()]);
    }
    table.render(style, 2)
}

//! Holding places.

use boxoffice_sdk::booking::v1::HoldSeatsRequest;
use boxoffice_sdk::{Error, ErrorReason};
use clap::Args;

use crate::Shell;
use crate::admission::{Quantity, resolve};
use crate::failure::Failure;
use crate::holds::report;
use crate::identity::open_guest_session;
use crate::output::Report;
use crate::seat_plan::SeatPlan;
use crate::text::short;

/// How often seats are looked for anew when somebody else was faster.
const SEARCHES_MAX: usize = 3;

/// `hold`.
#[derive(Args)]
pub struct HoldSeats {
    /// The event's id.
    #[arg(value_name = "EVENT")]
    event_id: String,
    /// Seats, each as Section/Row/Seat (e.g. Stalls/A/12) or as an id.
    #[arg(value_name = "SEAT", conflicts_with = "count")]
    #[arg(required_unless_present_any = ["count", "quantities"])]
    seats: Vec<String>,
    /// Take the first so many free seats next to each other instead.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    count: Option<u8>,
    /// Look for them in this section only.
    #[arg(long, value_name = "NAME", requires = "count", conflicts_with = "seats")]
    section: Option<String>,
    /// So many places of an offer of general admission, by its name or id; may be repeated.
    #[arg(long = "ga", value_name = "OFFER=N")]
    quantities: Vec<Quantity>,
}

impl HoldSeats {
    /// Finds the seats and holds them, as a guest if nobody is signed in.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let mut searches = 0;
        let mut is_new_guest = false;
        let hold = loop {
            let (seat_ids, plan) = self.find(shell).await?;
            let general_admission =
                resolve(&shell.client, &self.event_id, &self.quantities).await?;
            is_new_guest |= ensure_session(shell).await?;
            let event_id = self.event_id.clone();
            let request =
                HoldSeatsRequest { event_id, seat_ids, general_admission, ..Default::default() };
            searches += 1;
            match shell.client.hold_seats(request).await {
                Ok(response) => break response.hold.ok_or_else(Failure::incomplete)?,
                Err(error) if error.reason() != ErrorReason::SeatsTaken => {
                    return Err(error.into());
                }
                Err(_) if self.count.is_some() && searches < SEARCHES_MAX => {
                    shell.output.note("somebody was faster; looking again");
                }
                Err(error) => return Err(self.name_conflicts(shell, error, plan).await),
            }
        };
        // A guest who was just made has no address yet; one that was there before may have.
        let email = if is_new_guest { " --email YOU@EXAMPLE.COM" } else { "" };
        let next = format!("boxoffice book {}{email}", hold.hold_id);
        Ok(report(&hold, shell.output.style()).next(next))
    }

    /// The ids of the wanted seats, with the plan if it was needed to find them.
    async fn find(&self, shell: &Shell) -> Result<(Vec<String>, Option<SeatPlan>), Failure> {
        if self.count.is_none() && self.seats.iter().all(|seat| is_seat_id(seat)) {
            return Ok((self.seats.clone(), None));
        }
        let plan = SeatPlan::load(&shell.client, &self.event_id).await?;
        let seat_ids = match self.count {
            Some(count) => plan.adjacent(count.into(), self.section.as_deref())?,
            None => plan.resolve(&self.seats)?,
        };
        Ok((seat_ids, Some(plan)))
    }

    /// Says of every taken seat where it is. Without a plan its id has to do.
    async fn name_conflicts(&self, shell: &Shell, error: Error, plan: Option<SeatPlan>) -> Failure {
        let plan = match plan {
            Some(plan) => Some(plan),
            None => SeatPlan::load(&shell.client, &self.event_id).await.ok(),
        };
        let places = error.conflicts().iter().map(|conflict| {
            let seat_id = &conflict.seat_id;
            let label = plan.as_ref().map_or_else(|| seat_id.clone(), |plan| plan.label(seat_id));
            format!("{label} is {}", short(conflict.state().as_str_name()))
        });
        let offers = error.offer_conflicts().iter().map(|offer| {
            let name = self.quantities.iter().find(|quantity| quantity.offer == offer.offer_id);
            let name = name.map_or(offer.offer_id.as_str(), |quantity| quantity.offer.as_str());
            format!("{name} has {} left", offer.available_count)
        });
        let places = places.chain(offers).collect();
        Failure::SeatsTaken { error, places }
    }
}

fn is_seat_id(seat: &str) -> bool {
    seat.strip_prefix("sea_").is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// Opens a guest session if nobody is signed in, and says so. True when it did.
async fn ensure_session(shell: &Shell) -> Result<bool, Failure> {
    if shell.client.tokens().is_some() {
        return Ok(false);
    }
    let guest = open_guest_session(shell, String::new()).await?;
    shell.output.note(&format!("nobody is signed in: opened guest session {}", guest.guest_id));
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_id_is_told_from_a_place() {
        assert!(is_seat_id(&format!("sea_{}", "0123456789abcdef".repeat(2))));
        for place in ["Stalls/A/12", "sea_Stalls", "sea_", "sea_/A/12"] {
            assert!(!is_seat_id(place), "{place}");
        }
    }
}

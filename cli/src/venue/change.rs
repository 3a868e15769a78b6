//! Changing venues.

use boxoffice_sdk::FieldMask;
use boxoffice_sdk::catalog::v1::{
    GetVenueRequest, SectionDraft, UpdateVenueRequest, Venue, VenueDraft,
};
use clap::Args;

use super::commands::parse_section;
use crate::Shell;
use crate::failure::Failure;

/// `venues update`.
#[derive(Args)]
pub struct UpdateVenue {
    /// The venue's id.
    #[arg(value_name = "VENUE")]
    venue_id: String,
    /// Its name.
    #[arg(long)]
    name: Option<String>,
    /// Its city.
    #[arg(long)]
    city: Option<String>,
    /// Its country, two capital letters, e.g. AT.
    #[arg(long)]
    country: Option<String>,
    /// Its time zone, e.g. Europe/Vienna.
    #[arg(long)]
    time_zone: Option<String>,
    /// A section of so many rows (A, B, …) of so many seats (1, 2, …) each; may be repeated. They
    /// replace all that there were; a section of the same name goes on, and so do its seats.
    #[arg(long = "section", value_name = "NAME:ROWSxSEATS")]
    #[arg(value_parser = parse_section)]
    sections: Vec<SectionDraft>,
}

impl UpdateVenue {
    /// Changes it, unless somebody else did meanwhile. Answers without its seats.
    pub async fn run(self, shell: &Shell) -> Result<Venue, Failure> {
        let request = GetVenueRequest { venue_id: self.venue_id.clone() };
        let response = shell.client.get_venue(request).await?;
        let etag = response.venue.ok_or_else(Failure::incomplete)?.etag;
        let given = [
            ("name", self.name.is_some()),
            ("city", self.city.is_some()),
            ("country_code", self.country.is_some()),
            ("time_zone", self.time_zone.is_some()),
            ("sections", !self.sections.is_empty()),
        ];
        let paths: Vec<String> =
            given.iter().filter(|(_, given)| *given).map(|(path, _)| (*path).to_owned()).collect();
        if paths.is_empty() {
            return Err(Failure::usage("say what to change, e.g. --name NAME"));
        }
        let draft = VenueDraft {
            name: self.name.unwrap_or_default(),
            city: self.city.unwrap_or_default(),
            country_code: self.country.unwrap_or_default(),
            time_zone: self.time_zone.unwrap_or_default(),
            sections: self.sections,
        };
        let request = UpdateVenueRequest {
            venue_id: self.venue_id,
            venue: Some(draft),
            update_mask: Some(FieldMask { paths }),
            etag,
            ..Default::default()
        };
        let response = shell.client.update_venue(request).await?;
        response.venue.ok_or_else(Failure::incomplete)
    }
}

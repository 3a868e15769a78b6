//! Instants as people at a venue read them.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::time::Timestamp;

/// The instant by the clocks of an IANA time zone, e.g. `Saturday, 5 December 2026, 19:30`. By UTC,
/// and saying so, where the zone is not known.
pub fn local_time(time: Timestamp, time_zone: &str) -> String {
    const FORM: &str = "%A, %-d %B %Y, %H:%M";
    let utc = DateTime::<Utc>::from_timestamp_micros(time.micros()).unwrap_or_default();
    match time_zone.parse::<Tz>() {
        Ok(zone) => utc.with_timezone(&zone).format(FORM).to_string(),
        Err(_) => format!("{} UTC", utc.format(FORM)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_told_by_the_clocks_of_its_zone_in_summer_and_winter() {
        // 2026-12-05 18:30 and 2026-07-05 18:30 UTC.
        let (winter, summer) = (1_796_495_400_000_000, 1_783_276_200_000_000);
        let told = |micros, zone| local_time(Timestamp::from_micros(micros), zone);
        assert_eq!(told(winter, "Europe/Vienna"), "Saturday, 5 December 2026, 19:30");
        assert_eq!(told(summer, "Europe/Vienna"), "Sunday, 5 July 2026, 20:30");
        assert_eq!(told(winter, "Asia/Tokyo"), "Sunday, 6 December 2026, 03:30");
        assert_eq!(told(winter, "Mars/Olympus"), "Saturday, 5 December 2026, 18:30 UTC");
    }
}

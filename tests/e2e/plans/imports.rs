//! Venues from tables of seats, by the command line.

use std::path::Path;

use boxoffice_sdk::catalog::v1::GetSeatMapRequest;
use boxoffice_tests::{ADMIN, PASSWORD, World, program, scenarios};
use serde_json::Value;
use tokio::process::Command;

const THEATRE: &str = "\
section,row,seat,offer
Stalls,A,1,Full
Stalls,A,2,Full
Stalls,B,1,Full
Box 1,,,
Circle,A,7a,Cheap
";

/// Runs the command line with a session of its own. Answers with its exit code, what it printed,
/// and what it complained of.
async fn run(world: &World, arguments: &[&str]) -> (Option<i32>, String, String) {
    let session = world.folder.path().join("session.json");
    let mut command = Command::new(program("boxoffice"));
    command.args(["--json", "--server", &world.url()]).args(arguments);
    let output = command.env("BOXOFFICE_SESSION", session).output().await.expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn import(file: &Path) -> Vec<&str> {
    let file = file.to_str().expect("a path");
    vec![
        "venues",
        "import",
        file,
        "--name",
        "Playhouse",
        "--city",
        "Graz",
        "--country",
        "AT",
        "--time-zone",
        "Europe/Vienna",
        "--event",
        "Faust",
        "--starts",
        "+10d",
        "--starts",
        "+11d",
        "--starts",
        "+12d",
        "--ends",
        "+3h",
        "--currency",
        "EUR",
    ]
}

scenarios! {
    async fn s_86_a_theatre_is_imported_and_three_nights_of_it_are_run_by_command(world: &World) {
        let login = ["login", "--email", ADMIN, "--password", PASSWORD];
        assert_eq!(run(world, &login).await.0, Some(0));
        let file = world.folder.path().join("theatre.csv");
        let mut command = import(&file);
        let prices = ["--offer", "Full=4500", "--offer", "Cheap=2500"];
        command.extend(prices);
        // What is wrong is named by its line and column, and nothing is made.
        std::fs::write(&file, THEATRE).expect("it is written");
        let (code, _, said) = run(world, &command).await;
        assert_eq!(code, Some(1));
        for place in ["line 5, column row: it is empty", "line 5, column seat: it is empty"] {
            assert!(said.contains(place), "{said}");
        }
        std::fs::write(&file, THEATRE.replace("Box 1,,,\n", "")).expect("it is written");
        let (code, _, said) = run(world, &command[..command.len() - 2]).await;
        assert_eq!((code, said.contains("Cheap=PRICE_MINOR")), (Some(2), true), "{said}");
        let venues = "select count(*) from catalog_venue";
        assert_eq!(world.database.count_by_hand(venues).await, 0);
        let (code, made, said) = run(world, &command).await;
        assert_eq!(code, Some(0), "{said}");
        let made: Value = serde_json::from_str(&made).expect("JSON");
        assert_eq!((&made["venue"]["seat_count"], &made["venue"]["name"]),
            (&Value::from(4), &Value::from("Playhouse")));
        let events = made["events"].as_array().expect("events");
        assert_eq!(events.len(), 3);
        let event_id = events[1]["event_id"].as_str().expect("an id");
        let update = ["events", "update", event_id, "--title", "Urfaust", "--tag", "Goethe"];
        let (code, changed, said) = run(world, &update).await;
        assert_eq!((code, changed.contains("Urfaust")), (Some(0), true), "{said}");
        let (code, _, said) = run(world, &["events", "publish", event_id]).await;
        assert_eq!(code, Some(0), "{said}");
        let (_, listed, _) = run(world, &["events", "list", "--tag", "goethe"]).await;
        assert!(listed.contains(event_id), "{listed}");
        let request = GetSeatMapRequest { event_id: event_id.into() };
        let map = world.anonymous().await.get_seat_map(request).await.expect("it is on sale");
        let sold: Vec<(&str, usize, i64)> = map.sections.iter().zip(&map.offers)
            .map(|(section, offer)| {
                let seats = section.rows.iter().map(|row| row.seats.len()).sum();
                let price = offer.price.as_ref().expect("a price").minor_units;
                (section.name.as_str(), seats, price)
            })
            .collect();
        assert_eq!(sold, [("Stalls", 3, 4_500), ("Circle", 1, 2_500)]);
        // The first row is blocked, one seat of the second is sold, and one night is called off.
        let (code, blocked, said) = run(world, &["events", "block", event_id, "stalls/a"]).await;
        let blocked: Value = serde_json::from_str(&blocked).unwrap_or_default();
        let row = &map.sections[0].rows[0].seats;
        let row: Vec<&str> = row.iter().map(|seat| seat.seat_id.as_str()).collect();
        assert_eq!((code, &blocked["blocked_seat_ids"]), (Some(0), &Value::from(row)), "{said}");
        let seat = map.sections[0].rows[1].seats[0].seat_id.as_str();
        world.guest().await.buy(event_id, &[seat]).await;
        let (code, _, said) = run(world, &["events", "unpublish", event_id]).await;
        assert_eq!((code, said.contains("EVENT_HAS_SALES")), (Some(1), true), "{said}");
        let (_, left, said) = run(world, &["events", "availability", event_id]).await;
        let left: Value = serde_json::from_str(&left).expect(&said);
        let stalls = &left[0]["offers"][0];
        assert_eq!((&stalls["name"], &stalls["total_count"]), (&"Full".into(), &3.into()));
        assert_eq!((&stalls["blocked_count"], &stalls["sold_count"]), (&2.into(), &1.into()));
        let other = events[2]["event_id"].as_str().expect("an id");
        let (code, off, said) = run(world, &["events", "cancel", other]).await;
        assert_eq!((code, off.contains("CANCELLED")), (Some(0), true), "{said}");
    }
}

//! Sales under pressure, judged by what every caller was told.
//!
//! `BOXOFFICE_TEST_SEED` says which; each prints its own.

use boxoffice_server::adapters::sandbox::WebhookPlan;
use boxoffice_server::config::Config;
use boxoffice_tests::pressure::{PressurePlan, Verdict};
use boxoffice_tests::{Chance, World, scenarios};

/// Sales at the most until everything has happened that has to.
const SALES_MAX: usize = 3;
/// What has to happen in a sale that counts, and how often at the least.
const LIVELY: [(&str, usize); 27] = [
    ("Hold done", 100),
    ("Hold SeatsTaken", 20),
    ("Change done", 10),
    ("Extend done", 5),
    ("Release done", 5),
    ("Book done", 60),
    ("Book HoldExpired", 1),
    ("Pay done", 60),
    ("Act done", 1),
    ("Cancel done", 5),
    ("Return done", 1),
    ("Admit done", 3),
    ("Admit TicketUsed", 3),
    ("Block done", 5),
    ("Block SeatsTaken", 1),
    ("Unblock done", 5),
    ("booking Confirmed", 10),
    ("booking Cancelled", 3),
    ("booking Expired", 1),
    ("Hold TooManyPlaces", 3),
    ("Admit TicketVoid", 1),
    ("Book RequestIdReused", 1),
    ("Pay RequestIdReused", 1),
    ("LookAtBooking NotFound", 3),
    ("ShowUsedToken RefreshTokenReused", 1),
    ("streams resumed", 10),
    ("streams begun anew", 3),
];

/// Calls from which somebody went away before the answer.
const LEFT_MIN: usize = 10;

fn with_webhooks(config: &mut Config) {
    config.sandbox_webhooks = Some(WebhookPlan { late: 5, doubled: 5, reordered: 5, seed: 7 });
}

scenarios! {
    with with_webhooks;

    async fn a_sale_under_pressure_breaks_no_promise(world: &World) {
        let first = Chance::seed();
        let mut verdict = Verdict::default();
        for seed in (first..).take(SALES_MAX) {
            verdict.add(world.press(&PressurePlan::default(), seed).await);
            boxoffice_tests::tell!("seed {seed}: {}", verdict.shown());
            verdict.assert_clean(seed);
            if verdict.rare(&LIVELY).is_empty() && verdict.count_ending(" unknown") >= LEFT_MIN {
                break;
            }
        }
        verdict.assert_lively(first, &LIVELY);
        assert!(verdict.count_ending(" unknown") >= LEFT_MIN, "too few went away from a call");
        assert_eq!(verdict.count("streams broken"), 0, "nothing breaks a stream here");
    }
}

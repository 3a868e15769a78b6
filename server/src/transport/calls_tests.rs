use super::*;

/// Whether it is a flood when so many calls are given up, each beside others that are answered.
fn is_flood(given_up: u32, others: u32) -> bool {
    let (mut lately, now) = (Lately::default(), Instant::now());
    (0..given_up).any(|_| {
        (0..=others).for_each(|_| lately.begin(now));
        lately.give_up()
    })
}

#[test]
fn most_of_too_many_calls_given_up_are_a_flood() {
    assert!(!is_flood(CALLS_GIVEN_UP_MAX, 0));
    assert!(is_flood(CALLS_GIVEN_UP_MAX + 1, 0));
}

#[test]
fn half_of_the_calls_given_up_are_a_flood_only_beyond_the_ceiling() {
    assert!(!is_flood(CALLS_GIVEN_UP_CEILING, 1));
    assert!(is_flood(CALLS_GIVEN_UP_CEILING + 1, 1));
}

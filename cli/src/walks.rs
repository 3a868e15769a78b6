//! Walk-throughs: what people do from beginning to end, as lines to type.

/// What `boxoffice --help` ends with.
pub const EXAMPLES: &str = "\
Walk-throughs (words in capitals are ids and codes that the command before has printed):

  An organizer: a theatre, three nights, and one that does not take place
    boxoffice login --email organizer@example.com
    boxoffice venues import theatre.csv --name Playhouse --city Graz --country AT \\
      --time-zone Europe/Vienna --event Faust --starts +10d --starts +11d --starts +12d \\
      --ends +3h --currency EUR --offer Stalls=4500
    boxoffice events create --venue VENUE --title Matinee --starts +13d --ends +3h \\
      --currency EUR --offer Stalls=Seat:4500 --ga Standing:1500x20
    boxoffice events block EVENT Stalls/A      the first row is not sold
    boxoffice events publish EVENT
    boxoffice events availability EVENT
    boxoffice events cancel EVENT              whoever has paid gets the money back

  A guest who registers, and then changes her mind
    boxoffice guest --email ada@example.com
    boxoffice hold EVENT Stalls/B/1 --ga Standing=2
    boxoffice book HOLD
    boxoffice pay BOOKING
    boxoffice register --email ada@example.com --name Ada --take-over-guest
    boxoffice bookings list
    boxoffice tickets BOOKING
    boxoffice bookings timeline BOOKING
    boxoffice bookings cancel BOOKING
    boxoffice payments get BOOKING

  A card that makes trouble
    boxoffice pay BOOKING --token tok_declined
    boxoffice pay BOOKING --token tok_requires_action
    boxoffice payments confirm PAYMENT --answer decline
    boxoffice pay BOOKING --token tok_timeout_after_charge
    boxoffice payments list --booking BOOKING

  A shop's backend: an account of its own, and a session for each of its buyers
    boxoffice service-accounts create --name Shop --scope guest-sessions:create --scope users:read
    boxoffice --session-file shop.json service-accounts issue-token ACCOUNT
    boxoffice --session-file shop.json users get ada@example.com
    boxoffice --session-file buyer-1.json guest --email buyer-1@example.com
    boxoffice --session-file buyer-1.json hold EVENT --count 1
    boxoffice --session-file buyer-2.json guest --email buyer-2@example.com

  A gate whose network comes and goes
    boxoffice gate open EVENT --name north
    boxoffice gate scan CODE                   asks the server, or decides by itself
    boxoffice gate sync                        tells the server afterwards
    boxoffice gate log EVENT --wrong           whom two gates let in with one ticket";

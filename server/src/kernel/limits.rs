//! The limits of everything that could grow, each with a name.

use std::time::Duration;

/// Rows of a page when the caller does not say.
pub const PAGE_SIZE_DEFAULT: usize = 50;
/// Rows of a page at the most.
pub const PAGE_SIZE_MAX: usize = 200;

/// Wrong fields that one refusal names; it travels in the headers of the answer.
pub const FAULTS_NAMED_MAX: usize = 20;

/// Bytes of a request at the most.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a response at the most; a seat map of 100,000 seats needs about 5 MB.
pub const RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of all headers of a request at the most; one with more is told so.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Bytes of headers beyond which a request is not even read. HTTP/2 then answers with its own 431,
/// which says nothing to clients of gRPC, so that it is well above the limit that has a reason.
pub const HEADER_BYTES_READ_MAX: u32 = 64 * 1024;
/// Open calls on one connection at the most; hyper sets none if it is not told.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 200;
/// Bytes of one request that a client may send before they are read: a quarter of the largest.
pub const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// Bytes of all requests of a connection that wait to be read; what a connection costs at the most.
pub const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Calls that a client may give up before the server has begun with them, at the same time. More
/// is a flood of resets (CVE-2023-44487), and the connection ends.
pub const RESETS_UNSEEN_MAX: usize = 20;
/// Faults that a client may make the server answer with a reset. More is a flood of them by the
/// other way (CVE-2025-8671), and the connection ends; hyper sets no limit if it is not told.
pub const RESETS_CAUSED_MAX: usize = 1_024;
/// Calls that the clients of a connection may give up in haste within `GIVEN_UP_WINDOW`, if that is
/// most of its calls: five times as many as can be open. More is a flood of resets that HTTP/2
/// does not see, because the server has begun with each.
pub const CALLS_GIVEN_UP_MAX: u32 = 1_000;
/// The same, whatever the share of its calls: a thousand a second is nobody's impatience, and who
/// has as many calls answered could else make the server begin with any number for nothing.
pub const CALLS_GIVEN_UP_CEILING: u32 = 10 * CALLS_GIVEN_UP_MAX;
/// The while that these are about. All clients of a proxy who leave at once give up as many calls
/// as can be open; only who does so more than five times in this time is taken for a flood.
pub const GIVEN_UP_WINDOW: Duration = Duration::from_secs(10);
/// A call that is given up sooner was not waited for. With 200 open calls at a time, clients that
/// wait for longer give up 400 a second at the most, which costs no more than calls that are
/// answered: however impatient they are, it is no flood.
pub const HASTE_MAX: Duration = Duration::from_millis(500);
/// Connections at the most, and no more than the files that the process may open leave room for.
/// More are closed at once, so that whoever is connected is not disturbed.
pub const CONNECTIONS_MAX: usize = 10_000;
/// How long a connection may take to say which protocol it speaks.
pub const GREETING_MAX: Duration = Duration::from_secs(10);
/// How long a client may take nothing of any answer before its connection ends: whoever reads
/// nothing would else keep answers in memory for as long as it likes.
pub const STALL_MAX: Duration = Duration::from_secs(30);
/// Bytes that answers which nobody takes may keep of a connection whose other answers go on.
pub const STUCK_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of a piece of an answer; a client on the slowest line takes it in time. The last piece of
/// a call may wait unnoticed, which is 3 MiB a connection.
pub const ANSWER_PIECE_BYTES: usize = 16 * 1024;
/// Bytes that wait in the system to be sent to a client. By itself the system takes megabytes, and
/// says only once a third of them is gone that there is room again, so that a client on a slow line
/// would be taken for one that takes nothing; and pings, which find out who is dead, would queue
/// behind them.
pub const UNSENT_BYTES_MAX: u32 = 16 * 1024;
/// How long a connection that has been ended waits for its client to close it as well. What is
/// still on its way would be lost if it were closed while the client says something (RFC 9112,
/// 9.6), such as that it has room for more.
pub const LINGER_MAX: Duration = Duration::from_secs(2);
/// How often a silent connection is asked whether anybody is there.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long the answer to that may take: it comes after what is on its way already, and a client
/// who takes 2 KB a second gets to 80 KB in this time.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(40);
/// How long a call may take when the client sets no deadline, and at the most.
pub const CALL_DURATION_MAX: Duration = Duration::from_secs(30);
/// How long a stream without a token lasts.
pub const ANONYMOUS_STREAM_DURATION: Duration = Duration::from_secs(15 * 60);
/// How long a stopping server waits for calls in flight, then for its workers, then for the
/// database's connections, then for work of threads: less than 10 seconds in all.
pub const DRAIN_DURATION_MAX: Duration = Duration::from_secs(5);
/// How long a stopping server waits for streams and connections to end once every answer of a call
/// has been given and nobody takes anything any more.
pub const STREAMS_END_DURATION_MAX: Duration = Duration::from_secs(2);
/// How long a stopping server waits for its workers.
pub const FINISH_DURATION_MAX: Duration = Duration::from_secs(3);
/// How long a stopping server waits for the database's connections.
pub const CLOSE_DURATION_MAX: Duration = Duration::from_secs(1);
/// How long a program that ends waits for work of threads, which nothing can stop.
pub const THREADS_END_DURATION_MAX: Duration = Duration::from_millis(500);

/// Seats of one venue at the most.
pub const VENUE_SEATS_MAX: usize = 100_000;
/// Seats one BlockSeats or UnblockSeats may name at the most.
pub const BLOCK_SEATS_MAX: usize = 1_000;
/// Places that one refusal names. Details travel in headers, and those of HTTP/2 have a limit of
/// 16 KB with most clients; a name takes up to 60 bytes there.
pub const CONFLICTS_NAMED_MAX: usize = 100;
/// Events one GetAvailability may name at the most.
pub const AVAILABILITY_EVENTS_MAX: usize = 50;
/// Seats one HoldSeats may name at the most.
pub const HOLD_SEATS_MAX: usize = 100;

/// Commands that share one transaction at the most.
pub const LANE_GROUP_MAX: usize = 256;
/// Commands that may wait for a lane; more are turned away with UNAVAILABLE.
pub const LANE_QUEUE_MAX: usize = 20_000;

/// How long a booking can be paid.
pub const PAY_BY_SPAN: Duration = Duration::from_secs(10 * 60);
/// How long the outcome of a payment is awaited after the time to pay is over.
pub const SETTLE_BY_SPAN: Duration = Duration::from_secs(5 * 60);
/// How long before the start owners may cancel what they have paid, unless the event says else.
pub const CANCEL_UNTIL_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);
/// Declined payments after which a booking fails.
pub const FAILED_PAYMENTS_MAX: u32 = 5;
/// How long CreatePayment may wait for the outcome.
pub const PAYMENT_WAIT_MAX: Duration = Duration::from_secs(10);

/// Tickets and codes of mails that may wait for a core to be drawn; more are turned away with
/// UNAVAILABLE.
pub const DRAWING_QUEUE_MAX: usize = 256;
/// Entries that one SyncCheckIns may tell of.
pub const OFFLINE_ENTRIES_MAX: usize = 500;
/// Bytes of a ticket code at the most; the longest that there can be is well below.
pub const TICKET_CODE_BYTES_MAX: usize = 4_096;
/// How far a list of changed tickets reaches back before it was asked for: longer than a commit
/// takes and than the clocks of two replicas differ.
pub const TICKET_CHANGES_OVERLAP: Duration = Duration::from_secs(60);

/// How long seat changes are kept for watchers that come back.
pub const SEAT_CHANGES_KEPT: Duration = Duration::from_secs(10 * 60);
/// How long a request id is remembered.
pub const REQUEST_ID_KEPT: Duration = Duration::from_secs(48 * 60 * 60);

/// How long one call of the payment gateway may take.
pub const GATEWAY_CALL_MAX: Duration = Duration::from_secs(10);
/// Calls of the payment gateway that run at the same time.
pub const GATEWAY_CALLS_MAX: usize = 256;
/// How long nobody else asks the gateway about a payment that is being asked about.
pub const GATEWAY_LEASE: Duration = Duration::from_secs(12);
/// The longest pause between two questions about a payment or refund while somebody may wait.
pub const GATEWAY_PAUSE_MAX: Duration = Duration::from_secs(60);
/// Questions without an answer after which the pauses grow further: about 15 minutes, as long as a
/// booking waits for its money.
pub const GATEWAY_PATIENT_ASKS: u32 = 20;
/// The longest pause after that.
pub const GATEWAY_LONG_PAUSE_MAX: Duration = Duration::from_secs(60 * 60);
/// How long a refund may take before it is told of.
pub const REFUND_DURATION_MAX: Duration = Duration::from_secs(15 * 60);

/// Bytes of a webhook at the most.
pub const WEBHOOK_BYTES_MAX: usize = 64 * 1024;
/// How far a webhook's signature may be from our time, either way.
pub const WEBHOOK_AGE_MAX: Duration = Duration::from_secs(300);
/// How long taking in a webhook may take.
pub const WEBHOOK_DURATION_MAX: Duration = Duration::from_secs(10);
/// How long webhooks that were seen are remembered: longer than any gateway goes on posting one.
pub const WEBHOOK_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long the sandbox waits for a webhook to be taken.
pub const WEBHOOK_POST_MAX: Duration = Duration::from_secs(10);
/// The longest pause between two attempts of the sandbox to post a webhook.
pub const WEBHOOK_PAUSE_MAX: Duration = Duration::from_secs(60);
/// How long the sandbox holds a late webhook back.
pub const WEBHOOK_LATE: Duration = Duration::from_secs(3);

/// Charges that are compared with the gateway's books at once; of ours, a comparison by itself
/// looks so many up.
pub const COMPARED_AT_ONCE: usize = 200;
/// Charges that one comparison goes through at the most, and payments of ours that one of
/// everything looks up; the next comparison by itself goes on from there.
pub const COMPARED_MAX: usize = 100_000;
/// Changes before the last comparison's end that the next looks at again.
pub const COMPARED_AGAIN: i64 = 100;
/// Differences that one comparison names.
pub const DIFFERENCES_NAMED_MAX: usize = 100;
/// Differences that a process remembers to have logged.
pub const DIFFERENCES_LOGGED_MAX: usize = 10_000;
/// How long a change is left alone before a comparison by itself looks at it.
pub const COMPARED_AGE: Duration = Duration::from_secs(60);

/// How long handing on one mail may take.
pub const MAIL_CALL_MAX: Duration = Duration::from_secs(20);
/// How long nobody else tries to send a mail that somebody is sending.
pub const MAIL_LEASE: Duration = Duration::from_secs(30);

//! The sandbox as a process of its own, beside a server that dies and comes back.

use boxoffice_sdk::booking::v1::{Booking, SeatState, booking};
use boxoffice_sdk::operations::v1::ReconcileRequest;
use boxoffice_sdk::payment::v1::payment;
use boxoffice_tests::{Backend, Person, Process, SandboxChild, Stage, StagePlan, look_until};

/// A port that nobody has; the server has to come back at the same one to be told anything.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

async fn book(buyer: &Person, stage: &Stage, seat: usize) -> Booking {
    let hold = buyer.hold(&stage.event_id, &[stage.seat(seat)]).await.expect("it is free");
    buyer.book(&hold).await.expect("the hold is good")
}

/// Waits until the ledger has so many charges in that state.
async fn wait_for_ledger(sandbox: &SandboxChild, state: &str, count: usize) {
    look_until(
        async || sandbox.lines().await,
        |lines| lines.iter().filter(|line| line.state == state).count() == count,
    )
    .await;
}

async fn survives_a_kill(backend: Backend) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let port = free_port();
    let sandbox = SandboxChild::start(folder.path(), port).await;
    let listen = format!("127.0.0.1:{port}");
    let flags = sandbox.flags();
    let mut more: Vec<&str> = flags.iter().map(String::as_str).collect();
    more.extend(["--listen", &listen]);
    let mut server = Process::start_with(backend, &more).await;
    let stage = server.stage(StagePlan::default()).await;
    let buyer = server.guest().await;
    let paid = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
    assert_eq!(paid.state(), booking::State::Confirmed);
    let mut bookings = Vec::new();
    for (seat, token) in
        ["tok_webhook_late", "tok_timeout_after_charge", "tok_success"].into_iter().enumerate()
    {
        let booking = book(&buyer, &stage, seat + 1).await;
        buyer.start_paying(&booking, token).await.expect("it is recorded");
        bookings.push(booking);
    }
    let hanging = book(&buyer, &stage, 4).await;
    let hung = buyer.start_paying(&hanging, "tok_hang").await.expect("it is recorded");
    wait_for_ledger(&sandbox, "CAPTURED", 4).await;
    server.kill();
    server.start_again().await;
    let buyer = server.again(&buyer).await;
    for booking in &bookings {
        buyer.wait_for(booking, booking::State::Confirmed).await;
    }
    // The call hangs until the charge is cancelled, and is asked for by nobody meanwhile.
    wait_for_ledger(&sandbox, "OPEN", 1).await;
    buyer.cancel(&hanging).await.expect("it is not paid");
    stage.wait_for(&buyer, stage.seat(4), SeatState::Available).await;
    assert_eq!(buyer.look_at_payment(&hung).await.state(), payment::State::Canceled);
    let lines = sandbox.lines().await;
    let captured = lines.iter().filter(|line| line.state == "CAPTURED");
    let taken: Vec<i64> = captured.map(|line| line.amount_minor - line.refunded_minor).collect();
    assert_eq!((taken, lines.len()), (vec![2_500; 4], 5));
    let settle = Some(boxoffice_sdk::Duration { seconds: 0, nanos: 0 });
    let request = ReconcileRequest { only_changes: false, settle };
    let compared = server.admin().await.reconcile(request).await.expect("it is compared");
    assert_eq!((compared.charge_count, compared.difference_count), (5, 0), "{compared:?}");
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_31_a_server_that_dies_beside_its_gateway_charges_once_on_sqlite() {
    survives_a_kill(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_31_a_server_that_dies_beside_its_gateway_charges_once_on_postgres() {
    survives_a_kill(Backend::Postgres).await;
}

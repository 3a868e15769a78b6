"""Buys two seats the way a stranger would: from the protos alone, with the stock gRPC of Python.

    purchase.py --server 127.0.0.1:50051 --protos proto

It checks every promise of the contract that it comes past, and exits with 1 at the first one that
is not kept. The server needs a published event with two free seats side by side.
"""

import argparse
import base64
import importlib
import pathlib
import sys
import tempfile
import threading
import uuid
from types import SimpleNamespace

import grpc
import grpc_tools
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpc_tools import protoc

CALL_SECONDS = 20
STREAM_SECONDS = 60
FEED_SECONDS = 5
CONTACT_EMAIL = "ada@example.com"


class Deviation(Exception):
    """The server did something else than its contract says."""


def expect(condition, promise):
    """Fails with the promise unless the condition holds."""
    if not condition:
        raise Deviation(promise)


def expect_equal(actual, wanted, what):
    """Fails unless both are equal."""
    expect(actual == wanted, f"{what} must be {wanted!r}, not {actual!r}")


def generate_stubs(protos, folder):
    """Generates Python from every proto below a folder and returns the contract's modules."""
    files = sorted(str(path.relative_to(protos)) for path in protos.rglob("boxoffice/**/*.proto"))
    expect(files, f"there are protos below {protos}")
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    status = protoc.main(["protoc", f"-I{protos}", f"-I{well_known}", *outputs, *files])
    expect(status == 0, "protoc accepts the protos")
    sys.path.insert(0, str(folder))
    contract = SimpleNamespace()
    for file in files:
        name = file.removesuffix(".proto").replace("/", ".")
        short = name.rsplit(".", 1)[-1]
        setattr(contract, short, importlib.import_module(f"{name}_pb2"))
        if short.endswith("_service"):
            setattr(contract, f"{short}_grpc", importlib.import_module(f"{name}_pb2_grpc"))
    return contract


class Caller:
    """Somebody with or without a session."""

    def __init__(self, contract, channel):
        self.contract = contract
        self.catalog = contract.catalog_service_grpc.CatalogServiceStub(channel)
        self.identity = contract.identity_service_grpc.IdentityServiceStub(channel)
        self.booking = contract.booking_service_grpc.BookingServiceStub(channel)
        self.payment = contract.payment_service_grpc.PaymentServiceStub(channel)
        self.ticket = contract.ticket_service_grpc.TicketServiceStub(channel)
        self.metadata = ()

    def call(self, method, request):
        """Calls a unary method as this caller."""
        return method(request, timeout=CALL_SECONDS, metadata=self.metadata)

    def open_guest_session(self):
        """Becomes a guest."""
        request = self.contract.identity_service.CreateGuestSessionRequest()
        response = self.call(self.identity.CreateGuestSession, request)
        expect(response.guest.guest_id.startswith("gst_"), "a guest's id begins with gst_")
        expect(response.tokens.access_token, "a session comes with an access token")
        self.metadata = (("authorization", f"Bearer {response.tokens.access_token}"),)
        return self


class SeatStream:
    """WatchSeats in a thread of its own; remembers every change in order."""

    def __init__(self, caller, event_id, cursor):
        self.cursor = cursor
        self.changes = []
        self.problem = None
        self.arrived = threading.Condition()
        service = caller.contract.booking_service
        request = service.WatchSeatsRequest(event_id=event_id, cursor=cursor)
        self.stream = caller.booking.WatchSeats(
            request, timeout=STREAM_SECONDS, metadata=caller.metadata
        )
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            for message in self.stream:
                with self.arrived:
                    self._take(message)
                    self.arrived.notify_all()
        except (grpc.RpcError, Deviation) as problem:
            with self.arrived:
                self.problem = problem
                self.arrived.notify_all()

    def _take(self, message):
        expect_equal(message.WhichOneof("update"), "changes", "what follows a fresh cursor")
        expect_equal(message.cursor.epoch, self.cursor.epoch, "the epoch of the stream")
        expect_equal(
            message.changes.from_revision, self.cursor.revision, "where a message takes up"
        )
        expect(message.cursor.revision > self.cursor.revision, "revisions rise")
        self.cursor = message.cursor
        self.changes.append({seat.seat_id: seat.state for seat in message.changes.seats})

    def history(self, seat_ids):
        """The states those seats went through; all of them must have changed together."""
        relevant = [change for change in self.changes if change.keys() & set(seat_ids)]
        for change in relevant:
            expect(set(seat_ids) <= change.keys(), "seats that change together come together")
            expect_equal(len({change[seat] for seat in seat_ids}), 1, "their number of states")
        return [change[seat_ids[0]] for change in relevant]

    def expect_history(self, seat_ids, wanted):
        """Waits until the seats have gone through as many states; they must be the wanted ones."""
        with self.arrived:
            self.arrived.wait_for(
                lambda: self.problem or len(self.history(seat_ids)) >= len(wanted), FEED_SECONDS
            )
            if self.problem:
                raise Deviation(f"WatchSeats goes on, but it ended: {self.problem}")
            expect_equal(self.history(seat_ids), wanted, "the states that WatchSeats showed")

    def close(self):
        """Ends the stream."""
        self.stream.cancel()
        self.thread.join()


def find_adjacent_seats(caller, event_id):
    """Reads the seat map; returns its cursor, two free neighbours and what each of them costs."""
    available = caller.contract.seat.SEAT_STATE_AVAILABLE
    request = caller.contract.catalog_service.GetSeatMapRequest(event_id=event_id)
    seat_map = caller.call(caller.catalog.GetSeatMap, request)
    prices = {offer.offer_id: offer.price for offer in seat_map.offers}
    for section in seat_map.sections:
        for row in section.rows:
            for left, right in zip(row.seats, row.seats[1:]):
                if left.state == right.state == available:
                    seats = [left.seat_id, right.seat_id]
                    return seat_map.cursor, seats, prices[section.offer_id]
    return None


def expect_snapshot(caller, event_id, seat_ids):
    """A stream without a cursor begins with every seat."""
    request = caller.contract.booking_service.WatchSeatsRequest(event_id=event_id)
    stream = caller.booking.WatchSeats(request, timeout=CALL_SECONDS)
    first = next(stream)
    stream.cancel()
    expect_equal(first.WhichOneof("update"), "snapshot", "the first message of a new stream")
    states = {seat.seat_id: seat.state for seat in first.snapshot.seats}
    available = caller.contract.seat.SEAT_STATE_AVAILABLE
    expect_equal([states.get(seat) for seat in seat_ids], [available] * 2, "the snapshot's states")


def hold(caller, event_id, seat_ids, request_id=None):
    """Holds seats."""
    request = caller.contract.booking_service.HoldSeatsRequest(
        request_id=request_id or str(uuid.uuid4()), event_id=event_id, seat_ids=seat_ids
    )
    return caller.call(caller.booking.HoldSeats, request).hold


def hold_twice(caller, event_id, seat_ids, price):
    """Holds the seats, and again with the same request id, which must change nothing."""
    request_id = str(uuid.uuid4())
    first = hold(caller, event_id, seat_ids, request_id)
    expect_equal(first.state, caller.contract.hold.Hold.STATE_ACTIVE, "a new hold's state")
    expect_equal(sorted(place.seat_id for place in first.places), sorted(seat_ids), "its seats")
    expect_equal(first.total.minor_units, 2 * price.minor_units, "its total")
    expect_equal(first.total.currency_code, price.currency_code, "its currency")
    second = hold(caller, event_id, seat_ids, request_id)
    expect_equal(second.hold_id, first.hold_id, "the hold of a repeated request")
    return first


def expect_conflict(caller, event_id, seat_ids, state):
    """Holding the seats must be refused, by naming each of them."""
    try:
        hold(caller, event_id, seat_ids)
    except grpc.RpcError as refusal:
        expect_equal(refusal.code(), grpc.StatusCode.ABORTED, "the code for taken seats")
        status = rpc_status.from_call(refusal)
        expect(status is not None, "a refusal carries its details")
    else:
        raise Deviation("seats that somebody has are refused to everybody else")
    info = unpack(status, error_details_pb2.ErrorInfo())
    expect_equal((info.domain, info.reason), ("boxoffice", "SEATS_TAKEN"), "the reason")
    conflicts = unpack(status, caller.contract.seat.SeatConflicts()).conflicts
    named = sorted((conflict.seat_id, conflict.state) for conflict in conflicts)
    expect_equal(named, sorted((seat, state) for seat in seat_ids), "the conflicts")


def unpack(status, message):
    """Finds the detail of a message's type."""
    for detail in status.details:
        if detail.Unpack(message):
            return message
    raise Deviation(f"the details have a {message.DESCRIPTOR.full_name}")


def book(caller, held):
    """Makes a booking from a hold."""
    request = caller.contract.booking_service.CreateBookingRequest(
        request_id=str(uuid.uuid4()), hold_id=held.hold_id, contact_email=CONTACT_EMAIL
    )
    booking = caller.call(caller.booking.CreateBooking, request).booking
    expect_equal(booking.state, caller.contract.booking.Booking.STATE_PENDING, "its state")
    expect_equal(booking.hold_id, held.hold_id, "the booking's hold")
    expect_equal(booking.total, held.total, "the booking's total")
    return booking


def pay(caller, booking):
    """Pays, and again with the same request id, which must charge nothing."""
    request = caller.contract.payment_service.CreatePaymentRequest(
        request_id=str(uuid.uuid4()),
        booking_id=booking.booking_id,
        payment_token="tok_success",
        wait=Duration(seconds=10),
    )
    payment = caller.call(caller.payment.CreatePayment, request).payment
    succeeded = caller.contract.payment.Payment.STATE_SUCCEEDED
    expect_equal(payment.state, succeeded, "the payment's state")
    expect_equal(payment.amount, booking.total, "the payment's amount")
    repeated = caller.call(caller.payment.CreatePayment, request).payment
    expect_equal(repeated.payment_id, payment.payment_id, "the payment of a repeated request")
    request = caller.contract.booking_service.GetBookingRequest(booking_id=booking.booking_id)
    paid = caller.call(caller.booking.GetBooking, request).booking
    confirmed = caller.contract.booking.Booking.STATE_CONFIRMED
    expect_equal(paid.state, confirmed, "the state of a paid booking")


def list_tickets(caller, booking, seat_ids):
    """Lists the tickets of a booking and verifies each, offline but for the keys."""
    request = caller.contract.ticket_service.ListTicketsRequest(booking_id=booking.booking_id)
    tickets = list(caller.call(caller.ticket.ListTickets, request).tickets)
    expect_equal(sorted(ticket.seat_id for ticket in tickets), sorted(seat_ids), "the tickets")
    request = caller.contract.ticket_service.GetVerificationKeysRequest()
    keys = caller.call(caller.ticket.GetVerificationKeys, request).keys
    keys = {bytes.fromhex(key.key_id): key.public_key for key in keys}
    for ticket in tickets:
        valid = caller.contract.ticket.Ticket.STATE_VALID
        expect_equal(ticket.state, valid, "a new ticket's state")
        verify_code(ticket, keys)
    return tickets


def verify_code(ticket, keys):
    """Checks the signed code of a ticket as a gate does: signature first, then what it says."""
    parts = ticket.code.split(".")
    expect_equal((len(parts), parts[0]), (3, "BO1"), "the parts and version of a ticket's code")
    payload, signature = decode(parts[1]), decode(parts[2])
    expect(payload[:8] in keys, "a ticket is signed with a published key")
    key = Ed25519PublicKey.from_public_bytes(keys[payload[:8]])
    signed = f"{parts[0]}.{parts[1]}".encode()
    expect(is_signed(key, signature, signed), "the signature of a ticket verifies")
    expect(not is_signed(key, signature, signed + b"A"), "a changed ticket does not verify")
    expect_equal(f"tkt_{payload[8:24].hex()}", ticket.ticket_id, "the ticket id in the code")
    expect_equal(f"evt_{payload[24:40].hex()}", ticket.event_id, "the event id in the code")
    place = payload[40:].decode("utf-8")
    expect(ticket.seat_label in place, f"the place in the code, {place!r}, names the seat")


def decode(text):
    """Decodes base64url without padding."""
    expect("=" not in text, "codes have no padding")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def is_signed(key, signature, signed):
    """Whether the signature is the key's over these bytes."""
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def choose_seats(caller):
    """Takes the first event that has two free seats side by side; returns what was found with it."""
    request = caller.contract.catalog_service.ListEventsRequest(page_size=10)
    events = caller.call(caller.catalog.ListEvents, request).events
    starts = [event.start_time.ToMicroseconds() for event in events]
    expect_equal(starts, sorted(starts), "the order of start times")
    for event in events:
        found = find_adjacent_seats(caller, event.event_id)
        if found:
            return event, *found
    raise Deviation("there is an event on sale with two free seats side by side")


def purchase(contract, channel):
    """The whole way from the list of events to the verified tickets."""
    seat = contract.seat
    buyer = Caller(contract, channel).open_guest_session()
    rival = Caller(contract, channel).open_guest_session()
    event, cursor, seat_ids, price = choose_seats(buyer)
    expect_snapshot(Caller(contract, channel), event.event_id, seat_ids)
    stream = SeatStream(buyer, event.event_id, cursor)
    held = hold_twice(buyer, event.event_id, seat_ids, price)
    expect_conflict(rival, event.event_id, seat_ids, seat.SEAT_STATE_HELD)
    booking = book(buyer, held)
    pay(buyer, booking)
    tickets = list_tickets(buyer, booking, seat_ids)
    expect_conflict(rival, event.event_id, seat_ids, seat.SEAT_STATE_SOLD)
    history = [seat.SEAT_STATE_HELD, seat.SEAT_STATE_CLAIMED, seat.SEAT_STATE_SOLD]
    stream.expect_history(seat_ids, history)
    stream.close()

    total = booking.total
    print(f"bought two seats for {event.title!r} in {event.venue.city}")
    for ticket in tickets:
        place = f"{ticket.section_name}, row {ticket.row_label}, seat {ticket.seat_label}"
        print(f"  {ticket.ticket_id}  {place}  (signature verified)")
    print(f"  paid {total.minor_units} minor units of {total.currency_code}")
    print("  watched both seats become HELD, CLAIMED and SOLD; a rival got neither")


def main():
    """Reads the arguments, generates the stubs and buys."""
    parser = argparse.ArgumentParser(description="Buys two seats and checks every step.")
    parser.add_argument("--server", required=True, help="host and port, with or without http://")
    parser.add_argument("--protos", required=True, type=pathlib.Path, help="the folder proto/")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="boxoffice-stubs-") as folder:
            contract = generate_stubs(arguments.protos.resolve(), pathlib.Path(folder))
            with grpc.insecure_channel(arguments.server.removeprefix("http://")) as channel:
                purchase(contract, channel)
    except Deviation as deviation:
        sys.exit(f"purchase.py: broken promise: {deviation}")
    except grpc.RpcError as error:
        sys.exit(f"purchase.py: refused with {error.code().name}: {error.details()}")


if __name__ == "__main__":
    main()

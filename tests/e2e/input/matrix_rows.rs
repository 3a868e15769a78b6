//! The table of who may do what.

use boxoffice_proto::r#type::v1::ErrorReason;
use tonic::Code;

/// The columns. `organizer` is the one whose event is bought, and `organizer2` another one;
/// `service` has a scope that the RPC is for, if there is one, and `service2` has another; `taken`
/// is a guest that was taken over by a user; `expired` and `forged` are tokens of every right.
pub const CALLERS: [&str; 12] = [
    "nobody",
    "guest",
    "customer",
    "customer2",
    "organizer",
    "organizer2",
    "admin",
    "service",
    "service2",
    "taken",
    "expired",
    "forged",
];

/// What the words of the cells mean.
pub const WORDS: [(&str, Code, Option<ErrorReason>); 9] = [
    ("ok", Code::Ok, None),
    ("none", Code::Unauthenticated, Some(ErrorReason::TokenMissing)),
    ("bad", Code::Unauthenticated, Some(ErrorReason::TokenInvalid)),
    ("old", Code::Unauthenticated, Some(ErrorReason::TokenExpired)),
    ("role", Code::PermissionDenied, Some(ErrorReason::RoleMissing)),
    ("deny", Code::PermissionDenied, Some(ErrorReason::ScopeMissing)),
    ("gone", Code::NotFound, Some(ErrorReason::NotFound)),
    ("mail", Code::FailedPrecondition, Some(ErrorReason::MailTokenInvalid)),
    ("slow", Code::ResourceExhausted, Some(ErrorReason::LoginThrottled)),
];

/// A row for each RPC and whose thing it is about; the columns are [`CALLERS`]. What is `own` is
/// the caller's, or the customer's where the caller has nothing. Where somebody who may not see a
/// thing gets an empty list, the cell says `ok`; what is in lists is shown by tests of their own.
/// The tokens of mails are made up, and who comes with ten of them has to wait.
pub const TABLE: &str = "
CreateVenue           -           none role role role ok   ok   ok   deny deny role old  bad
GetVenue              -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   old  bad
GetVenue              absent      gone gone gone gone gone gone gone gone gone gone old  bad
ListVenues            -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   old  bad
UpdateVenue           organizer's none role role role ok   gone ok   deny deny role old  bad
UpdateVenue           other's     none role role role gone ok   ok   deny deny role old  bad
UpdateVenue           absent      none role role role gone gone gone deny deny role old  bad
CreateEvent           organizer's none role role role ok   gone ok   deny deny role old  bad
CreateEvent           other's     none role role role gone ok   ok   deny deny role old  bad
CreateEvent           absent      none role role role gone gone gone deny deny role old  bad
PublishEvent          organizer's none role role role ok   gone ok   deny deny role old  bad
PublishEvent          other's     none role role role gone ok   ok   deny deny role old  bad
PublishEvent          absent      none role role role gone gone gone deny deny role old  bad
UpdateEvent           organizer's none role role role ok   gone ok   deny deny role old  bad
UpdateEvent           other's     none role role role gone ok   ok   deny deny role old  bad
UpdateEvent           absent      none role role role gone gone gone deny deny role old  bad
UnpublishEvent        organizer's none role role role ok   gone ok   deny deny role old  bad
UnpublishEvent        other's     none role role role gone ok   ok   deny deny role old  bad
UnpublishEvent        absent      none role role role gone gone gone deny deny role old  bad
CancelEvent           organizer's none role role role ok   gone ok   deny deny role old  bad
CancelEvent           other's     none role role role gone ok   ok   deny deny role old  bad
CancelEvent           absent      none role role role gone gone gone deny deny role old  bad
BlockSeats            organizer's none role role role ok   gone ok   deny deny role old  bad
BlockSeats            other's     none role role role gone ok   ok   deny deny role old  bad
BlockSeats            absent      none role role role gone gone gone deny deny role old  bad
UnblockSeats          organizer's none role role role ok   gone ok   deny deny role old  bad
UnblockSeats          other's     none role role role gone ok   ok   deny deny role old  bad
UnblockSeats          absent      none role role role gone gone gone deny deny role old  bad
GetEvent              -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   old  bad
GetEvent              absent      gone gone gone gone gone gone gone gone gone gone old  bad
ListEvents            -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   old  bad
GetSeatMap            -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   old  bad
GetSeatMap            absent      gone gone gone gone gone gone gone gone gone gone old  bad
GetAvailability       -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   old  bad
GetAvailability       absent      ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   old  bad
Register              -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
Login                 -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
RefreshToken          -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
Logout                -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
VerifyEmail           -           mail mail mail mail mail mail mail mail mail mail mail mail
ChangePassword        -           none role ok   ok   ok   ok   ok   deny deny role old  bad
RequestPasswordReset  -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
ResetPassword         -           mail mail mail mail mail mail mail mail mail mail slow slow
GetMe                 -           none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
CreateGuestSession    -           ok   ok   ok   ok   ok   ok   ok   ok   deny ok   ok   ok
GetUser               -           none role role role role role ok   ok   deny role old  bad
SetUserRoles          -           none role role role role role ok   deny deny role old  bad
CreateServiceAccount  -           none role role role role role ok   deny deny role old  bad
ListServiceAccounts   -           none role role role role role ok   deny deny role old  bad
DisableServiceAccount -           none role role role role role ok   deny deny role old  bad
IssueServiceToken     -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
ListAuditEntries      -           none role role role role role ok   deny deny role old  bad
GetBookingTimeline    own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
GetBookingTimeline    guest's     none ok   gone gone gone gone ok   deny deny gone old  bad
GetBookingTimeline    customer's  none gone ok   gone gone gone ok   deny deny gone old  bad
GetBookingTimeline    absent      none gone gone gone gone gone gone deny deny gone old  bad
HoldSeats             -           none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
ChangeHold            own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
ChangeHold            guest's     none ok   gone gone gone gone ok   deny deny gone old  bad
ChangeHold            customer's  none gone ok   gone gone gone ok   deny deny gone old  bad
ChangeHold            absent      none gone gone gone gone gone gone deny deny gone old  bad
ExtendHold            own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
ExtendHold            guest's     none ok   gone gone gone gone ok   deny deny gone old  bad
ExtendHold            customer's  none gone ok   gone gone gone ok   deny deny gone old  bad
ExtendHold            absent      none gone gone gone gone gone gone deny deny gone old  bad
ReleaseHold           own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
ReleaseHold           guest's     none ok   gone gone gone gone ok   deny deny gone old  bad
ReleaseHold           customer's  none gone ok   gone gone gone ok   deny deny gone old  bad
ReleaseHold           absent      none gone gone gone gone gone gone deny deny gone old  bad
GetHold               own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
GetHold               guest's     none ok   gone gone gone gone ok   deny deny gone old  bad
GetHold               customer's  none gone ok   gone gone gone ok   deny deny gone old  bad
GetHold               absent      none gone gone gone gone gone gone deny deny gone old  bad
ListHolds             -           none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
CreateBooking         own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
CreateBooking         guest's     none ok   gone gone gone gone ok   deny deny gone old  bad
CreateBooking         customer's  none gone ok   gone gone gone ok   deny deny gone old  bad
CreateBooking         absent      none gone gone gone gone gone gone deny deny gone old  bad
GetBooking            own         none ok   ok   ok   ok   ok   ok   ok   deny ok   old  bad
GetBooking            guest's     none ok   gone gone ok   gone ok   ok   deny gone old  bad
GetBooking            customer's  none gone ok   gone ok   gone ok   ok   deny gone old  bad
GetBooking            absent      none gone gone gone gone gone gone gone deny gone old  bad
ListBookings          -           none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
CancelBooking         own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
CancelBooking         guest's     none ok   gone gone ok   gone ok   deny deny gone old  bad
CancelBooking         customer's  none gone ok   gone ok   gone ok   deny deny gone old  bad
CancelBooking         absent      none gone gone gone gone gone gone deny deny gone old  bad
WatchSeats            -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   old  bad
WatchSeats            absent      gone gone gone gone gone gone gone gone gone gone old  bad
WatchBooking          own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
WatchBooking          guest's     none ok   gone gone ok   gone ok   deny deny gone old  bad
WatchBooking          customer's  none gone ok   gone ok   gone ok   deny deny gone old  bad
WatchBooking          absent      none gone gone gone gone gone gone deny deny gone old  bad
CreatePayment         own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
CreatePayment         guest's     none ok   gone gone gone gone ok   deny deny gone old  bad
CreatePayment         customer's  none gone ok   gone gone gone ok   deny deny gone old  bad
CreatePayment         absent      none gone gone gone gone gone gone deny deny gone old  bad
GetPayment            own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
GetPayment            guest's     none ok   gone gone gone gone ok   deny deny gone old  bad
GetPayment            customer's  none gone ok   gone gone gone ok   deny deny gone old  bad
GetPayment            absent      none gone gone gone gone gone gone deny deny gone old  bad
ListPayments          own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
ListPayments          guest's     none ok   gone gone ok   gone ok   deny deny gone old  bad
ListPayments          customer's  none gone ok   gone ok   gone ok   deny deny gone old  bad
ListPayments          absent      none gone gone gone gone gone gone deny deny gone old  bad
ConfirmPaymentAction  own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
ConfirmPaymentAction  guest's     none ok   gone gone gone gone ok   deny deny gone old  bad
ConfirmPaymentAction  customer's  none gone ok   gone gone gone ok   deny deny gone old  bad
ConfirmPaymentAction  absent      none gone gone gone gone gone gone deny deny gone old  bad
RefundPayment         organizer's none role role role ok   gone ok   ok   deny role old  bad
RefundPayment         other's     none role role role gone ok   ok   ok   deny role old  bad
RefundPayment         absent      none role role role gone gone gone gone deny role old  bad
GetStatus             -           none role role role role role ok   deny deny role old  bad
VerifyInvariants      -           none role role role role role ok   deny deny role old  bad
Reconcile             -           none role role role role role ok   deny deny role old  bad
ListDeadLetters       -           none role role role role role ok   deny deny role old  bad
ReplayDeadLetters     -           none role role role role role gone deny deny role old  bad
DiscardDeadLetter     -           none role role role role role gone deny deny role old  bad
ListNotifications     own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
ListNotifications     guest's     none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
ListNotifications     customer's  none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
ListNotifications     absent      none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
RetryNotification     -           none role role role role role gone deny deny role old  bad
GetTicket             own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
GetTicket             guest's     none ok   gone gone gone gone ok   deny deny gone old  bad
GetTicket             customer's  none gone ok   gone gone gone ok   deny deny gone old  bad
GetTicket             absent      none gone gone gone gone gone gone deny deny gone old  bad
ListTickets           own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
ListTickets           customer's  none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
ListTickets           absent      none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
RenderTicket          own         none ok   ok   ok   ok   ok   ok   deny deny ok   old  bad
RenderTicket          guest's     none ok   gone gone gone gone ok   deny deny gone old  bad
RenderTicket          customer's  none gone ok   gone gone gone ok   deny deny gone old  bad
RenderTicket          absent      none gone gone gone gone gone gone deny deny gone old  bad
CheckInTicket         organizer's none role role role ok   gone ok   ok   deny role old  bad
CheckInTicket         other's     none role role role gone ok   ok   ok   deny role old  bad
CheckInTicket         absent      none role role role gone gone gone gone deny role old  bad
SyncCheckIns          organizer's none role role role ok   gone ok   ok   deny role old  bad
SyncCheckIns          other's     none role role role gone ok   ok   ok   deny role old  bad
SyncCheckIns          absent      none role role role gone gone gone gone deny role old  bad
ListCheckIns          organizer's none role role role ok   gone ok   ok   deny role old  bad
ListCheckIns          other's     none role role role gone ok   ok   ok   deny role old  bad
ListCheckIns          absent      none role role role gone gone gone gone deny role old  bad
ListEventTickets      organizer's none role role role ok   gone ok   ok   deny role old  bad
ListEventTickets      other's     none role role role gone ok   ok   ok   deny role old  bad
ListEventTickets      absent      none role role role gone gone gone gone deny role old  bad
GetVerificationKeys   -           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   old  bad
";

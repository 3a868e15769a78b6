-- Timelines of a guest are found when a user takes over what is the guest's.

create index reporting_booking_by_session on reporting_booking (session_id);

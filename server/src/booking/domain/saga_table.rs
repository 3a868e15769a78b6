//! The table of the purchase saga, as its test reads it.

/// A line is a state that a booking is in, a column is something that happens: a payment starts;
/// its own payment (the one it awaits or was paid by) succeeds (`+`), fails (`-`) or is cancelled
/// (`~`); another one does; its owner, the organizer (`org`) or the calling off of its event
/// (`off`) cancels it; all of its places, or one, are given back; a time passes.
///
/// A cell is `x` (refused, nothing changes), `.` (nothing changes), or the new state and what
/// becomes of the places. Initials stand for states: Pending, Awaiting, Confirmed, caNcelled,
/// Failed, Expired; `-` keeps the places, `<` frees them, `|` takes them off sale, `1` frees one of
/// two, `!` sells them. A `+` follows if it is told that money has to be given back, a `$` if it is
/// given back: `$2` for a second capture, `$N` for a cancelled booking, `$T` for places that are
/// taken.
pub(super) const TABLE: &str = "\
                  start own+ own- own~ other+ other- other~ owner  org off all one pay_by settle_by
P in time       | A-    C!   .    .    C!     .      .      N<     N<  N|  x   x   x      x
P overdue       | x     C!   .    .    C!     .      .      N<     N<  N|  x   x   E<     x
P declined late | x     C!   .    .    C!     .      .      N<     N<  N|  x   x   F<     x
A in time       | x     C!   P-   P-   C!     .      .      N-     N-  N-  x   x   x      x
A 4 declines    | x     C!   F<   P-   C!     .      .      N-     N-  N-  x   x   x      x
A overdue       | x     C!   F<   E<   C!     .      .      N-     N-  N-  x   x   A-     x
A settling      | x     C!   F<   E<   C!     .      .      N-     N-  N-  x   x   x      x
A settled out   | x     C!   F<   E<   C!     .      .      N-     N-  N-  x   x   x      E<
A declined, out | x     C!   F<   F<   C!     .      .      N-     N-  N-  x   x   x      F<
C               | x     .    .    .    C-$2   .      .      N<+    N<+ N|+ N<  C1  x      x
C starts soon   | x     .    .    .    C-$2   .      .      x      N<+ N|+ N<  C1  x      x
N nothing open  | x     N-$N .    .    N-$N   .      .      x      x   x   x   x   x      x
N open          | x     N<$N N<   N<   N-$N   .      .      x      x   x   x   x   x      x
N open, out     | x     N<$N N<   N<   N-$N   .      .      x      x   x   x   x   x      N<
N was paid      | x     .    .    .    N-$N   .      .      x      x   x   x   x   x      x
F places free   | x     C!   .    .    C!     .      .      x      x   x   x   x   x      x
F places taken  | x     F-$T .    .    F-$T   .      .      x      x   x   x   x   x      x
E places free   | x     C!   .    .    C!     .      .      x      x   x   x   x   x      x
E places taken  | x     E-$T .    .    E-$T   .      .      x      x   x   x   x   x      x
";

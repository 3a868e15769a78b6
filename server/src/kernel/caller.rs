//! Who acts.

use std::fmt;

use super::id::{GuestId, ServiceAccountId, UserId};
use super::time::Timestamp;

/// What a caller may be on the platform; mirrors `boxoffice.type.v1.Role`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A buyer who has not signed in.
    Guest,
    /// A registered buyer.
    Customer,
    /// An owner of venues and events.
    Organizer,
    /// An operator of the platform.
    Admin,
}

impl Role {
    /// All of them, in order of rank.
    pub const ALL: [Self; 4] = [Self::Guest, Self::Customer, Self::Organizer, Self::Admin];

    /// The name that tokens, the database and events use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guest => "GUEST",
            Self::Customer => "CUSTOMER",
            Self::Organizer => "ORGANIZER",
            Self::Admin => "ADMIN",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// Whether the role is in the set.
    pub fn has(self, role: Role) -> bool {
        self.0 & (1 << role as u8) != 0
    }

    /// The roles in the set, in order of rank.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    /// Whether the two sets share a role.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<T: IntoIterator<Item = Role>>(roles: T) -> Self {
        Self(roles.into_iter().fold(0, |set, role| set | (1 << role as u8)))
    }
}

/// What a service account may be allowed; the contract has their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// To look users up.
    UsersRead,
    /// To open guest sessions in its own name.
    GuestSessionsCreate,
    /// To read anybody's bookings.
    BookingsRead,
    /// To check tickets in.
    TicketsCheckIn,
    /// To give money back.
    PaymentsRefund,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::UsersRead,
        Self::GuestSessionsCreate,
        Self::BookingsRead,
        Self::TicketsCheckIn,
        Self::PaymentsRefund,
    ];

    /// The name that the contract, tokens and the database use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UsersRead => "users:read",
            Self::GuestSessionsCreate => "guest-sessions:create",
            Self::BookingsRead => "bookings:read",
            Self::TicketsCheckIn => "tickets:check-in",
            Self::PaymentsRefund => "payments:refund",
        }
    }

    /// The scope of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u16);

impl Scopes {
    /// Whether the scope is in the set.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u16) != 0
    }

    /// The scopes in the set.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    /// Whether there is none in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the two sets share a scope.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | (1 << scope as u16)))
    }
}

/// Names of the scopes, separated by blanks.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().map(Scope::name).collect::<Vec<_>>().join(" "))
    }
}

/// Who acts: a signed-in user, a guest or a service. Holds and bookings belong to one of the first
/// two.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SessionId {
    /// A signed-in user.
    User(UserId),
    /// A guest.
    Guest(GuestId),
    /// Another backend in its own name.
    Service(ServiceAccountId),
}

impl SessionId {
    /// Reads the wire and database form, "usr_…", "gst_…" or "svc_…".
    pub fn parse(text: &str) -> Option<Self> {
        let user = UserId::parse(text).map(Self::User);
        let guest = || GuestId::parse(text).map(Self::Guest);
        user.or_else(guest).or_else(|| ServiceAccountId::parse(text).map(Self::Service))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => fmt::Display::fmt(id, f),
            Self::Guest(id) => fmt::Display::fmt(id, f),
            Self::Service(id) => fmt::Display::fmt(id, f),
        }
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The verified sender of a call, made from its access token by the transport and by nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Whose holds and bookings it acts on.
    pub session: SessionId,
    /// What it may be; a service has no roles.
    pub roles: Roles,
    /// What it may do as a service; nobody else has scopes.
    pub scopes: Scopes,
    /// When its access token stops working; streams end then.
    pub token_expire_time: Timestamp,
}

impl Caller {
    /// Whether it operates the platform and so may see what is not its own.
    pub fn is_admin(&self) -> bool {
        self.roles.has(Role::Admin)
    }

    /// Whether the resource of `owner` is its own, or it operates the platform.
    pub fn may_see(&self, owner: SessionId) -> bool {
        self.session == owner || self.is_admin()
    }

    /// The user it is, if it is signed in.
    pub fn user_id(&self) -> Option<UserId> {
        match self.session {
            SessionId::User(id) => Some(id),
            SessionId::Guest(_) | SessionId::Service(_) => None,
        }
    }

    /// The service account it is, if it is one.
    pub fn service_account_id(&self) -> Option<ServiceAccountId> {
        match self.session {
            SessionId::Service(id) => Some(id),
            SessionId::User(_) | SessionId::Guest(_) => None,
        }
    }

    /// Whether it is a service that may do this.
    pub fn has_scope(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_scopes_read_back_and_nothing_else_does() {
        let all: Scopes = Scope::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Scope::ALL.len());
        let names = all.to_string();
        assert!(names.split(' ').map(Scope::parse).eq(Scope::ALL.map(Some)), "{names}");
        for wrong in ["", "users", "users:write", "USERS:READ", " users:read", "*"] {
            assert_eq!(Scope::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_kind_of_session_reads_back() {
        for text in ["usr_", "gst_", "svc_"].map(|prefix| format!("{prefix}{}", "0".repeat(32))) {
            assert_eq!(SessionId::parse(&text).map(|session| session.to_string()), Some(text));
        }
        assert_eq!(SessionId::parse(&format!("prt_{}", "0".repeat(32))), None);
    }
}

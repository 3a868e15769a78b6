//! Who acts.

use std::fmt;

use super::id::{GuestId, UserId};
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

/// Who acts: a signed-in user or a guest. Holds and bookings belong to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SessionId {
    /// A signed-in user.
    User(UserId),
    /// A guest.
    Guest(GuestId),
}

impl SessionId {
    /// Reads the wire and database form, "usr_…" or "gst_…".
    pub fn parse(text: &str) -> Option<Self> {
        let user = UserId::parse(text).map(Self::User);
        user.or_else(|| GuestId::parse(text).map(Self::Guest))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => fmt::Display::fmt(id, f),
            Self::Guest(id) => fmt::Display::fmt(id, f),
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
    /// What it may be.
    pub roles: Roles,
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
            SessionId::Guest(_) => None,
        }
    }
}

//! Who may call which RPC, read from the options in the protos, where it is declared once.

use std::collections::HashMap;

use boxoffice_proto::prost_reflect::{
    DescriptorPool, ExtensionDescriptor, MethodDescriptor, Value,
};
use boxoffice_proto::r#type::v1::{Access, Role as WireRole};

use super::wire;
use crate::error::{Error, Result};
use crate::kernel::caller::{Role, Roles, Scope, Scopes};

/// The option that every RPC carries.
const OPTION: &str = "boxoffice.type.v1.access";
/// What the names of our own services begin with.
const OURS: &str = "boxoffice.";

/// Whom one RPC admits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRule {
    /// Whether anybody may call it, signed in or not.
    pub public: bool,
    /// The roles of which a caller needs one.
    pub roles: Roles,
    /// The scopes of which a service account needs one; empty if none may call it, unless anybody
    /// may.
    pub scopes: Scopes,
    /// Whether the resource must be the caller's own; the services see to that.
    pub owner: bool,
    /// Whether a client gets its tokens by it, or its password, so that an old one must not be in
    /// its way.
    pub credential: bool,
}

/// The rules of all our RPCs, by path: `/boxoffice.identity.v1.IdentityService/Login`.
#[derive(Clone, Debug, Default)]
pub struct AccessRules {
    rules: HashMap<String, AccessRule>,
}

impl AccessRules {
    /// The rules of the contract this server is built with.
    pub fn of_contract() -> Result<Self> {
        Self::load(&boxoffice_proto::POOL)
    }

    /// Reads the rules of every RPC of ours in the pool. One that has none, or whose rule admits
    /// nobody, is an error that names it: the server must not start.
    pub fn load(pool: &DescriptorPool) -> Result<Self> {
        let option = pool.get_extension_by_name(OPTION);
        let mut rules = HashMap::new();
        for service in pool.services().filter(|service| service.full_name().starts_with(OURS)) {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                let rule = rule(&method, option.as_ref())
                    .map_err(|fault| Error::internal(format!("the RPC {path} {fault}")))?;
                rules.insert(path, rule);
            }
        }
        Ok(Self { rules })
    }

    /// The rule of the RPC at that path; `None` if it is not one of ours.
    pub fn get(&self, path: &str) -> Option<&AccessRule> {
        self.rules.get(path)
    }

    /// Every path and its rule, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AccessRule)> {
        self.rules.iter().map(|(path, rule)| (path.as_str(), rule))
    }
}

fn rule(
    method: &MethodDescriptor,
    option: Option<&ExtensionDescriptor>,
) -> Result<AccessRule, &'static str> {
    const MISSING: &str = "does not say who may call it (option boxoffice.type.v1.access)";
    let options = method.options();
    let option = option.filter(|option| options.has_extension(option)).ok_or(MISSING)?;
    let value = options.get_extension(option);
    let Value::Message(message) = value.as_ref() else { return Err(MISSING) };
    let access: Access =
        message.transcode_to().map_err(|_| "has an access option of another type")?;
    let roles: Option<Vec<Role>> = access
        .roles
        .iter()
        .map(|number| WireRole::try_from(*number).ok().and_then(wire::role_from))
        .collect();
    let roles = roles.ok_or("admits a role that does not exist")?;
    let scopes: Option<Scopes> = access.scopes.iter().map(|name| Scope::parse(name)).collect();
    let scopes = scopes.ok_or("admits a scope that does not exist")?;
    if !access.public && roles.is_empty() && scopes.is_empty() {
        return Err("admits nobody");
    }
    if access.credential && !access.public {
        return Err("gives credentials to those who have some only");
    }
    Ok(AccessRule {
        public: access.public,
        roles: roles.into_iter().collect(),
        scopes,
        owner: access.owner,
        credential: access.credential,
    })
}

#[cfg(test)]
mod tests;

use boxoffice_proto::POOL;
use prost_types::{
    DescriptorProto, FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto,
};

use super::*;

fn rules() -> AccessRules {
    AccessRules::load(&POOL).expect("every RPC has a rule")
}

/// A pool with our contract and one more service, whose only RPC has these encoded options.
fn pool_with(package: &str, options: Option<&[u8]>) -> DescriptorPool {
    // Options of our own can't be set in the typed descriptor; a service without them is added and
    // its options are appended in their encoded form.
    let message = DescriptorProto { name: Some("Empty".into()), ..Default::default() };
    let name = format!(".{package}.Empty");
    let method = MethodDescriptorProto {
        name: Some("Forgotten".into()),
        input_type: Some(name.clone()),
        output_type: Some(name),
        ..Default::default()
    };
    let service = ServiceDescriptorProto { name: Some("Extra".into()), ..Default::default() };
    let file = FileDescriptorProto {
        name: Some(format!("{package}.proto")),
        package: Some(package.into()),
        dependency: vec!["boxoffice/type/v1/access.proto".into()],
        message_type: vec![message],
        service: Vec::new(),
        syntax: Some("proto3".into()),
        ..Default::default()
    };
    let mut method = prost::Message::encode_to_vec(&method);
    if let Some(options) = options {
        field(&mut method, 4, options);
    }
    let mut service = prost::Message::encode_to_vec(&service);
    field(&mut service, 2, &method);
    let mut file = prost::Message::encode_to_vec(&file);
    field(&mut file, 6, &service);
    let mut pool = POOL.clone();
    pool.decode_file_descriptor_proto(file.as_slice()).expect("a good file");
    pool
}

/// Appends a field of bytes to an encoded message.
fn field(message: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    use prost::encoding::{WireType, encode_key, encode_varint};
    encode_key(number, WireType::LengthDelimited, message);
    encode_varint(bytes.len() as u64, message);
    message.extend_from_slice(bytes);
}

/// Encoded options that hold only the access option.
fn access(access: &Access) -> Vec<u8> {
    let mut options = Vec::new();
    field(&mut options, 50901, &prost::Message::encode_to_vec(access));
    options
}

#[test]
fn every_rpc_of_ours_has_a_rule_that_admits_somebody() {
    let rules = rules();
    let mut count = 0;
    for (path, rule) in rules.iter() {
        assert!(rule.public || rule.roles != Roles::default(), "{path}");
        count += 1;
    }
    let rpcs: usize = POOL
        .services()
        .filter(|service| service.full_name().starts_with(OURS))
        .map(|service| service.methods().count())
        .sum();
    assert!(count > 20 && count == rpcs, "{count} of {rpcs}");
}

#[test]
fn a_rule_is_what_the_proto_says() {
    let rules = rules();
    let admins = rules.get("/boxoffice.identity.v1.IdentityService/SetUserRoles");
    let roles = [Role::Admin].into_iter().collect();
    assert_eq!(admins, Some(&AccessRule { roles, ..AccessRule::default() }));
    let login = rules.get("/boxoffice.identity.v1.IdentityService/Login");
    let expected = AccessRule { public: true, credential: true, ..AccessRule::default() };
    assert_eq!(login, Some(&expected));
    let owners = rules.get("/boxoffice.catalog.v1.CatalogService/PublishEvent");
    let roles = [Role::Organizer, Role::Admin].into_iter().collect();
    assert_eq!(owners, Some(&AccessRule { roles, owner: true, ..AccessRule::default() }));
    assert_eq!(rules.get("/boxoffice.identity.v1.IdentityService/login"), None);
    assert_eq!(rules.get("/grpc.health.v1.Health/Check"), None);
}

#[test]
fn an_rpc_without_a_rule_stops_the_start_and_is_named() {
    let empty = access(&Access::default());
    let owner_only = access(&Access { owner: true, ..Access::default() });
    let unset_role = access(&Access { roles: vec![0], ..Access::default() });
    let unknown_role = access(&Access { roles: vec![99], ..Access::default() });
    let unknown_scope = access(&Access { scopes: vec!["holds".into()], ..Access::default() });
    let faulty = [
        None,
        Some(&[][..]),
        Some(&empty),
        Some(&owner_only),
        Some(&unset_role),
        Some(&unknown_role),
        Some(&unknown_scope),
    ];
    for options in faulty {
        let error = AccessRules::load(&pool_with("boxoffice.extra.v1", options));
        let error = error.expect_err("a rule is missing").to_string();
        assert!(error.contains("/boxoffice.extra.v1.Extra/Forgotten"), "{error}");
    }
}

#[test]
fn an_rpc_with_a_rule_is_added_to_the_others() {
    let options = access(&Access { scopes: vec!["bookings:read".into()], ..Access::default() });
    let pool = pool_with("boxoffice.extra.v1", Some(&options));
    let rules = AccessRules::load(&pool).expect("every RPC has a rule");
    let rule = rules.get("/boxoffice.extra.v1.Extra/Forgotten");
    assert_eq!(rule.map(|rule| rule.scopes), Some([Scope::BookingsRead].into_iter().collect()));
}

#[test]
fn services_that_are_not_ours_need_no_rule() {
    assert!(AccessRules::load(&pool_with("grpc.extra.v1", None)).is_ok());
}

#[test]
fn a_pool_without_the_option_has_no_rules_to_read() {
    let mut pool = DescriptorPool::new();
    let service = ServiceDescriptorProto {
        name: Some("Bare".into()),
        method: vec![MethodDescriptorProto {
            name: Some("Call".into()),
            input_type: Some(".boxoffice.bare.v1.Empty".into()),
            output_type: Some(".boxoffice.bare.v1.Empty".into()),
            ..Default::default()
        }],
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: Some("bare.proto".into()),
        package: Some("boxoffice.bare.v1".into()),
        message_type: vec![DescriptorProto { name: Some("Empty".into()), ..Default::default() }],
        service: vec![service],
        syntax: Some("proto3".into()),
        ..Default::default()
    };
    pool.add_file_descriptor_proto(file).expect("a good file");
    let error = AccessRules::load(&pool).expect_err("no rule").to_string();
    assert!(error.contains("/boxoffice.bare.v1.Bare/Call"), "{error}");
}

#[test]
fn credentials_are_had_without_any() {
    let rules = rules();
    let credentials = rules.iter().filter(|(_, rule)| rule.credential);
    let mut names: Vec<&str> =
        credentials.filter_map(|(path, _)| path.rsplit('/').next()).collect();
    names.sort_unstable();
    let expected = [
        "CreateGuestSession",
        "IssueServiceToken",
        "Login",
        "Logout",
        "RefreshToken",
        "Register",
        "RequestPasswordReset",
        "ResetPassword",
        "VerifyEmail",
    ];
    assert_eq!(names, expected);
    let contradiction =
        Access { credential: true, roles: vec![WireRole::Admin.into()], ..Default::default() };
    let pool = pool_with("boxoffice.extra.v1", Some(&access(&contradiction)));
    assert!(AccessRules::load(&pool).is_err());
}

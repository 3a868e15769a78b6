//! The walk through the contract: every RPC with every field spoiled in every way, by callers who
//! may call it, about things that are there. Every answer is a clear one, and the sale goes on.
//!
//! `BOXOFFICE_TEST_CALLS` says how many calls there are about (1,500 unless set), and
//! `BOXOFFICE_TEST_SEED` which of all that could be.

use std::collections::HashSet;

use boxoffice_proto::r#type::v1::ErrorReason;
use boxoffice_sdk::r#type::v1::Role;
use boxoffice_tests::{Person, World, length, request_id, scenarios};
use futures::StreamExt;
use prost::Message;
use prost_reflect::{DynamicMessage, Value};
use tonic::Code;

use super::dice::{Dice, seed};
use super::scene::{Buyer, Scene, Whose, authorization};
use super::spoiled::{Case, cases};
use super::verdict::{Seen, told, unclear};
use crate::wire::{Rpc, call, rpcs};

/// RPCs that are walked at the same time.
const AT_ONCE: usize = 4;
/// Effects after which a buyer is another one, because there is a limit of what one may have.
const EFFECTS_A_BUYER: usize = 15;
/// About as many cases as there are of an RPC.
const CASES_OF_MOST: usize = 180;
/// Cases of each RPC at the least, whatever the number of calls is.
const CASES_MIN: usize = 12;

/// Somebody who may call an RPC, with a good request for it.
struct Station<'s> {
    scene: &'s Scene<'s>,
    rpc: &'s Rpc,
    name: String,
    /// Where buyers may call.
    buyer: Option<Buyer>,
    /// Where customers may call and guests may not.
    customer: Option<Person>,
    effects: usize,
    good: DynamicMessage,
}

impl<'s> Station<'s> {
    async fn open(scene: &'s Scene<'s>, rpc: &'s Rpc) -> Self {
        let name = rpc.method.name().to_owned();
        let good = DynamicMessage::new(rpc.method.input());
        let (buyer, customer) = (None, None);
        let mut station = Self { scene, rpc, name, buyer, customer, effects: 0, good };
        if station.admits(Role::Guest) {
            station.buyer = Some(scene.fresh_buyer(&scene.hosts[0]).await);
        } else if station.admits(Role::Customer) {
            station.customer = Some(scene.world.customer().await);
        }
        station.refresh().await;
        station
    }

    fn admits(&self, role: Role) -> bool {
        self.rpc.access.roles().any(|admitted| admitted == role)
    }

    fn caller(&self) -> String {
        let buyer = self.buyer.as_ref().map(|buyer| &buyer.person);
        if let Some(person) = buyer.or(self.customer.as_ref()) {
            authorization(person)
        } else if self.rpc.access.public || self.admits(Role::Organizer) {
            authorization(&self.scene.hosts[0].person)
        } else {
            authorization(&self.scene.admin)
        }
    }

    /// Makes the good request anew, about things that nothing was done to yet.
    async fn refresh(&mut self) {
        if self.buyer.is_some() && self.effects >= EFFECTS_A_BUYER {
            self.buyer = Some(self.scene.fresh_buyer(&self.scene.hosts[0]).await);
            self.effects = 0;
        }
        let host = Whose::Host(&self.scene.hosts[0]);
        let whose = self.buyer.as_ref().map_or(host, Whose::Buyer);
        let good = self.scene.good(&self.name, whose).await;
        let good = DynamicMessage::decode(self.rpc.method.input(), good.as_slice());
        self.good = good.expect("a good request");
    }

    async fn send(&mut self, case: &Case, seen: &Seen) {
        let has_effects = self.good.has_field_by_name("request_id") || self.rpc.access.credential;
        if self.good.has_field_by_name("request_id") {
            self.good.set_field_by_name("request_id", Value::String(request_id()));
        }
        let body = case.bytes(&self.good);
        let metadata = [("authorization", self.caller())];
        let metadata = metadata.each_ref().map(|(name, value)| (*name, value.as_str()));
        let outcome = call(&self.scene.channel, &self.rpc.path, body, &metadata).await;
        seen.count(&self.name, &outcome);
        let expected = (Code::InvalidArgument, Some(ErrorReason::RequestUnreadable));
        let mut fault = unclear(&self.rpc.method.output(), &outcome);
        if case.is_unreadable && told(&outcome) != expected {
            fault = Some(format!("it was read: {outcome:?}"));
        }
        if let Some(fault) = fault {
            seen.complain(format!("{} with {}: {fault}", self.rpc.path, case.name()));
        }
        if outcome.is_ok() && has_effects {
            self.effects += 1;
            self.refresh().await;
        }
    }

    /// The good request itself is answered as the contract promises.
    async fn send_good(&mut self, seen: &Seen) {
        let metadata = [("authorization", self.caller())];
        let metadata = metadata.each_ref().map(|(name, value)| (*name, value.as_str()));
        let body = self.good.encode_to_vec();
        let outcome = call(&self.scene.channel, &self.rpc.path, body, &metadata).await;
        seen.count(&self.name, &outcome);
        assert!(unclear(&self.rpc.method.output(), &outcome).is_none(), "{outcome:?}");
        let (_, reason) = told(&outcome);
        let malformed = [Some(ErrorReason::InvalidFields), Some(ErrorReason::RequestUnreadable)];
        assert!(!malformed.contains(&reason), "{} is no good: {outcome:?}", self.name);
        self.effects += 1;
        self.refresh().await;
    }
}

/// That many cases: one of each field, every NUL, and of the others those that the dice choose.
fn chosen(mut cases: Vec<Case>, count: usize, dice: &mut Dice) -> Vec<Case> {
    dice.shuffle(&mut cases);
    let mut fields = HashSet::new();
    let (mut first, rest): (Vec<_>, Vec<_>) = cases
        .into_iter()
        .partition(|case| case.has_nul() || case.field().is_some_and(|field| fields.insert(field)));
    let more = count.max(CASES_MIN).saturating_sub(first.len());
    first.extend(rest.into_iter().take(more));
    first
}

async fn walk(scene: &Scene<'_>, rpc: &Rpc, calls_an_rpc: usize, seen: &Seen) {
    let mut dice = Dice::of(rpc.method.name());
    let mut station = Station::open(scene, rpc).await;
    station.send_good(seen).await;
    let all = cases(&station.good, &mut dice);
    // Where more can be wrong, more is.
    let share = calls_an_rpc * all.len() / CASES_OF_MOST;
    for case in chosen(all, share, &mut dice) {
        station.send(&case, seen).await;
    }
    // It still does what it is for.
    station.send_good(seen).await;
}

/// What has to have been seen, lest the walk was through nothing.
fn assert_walked(seen: &Seen, rpcs: &[Rpc]) {
    let (outcomes, walked) = (seen.outcomes(), seen.rpcs());
    boxoffice_tests::tell!("{} calls, seed {}: {outcomes:?}", seen.calls(), seed());
    for rpc in rpcs {
        let (calls, kinds) = walked.get(rpc.method.name()).copied().unwrap_or_default();
        assert!(calls >= CASES_MIN && kinds >= 2, "{}: {calls} calls, {kinds} kinds", rpc.path);
    }
    for expected in ["Ok", "INVALID_FIELDS", "REQUEST_UNREADABLE", "NOT_FOUND"] {
        assert!(outcomes.contains_key(expected), "{expected} was never seen");
    }
    // Beyond the door and the fields there are rules, each with a reason of its own.
    assert!(outcomes.len() >= 10, "only {} kinds of answers", outcomes.len());
}

scenarios! {
    async fn s_74_every_rpc_answers_clearly_whatever_is_wrong_with_its_request(world: &World) {
        let scene = Scene::open(world).await;
        let (rpcs, seen) = (rpcs(), Seen::default());
        let calls = length("BOXOFFICE_TEST_CALLS", 1_500);
        let calls_an_rpc = calls / rpcs.len();
        let walks = rpcs.iter().map(|rpc| walk(&scene, rpc, calls_an_rpc, &seen));
        futures::stream::iter(walks).for_each_concurrent(AT_ONCE, |walk| walk).await;
        let faults = seen.faults();
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
        assert_walked(&seen, &rpcs);
        // The server goes on, and so does the sale.
        scene.fresh_buyer(&scene.hosts[0]).await;
    }
}

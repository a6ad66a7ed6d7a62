//! What another program sees of this one: it calls every instruction, and any two of them in one instruction of its own, and looks at the
//! accounts before, between and after. It sees what everybody sees between two transactions, and nothing else: so a price that is read
//! from an account, a balance or a health is never half done, and many calls at once can do what the same transactions can.

use std::sync::Arc;

use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper_engine::quantity::Side;
use taper_harness::{empty_notes, keypair, order, Calls, HarnessError, OracleFeed, Snapshot, World};
use taper_sdk::instruction::{self, MarketKeys};
use taper_sdk::legs::Leg;
use taper_sdk::plan;

use crate::substitution::scene::{self, Scene};
use crate::substitution::table::Case;
use crate::support::*;

fn notes() -> Pubkey {
    keypair("notes").pubkey()
}

/// Two calls that the harness does not take as one transaction: it wants a market's oracle to change alone.
const TOO_MUCH_AT_ONCE: [&str; 2] = ["apply an oracle", "advance_ramp"];

/// A world in which calls are compared with transactions.
struct Comparison<'a> {
    world: &'a mut World,
    signers: Vec<&'a Keypair>,
    start: Snapshot,
}

impl<'a> Comparison<'a> {
    fn new(world: &'a mut World, signers: Vec<&'a Keypair>) -> Self {
        world.chain.set_account(&notes(), empty_notes());
        let start = world.chain.snapshot();
        Self { world, signers, start }
    }

    /// Back to the start, and what has to come before.
    async fn begin(&mut self, before: &[Instruction]) {
        self.world.chain.restore(&self.start);
        if !before.is_empty() {
            self.world.chain.send(before, &self.signers).await.unwrap();
        }
    }

    /// Once as a transaction each, once as calls in one instruction. `Some` is the name of the refusal, the same both ways.
    async fn same(&mut self, before: &[Instruction], calls: &[Instruction], what: &str) -> Option<String> {
        let all = Calls::new(calls, &notes()).unwrap();
        self.begin(before).await;
        let (mut expected, mut refused) = (vec![all.note_of(&self.world.chain)], None);
        for call in calls {
            match self.world.chain.send(std::slice::from_ref(call), &self.signers).await {
                Ok(_) => expected.push(all.note_of(&self.world.chain)),
                Err(HarnessError::Refused(refusal)) => {
                    refused = Some(refusal.name());
                    break;
                }
                Err(other) => panic!("{what}: {other}"),
            }
        }
        self.begin(before).await;
        match self.world.chain.send(std::slice::from_ref(&all.instruction), &self.signers).await {
            Ok(_) => {
                assert_eq!(refused, None, "{what}: refused one by one, and not when called");
                assert_eq!(all.noted(&self.world.chain).unwrap(), expected, "{what}: seen between the calls");
                assert_eq!(Some(&all.note_of(&self.world.chain)), expected.last(), "{what}: in the end");
            }
            Err(HarnessError::Refused(refusal)) => {
                assert_eq!(Some(refusal.name()), refused, "{what}: called, {:#?}", refusal.logs);
            }
            Err(other) => panic!("{what}, called: {other}"),
        }
        refused
    }
}

/// Every instruction of a scene alone, and every two of them, itself twice included.
async fn any_two(mut scene: Scene, at_least: usize) {
    let signers: Vec<Arc<Keypair>> = scene.signers.values().cloned().collect();
    let cases: Vec<Case> = std::mem::take(&mut scene.cases);
    let mut comparison = Comparison::new(&mut scene.world, signers.iter().map(Arc::as_ref).collect());
    let (mut done, mut refused) = (0, 0);
    for first in &cases {
        let alone = comparison.same(&first.before, std::slice::from_ref(&first.instruction), first.name).await;
        assert_eq!(alone, None, "{} works", first.name);
        for second in &cases {
            if first.name != second.name && [first.name, second.name].iter().all(|name| TOO_MUCH_AT_ONCE.contains(name))
            {
                continue;
            }
            let mut before = first.before.clone();
            if first.name != second.name {
                before.extend_from_slice(&second.before);
            }
            let what = format!("{}, then {}", first.name, second.name);
            let calls = [first.instruction.clone(), second.instruction.clone()];
            match comparison.same(&before, &calls, &what).await {
                None => done += 1,
                Some(_) => refused += 1,
            }
        }
    }
    println!("two calls in one instruction: {done} done, {refused} refused as one by one");
    assert!(done > at_least, "{done}");
}

#[tokio::test]
async fn any_two_instructions_are_seen_whole() {
    any_two(scene::trouble().await, 300).await;
}

#[tokio::test]
async fn any_two_instructions_of_governance_are_seen_whole() {
    any_two(scene::governing().await, 60).await;
}

#[tokio::test]
async fn any_two_instructions_past_the_ladder_are_seen_whole() {
    any_two(scene::ruin().await, 10).await;
    any_two(scene::ending().await, 1).await;
}

const TICK: i64 = 100;

/// Two updates of one feed that are both fresh, the older one and a newer one.
struct Updates {
    older: MarketKeys,
    newer: MarketKeys,
}

/// Alice is long in a market with a pull oracle and in the soft stage; nobody quotes it.
async fn alice_alone() -> World {
    let mut world = World::with_markets(2).await.unwrap();
    world.take("alice", 1, Side::Bid, 10_000).await.unwrap();
    world.pass(10).unwrap();
    world.set_price(1, SOFT).unwrap();
    world.cancel_all("maker", 1).await.unwrap();
    world
}

/// A newer price, published a second after the one that is there.
fn publish(world: &mut World, price_atoms_per_lot: i64) -> Updates {
    let market = world.market(1).unwrap();
    let feed = OracleFeed { account: keypair("newer update").pubkey(), ..market.feed };
    let mut published = feed.calm(&world.chain, price_atoms_per_lot).unwrap();
    published.publish_time_seconds += 1;
    feed.post(&mut world.chain, &published);
    Updates { older: market.keys, newer: MarketKeys { oracle: feed.account, ..market.keys } }
}

fn bid(world: &World, keys: &MarketKeys, price_atoms_per_lot: i64) -> Instruction {
    let bob = world.trader("bob");
    instruction::place_order(bob.key(), keys, bob.margin, order(Side::Bid, price_atoms_per_lot, 10_000), &[])
}

fn slice(world: &World, keys: &MarketKeys) -> Instruction {
    let (alice, carol) = (world.trader("alice"), world.trader("carol"));
    let args = world.liquidate_args("alice", 1).unwrap();
    instruction::partial_liquidate(carol.key(), keys, alice.margin, &world.payout_as_credit("carol"), args, &[])
}

/// What bob and carol have, at the newer price.
fn wealth(world: &World, newer: &MarketKeys) -> i64 {
    let exchange = world.venue.keys.exchange;
    let of = |name: &str| {
        let seated = world.seat(name, 1).unwrap().is_some();
        let legs: Vec<Leg> = seated.then_some(Leg { market: newer.market, oracle: newer.oracle }).into_iter().collect();
        plan::health(&world.chain, world.now(), &exchange, &world.trader(name).margin, &legs).unwrap()
    };
    ["bob", "carol"].map(|name| of(name).maintenance.equity.0).iter().sum()
}

/// The attacker has both updates in hand: he bids, slices at the older price, and holds at the newer one, all in one instruction. On each
/// lot he gets at most what κ₀ allows, the clock having just begun, and the move, up or down: nothing for doing it at once.
#[tokio::test]
async fn a_slice_between_two_updates_gains_the_move_and_kappa() {
    let mut world = alice_alone().await;
    let params = world.market_account(1).unwrap().state.params;
    let kappa_scaled = i64::from(params.tiers[0].mmr_bps) * i64::from(params.cost_cap_start_bps_of_mmr);
    let kappa_atoms = SOFT * kappa_scaled / 100_000_000 + 1;
    for next in [SOFT - 5_000, SOFT, SOFT + 5_000] {
        let updates = publish(&mut world, next);
        let (bob, carol) = (world.trader("bob"), world.trader("carol"));
        let signers = vec![&*bob.keypair, &*carol.keypair];
        let (mut best, mut bound_of_best, mut refusals) = (i64::MIN, 0, Vec::new());
        let mut comparison = Comparison::new(&mut world, signers);
        let start = comparison.start.clone();
        let nearest = kappa_atoms / TICK * TICK;
        for edge in (0..nearest).step_by(1_000).chain((nearest - 5 * TICK..=nearest + 2 * TICK).step_by(100)) {
            comparison.world.chain.restore(&start);
            let (before, held) = (wealth(comparison.world, &updates.newer), alices(comparison.world));
            let sample = instruction::update_funding(&updates.newer);
            let calls =
                [bid(comparison.world, &updates.older, SOFT - edge), slice(comparison.world, &updates.older), sample];
            if let Some(refusal) = comparison.same(&[], &calls, &format!("{edge} below, then {next}")).await {
                refusals.push((edge, refusal));
                continue;
            }
            let closed = held - alices(comparison.world);
            let profit = wealth(comparison.world, &updates.newer) - before;
            let bound = closed * (kappa_atoms + next - SOFT);
            assert!(closed > 0 && profit <= bound, "{profit} of {bound} on {closed} lots, {edge} below");
            if profit > best {
                (best, bound_of_best) = (profit, bound);
            }
        }
        println!("from {SOFT} to {next}: {best} of {bound_of_best}; refused {refusals:?}");
        assert!(best * 100 >= bound_of_best * 80, "a weak search: {best}");
        comparison.world.chain.restore(&start);
        let calls = [bid(comparison.world, &updates.newer, SOFT - 5_000), slice(comparison.world, &updates.older)];
        let back = comparison.same(&[], &calls, "back to the older price").await;
        assert_eq!(back.as_deref(), Some("OracleOlderThanLast"));
        comparison.world.chain.restore(&start);
    }
}

fn alices(world: &World) -> i64 {
    world.base("alice", 1).unwrap()
}

//! One instruction of each kind that works, with the names of its slots.

use solana_instruction::Instruction;
use solana_signer::Signer;
use taper::instructions::{CancelAllOrdersArgs, CancelOrderArgs, PlaceOrderArgs};
use taper_engine::quantity::Side;
use taper_harness::{order, MarketHandle, MarketSpec, PriceSource, World};
use taper_sdk::instruction;

use super::idl;
use crate::support::*;

/// One instruction that works, and what its slots are called in the IDL.
pub struct Case {
    pub name: &'static str,
    pub slots: Vec<String>,
    pub instruction: Instruction,
    /// Instructions that have to come before it in its transaction.
    pub before: Vec<Instruction>,
}

pub(super) fn case(name: &'static str, instruction: Instruction) -> Case {
    Case { name, slots: idl::slots(&instruction), instruction, before: Vec::new() }
}

/// Every instruction.
pub fn cases(world: &World) -> Vec<Case> {
    let mut all = Vec::from(creations(world));
    all.extend(cash(world));
    all.extend(orders(world));
    all.extend(observations(world));
    all.extend(liquidations(world));
    all.extend(government(world));
    all.extend(accounts(world));
    all
}

/// Creation of an exchange and of a market, each with new keys.
fn creations(world: &World) -> [Case; 2] {
    let (keys, admin, guardian) = (world.venue.keys, world.venue.admin.pubkey(), world.venue.guardian.pubkey());
    let spec = MarketSpec::sol("THIRD", PriceSource::Push).unwrap();
    // On the oracle of the first market, which has a price.
    let feed = world.markets()[0].feed;
    let (_, mut before) = MarketHandle::creation(&world.chain, &world.venue, &spec, &feed);
    let create_market = before.pop().unwrap();
    [
        case(
            "initialize_exchange",
            instruction::initialize_exchange(admin, 9, guardian, 0, keys.quote_mint, keys.token_program),
        ),
        Case { before, ..case("create_market", create_market) },
    ]
}

fn cash(world: &World) -> [Case; 3] {
    let (alice, bob, carol) = (world.trader("alice"), world.trader("bob"), world.trader("carol"));
    let (keys, legs) = (world.venue.keys, world.legs("alice", None).unwrap());
    let deposit = instruction::deposit(alice.key(), &keys, alice.margin, alice.token_account, 5, &legs);
    let withdraw = instruction::withdraw(carol.key(), &keys, carol.margin, carol.token_account, 5, &[]);
    [case("deposit", bob.deposit(&world.venue, 5)), case("deposit with legs", deposit), case("withdraw", withdraw)]
}

fn orders(world: &World) -> [Case; 3] {
    let (alice, market) = (world.trader("alice"), world.market(0).unwrap().keys);
    let reduce = PlaceOrderArgs { kind: 2, ..order(Side::Ask, SOFT - 500, 10) };
    let asks = world.book(0).unwrap().book.orders(Side::Ask);
    let sequence = asks.iter().find(|order| order.price_atoms_per_lot == LISTED * 2).unwrap().sequence;
    let one = CancelOrderArgs { side: 1, price_atoms_per_lot: LISTED * 2, sequence };
    let both = CancelAllOrdersArgs { side: 2, limit: 32 };
    [
        case("place_order", world.place_instruction("alice", 0, reduce).unwrap()),
        case("cancel_order", instruction::cancel_order(alice.key(), &market, alice.margin, one)),
        case("cancel_all_orders", instruction::cancel_all_orders(alice.key(), &market, alice.margin, both)),
    ]
}

fn observations(world: &World) -> [Case; 4] {
    let (alice, market) = (world.trader("alice"), world.market(0).unwrap().keys);
    let legs = world.legs("alice", Some(0)).unwrap();
    [
        case("force_cancel_orders", instruction::force_cancel_orders(&market, alice.margin, 32, &legs)),
        case("flag_account", instruction::flag_account(&market, alice.margin, &legs)),
        case("settle_loss", instruction::settle_loss(&market, alice.margin)),
        case("update_funding", instruction::update_funding(&market)),
    ]
}

fn liquidations(world: &World) -> [Case; 3] {
    let (alice, carol, market) = (world.trader("alice"), world.trader("carol"), world.market(0).unwrap().keys);
    let legs = world.legs("alice", Some(0)).unwrap();
    let args = world.liquidate_args("alice", 0).unwrap();
    let (credit, tokens) = (world.payout_as_credit("carol"), world.payout_in_tokens("carol"));
    let slice = |payout| world.liquidate_instruction("carol", "alice", 0, payout, args).unwrap();
    [
        case("liquidate for credit", slice(&credit)),
        case("liquidate for tokens", slice(&tokens)),
        case("absorb", instruction::absorb(carol.key(), &market, alice.margin, carol.margin, args, &legs, &[])),
    ]
}

fn government(world: &World) -> [Case; 2] {
    let (guardian, keys) = (world.venue.guardian.pubkey(), world.market(0).unwrap().keys);
    [
        case("sweep_market_income", instruction::sweep_market_income(keys.exchange, keys.market)),
        case("set_status", instruction::set_status(guardian, keys.exchange, Some(keys.market), 1)),
    ]
}

fn accounts(world: &World) -> [Case; 4] {
    let (alice, bob, dave) = (world.trader("alice"), world.trader("bob"), world.trader("dave"));
    let (keys, market) = (world.venue.keys, world.market(0).unwrap().keys.market);
    let release = instruction::release_seat(market, dave.margin);
    let all = 1_000 * TOKEN;
    let empty = instruction::withdraw(dave.key(), &keys, dave.margin, dave.token_account, all, &[]);
    let close = instruction::close_margin_account(dave.key(), dave.margin);
    [
        case("release_seat", release.clone()),
        Case { before: vec![release, empty], ..case("close_margin_account", close) },
        case("set_delegate", instruction::set_delegate(alice.key(), alice.margin, bob.key())),
        case("create_margin_account", instruction::create_margin_account(bob.key(), keys.exchange, 7, false)),
    ]
}

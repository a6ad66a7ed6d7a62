//! A world in which every instruction of governance works, and those instructions.

use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::instructions::TightenLimitsArgs;
use taper::state::ProposalAction;
use taper_harness::{keypair, OracleFeed, PriceSource, World};
use taper_sdk::{address, instruction};

use super::table::{case, Case};
use crate::support::*;

/// Proposals of [`world`], by number.
const PARAMS: u64 = 0;
const ORACLE: u64 = 1;
const GUARDIAN: u64 = 2;
const CANCELLED: u64 = 3;
const RAMPED: u64 = 4;
const COUNT: u64 = 5;

fn better_feed() -> OracleFeed {
    OracleFeed::new("better", PriceSource::Pull, -2)
}

fn cheaper(world: &World) -> ProposalAction {
    let mut params = world.market_account(0).unwrap().state.params;
    params.taker_fee_ppm = 400;
    ProposalAction::Params { params }
}

/// Proposals of several kinds are ready, one is cancelled; alice is nominated; rates of the second market are on a ramp.
pub async fn world() -> World {
    let mut world = World::with_markets(2).await.unwrap();
    let feed = better_feed();
    let calm = feed.calm(&world.chain, LISTED).unwrap();
    feed.post(&mut world.chain, &calm);
    let mut dearer = world.market_account(1).unwrap().state.params;
    dearer.tiers[3].mmr_bps = 1_200;
    let oracle = ProposalAction::Oracle { oracle_kind: 1, oracle_key: feed.identity, oracle_account: feed.account };
    let guardian = ProposalAction::Guardian { guardian: keypair("next guardian").pubkey() };
    let (admin, exchange) = (world.venue.admin.clone(), world.venue.keys.exchange);
    let key = |index: usize| Some(world.market(index).unwrap().keys.market);
    let proposals = [
        (key(0), cheaper(&world)),
        (key(1), oracle),
        (None, guardian),
        (key(0), cheaper(&world)),
        (key(1), ProposalAction::Params { params: dearer }),
    ];
    let second = key(1);
    for (index, (market, action)) in (0u64..).zip(proposals) {
        let propose = instruction::propose(admin.pubkey(), exchange, market, index, action);
        world.chain.send(&[propose], &[&admin]).await.unwrap();
    }
    let cancel = instruction::cancel_proposal(admin.pubkey(), exchange, CANCELLED);
    let raise = instruction::apply_proposal(exchange, RAMPED, second, None);
    let nominate = instruction::nominate_admin(admin.pubkey(), exchange, world.trader("alice").key());
    world.chain.send(&[cancel, raise, nominate], &[&admin]).await.unwrap();
    world.pass(100_000).unwrap();
    let calm = feed.calm(&world.chain, LISTED).unwrap();
    feed.post(&mut world.chain, &calm);
    world
}

/// What else there is in that world.
pub fn candidates(world: &World) -> Vec<(Pubkey, &'static str, &'static str)> {
    let names = ["parameters", "an oracle", "a guardian", "cancelled", "applied"];
    let proposals = (0..COUNT).zip(names);
    let mut all: Vec<_> = proposals
        .map(|(index, name)| (address::proposal(&world.venue.keys.exchange, index), "proposal", name))
        .collect();
    all.push((better_feed().account, "oracle", "the better oracle"));
    all
}

/// Every instruction of governance.
pub fn cases(world: &World) -> Vec<Case> {
    let (admin, guardian) = (world.venue.admin.pubkey(), world.venue.guardian.pubkey());
    let (exchange, alice) = (world.venue.keys.exchange, world.trader("alice").key());
    let [first, second] = [0, 1].map(|index| world.market(index).unwrap().keys.market);
    let limits = TightenLimitsArgs { sweep_cap_atoms: Some(5), ..TightenLimitsArgs::default() };
    let timelock = ProposalAction::Timelock { timelock_slots: 5 };
    let oracle = Some(better_feed().account);
    vec![
        case("propose for a market", instruction::propose(admin, exchange, Some(first), COUNT, cheaper(world))),
        case("propose for the exchange", instruction::propose(admin, exchange, None, COUNT, timelock)),
        case("apply parameters", instruction::apply_proposal(exchange, PARAMS, Some(first), None)),
        case("apply an oracle", instruction::apply_proposal(exchange, ORACLE, Some(second), oracle)),
        case("apply a guardian", instruction::apply_proposal(exchange, GUARDIAN, None, None)),
        case("cancel_proposal", instruction::cancel_proposal(guardian, exchange, PARAMS)),
        case("close_proposal", instruction::close_proposal(exchange, CANCELLED, admin)),
        case("nominate_admin", instruction::nominate_admin(admin, exchange, alice)),
        case("accept_admin", instruction::accept_admin(alice, exchange)),
        case("tighten_limits", instruction::tighten_limits(guardian, exchange, first, limits)),
        case("advance_ramp", instruction::advance_ramp(second)),
    ]
}

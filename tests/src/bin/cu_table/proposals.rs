//! What governance costs.

use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::instructions::TightenLimitsArgs;
use taper::state::ProposalAction;
use taper_harness::{keypair, OracleFeed, Outcome, PriceSource, Result, World};
use taper_sdk::instruction;

use crate::scenes::{Rows, LISTED};

async fn send(world: &mut World, call: Instruction, signers: &[&Keypair]) -> Result<Outcome> {
    world.chain.send(&[call], signers).await
}

/// Proposes and applies. The proposal's number is `index`.
async fn carry(
    world: &mut World,
    index: u64,
    market: Option<Pubkey>,
    action: ProposalAction,
    oracle: Option<Pubkey>,
) -> Result<(Outcome, Outcome)> {
    let (admin, exchange) = (world.venue.admin.clone(), world.venue.keys.exchange);
    let propose = instruction::propose(admin.pubkey(), exchange, market, index, action);
    let proposed = send(world, propose, &[&admin]).await?;
    let apply = instruction::apply_proposal(exchange, index, market, oracle);
    Ok((proposed, send(world, apply, &[]).await?))
}

/// A status that the guardian has tightened is loosened again.
async fn status(rows: &mut Rows, world: &mut World, index: u64, market: Option<Pubkey>, of: &str) -> Result<()> {
    let (guardian, exchange) = (world.venue.guardian.clone(), world.venue.keys.exchange);
    let tighten = instruction::set_status(guardian.pubkey(), exchange, market, 1);
    send(world, tighten, &[&guardian]).await?;
    let (_, applied) = carry(world, index, market, ProposalAction::Status { status: 0 }, None).await?;
    rows.call(&format!("apply_proposal, a status {of}"), None, &applied)
}

/// Every instruction of governance, in a world without a timelock.
pub async fn measure(rows: &mut Rows) -> Result<()> {
    let mut world = World::new().await?;
    let (admin, guardian) = (world.venue.admin.clone(), world.venue.guardian.clone());
    let (exchange, key) = (world.venue.keys.exchange, world.market(0)?.keys.market);
    let mut params = world.market_account(0)?.state.params;
    params.sweep_cap_atoms += 1;
    params.maker_band_bps -= 10;
    for tier in &mut params.tiers {
        tier.mmr_bps += 10;
        tier.notional_cap_atoms -= 10;
    }
    let (proposed, applied) = carry(&mut world, 0, Some(key), ProposalAction::Params { params }, None).await?;
    rows.call("propose, parameters", None, &proposed)?;
    rows.call("apply_proposal, parameters, all tiers ramp", None, &applied)?;
    world.pass(100_000)?;
    rows.call("advance_ramp", None, &send(&mut world, instruction::advance_ramp(key), &[]).await?)?;

    let feed = OracleFeed::new("better", PriceSource::Pull, -2);
    let calm = feed.calm(&world.chain, LISTED)?;
    feed.post(&mut world.chain, &calm);
    let oracle = ProposalAction::Oracle { oracle_kind: 1, oracle_key: feed.identity, oracle_account: feed.account };
    let (_, applied) = carry(&mut world, 1, Some(key), oracle, Some(feed.account)).await?;
    rows.call("apply_proposal, an oracle", None, &applied)?;
    let next = ProposalAction::Guardian { guardian: guardian.pubkey() };
    rows.call("apply_proposal, a guardian", None, &carry(&mut world, 2, None, next, None).await?.1)?;

    let propose = instruction::propose(admin.pubkey(), exchange, Some(key), 3, ProposalAction::WindDown);
    send(&mut world, propose, &[&admin]).await?;
    let cancel = instruction::cancel_proposal(guardian.pubkey(), exchange, 3);
    rows.call("cancel_proposal", None, &send(&mut world, cancel, &[&guardian]).await?)?;
    let close = instruction::close_proposal(exchange, 3, admin.pubkey());
    rows.call("close_proposal", None, &send(&mut world, close, &[]).await?)?;
    let limits = TightenLimitsArgs { sweep_cap_atoms: Some(5), ..TightenLimitsArgs::default() };
    let tighten = instruction::tighten_limits(guardian.pubkey(), exchange, key, limits);
    rows.call("tighten_limits", None, &send(&mut world, tighten, &[&guardian]).await?)?;

    status(rows, &mut world, 4, Some(key), "of a market").await?;
    status(rows, &mut world, 5, None, "of the exchange").await?;
    let (_, applied) = carry(&mut world, 6, Some(key), ProposalAction::WindDown, None).await?;
    rows.call("apply_proposal, the end of a market", None, &applied)?;
    let timelock = ProposalAction::Timelock { timelock_slots: 5 };
    rows.call("apply_proposal, a timelock", None, &carry(&mut world, 7, None, timelock, None).await?.1)?;

    let successor = keypair("successor");
    let nominate = instruction::nominate_admin(admin.pubkey(), exchange, successor.pubkey());
    rows.call("nominate_admin", None, &send(&mut world, nominate, &[&admin]).await?)?;
    let accept = instruction::accept_admin(successor.pubkey(), exchange);
    rows.call("accept_admin", None, &send(&mut world, accept, &[&successor]).await?)
}

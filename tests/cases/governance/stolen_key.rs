//! One key is stolen: what it can do before everybody has had the time to see it.

use taper::constants::PAUSE_HOLD_SLOTS;
use taper_engine::quantity::Side;
use taper_harness::{order, MarketSpec, PriceSource};

use super::*;
use crate::support::*;

/// The thief has the admin's key and a trader's account, and lists a market with every limit that validation allows. The guardian sees it
/// and answers with one call each; the thief can undo none of it alone.
#[tokio::test]
async fn a_stolen_admin_key_cannot_open_what_the_guardian_shuts() {
    let mut world = governed().await;
    let vault = world.chain.tokens(&world.venue.keys.vault);
    let mut spec = MarketSpec::sol("TRAP", PriceSource::Push).unwrap();
    spec.params.sweep_cap_atoms = 1 << 50;
    spec.params.insurance_grant_atoms = 1 << 50;
    spec.params.insurance_draw_cap_atoms = 1 << 50;
    spec.params.profit_init_weight_bps = 10_000;
    let trap = world.add_market(&spec).await.unwrap();
    world.place("bob", trap, order(Side::Bid, LISTED, 1)).await.expect_error(TaperError::MarketNotOpen);

    let (guardian, keys) = (world.venue.guardian.clone(), world.market(trap).unwrap().keys);
    let stop = instruction::set_status(guardian.pubkey(), keys.exchange, Some(keys.market), 2);
    let nothing = TightenLimitsArgs {
        sweep_cap_atoms: Some(0),
        insurance_grant_atoms: Some(0),
        insurance_draw_cap_atoms: Some(0),
        ..TightenLimitsArgs::default()
    };
    let cut = instruction::tighten_limits(guardian.pubkey(), keys.exchange, keys.market, nothing);
    world.chain.send(&[stop, cut], &[&guardian]).await.unwrap();

    // All the thief can do now is propose, and all of that is cancelled in the timelock.
    let admin = world.venue.admin.clone();
    for status in [0, 1] {
        let start = instruction::set_status(admin.pubkey(), keys.exchange, Some(keys.market), status);
        world.chain.send(&[start], &[&admin]).await.expect_error(TaperError::StatusNotTightened);
    }
    let raise = ProposalAction::Params { params: spec.params };
    let mut made = Vec::new();
    for action in [raise, ProposalAction::Status { status: 0 }] {
        made.push(propose(&mut world, Some(trap), action).await.unwrap());
    }
    let accomplice = ProposalAction::Guardian { guardian: keypair("accomplice").pubkey() };
    let replacement = propose(&mut world, None, accomplice).await.unwrap();
    for action in [ProposalAction::Timelock { timelock_slots: 1 }, accomplice] {
        made.push(propose(&mut world, None, action).await.unwrap());
    }
    made.pop();
    for index in &made {
        apply(&mut world, *index, None).await.expect_error(TaperError::ProposalTimelocked);
        cancel(&mut world, "guardian", *index).await.unwrap();
    }
    world.pass(TIMELOCK).unwrap();
    for index in made {
        apply(&mut world, index, Some(trap)).await.expect_error(TaperError::ProposalNotPending);
    }
    // The guardian itself can be replaced, but what it has stopped stays stopped for one timelock more.
    apply(&mut world, replacement, None).await.unwrap();
    world.place("bob", trap, order(Side::Bid, LISTED, 1)).await.expect_error(TaperError::MarketPaused);
    let again = propose(&mut world, Some(trap), ProposalAction::Status { status: 0 }).await.unwrap();
    apply(&mut world, again, Some(trap)).await.expect_error(TaperError::ProposalTimelocked);
    let again = propose(&mut world, Some(trap), raise).await.unwrap();
    apply_later(&mut world, again, Some(trap)).await.expect_error(TaperError::LimitRaisedTooFar);

    // Nothing has left, and everybody can still go.
    assert_eq!(world.chain.tokens(&world.venue.keys.vault), vault);
    world.withdraw("alice", 1_000 * TOKEN).await.unwrap();
}

/// The thief wants a ransom: it pauses the exchange with either key.
#[tokio::test]
async fn a_stolen_key_cannot_keep_the_money_in() {
    for by in ["admin", "guardian"] {
        let mut world = governed().await;
        let (thief, exchange) = (signer(&world, by), world.venue.keys.exchange);
        let pause = instruction::set_status(thief.pubkey(), exchange, None, 2);
        world.chain.send(std::slice::from_ref(&pause), &[&thief]).await.unwrap();
        world.withdraw("alice", TOKEN).await.expect_error(TaperError::ExchangePaused);
        world.chain.send(&[pause], &[&thief]).await.expect_error(TaperError::StatusNotTightened);
        world.pass(PAUSE_HOLD_SLOTS).unwrap();
        world.withdraw("alice", 1_000 * TOKEN).await.unwrap();
    }
}

/// Whoever has the guardian's key can stop new risk, and nothing else: it loosens nothing, and cannot keep its place.
#[tokio::test]
async fn a_stolen_guardian_key_only_stops() {
    let mut world = governed().await;
    world.take("alice", 0, Side::Bid, 1_000).await.unwrap();
    let everything = TightenLimitsArgs {
        open_interest_cap_base_lots: Some(1),
        sweep_cap_atoms: Some(0),
        insurance_draw_cap_atoms: Some(0),
        ..TightenLimitsArgs::default()
    };
    tighten(&mut world, "guardian", everything).await.unwrap();
    let thief = keypair("thief").pubkey();
    for action in [ProposalAction::Guardian { guardian: thief }, ProposalAction::Timelock { timelock_slots: 1 }] {
        propose_by(&mut world, "guardian", None, action).await.expect_error(TaperError::NotAdmin);
    }
    let (guardian, exchange) = (world.venue.guardian.clone(), world.venue.keys.exchange);
    let nominate = instruction::nominate_admin(guardian.pubkey(), exchange, thief);
    world.chain.send(&[nominate], &[&guardian]).await.expect_error(TaperError::NotAdmin);
    // What is open can be closed, and what is free withdrawn.
    world.take("alice", 0, Side::Ask, 1_000).await.unwrap();
    world.withdraw("alice", 900 * TOKEN).await.unwrap();
    // One timelock later it is out.
    let new = keypair("honest guardian").pubkey();
    let index = propose(&mut world, None, ProposalAction::Guardian { guardian: new }).await.unwrap();
    cancel(&mut world, "guardian", index).await.expect_error(TaperError::GuardianOwnReplacement);
    apply_later(&mut world, index, None).await.unwrap();
    cancel(&mut world, "guardian", index).await.expect_error(TaperError::NotGuardian);
}

//! Attacks that once worked, or nearly: each is a regression test. An attacker chooses every order, caller and moment; nothing here
//! touches a row by hand but cash and the clock.

#[path = "attacks/absorber.rs"]
mod absorber;
#[path = "attacks/delegate.rs"]
mod delegate;
#[path = "attacks/deposit_slot.rs"]
mod deposit_slot;
#[path = "attacks/discount.rs"]
mod discount;
#[path = "attacks/dust_siege.rs"]
mod dust_siege;
#[path = "attacks/reset.rs"]
mod reset;
#[path = "attacks/rest_inside_cap.rs"]
mod rest_inside_cap;
#[path = "attacks/sandwich.rs"]
mod sandwich;
#[path = "attacks/search.rs"]
mod search;
#[path = "attacks/self_liquidation.rs"]
mod self_liquidation;
#[path = "attacks/siege.rs"]
mod siege;
#[path = "attacks/split_slices.rs"]
mod split_slices;
#[path = "attacks/squatter.rs"]
mod squatter;
#[path = "attacks/stall.rs"]
mod stall;
#[path = "attacks/tip_farm.rs"]
mod tip_farm;
#[path = "attacks/tips.rs"]
mod tips;
#[path = "attacks/world.rs"]
mod world;

use taper_engine::error::EngineError;
use taper_engine::liquidate::{account_health, partial_liquidate, FlagOutcome, LiquidationContext, LiquidationRequest};
use taper_engine::margin::{LegTotals, Valuation};
use taper_engine::oracle::Grade;
use taper_engine::orders::OrderRequest;
use taper_engine::quantity::{BaseLots, QuoteAtoms, Side};
use world::{limit, World, ALICE, ATTACKER, CAROL, LONG, MAKER, SECOND};

/// Thirty-two bids of one lot before the market's real bid: every call stops at its most fills with 32 lots closed, less than the
/// smallest slice. Calls must go through all the same, or one seat and 32 lots shield every long of the market.
#[test]
fn dust_bids_before_the_depth_do_not_stop_a_liquidation() {
    let mut world = World::with_unhealthy_long();
    world.place(MAKER, limit(Side::Bid, 96_400, 2 * LONG)).unwrap();
    for (seat, dust) in [(ATTACKER, 32), (SECOND, 32)] {
        for _ in 0..dust {
            world.place(seat, limit(Side::Bid, 96_500, 1)).unwrap();
        }
    }
    world.slot += 1;
    let smallest = world.market.params.min_slice_base_lots;
    for _ in 0..2 {
        let crumb = world.liquidate(world.request()).unwrap();
        assert_eq!((crumb.lots, crumb.fills), (BaseLots(32), 32));
        assert!(crumb.lots.0 < smallest && !crumb.episode_ended);
        // A crumb is no reason to wait: the next call goes on in the same slot.
        assert_eq!(crumb.cooldown_until_slot, world.slot);
        world.assert_sound();
    }
    let slice = world.liquidate(world.request()).unwrap();
    assert!(slice.lots.0 > smallest && slice.episode_ended);
    assert!(world.health_bps(ALICE) >= 12_500);
    world.assert_sound();
}

/// The exemption is for the limits of a call alone: thin depth is still refused.
#[test]
fn a_crumb_that_no_limit_explains_is_refused() {
    let mut world = World::with_unhealthy_long();
    let smallest = world.market.params.min_slice_base_lots;
    world.place(MAKER, limit(Side::Bid, 96_400, smallest - 1)).unwrap();
    assert_eq!(world.liquidate(world.request()), Err(EngineError::SliceTooSmall));
}

/// Forty expired bids at the top of the book: a call may remove sixteen. It removes them for good and closes nothing, so that the
/// third call meets the depth behind. Before, each call was refused and the orders came back.
#[test]
fn expired_bids_before_the_depth_do_not_stop_a_liquidation() {
    let mut world = World::with_unhealthy_long();
    world.place(MAKER, limit(Side::Bid, 96_400, 2 * LONG)).unwrap();
    for seat in [ATTACKER, SECOND] {
        for _ in 0..20 {
            world.place(seat, OrderRequest { expires_at_slot: world.slot + 1, ..limit(Side::Bid, 96_500, 1) }).unwrap();
        }
    }
    world.slot += 1;
    let before = world.accounts[0];
    for left in [24, 8] {
        // A caller that wants to earn is told so, and nothing has changed.
        let paid = LiquidationRequest { min_payout: QuoteAtoms(1), ..world.request() };
        assert_eq!(world.liquidate(paid), Err(EngineError::PayoutTooLow));
        let cleared = world.liquidate(world.request()).unwrap();
        assert_eq!((cleared.lots, cleared.quote, cleared.penalty, cleared.fills), Default::default());
        assert_eq!((cleared.caller_payout, cleared.insurance, cleared.cost), Default::default());
        assert_eq!(world.book.orders(Side::Bid).len(), left + 1);
        assert_eq!(world.accounts[0].cash_atoms, before.cash_atoms);
        assert_eq!(world.accounts[0].cooldown_until_slot, before.cooldown_until_slot);
        world.assert_sound();
    }
    let slice = world.liquidate(world.request()).unwrap();
    assert!(slice.episode_ended && slice.lots.is_positive());
    world.assert_sound();
}

/// Orders out of the maker band, one lot each, cost their owner next to nothing and are always at the top.
#[test]
fn bids_out_of_the_band_do_not_stop_a_liquidation() {
    let mut world = World::with_unhealthy_long();
    world.place(MAKER, limit(Side::Bid, 96_400, 2 * LONG)).unwrap();
    for _ in 0..20 {
        world.place(ATTACKER, limit(Side::Bid, 150_000, 1)).unwrap();
    }
    world.slot += 1;
    assert_eq!(world.liquidate(world.request()).unwrap().lots, BaseLots::ZERO);
    let slice = world.liquidate(world.request()).unwrap();
    assert!(slice.episode_ended);
    assert!(world.health_bps(ALICE) >= 12_500);
    world.assert_sound();
}

/// An absorber takes over at the oracle's price, so a price of a minute ago, which the caller may choose among a feed's accounts, is
/// a free option against the liquidatee. Taking over adds risk, and added risk needs a fresh price.
#[test]
fn nobody_absorbs_at_a_degraded_price() {
    let mut world = World::with_unhealthy_long();
    // Hard stage, where a slice through the book may use a degraded price.
    world.set_price(95_400);
    assert!(world.health_bps(ALICE) < 6_700);
    world.price.grade = Grade::Degraded;
    assert_eq!(world.absorb(world.request()), Err(EngineError::OracleStale));
    world.price.grade = Grade::Fresh;
    assert!(world.absorb(world.request()).is_ok());
    world.assert_sound();
}

/// The liquidatee's friend bids above the oracle just before the absorber's call and cancels after it: the absorber would pay the bid's
/// price for lots that the bid never buys. What it pays above the oracle counts against what it said it wants to earn.
#[test]
fn a_bid_shown_to_an_absorber_cannot_make_it_pay_more_than_it_earns() {
    let mut world = World::with_unhealthy_long();
    world.place(ATTACKER, limit(Side::Bid, 98_400, LONG)).unwrap();
    world.slot += 1;
    assert_eq!(world.absorb(world.request()), Err(EngineError::PayoutTooLow));
    // Without the bid it earns its part of the penalty, and no more may be asked for.
    let mut calm = World::with_unhealthy_long();
    let earned = calm.absorb(calm.request()).unwrap().caller_payout;
    assert!(earned.is_positive());
    let mut calm = World::with_unhealthy_long();
    let exact = LiquidationRequest { min_payout: earned, ..calm.request() };
    assert!(calm.absorb(exact).is_ok());
    // An absorber that accepts the price says so.
    let accepted = LiquidationRequest { min_payout: QuoteAtoms(i64::MIN), ..world.request() };
    let summary = world.absorb(accepted).unwrap();
    assert_eq!(summary.quote, QuoteAtoms(summary.lots.0 * 98_400));
    world.assert_sound();
}

/// Hundreds of one-lot bids above the oracle must not make an absorber's call longer than a slice through the book: 32 levels count.
#[test]
fn an_absorber_reads_no_more_levels_than_a_slice_can_fill() {
    let mut world = World::with_unhealthy_long();
    for seat in [ATTACKER, SECOND] {
        for _ in 0..32 {
            world.place(seat, limit(Side::Bid, 96_600, 1)).unwrap();
        }
    }
    world.slot += 1;
    let summary = world.absorb(world.request()).unwrap();
    assert_eq!(summary.quote, QuoteAtoms(summary.lots.0 * 96_500 + 32 * 100));
    world.assert_sound();
}

/// The absorber's resting bids count towards the largest position, as they do for an order.
#[test]
fn an_absorber_with_resting_bids_keeps_within_the_last_tier() {
    let mut world = World::with_unhealthy_long();
    let largest = world.market.params.tiers[3].notional_cap_atoms;
    let all = i64::try_from(largest).unwrap() / 96_500;
    world.accounts[CAROL as usize].cash_atoms = 1_000_000_000_000_000;
    world.place(CAROL, limit(Side::Bid, 50_000, all)).unwrap();
    world.slot += 1;
    assert_eq!(world.absorb(world.request()), Err(EngineError::PositionTooLarge));
    let mut other_side = World::with_unhealthy_long();
    other_side.accounts[CAROL as usize].cash_atoms = 1_000_000_000_000_000;
    other_side.place(CAROL, limit(Side::Ask, 150_000, all)).unwrap();
    assert!(other_side.absorb(other_side.request()).is_ok());
}

/// INV-14 holds after the instruction, not only before its sweep: a realised loss that the sweep takes out of cash must not have been
/// set off against paper profit of the same seat, which counts for nothing afterwards.
#[test]
fn the_sweep_after_an_order_leaves_initial_health_at_one() {
    let mut world = World::new();
    // Alice buys 1,000 lots from a friend at half the price: a paper profit, and a fee to be swept.
    world.place(ATTACKER, limit(Side::Ask, 98_000, 1_000)).unwrap();
    // Exactly the initial requirement (5%), nothing for the fee of 49,000 atoms.
    world.accounts[0].cash_atoms = 5_000_000;
    let buy = limit(Side::Bid, 98_000, 1_000);
    let before = (world.market.clone(), world.book.clone(), world.accounts[0]);
    assert_eq!(world.place(ALICE, buy), Err(EngineError::InitialHealthTooLow));
    (world.market, world.book, world.accounts[0]) = before;
    world.accounts[0].cash_atoms += 49_000;
    world.place(ALICE, buy).unwrap();
    assert_eq!(world.sweep(ALICE), QuoteAtoms(-49_000));
    assert_eq!(world.health(ALICE, Valuation::Initial), 10_000);
    world.assert_sound();
}

/// A price of a minute ago, at which the account was unhealthy for a moment, starts no episode in the soft stage: the episode would let
/// the account be sliced at today's price, at which it is healthy.
#[test]
fn a_degraded_price_starts_no_episode_in_the_soft_stage() {
    let mut world = World::with_unhealthy_long();
    assert_eq!(world.flag(Grade::Degraded), Err(EngineError::DegradedPriceSoftStage));
    assert!(!world.accounts[0].episode.is_active());
    // Now it is healthy, and no episode makes it fair game.
    world.set_price(97_500);
    assert!((10_000..12_500).contains(&world.health_bps(ALICE)));
    world.place(MAKER, limit(Side::Bid, 97_400, LONG)).unwrap();
    assert_eq!(world.liquidate(world.request()), Err(EngineError::AccountHealthy));
    // Below the soft stage, bankrupt, or with a fresh price it starts; and a running one is observed at any price.
    for (price, grade) in [(95_400, Grade::Degraded), (93_000, Grade::Degraded), (96_500, Grade::Fresh)] {
        let mut world = World::with_unhealthy_long();
        world.set_price(price);
        assert_eq!(world.flag(grade), Ok(FlagOutcome::Started), "{price}");
        world.set_price(96_500);
        assert_eq!(world.flag(Grade::Degraded), Ok(FlagOutcome::Unhealthy));
    }
}

/// The cooldown is the account's. A slice of a leg that is a hundredth of the account may not buy the other ninety-nine a whole one.
#[test]
fn a_slice_of_a_small_leg_holds_up_the_large_one_for_a_slot_at_most() {
    let mut world = World::with_unhealthy_long();
    world.place(MAKER, limit(Side::Bid, 96_500, LONG)).unwrap();
    let alone = world.liquidate(world.request()).unwrap();
    assert!(alone.cooldown_until_slot - world.slot > 1);

    let mut world = World::with_unhealthy_long();
    world.place(MAKER, limit(Side::Bid, 96_500, LONG)).unwrap();
    let (mut market, mut book, mut account) = (world.market.clone(), world.book.clone(), world.accounts[0]);
    let leg =
        account_health(&market, ALICE, &account, &world.price, LegTotals::default(), Valuation::Maintenance).unwrap();
    // The large leg: 99 times the requirement, and equity at the same health.
    let large = LegTotals {
        equity: QuoteAtoms(99 * leg.equity.0),
        requirement: taper_engine::margin::Requirement(99 * leg.requirement.0),
    };
    let context = LiquidationContext { others: large, others_favourable: large, ..world.context() };
    let slice =
        partial_liquidate(&mut market, &mut book, &mut account, ALICE, &world.request(), &context, &mut world.log)
            .unwrap();
    assert_eq!((slice.lots, slice.planned), (BaseLots(LONG), BaseLots(LONG)));
    assert_eq!(slice.cooldown_until_slot, world.slot + 1);
}

/// Bids better than the oracle meet the target with fewer lots than were needed at its price, fewer than the smallest slice too. A slice
/// that meets the target is whole.
#[test]
fn a_slice_at_better_prices_that_meets_the_target_is_not_too_small() {
    let mut world = World::with_unhealthy_long();
    world.place(MAKER, limit(Side::Bid, 96_500, LONG)).unwrap();
    let needed = world.liquidate(world.request()).unwrap().planned;
    for through_book in [true, false] {
        let mut world = World::with_unhealthy_long();
        world.market.params.min_slice_base_lots = needed.0;
        world.place(MAKER, limit(Side::Bid, 97_500, LONG)).unwrap();
        world.slot += 1;
        let request = LiquidationRequest { min_payout: QuoteAtoms(i64::MIN), ..world.request() };
        let slice = if through_book { world.liquidate(request) } else { world.absorb(request) }.unwrap();
        assert!(slice.lots < needed && slice.episode_ended);
        // What was planned is closed, as far as the target is concerned: no less of a cooldown than its lots are worth.
        assert!(slice.cooldown_until_slot > world.slot);
        assert!(world.health_bps(ALICE) >= 12_500);
        world.assert_sound();
    }
}

//! The keeper's tip: what a farm of one owner's wallets can get out of it.

use crate::world::{limit, World, ALICE, ATTACKER, CAROL, LONG, MAKER, SECOND};
use taper_engine::cash::take_income;
use taper_engine::error::EngineError;
use taper_engine::ladder::per_lot_down;
use taper_engine::liquidate::{LiquidationRequest, SliceSummary};
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};

/// Alice unhealthy at 96,500, and a first slice of 2,000 lots that pays the schedule's penalty into an empty insurance account.
fn after_a_first_slice() -> (World, SliceSummary) {
    let mut world = World::with_unhealthy_long();
    world.place(MAKER, limit(Side::Bid, 96_500, 2_000)).unwrap();
    world.slot += 1;
    let first = world.liquidate(world.request()).unwrap();
    assert_eq!((first.lots, first.tip, first.penalty), (BaseLots(2_000), QuoteAtoms(0), first.cost));
    world.slot = first.cooldown_until_slot;
    (world, first)
}

fn share_of(world: &World, atoms: i64) -> i64 {
    atoms * i64::from(world.market.params.keeper_tip_share_bps) / 10_000
}

/// Most of her equity is paper profit, which pays no penalty: when the cash is used up the caller is tipped.
#[test]
fn a_keeper_is_tipped_where_the_cash_pays_no_penalty() {
    let mut world = World::with_position(Side::Bid, MAKER);
    // A profit of 20,000,000 and a requirement of 30,600,000.
    world.set_price(102_000);
    world.accounts[0].cash_atoms = 100_000;
    world.place(SECOND, limit(Side::Bid, 102_000, LONG)).unwrap();
    world.slot += 1;
    let slice = world.liquidate(world.request()).unwrap();
    assert!((99_000..=100_000).contains(&slice.penalty.0), "{:?}", slice.penalty);
    assert_eq!(world.accounts[0].cash_atoms, 100_000 - slice.penalty.0);
    let credit = share_of(&world, slice.insurance.0);
    assert_eq!(slice.tip, QuoteAtoms(credit));
    assert_eq!(slice.caller_payout.0 - credit, slice.penalty.0 - slice.insurance.0);
    assert_eq!(world.market.insurance_pending_atoms, slice.insurance.0 - credit);
    let account = world.market.insurance;
    assert_eq!((account.contributed_atoms, account.tips_atoms), (slice.insurance.0, credit));
    assert_eq!(world.accounts[0].episode.tip_credit_atoms, 0);
    world.assert_sound();
}

/// The owner's own maker eats the budget by slippage, so that penalties stop and tips begin. It gets back its share of what it has paid.
#[test]
fn a_maker_that_eats_the_budget_gets_the_tip_share_back_and_no_more() {
    let (mut world, first) = after_a_first_slice();
    let coalition = |world: &World| [ALICE, ATTACKER, CAROL].iter().map(|seat| world.wealth(*seat)).sum::<i64>();
    let before = coalition(&world);
    // The first slice has left 100,000 atoms of this budget.
    world.market.params.episode_cost_budget_bps = 200;
    world.place(ATTACKER, limit(Side::Bid, 96_100, LONG)).unwrap();
    world.slot += 1;
    let second = world.liquidate(world.request()).unwrap();
    world.accounts[CAROL as usize].credit(second.caller_payout).unwrap();
    assert!(second.penalty.is_positive() && second.tip.is_positive());
    let paid = first.insurance.0 + second.insurance.0;
    assert!(second.tip.0 <= share_of(&world, paid));
    assert_eq!(world.market.insurance.contributed_atoms, paid);
    assert_eq!(world.market.insurance.tips_atoms, second.tip.0);
    // Among them slippage and penalty go round; what they lose is what insurance keeps.
    assert_eq!(coalition(&world), before - second.insurance.0 + second.tip.0);
    world.assert_sound();
}

#[test]
fn a_tip_is_no_more_than_the_callers_part_of_what_was_forgone() {
    let (mut world, first) = after_a_first_slice();
    world.market.params.keeper_tip_share_bps = 10_000;
    world.market.params.episode_cost_budget_bps = 1;
    world.accounts[0].episode.tip_credit_atoms = first.insurance.0;
    world.place(MAKER, limit(Side::Bid, 96_500, 1_000)).unwrap();
    world.slot += 1;
    let penalty_per_lot = {
        let mut with_budget = world.clone();
        with_budget.market.params.episode_cost_budget_bps = 3_000;
        let slice = with_budget.liquidate(with_budget.request()).unwrap();
        assert_eq!(slice.tip, QuoteAtoms(0));
        slice.penalty.0 / slice.lots.0
    };
    let second = world.liquidate(world.request()).unwrap();
    assert_eq!((second.lots, second.penalty), (BaseLots(1_000), QuoteAtoms(0)));
    assert_eq!(second.tip, QuoteAtoms(1_000 * penalty_per_lot * 6 / 10));
    assert_eq!(world.accounts[0].episode.tip_credit_atoms, first.insurance.0 - second.tip.0);
}

/// Tips come out of the market's own income. After it has been swept there is what the slice itself pays in.
#[test]
fn a_tip_is_no_more_than_the_market_has() {
    let (mut world, _) = after_a_first_slice();
    world.market.params.episode_cost_budget_bps = 1;
    world.place(MAKER, limit(Side::Bid, 96_500, LONG)).unwrap();
    world.slot += 1;
    let credit = world.accounts[0].episode.tip_credit_atoms;
    let asked = LiquidationRequest { min_payout: QuoteAtoms(credit), ..world.request() };
    assert_eq!(world.clone().liquidate(asked).map(|slice| slice.tip), Ok(QuoteAtoms(credit)));
    assert!(take_income(&mut world.market).unwrap().insurance.0 > credit);
    assert_eq!(world.liquidate(asked), Err(EngineError::PayoutTooLow));
    let slice = world.liquidate(world.request()).unwrap();
    assert_eq!((slice.tip, slice.caller_payout), Default::default());
    assert_eq!(world.accounts[0].episode.tip_credit_atoms, credit, "not paid, not lost");
}

/// An absorber chooses its moment and bears no slippage: it is not tipped.
#[test]
fn absorbers_are_not_tipped() {
    let (mut world, _) = after_a_first_slice();
    world.market.params.episode_cost_budget_bps = 1;
    let credit = world.accounts[0].episode.tip_credit_atoms;
    assert!(credit > 0);
    let slice = world.absorb(world.request()).unwrap();
    assert_eq!((slice.penalty, slice.tip, slice.caller_payout), Default::default());
    assert_eq!(world.accounts[0].episode.tip_credit_atoms, credit);
}

/// Credit is of one episode: what an earlier one paid is insurance's.
#[test]
fn an_episode_starts_without_credit() {
    let (mut world, _) = after_a_first_slice();
    world.accounts[0].episode.end(world.slot);
    world.slot += 10;
    world.set_price(95_000);
    world.flag(taper_engine::oracle::Grade::Fresh).unwrap();
    assert_eq!(world.accounts[0].episode.tip_credit_atoms, 0);
}

/// However a coalition of owner, maker and caller cuts its slices and prices its bids, tips stay within their share of what its penalties
/// have paid, and the coalition together loses all the rest of that.
#[test]
fn no_farm_gets_more_than_the_share() {
    let mut seed = 7u64;
    let mut below = |bound: i64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(seed >> 33).unwrap() % bound
    };
    let (mut tips, mut slices) = (0, 0);
    for _ in 0..60 {
        let mut world = World::with_unhealthy_long();
        world.market.params.episode_cost_budget_bps = u32::try_from(1 + below(1_500)).unwrap();
        world.market.params.keeper_tip_share_bps = u32::try_from(below(10_001)).unwrap();
        let coalition = |world: &World| [ALICE, ATTACKER, CAROL].iter().map(|seat| world.wealth(*seat)).sum::<i64>();
        let before = coalition(&world);
        let (mut paid, mut tipped) = (0, 0);
        for _ in 0..12 {
            world.slot = world.accounts[0].cooldown_until_slot.max(world.slot + 1);
            let price = 96_500 - 100 * below(8);
            world.place(ATTACKER, limit(Side::Bid, price, 100 + below(2_000))).unwrap();
            world.slot += 1;
            let caller_max = BaseLots(1 + below(LONG));
            // Too little for a slice, met, or in its cooldown: the next one.
            let Ok(slice) = world.liquidate(LiquidationRequest { caller_max, ..world.request() }) else { continue };
            world.accounts[CAROL as usize].credit(slice.caller_payout).unwrap();
            (paid, tipped, slices) = (paid + slice.insurance.0, tipped + slice.tip.0, slices + 1);
            assert!(tipped <= share_of(&world, paid), "{tipped} of {paid}");
            assert_eq!(coalition(&world), before - paid + tipped);
            if slice.episode_ended {
                break;
            }
        }
        tips += tipped;
        world.assert_sound();
    }
    assert!(slices > 120 && tips > 0, "{slices} slices, {tips} tipped");
}

/// Rule `SelfLiquidation` at its very edge: a taker fee of 510 ppm is 0.05 × 0.03 × 0.4 × 0.85. Health is a hair below 1 and the whole
/// penalty 147 atoms a lot, without rounding. The owner liquidates itself into its own bid and then draws every tip of the episode: it
/// has paid no less than the fee of closing those lots.
#[test]
fn liquidating_oneself_with_every_tip_is_no_cheaper_than_closing() {
    let listed = |world: &mut World| {
        world.market.params.taker_fee_ppm = 510;
        world.market.params.maker_fee_ppm = 0;
        world.market.params.min_order_base_lots = 31;
        world.market.params.validate().unwrap();
    };
    let mut world = World::with_position(Side::Bid, MAKER);
    listed(&mut world);
    world.set_price(98_000);
    // The requirement is 29,400,000, the loss 20,000,000.
    world.accounts[0].cash_atoms = 20_000_000 + 29_400_000 - 1;
    let coalition = |world: &World| [ALICE, ATTACKER, CAROL].iter().map(|seat| world.wealth(*seat)).sum::<i64>();
    let before = coalition(&world);
    world.place(ATTACKER, limit(Side::Bid, 98_000, 1_000)).unwrap();
    world.slot += 1;
    let first = world.liquidate(world.request()).unwrap();
    assert_eq!((first.lots, first.penalty), (BaseLots(1_000), QuoteAtoms(147_000)));
    world.accounts[CAROL as usize].credit(first.caller_payout).unwrap();
    // Every means to have penalties forgone: no budget is left.
    world.market.params.episode_cost_budget_bps = 1;
    world.slot = first.cooldown_until_slot;
    world.place(ATTACKER, limit(Side::Bid, 98_000, LONG)).unwrap();
    world.slot += 1;
    let second = world.liquidate(world.request()).unwrap();
    world.accounts[CAROL as usize].credit(second.caller_payout).unwrap();
    assert_eq!((second.penalty, world.accounts[0].episode.tip_credit_atoms), Default::default());
    assert_eq!(second.tip.0, first.insurance.0 * 15 / 100);
    let lost = before - coalition(&world);
    assert_eq!(lost, first.insurance.0 - second.tip.0);

    let mut closing = World::with_position(Side::Bid, MAKER);
    listed(&mut closing);
    closing.set_price(98_000);
    closing.place(SECOND, limit(Side::Bid, 98_000, first.lots.0)).unwrap();
    let closed = closing.place(ALICE, limit(Side::Ask, 98_000, first.lots.0)).unwrap();
    assert_eq!(closed.filled, first.lots);
    // 1,000 × 147 × 0.4 × 0.85, and 1,000 × 98,000 × 0.00051: the edge.
    assert_eq!((lost, closed.taker_fee.0), (49_980, 49_980));
}

/// The same for any listing that passes the rule, in the formula's own numbers: what insurance keeps of the penalty at H = 1, once every
/// tip has been paid, is at least the fee, but for the atom per lot that a penalty is rounded down by.
#[test]
fn the_rule_covers_every_listing_up_to_an_atom_per_lot() {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
    let mut params = default_params(&sizing).unwrap();
    let (mut accepted, mut tight) = (0, 0);
    let mut seed = 1u64;
    let mut below = |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    for _ in 0..20_000 {
        params.ladder[0].penalty_bps_of_mmr = u32::try_from(below(1_201)).unwrap();
        params.insurance_share_bps = u32::try_from(below(10_001)).unwrap();
        params.keeper_tip_share_bps = u32::try_from(below(10_001)).unwrap();
        params.taker_fee_ppm = u32::try_from(100 + below(400)).unwrap();
        if params.validate().is_err() {
            continue;
        }
        accepted += 1;
        let (price, lots) = (100_000 + below(1_000_000), 1 + below(100_000));
        let ppb = u64::from(params.ladder[0].penalty_bps_of_mmr) * 100_000;
        let penalty = lots * per_lot_down(ppb, params.tiers[0].mmr_bps, price).unwrap();
        let insurance = penalty - penalty * u64::from(10_000 - params.insurance_share_bps) / 10_000;
        let kept = insurance - insurance * u64::from(params.keeper_tip_share_bps) / 10_000;
        let fee = (lots * price * u64::from(params.taker_fee_ppm)).div_ceil(1_000_000);
        assert!(kept + lots >= fee, "{kept} of {insurance} for {fee}: {params:?}");
        tight += u32::from(kept < fee + fee / 10);
    }
    assert!(accepted > 500 && tight > 20, "{accepted} listings, {tight} of them near the edge");
}

//! Absorbing below the third point of the ladder: the discount, who pays what out of it, and how it could be had for too little.

use crate::world::{limit, World, ALICE, ATTACKER, CAROL, LONG, MAKER, SECOND};
use taper_engine::error::EngineError;
use taper_engine::liquidate::{LiquidationRequest, SliceSummary};
use taper_engine::oracle::Grade;
use taper_engine::quantity::{BaseLots, QuoteAtoms, Side};
use taper_engine::sweep::touch_seat;

/// At 94,900 a long has health 8,500,000 ÷ 28,470,000 = 0.2985: the backstop stage. κ opens at 0.15 × 0.03 × 94,900 = 427.05.
const BACKSTOP: i64 = 94_900;
const KAPPA: i64 = 427;

fn fallen() -> World {
    let mut world = World::with_position(Side::Bid, MAKER);
    world.set_price(BACKSTOP);
    world
}

fn at_any_price(world: &World) -> LiquidationRequest {
    LiquidationRequest { min_payout: QuoteAtoms(i64::MIN), ..world.request() }
}

/// What everybody has, with the market's own income: no transition may change it at an unchanged price.
fn everything(world: &World) -> i64 {
    let market = &world.market;
    (0..5).map(|seat| world.wealth(seat)).sum::<i64>() + market.insurance_pending_atoms + market.fees_atoms
}

#[test]
fn the_discount_is_kappa_and_insurance_takes_its_share_from_the_absorber() {
    let mut world = fallen();
    let (hers, his, total) = (world.wealth(ALICE), world.wealth(CAROL), everything(&world));
    let (her_cash, his_cash) = (world.accounts[0].cash_atoms, world.accounts[CAROL as usize].cash_atoms);
    let slice = world.absorb(world.request()).unwrap();
    // D = 1.25 × 28,470,000 − 8,500,000; a lot gains 1.25 × 2,847 − 427 = 3,131.75: 8,649.3 lots.
    assert_eq!((slice.lots, slice.quote), (BaseLots(8_650), QuoteAtoms(8_650 * (BACKSTOP - KAPPA))));
    assert_eq!((slice.penalty, slice.caller_payout, slice.insurance, slice.tip), Default::default());
    assert_eq!((slice.discount, slice.cost), (QuoteAtoms(3_693_550), QuoteAtoms(3_693_550)));
    assert_eq!(slice.discount_insurance, QuoteAtoms(1_477_420));
    assert!(slice.episode_ended && world.health_bps(ALICE) >= 12_500);
    // She bears the discount, he pays insurance out of his cash, today.
    assert_eq!((world.wealth(ALICE), world.accounts[0].cash_atoms), (hers - 3_693_550, her_cash));
    assert_eq!(world.wealth(CAROL), his + 3_693_550 - 1_477_420);
    assert_eq!(world.accounts[CAROL as usize].cash_atoms, his_cash - 1_477_420);
    assert_eq!(world.market.insurance_pending_atoms, 1_477_420);
    assert_eq!(world.market.insurance.contributed_atoms, 1_477_420);
    let episode = world.accounts[0].episode;
    assert_eq!((episode.cost_atoms, episode.tip_credit_atoms), (3_693_550, 0), "a cost, but no penalty of hers");
    assert_eq!(everything(&world), total);
    world.assert_sound();
}

#[test]
fn a_share_that_does_not_divide_is_rounded_up() {
    let mut world = fallen();
    world.market.params.insurance_share_bps = 3_333;
    let slice = world.absorb(world.request()).unwrap();
    // 3,693,550 × 0.3333 = 1,231,060.215.
    assert_eq!((slice.discount, slice.discount_insurance), (QuoteAtoms(3_693_550), QuoteAtoms(1_231_061)));
}

#[test]
fn the_earnings_count_the_discount_without_insurances_part() {
    let earned = 3_693_550 - 1_477_420;
    let mut world = fallen();
    let too_much = LiquidationRequest { min_payout: QuoteAtoms(earned + 1), ..world.request() };
    assert_eq!(world.absorb(too_much), Err(EngineError::PayoutTooLow));
    let exact = LiquidationRequest { min_payout: QuoteAtoms(earned), ..world.request() };
    assert!(world.absorb(exact).is_ok());
}

/// κ of the clock, then health: whichever is less. Long and short alike.
#[test]
fn it_follows_the_dutch_clock_up_to_the_health_bound() {
    // Of 0.03 × P: 0.15 at first, 0.25 ten slots later, in the end H, which is equity ÷ 10,000 lots: 8,500,000 and 8,700,000.
    for (clock, long, short) in [(0, 427, 472), (10, 711, 788), (1_000, 850, 870)] {
        for (side, price, kappa) in [(Side::Bid, BACKSTOP, long), (Side::Ask, 105_080, short)] {
            let mut world = World::with_position(side, MAKER);
            world.set_price(price);
            world.flag(Grade::Fresh).unwrap();
            world.slot += clock;
            world.flag(Grade::Fresh).unwrap();
            let before = world.health_bps(ALICE);
            let slice = world.absorb(world.request()).unwrap();
            assert_eq!(slice.discount, QuoteAtoms(slice.lots.0 * kappa), "{side:?} at {clock}");
            let level = if side == Side::Bid { price - kappa } else { price + kappa };
            assert_eq!(slice.quote, QuoteAtoms(slice.lots.0 * level));
            assert!(world.health_bps(ALICE) >= before);
            world.assert_sound();
        }
    }
}

#[test]
fn at_and_above_the_third_point_there_is_none() {
    let mut world = fallen();
    // Exactly 33% of 28,470,000.
    world.accounts[0].cash_atoms += 9_395_100 - 8_500_000;
    let slice = world.absorb(world.request()).unwrap();
    assert_eq!((slice.discount, slice.discount_insurance), Default::default());
    assert_eq!(slice.quote, QuoteAtoms(slice.lots.0 * BACKSTOP));
    assert!(slice.penalty.is_positive() && slice.caller_payout.is_positive());
    let mut below = fallen();
    below.accounts[0].cash_atoms += 9_395_100 - 8_500_000 - 1;
    assert!(below.absorb(below.request()).unwrap().discount.is_positive());
}

/// Bids inside κ count, at their price and with the penalty that κ leaves; worse ones are not looked at.
#[test]
fn levels_better_than_the_discount_count_for_their_lots() {
    let mut world = fallen();
    world.place(MAKER, limit(Side::Bid, 94_700, 3_000)).unwrap();
    world.place(MAKER, limit(Side::Bid, 94_400, 3_000)).unwrap();
    world.slot += 1;
    let slice = world.absorb(world.request()).unwrap();
    // p = min(0.25 × 2,847, 427 − 200, (850 − 200) ÷ 2) = 227.
    let rest = slice.lots.0 - 3_000;
    assert_eq!(slice.quote, QuoteAtoms(3_000 * 94_700 + rest * (BACKSTOP - KAPPA)));
    assert_eq!((slice.penalty, slice.caller_payout), (QuoteAtoms(681_000), QuoteAtoms(408_600)));
    assert_eq!(slice.discount, QuoteAtoms(3_000 * 200 + rest * KAPPA));
    assert_eq!(slice.cost, QuoteAtoms(slice.lots.0 * KAPPA));
    assert_eq!(world.market.insurance_pending_atoms, 272_400 + slice.discount_insurance.0);
    world.assert_sound();
}

/// With depth inside κ for all of it the account pays the same to an absorber as through the book, to the atom: no absorber gains by
/// passing a better price by.
#[test]
fn an_absorber_gives_what_the_book_would_give() {
    let sliced = |through_book: bool| -> (i64, SliceSummary) {
        let mut world = fallen();
        world.place(MAKER, limit(Side::Bid, 95_000, 500)).unwrap();
        world.place(MAKER, limit(Side::Bid, 94_600, LONG)).unwrap();
        world.slot += 1;
        let request = at_any_price(&world);
        let slice = if through_book { world.liquidate(request) } else { world.absorb(request) }.unwrap();
        (world.wealth(ALICE), slice)
    };
    let ((hers_book, book), (hers_absorbed, absorbed)) = (sliced(true), sliced(false));
    assert_eq!(hers_book, hers_absorbed);
    assert_eq!((book.lots, book.penalty, book.cost), (absorbed.lots, absorbed.penalty, absorbed.cost));
    assert_eq!((book.discount, absorbed.discount), (QuoteAtoms(0), QuoteAtoms((absorbed.lots.0 - 500) * 300)));
}

/// Thirty-two lots of dust before real depth: more levels than count. The discount must not reach beyond the first that does not.
#[test]
fn dust_before_the_depth_does_not_make_the_depth_count_for_nothing() {
    let with_depth = |depth: i64| {
        let mut world = fallen();
        for _ in 0..32 {
            world.place(ATTACKER, limit(Side::Bid, BACKSTOP, 1)).unwrap();
        }
        if depth > 0 {
            world.place(MAKER, limit(Side::Bid, 94_800, depth)).unwrap();
        }
        world.slot += 1;
        let slice = world.absorb(at_any_price(&world)).unwrap();
        (slice.lots.0 - 32, slice.quote.0 - 32 * BACKSTOP)
    };
    let (rest, quote) = with_depth(LONG);
    assert_eq!(quote, rest * 94_800);
    let (rest, quote) = with_depth(0);
    assert_eq!(quote, rest * (BACKSTOP - KAPPA));
    // Dust better than the oracle: no better than the oracle for the rest.
    let mut world = fallen();
    for seat in [vec![ATTACKER; 32], vec![SECOND]].concat() {
        world.place(seat, limit(Side::Bid, BACKSTOP + 100, 1)).unwrap();
    }
    world.slot += 1;
    let slice = world.absorb(at_any_price(&world)).unwrap();
    assert_eq!(slice.quote, QuoteAtoms(slice.lots.0 * BACKSTOP + 32 * 100));
}

/// The owner absorbs its own account through a second wallet: together they pay insurance, which is more than a close would have cost
/// them, and nobody else pays anything.
#[test]
fn absorbing_ones_own_account_costs_insurances_share() {
    let mut world = fallen();
    let outside: i64 = [MAKER, ATTACKER].iter().map(|seat| world.wealth(*seat)).sum();
    let before = world.wealth(ALICE) + world.wealth(CAROL);
    let slice = world.absorb(world.request()).unwrap();
    let paid = before - world.wealth(ALICE) - world.wealth(CAROL);
    assert_eq!(paid, slice.discount_insurance.0);
    assert_eq!(outside, [MAKER, ATTACKER].iter().map(|seat| world.wealth(*seat)).sum());
    let fee_ppm = i64::from(world.market.params.taker_fee_ppm);
    assert!(paid > slice.lots.0 * BACKSTOP * fee_ppm / 1_000_000);
}

/// In the default backstop stage κ does not rise with health: two absorbs get no larger discount than one, but for the atom per lot that
/// κ is rounded down by.
#[test]
fn two_absorbs_get_no_more_than_one() {
    for clock in [0, 3, 1_000] {
        let prepare = || {
            let mut world = fallen();
            // Health 0.159: a quarter of the plan leaves it in the stage.
            world.set_price(94_500);
            world.flag(Grade::Fresh).unwrap();
            world.slot += clock;
            world
        };
        let mut once = prepare();
        let whole = once.absorb(once.request()).unwrap();
        let mut twice = prepare();
        let quarter = BaseLots((whole.planned.0 + 3) / 4);
        let first = twice.absorb(LiquidationRequest { caller_max: quarter, ..twice.request() }).unwrap();
        let second = twice.absorb(twice.request()).unwrap();
        assert!(first.discount.is_positive() && second.discount.is_positive());
        let split = first.discount.0 + second.discount.0;
        assert!(split <= whole.discount.0 + whole.lots.0, "{split} for {}", whole.discount.0);
    }
}

/// Insurance is paid in cash. With paper profit counted as collateral an absorber could have the margin and not the cash.
#[test]
fn insurances_part_needs_cash() {
    // Carol is the short of Alice's long: a paper profit of 51,000,000.
    let mut world = World::with_position(Side::Bid, CAROL);
    let (market, carol, slot) = (&mut world.market, &mut world.accounts[CAROL as usize], world.slot);
    touch_seat(market, CAROL, carol, slot).unwrap();
    carol.cash_atoms = 1_477_419;
    market.params.profit_init_weight_bps = 10_000;
    world.set_price(BACKSTOP);
    assert_eq!(world.absorb(world.request()), Err(EngineError::InsufficientCash));
    world.accounts[CAROL as usize].cash_atoms += 1;
    assert!(world.absorb(world.request()).is_ok());
    assert_eq!(world.accounts[CAROL as usize].cash_atoms, 0);
    assert_eq!(world.market.open_interest_base_lots, LONG - 8_650);
    world.assert_sound();
}

/// Discounts are costs of the episode. They are slippage: where a budget applies they go on past it, as slippage does, without penalty.
#[test]
fn they_use_up_the_budget() {
    let mut world = fallen();
    // The stage begins above the bypass, so that the budget applies.
    world.market.params.throttle_bypass_health_bps = 1_000;
    world.market.params.episode_cost_budget_bps = 1;
    world.place(MAKER, limit(Side::Bid, 94_700, 1_000)).unwrap();
    world.slot += 1;
    let slice = world.absorb(world.request()).unwrap();
    // 0.01% of 28,470,000 is 2,847, which 427 a lot uses up after six lots.
    assert_eq!(slice.penalty, QuoteAtoms(6 * 227));
    assert_eq!(slice.discount, QuoteAtoms(1_000 * 200 + (slice.lots.0 - 1_000) * KAPPA));
    assert_eq!(world.accounts[0].episode.cost_atoms, slice.discount.0 + slice.penalty.0);
}

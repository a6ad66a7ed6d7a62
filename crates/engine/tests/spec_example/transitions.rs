//! The example once more, as the program runs it: `partial_liquidate` over a real book, and `absorb`.

use taper_engine::absorb::{absorb, Absorber};
use taper_engine::book::{Book, Order};
use taper_engine::ladder::Stage;
use taper_engine::liquidate::{partial_liquidate, LiquidationContext, LiquidationRequest, SliceSummary};
use taper_engine::margin::LegTotals;
use taper_engine::market::{MarketState, Throttle};
use taper_engine::matching::FillLog;
use taper_engine::orders::OrderContext;
use taper_engine::quantity::{BaseLots, QuoteAtoms, Side};
use taper_engine::seat::Seat;

use crate::page::Page;
use crate::{levels, Prepared};

const LIQUIDATEE: [u8; 32] = [1; 32];
const MAKER: [u8; 32] = [2; 32];
const ABSORBER: [u8; 32] = [3; 32];
const LIQUIDATEE_SEAT: u32 = 0;
const MAKER_SEAT: u32 = 1;
const ABSORBER_SEAT: u32 = 2;

struct World {
    market: Box<MarketState>,
    book: Box<Book>,
}

/// The example's market, with the three bids in its book.
fn world(page: &Page, prepared: &Prepared) -> World {
    let mut market: Box<MarketState> = bytemuck::zeroed_box();
    let mut book: Box<Book> = bytemuck::zeroed_box();
    market.params = prepared.params;
    market.open_interest_base_lots = page.input("open_interest_base_lots");
    market.throttles = [Throttle::full(&prepared.params, page.input("flagged_slot")).unwrap(); 2];
    market.seats.rows[0] = Seat { owner: LIQUIDATEE, ..prepared.seat };
    let maker = &mut market.seats.rows[1];
    maker.owner = MAKER;
    for (sequence, (price, lots)) in (1..).zip(levels(page)) {
        maker.bid_lots += lots.0;
        maker.bid_quote_atoms += price.notional(lots).unwrap().0;
        maker.bid_price_max_atoms_per_lot = maker.bid_price_max_atoms_per_lot.max(price.0);
        maker.bid_count += 1;
        let order = Order {
            price_atoms_per_lot: price.0,
            sequence,
            size_base_lots: lots.0,
            seat_index: MAKER_SEAT,
            ..bytemuck::Zeroable::zeroed()
        };
        assert!(book.insert(Side::Bid, &order).unwrap().is_none());
    }
    market.seats.rows[2].owner = ABSORBER;
    World { market, book }
}

fn context(page: &Page, prepared: &Prepared) -> LiquidationContext {
    LiquidationContext {
        slot: page.input("slot"),
        price: prepared.price,
        others: LegTotals::default(),
        others_favourable: LegTotals::default(),
        owner: LIQUIDATEE,
    }
}

fn request(page: &Page, caller_max: BaseLots) -> LiquidationRequest {
    LiquidationRequest {
        caller_max,
        expected_base: BaseLots(page.input("base_lots")),
        min_payout: QuoteAtoms::ZERO,
        deadline_slot: page.input("slot"),
    }
}

/// Runs `partial_liquidate`; returns the world after, the account's cash after, and the summary.
fn liquidate(page: &Page, prepared: &Prepared, caller_max: BaseLots) -> (World, i64, SliceSummary) {
    let mut world = world(page, prepared);
    let mut account = prepared.account;
    let mut log: Box<FillLog> = bytemuck::zeroed_box();
    let summary = partial_liquidate(
        &mut world.market,
        &mut world.book,
        &mut account,
        LIQUIDATEE_SEAT,
        &request(page, caller_max),
        &context(page, prepared),
        &mut log,
    )
    .unwrap();
    assert_eq!(account.cooldown_until_slot, summary.cooldown_until_slot);
    assert_eq!(account.episode.cost_atoms, summary.cost.0);
    (world, account.cash_atoms, summary)
}

pub fn check(page: &Page, prepared: &Prepared) {
    whole_call(page, prepared);
    smaller_call(page, prepared);
    absorbing(page, prepared);
}

fn whole_call(page: &Page, prepared: &Prepared) {
    let (world, cash, summary) = liquidate(page, prepared, BaseLots(page.input("base_lots")));
    assert_eq!(summary.stage, Stage::Soft);
    assert!(summary.episode_ended);
    page.says("planned_base_lots", summary.planned.0);
    page.says("closed_base_lots", summary.lots.0);
    page.says("quote_atoms", summary.quote.0);
    page.says("penalty_atoms", summary.penalty.0);
    page.says("cost_atoms", summary.cost.0);
    page.says("caller_payout_atoms", summary.caller_payout.0);
    page.says("insurance_atoms", summary.insurance.0);
    page.says("insurance_atoms", world.market.insurance_pending_atoms);
    page.says("health_bps_down", summary.health_before_bps);
    page.says("after_health_bps_down", summary.health_after_bps);
    page.says("cooldown_until_slot", summary.cooldown_until_slot);
    page.says("after_cash_atoms", cash);
    let seat = &world.market.seats.rows[0];
    page.says("after_base_lots", seat.base_lots);
    page.says("after_quote_entry_atoms", seat.quote_entry_atoms);
    page.says("after_realised_atoms", seat.realised_atoms);
    // Fills of a liquidation: no fee, no rebate.
    assert_eq!((world.market.fees_atoms, world.market.seats.rows[1].realised_atoms), (0, 0));
}

/// The same slice for a caller that takes less.
fn smaller_call(page: &Page, prepared: &Prepared) {
    let (_, _, summary) = liquidate(page, prepared, BaseLots(page.input("small_caller_max_base_lots")));
    assert!(!summary.episode_ended);
    page.says("planned_base_lots", summary.planned.0);
    page.says("small_closed_base_lots", summary.lots.0);
    page.says("small_penalty_atoms", summary.penalty.0);
    page.says("small_caller_payout_atoms", summary.caller_payout.0);
    page.says("small_after_health_bps_down", summary.health_after_bps);
    page.says("small_cooldown_until_slot", summary.cooldown_until_slot);
}

/// The same slice, absorbed.
fn absorbing(page: &Page, prepared: &Prepared) {
    let mut world = world(page, prepared);
    let mut account = prepared.account;
    let mut absorbing = prepared.account;
    absorbing.episode = bytemuck::Zeroable::zeroed();
    absorbing.cash_atoms = page.input("absorber_cash_atoms");
    let slice = context(page, prepared);
    let mut absorber = Absorber {
        account: &mut absorbing,
        seat_index: ABSORBER_SEAT,
        context: OrderContext {
            slot: slice.slot,
            price: slice.price,
            others_initial: Some(LegTotals::default()),
            others_maintenance: LegTotals::default(),
            reduce_only_market: false,
            owner: ABSORBER,
        },
    };
    let summary = absorb(
        &mut world.market,
        &world.book,
        &mut account,
        LIQUIDATEE_SEAT,
        &mut absorber,
        &request(page, BaseLots(page.input("base_lots"))),
        &slice,
    )
    .unwrap();
    page.says("absorbed_base_lots", summary.lots.0);
    page.says("absorbed_quote_atoms", summary.quote.0);
    page.says("absorbed_penalty_atoms", summary.penalty.0);
    page.says("absorber_cash_after_atoms", absorbing.cash_atoms);
    let seat = &world.market.seats.rows[2];
    page.says("absorbed_base_lots", seat.base_lots);
    page.says("absorbed_quote_atoms", -seat.quote_entry_atoms);
}

//! Random work on one market by several accounts, watched by an auditor that keeps its own books.

#[path = "workload/model.rs"]
mod model;

use bytemuck::allocation::zeroed_box;
use model::{Model, Refused, Rules};
use proptest::prelude::*;
use taper_engine::account::AccountState;
use taper_engine::audit::{check_market, market_value};
use taper_engine::book::{Book, OrderId};
use taper_engine::margin::LegTotals;
use taper_engine::market::MarketState;
use taper_engine::matching::{FillLog, SelfTrade};
use taper_engine::oracle::{Grade, OraclePrice};
use taper_engine::orders::{cancel_all, cancel_order, place_order, OrderContext, OrderKind, OrderRequest};
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price, Side};
use taper_engine::sweep::{settle_loss, sweep_seat};
use taper_engine::EngineError;

const ACCOUNTS: usize = 5;
const PRICE: i64 = 450_000;
const TICK: i64 = 500;
const MIN_ORDER: i64 = 5;

#[derive(Clone, Debug)]
enum Action {
    Place { who: usize, request: OrderRequest, ttl: u64 },
    Cancel { who: usize, pick: usize },
    CancelAll { who: usize, side: Option<Side>, limit: u32 },
    Sweep { who: usize },
    Settle { who: usize },
    Price { ticks: i64 },
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Bid), Just(Side::Ask)]
}

fn place() -> impl Strategy<Value = Action> {
    let kind = prop_oneof![
        6 => Just(OrderKind::Limit), 3 => Just(OrderKind::PostOnly),
        3 => Just(OrderKind::ImmediateOrCancel), 1 => Just(OrderKind::FillOrKill)
    ];
    let self_trade =
        prop_oneof![Just(SelfTrade::CancelResting), Just(SelfTrade::CancelTaking), Just(SelfTrade::DecrementBoth)];
    let lots = prop_oneof![8 => 1i64..60, 2 => 60i64..3_000];
    let ttl = prop_oneof![3 => Just(0u64), 1 => 1u64..12];
    (0..ACCOUNTS, side(), kind, -14i64..14, lots, prop::bool::weighted(0.15), ttl, self_trade).prop_map(
        |(who, side, kind, offset, lots, reduce_only, ttl, self_trade)| Action::Place {
            who,
            request: OrderRequest {
                side,
                kind,
                // Mostly on the passive side of the oracle, so that the book fills.
                price: Price(PRICE + (offset - 2 * side.sign()) * TICK),
                lots: BaseLots(lots),
                reduce_only,
                client_order_id: 7,
                expires_at_slot: 0,
                self_trade,
            },
            ttl,
        },
    )
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        20 => place(),
        3 => (0..ACCOUNTS, 0usize..64).prop_map(|(who, pick)| Action::Cancel { who, pick }),
        1 => (0..ACCOUNTS, prop::option::of(side()), 1u32..40)
            .prop_map(|(who, side, limit)| Action::CancelAll { who, side, limit }),
        2 => (0..ACCOUNTS).prop_map(|who| Action::Sweep { who }),
        1 => (0..ACCOUNTS).prop_map(|who| Action::Settle { who }),
        2 => (-16i64..16).prop_map(|ticks| Action::Price { ticks }),
    ]
}

#[derive(Clone)]
struct World {
    market: Box<MarketState>,
    book: Box<Book>,
    accounts: Vec<AccountState>,
    model: Model,
    swept: Vec<i128>,
}

fn owner(who: usize) -> [u8; 32] {
    [who as u8 + 1; 32]
}

fn world() -> World {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(PRICE), calm_depth_lots: BaseLots(2_000_000) };
    let mut market: Box<MarketState> = zeroed_box();
    market.params = default_params(&sizing).unwrap();
    market.params.tick_size_atoms_per_lot = TICK;
    market.params.min_order_base_lots = MIN_ORDER;
    market.params.sweep_cap_atoms = 3_000_000;
    market.params.open_interest_cap_base_lots = 4_000;
    let mut accounts = vec![bytemuck::Zeroable::zeroed(); ACCOUNTS];
    for (who, account) in accounts.iter_mut().enumerate() {
        let account: &mut AccountState = account;
        // The last one is poor, so that the gates of margin are met.
        account.cash_atoms = if who == ACCOUNTS - 1 { 3_000_000 } else { 400_000_000 };
        assert_eq!(market.seats.allocate(&owner(who), account, 1_000_000, false), Ok(who as u32));
    }
    World { market, book: zeroed_box(), accounts, model: Model::new(ACCOUNTS), swept: vec![0; ACCOUNTS] }
}

impl World {
    fn rules(&self) -> Rules {
        let params = &self.market.params;
        Rules {
            taker_ppm: params.taker_fee_ppm.into(),
            maker_ppm: params.maker_fee_ppm.into(),
            band_bps: params.maker_band_bps.into(),
            min_order: MIN_ORDER,
        }
    }

    fn total(&self) -> i128 {
        self.accounts.iter().map(|a| i128::from(a.cash_atoms)).sum::<i128>() + market_value(&self.market)
    }

    /// Everything the auditor knows, against what the engine holds.
    fn audit(&self, total: i128) {
        assert_eq!(check_market(&self.market, &self.book).iter().collect::<Vec<_>>(), vec![]);
        assert_eq!(self.total(), total, "value is conserved");
        assert_eq!(i128::from(self.market.fees_atoms), self.model.fees);
        assert!(self.market.fees_atoms >= 0);
        for (who, seat) in self.model.seats.iter().enumerate() {
            let row = self.market.seats.get(who as u32).unwrap();
            assert_eq!(row.base_lots, seat.base);
            let value = i128::from(row.quote_entry_atoms) + i128::from(row.realised_atoms);
            assert_eq!(value, seat.value - self.swept[who], "entry and realised of seat {who}");
            assert!(row.base_lots != 0 || row.quote_entry_atoms == 0);
        }
        for side in [Side::Bid, Side::Ask] {
            let expected: Vec<_> =
                self.model.side(side).iter().map(|o| (o.price, o.sequence, o.lots, o.seat)).collect();
            let held: Vec<_> = (self.book.orders(side).iter())
                .map(|o| (o.price_atoms_per_lot, o.sequence, o.size_base_lots, o.seat_index as usize))
                .collect();
            assert_eq!(held, expected);
        }
    }

    fn place(&mut self, who: usize, request: &OrderRequest, slot: u64, price: OraclePrice) -> Result<(), EngineError> {
        let context = OrderContext {
            slot,
            price,
            others_initial: Some(LegTotals::default()),
            others_maintenance: LegTotals::default(),
            reduce_only_market: false,
            owner: owner(who),
        };
        let rules = self.rules();
        let predicted = self.model.place(who, request, slot, price.price.0, &rules);
        let mut log: Box<FillLog> = zeroed_box();
        let (market, book, account) = (&mut self.market, &mut self.book, &mut self.accounts[who]);
        let placed = place_order(market, book, account, who as u32, request, &context, &mut log);
        let margin_gates =
            [EngineError::InitialHealthTooLow, EngineError::HealthWouldWorsen, EngineError::OpenInterestCap];
        match (predicted, placed) {
            (Ok(expected), Ok(summary)) => {
                let fills: Vec<_> = log.fills().iter().map(|f| (f.maker_sequence, f.base_lots)).collect();
                let removals: Vec<_> = log.removals().iter().map(|r| (r.sequence, r.base_lots, r.reason)).collect();
                assert_eq!(fills, expected.fills);
                assert_eq!(removals, expected.removals);
                assert_eq!(summary.posted.0, expected.posted);
                assert_eq!(summary.stopped_by_limits, expected.stopped);
                assert_eq!(summary.filled.0, expected.fills.iter().map(|f| f.1).sum::<i64>());
                Ok(())
            }
            (Ok(_), Err(error)) => {
                assert!(margin_gates.contains(&error), "unexpected refusal {error:?}");
                Err(error)
            }
            (Err(refused), outcome) => {
                let expected = match refused {
                    Refused::PostOnly => EngineError::PostOnlyWouldCross,
                    Refused::FillOrKill => EngineError::FillOrKillNotFilled,
                    Refused::SelfTrade => EngineError::SelfTrade,
                    Refused::NothingToReduce => EngineError::NothingToReduce,
                    Refused::TooSmall => EngineError::OrderTooSmall,
                    Refused::TooMany => EngineError::TooManyOrders,
                };
                assert_eq!(outcome.map(|_| ()), Err(expected));
                Err(expected)
            }
        }
    }

    fn cancel(&mut self, who: usize, pick: usize) {
        let orders = &self.model.orders;
        if orders.is_empty() {
            return;
        }
        let order = orders[pick % orders.len()].clone();
        let id = OrderId { side: order.side, price_atoms_per_lot: order.price, sequence: order.sequence };
        let result = cancel_order(&mut self.market, &mut self.book, who as u32, &id);
        if order.seat == who {
            assert_eq!(result.map(|o| (o.sequence, o.size_base_lots)), Ok((order.sequence, order.lots)));
            self.model.orders.retain(|o| o.sequence != order.sequence);
        } else {
            assert_eq!(result.map(|_| ()), Err(EngineError::OrderNotOwned));
        }
    }

    fn cancel_all(&mut self, who: usize, only: Option<Side>, limit: u32) {
        let mut expected = Vec::new();
        for side in [Side::Bid, Side::Ask] {
            let rows = self.model.side(side);
            let own = rows.iter().rev().filter(|o| o.seat == who && only.is_none_or(|only| only == side));
            expected.extend(own.map(|o| o.sequence));
        }
        expected.truncate(limit as usize);
        let mut log: Box<FillLog> = zeroed_box();
        let count = cancel_all(&mut self.market, &mut self.book, who as u32, only, limit, &mut log).unwrap();
        assert_eq!(log.removals().iter().map(|r| r.sequence).collect::<Vec<_>>(), expected);
        assert_eq!(count as usize, expected.len());
        self.model.orders.retain(|o| !expected.contains(&o.sequence));
    }

    fn sweep(&mut self, who: usize, slot: u64) {
        let before = self.accounts[who].cash_atoms;
        let moved = sweep_seat(&mut self.market, who as u32, &mut self.accounts[who], slot).unwrap();
        assert_eq!(self.accounts[who].cash_atoms, before + moved.0);
        assert!(moved.0 >= 0 || self.accounts[who].cash_atoms >= 0, "a loss never makes cash negative");
        self.swept[who] += i128::from(moved.0);
    }

    fn settle(&mut self, who: usize, price: &OraclePrice) {
        let seat = self.market.seats.get(who as u32).unwrap();
        let value = seat.base_lots * price.price.0 + seat.quote_entry_atoms + seat.realised_atoms;
        let taken_out = self.market.net_swept_profit_atoms;
        let expected = (-value).min(self.accounts[who].cash_atoms).min(taken_out);
        let result = settle_loss(&mut self.market, who as u32, &mut self.accounts[who], price);
        if expected > 0 {
            assert_eq!(result.map(|a| a.0), Ok(expected));
            self.swept[who] -= i128::from(expected);
        } else {
            assert_eq!(result, Err(EngineError::NothingToSettle));
        }
    }
}

fn run(actions: Vec<Action>) {
    let mut world = world();
    let total = world.total();
    let mut price = OraclePrice {
        price: Price(PRICE),
        confidence: Price(100),
        ema: Price(PRICE),
        publish_time_seconds: 1,
        grade: Grade::Fresh,
    };
    for (slot, action) in (1u64..).zip(actions) {
        match action {
            Action::Place { who, mut request, ttl } => {
                request.expires_at_slot = if ttl == 0 { 0 } else { slot + ttl };
                let saved = world.clone();
                if world.place(who, &request, slot, price).is_err() {
                    // The chain aborts: nothing has happened.
                    world = saved;
                }
            }
            Action::Cancel { who, pick } => world.cancel(who, pick),
            Action::CancelAll { who, side, limit } => world.cancel_all(who, side, limit),
            Action::Sweep { who } => world.sweep(who, slot),
            Action::Settle { who } => world.settle(who, &price),
            Action::Price { ticks } => price.price = Price(PRICE + ticks * TICK + 17),
        }
        world.audit(total);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn the_auditor_agrees_after_every_action(actions in prop::collection::vec(action(), 1..300)) {
        run(actions);
    }
}

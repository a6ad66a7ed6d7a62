//! Random markets with an account that has money in them, resolved by the engine as anybody would do it: leg after leg, call after call.

use bytemuck::allocation::zeroed_box;
use num_bigint::BigInt;
use taper_engine::account::AccountState;
use taper_engine::audit::{check_market, market_value};
use taper_engine::book::Book;
use taper_engine::error::EngineError;
use taper_engine::margin::LegTotals;
use taper_engine::market::MarketState;
use taper_engine::matching::{FillLog, SelfTrade};
use taper_engine::oracle::{Grade, OraclePrice};
use taper_engine::orders::{place_order, OrderContext, OrderKind, OrderRequest};
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};
use taper_engine::resolve::{
    resolve_leg, Deleveraged, OtherLegs, ResolveContext, ResolveLog, ResolveSummary, COUNTERPARTIES,
};
use taper_engine::sweep::touch_seat;

use crate::model::{big, small, Market, Model};
use crate::spec::{Fate, Other, Spec, Venue};

pub const SLOT: u64 = 5_000;
pub const OWNER: [u8; 32] = [7; 32];

#[derive(Clone)]
pub struct Place {
    pub market: Box<MarketState>,
    pub book: Box<Book>,
    pub price: OraclePrice,
    pub seat: u32,
    /// Where the leg stands in the account's positions; `None` once its seat is released.
    pub position: Option<usize>,
    pub moves: Vec<Deleveraged>,
}

#[derive(Clone)]
pub struct World {
    pub slot: u64,
    pub places: Vec<Place>,
    pub account: AccountState,
    pub fund: i64,
    pub calls: usize,
}

impl Place {
    pub fn has_position(&self) -> bool {
        self.market.seats.rows[self.seat as usize].base_lots != 0
    }

    /// Seat, lots closed, atoms charged.
    pub fn closings(&self) -> Vec<(u32, i64, i64)> {
        self.moves.iter().map(|row| (row.seat_index, row.base_lots, row.charged_atoms)).collect()
    }
}

fn price_of(price: i64) -> OraclePrice {
    let ema = Price(price);
    OraclePrice { price: ema, confidence: Price(0), ema, publish_time_seconds: 1, grade: Grade::Fresh }
}

fn build_venue(spec: &Venue, position: usize, cash: &mut AccountState) -> Place {
    let mut market: Box<MarketState> = zeroed_box();
    let mut book: Box<Book> = zeroed_box();
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(100_000), calm_depth_lots: BaseLots(2_000_000) };
    market.params = default_params(&sizing).unwrap();
    market.params.sweep_cap_atoms = 1 << 55;
    market.params.tick_size_atoms_per_lot = 1;
    market.params.min_order_base_lots = 1;
    market.params.open_interest_cap_base_lots = 1 << 40;
    let mut rows = spec.others.clone();
    let sum: i64 = rows.iter().map(|other| other.base).sum::<i64>() + spec.base;
    let parts = i64::from(spec.balancing.max(1));
    for part in 0..parts {
        let base = -sum / parts - if part == 0 { sum % parts } else { 0 };
        rows.push(Other { base, profit: part * 3 - 4, realised: 5, swept: 0, swept_age: 0, has_order: false });
    }
    // The account's seat is not the first one.
    let own = rows.len() / 2;
    rows.insert(
        own,
        Other {
            base: spec.base,
            profit: spec.profit,
            realised: spec.realised,
            swept: 0,
            swept_age: 0,
            has_order: spec.has_order,
        },
    );
    let mut rich: AccountState = bytemuck::Zeroable::zeroed();
    rich.cash_atoms = 1 << 50;
    for (index, row) in rows.iter().enumerate() {
        let mut owner = [9; 32];
        owner[..8].copy_from_slice(&(index as u64).to_le_bytes());
        let owner = if index == own { OWNER } else { owner };
        let payer = if index == own { &mut *cash } else { &mut rich };
        let seat = market.seats.allocate(&owner, payer, if index == own { spec.bond } else { 3 }, true).unwrap();
        if row.has_order && spec.price > 1 {
            place(&mut market, &mut book, &mut rich, seat, owner, spec.price);
        }
        let seat = market.seats.get_mut(seat).unwrap();
        seat.base_lots = row.base;
        seat.quote_entry_atoms = row.profit * row.base.abs() - row.base * spec.price;
        seat.realised_atoms = row.realised;
        (seat.swept_window_atoms, seat.swept_window_slot) = (row.swept, SLOT - row.swept_age);
    }
    market.open_interest_base_lots = rows.iter().map(|row| row.base.max(0)).sum();
    // The clearing pool as the indices make it, with checkpoints at zero.
    let owed = |row: &Other| {
        i128::from(row.base) * i128::from(spec.funding_index) + i128::from(row.base.abs()) * i128::from(spec.loss_index)
    };
    let owed: i128 = rows.iter().map(owed).sum();
    market.charges.funding_index_scaled = spec.funding_index;
    market.charges.loss_index_scaled = spec.loss_index;
    market.charges.residue_scaled = u64::try_from(owed.rem_euclid(1 << 20)).unwrap();
    market.charges.clearing_atoms = i64::try_from(-owed.div_euclid(1 << 20)).unwrap();
    market.charges.accrued_slot = SLOT;
    market.insurance_pending_atoms = spec.pending;
    market.insurance.contributed_atoms = spec.contributed;
    market.net_swept_profit_atoms = spec.taken_out;
    market.insurance.window_slot = SLOT;
    market.params.insurance_draw_cap_atoms = 1 << 50;
    market.insurance.window_atoms = (1 << 50) - spec.window_room;
    market.params.takeover_health_bps = spec.takeover_health_bps;
    let seat = u32::try_from(own).unwrap();
    Place { market, book, price: price_of(spec.price), seat, position: Some(position), moves: vec![] }
}

/// A resting bid under the price.
fn place(
    market: &mut MarketState,
    book: &mut Book,
    account: &mut AccountState,
    seat: u32,
    owner: [u8; 32],
    price: i64,
) {
    let request = OrderRequest {
        side: Side::Bid,
        kind: OrderKind::PostOnly,
        price: Price(price / 2),
        lots: BaseLots(3),
        reduce_only: false,
        client_order_id: 0,
        expires_at_slot: 0,
        self_trade: SelfTrade::CancelResting,
    };
    let context = OrderContext {
        slot: SLOT,
        price: price_of(price),
        others_initial: Some(LegTotals::default()),
        others_maintenance: LegTotals::default(),
        reduce_only_market: false,
        owner,
    };
    place_order(market, book, account, seat, &request, &context, &mut zeroed_box::<FillLog>()).unwrap();
}

impl World {
    /// The world of a specification, and cash (or a larger loss) that makes the account worth what its fate asks for.
    pub fn new(spec: &Spec) -> Self {
        let mut account: AccountState = bytemuck::Zeroable::zeroed();
        account.cash_atoms = 1 << 50;
        let build = |(venue, position)| build_venue(venue, position, &mut account);
        let mut places: Vec<Place> = spec.venues.iter().zip(spec.places.iter().copied()).map(build).collect();
        account.cash_atoms = 0;
        let model = Self { slot: SLOT, places: places.clone(), account, fund: 0, calls: 0 }.model();
        let value = small(&model.equity());
        let wanted = match spec.fate {
            Fate::Bankrupt(part) => {
                let settled = |(market, seat): &(usize, u32)| {
                    let mut market: Market = model.markets[*market].clone();
                    market.settle(*seat);
                    small(&market.value(*seat)).min(0)
                };
                model.legs.iter().map(settled).sum::<i64>() / 1_000 * part
            }
            Fate::Takeover(_) | Fate::AtThePoint(_) => {
                let required: BigInt = model.legs.iter().map(|(m, seat)| model.markets[*m].requirement(*seat)).sum();
                let point: BigInt = required * spec.venues[0].takeover_health_bps / 100_000_000;
                match spec.fate {
                    Fate::Takeover(part) => small(&(point * part / 1_000)).max(1),
                    Fate::AtThePoint(atoms) => (small(&point) + atoms).max(1),
                    Fate::Bankrupt(_) => unreachable!(),
                }
            }
        };
        if wanted >= value {
            account.cash_atoms = wanted - value;
        } else {
            // The first leg has lost the rest.
            let first = &mut places[0];
            let seat = first.market.seats.get_mut(first.seat).unwrap();
            if seat.base_lots == 0 {
                seat.realised_atoms -= value - wanted;
            } else {
                seat.quote_entry_atoms -= value - wanted;
            }
        }
        Self { slot: SLOT, places, account, fund: spec.fund, calls: 0 }
    }

    /// The reference's copy.
    pub fn model(&self) -> Model {
        let market = |place: &Place| Market::of(&place.market, place.price.price.0, SLOT);
        let mut legs: Vec<_> =
            self.places.iter().enumerate().filter_map(|(at, p)| Some((p.position?, at, p.seat))).collect();
        legs.sort_unstable();
        Model {
            markets: self.places.iter().map(market).collect(),
            cash: big(self.account.cash_atoms),
            fund: big(self.fund),
            legs: legs.into_iter().map(|(_, market, seat)| (market, seat)).collect(),
        }
    }

    /// The reference's copy of one market, the account's seat settled.
    pub fn model_of(&self, at: usize) -> Market {
        let place = &self.places[at];
        let mut state = place.market.clone();
        state.accrue(self.slot);
        state.insurance.window_slot = SLOT;
        let mut market = Market::of(&state, place.price.price.0, self.slot);
        market.settle(place.seat);
        market
    }

    /// True while a leg has a position.
    pub fn is_open(&self) -> bool {
        self.places.iter().any(|place| place.position.is_some() && place.has_position())
    }

    /// Everything that INV-01 sums, but wallets and other accounts' cash.
    pub fn total(&self) -> i128 {
        let markets: i128 = self.places.iter().map(|place| market_value(&place.market)).sum();
        markets + i128::from(self.account.cash_atoms) + i128::from(self.fund)
    }

    pub fn audit(&self) {
        for place in &self.places {
            let found: Vec<_> = check_market(&place.market, &place.book).iter().collect();
            assert_eq!(found, []);
            assert!(place.market.insurance_pending_atoms >= 0 && place.market.unassigned_loss_atoms >= 0);
        }
        assert!(self.account.cash_atoms >= 0 && self.fund >= 0);
    }

    fn others(&self, except: usize) -> OtherLegs {
        let mut others = OtherLegs::default();
        for (at, place) in self.places.iter().enumerate() {
            let Some(position) = place.position.filter(|_| at != except) else { continue };
            let seat = place.market.seats.get(place.seat).unwrap();
            others.add(position, &place.market, seat, &place.price, self.slot).unwrap();
        }
        others
    }

    /// One call, as the program makes it; a refusal changes nothing.
    pub fn resolve(&mut self, at: usize) -> Result<ResolveSummary, EngineError> {
        let position = self.places[at].position.ok_or(EngineError::SeatNotOwned)?;
        let context = ResolveContext {
            slot: self.slot,
            price: self.places[at].price,
            owner: OWNER,
            position: u8::try_from(position).unwrap(),
            others: self.others(at),
            fund: QuoteAtoms(self.fund),
        };
        let (before, place, mut account) = (self.total(), self.places[at].clone(), self.account);
        let Place { mut market, mut book, seat, .. } = place;
        let (mut log, mut moves) = (zeroed_box::<FillLog>(), zeroed_box::<ResolveLog>());
        let summary = resolve_leg(&mut market, &mut book, &mut account, seat, &context, &mut log, &mut moves)?;
        let place = &mut self.places[at];
        (place.market, place.book, self.account) = (market, book, account);
        place.moves.extend_from_slice(moves.rows());
        if summary.released_bond.is_some() {
            place.position = None;
        }
        self.fund -= summary.insurance.from_fund.0;
        self.calls += 1;
        assert_eq!(self.total(), before, "conservation");
        self.audit();
        assert!(moves.rows().len() <= COUNTERPARTIES);
        assert_eq!(moves.rows().iter().map(|row| row.base_lots).sum::<i64>(), summary.lots.0);
        Ok(summary)
    }

    /// `release_seat`.
    pub fn release(&mut self, at: usize) -> bool {
        let saved = (self.places[at].clone(), self.account);
        let place = &mut self.places[at];
        let done = place.position.is_some()
            && touch_seat(&mut place.market, place.seat, &mut self.account, self.slot).is_ok()
            && place.market.seats.release(place.seat, &mut self.account).is_ok();
        if done {
            self.places[at].position = None;
            self.audit();
        } else {
            (self.places[at], self.account) = saved;
        }
        done
    }

    /// Resolves all, the legs tried in a random order each time. Every call that does not go through is one that must not.
    pub fn resolve_all(&mut self, mut random: u64) -> Vec<ResolveSummary> {
        let mut done = vec![];
        while self.places.iter().any(|place| place.position.is_some()) {
            let mut progress = false;
            let mut left: Vec<usize> =
                (0..self.places.len()).filter(|at| self.places[*at].position.is_some()).collect();
            while !left.is_empty() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = left.swap_remove((random >> 33) as usize % left.len());
                // In a later slot another leg may be begun.
                let begun = self.account.resolution;
                let half_done = if begun.slot == self.slot { begun.position_plus_one } else { 0 };
                let own = self.places[at].position.unwrap() + 1;
                let (here, anywhere) = (self.places[at].has_position(), self.is_open());
                match self.resolve(at) {
                    Ok(summary) => {
                        progress = true;
                        assert!(half_done == 0 || usize::from(half_done) == own);
                        done.push(summary);
                    }
                    Err(EngineError::ResolutionInProgress) => {
                        assert!(here && half_done != 0 && usize::from(half_done) != own)
                    }
                    Err(EngineError::OpenLegsFirst) => assert!(!here && anywhere),
                    // Nothing is left to share: what is missing is cash that another leg brings.
                    Err(EngineError::NothingToResolve | EngineError::AccountSolvent) => {
                        // Half way through a takeover the shares are not the account's: it can only go on where it has begun.
                        let elsewhere = half_done != 0 && usize::from(half_done) != own;
                        // One with too little requirement for an atom of equity waits until all of it is given away.
                        let open = self.places.iter().filter(|p| p.position.is_some() && p.has_position()).count();
                        assert!(!here || elsewhere || open > 1, "an open leg was refused");
                        // (Cash that a release moves would have a share that is half collected worked out anew.)
                        progress |= half_done == 0 && self.release(at);
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
            assert!(progress, "stuck with cash {}", self.account.cash_atoms);
        }
        done
    }

    /// Resolves what can be, the legs tried in a random order, until all that is left is refused.
    pub fn resolve_what_goes(&mut self, mut random: u64) {
        let mut refused = vec![];
        while refused.len() < self.places.len() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (random >> 33) as usize % self.places.len();
            if refused.contains(&at) {
                continue;
            }
            let (half_done, here) = (self.account.resolution.position_plus_one, self.places[at].has_position());
            match self.resolve(at) {
                Ok(_) => refused.clear(),
                Err(EngineError::AccountSolvent | EngineError::ResolutionInProgress) => refused.push(at),
                Err(EngineError::SeatNotOwned | EngineError::OpenLegsFirst) if !here => refused.push(at),
                Err(other) => panic!("{other:?}"),
            }
            assert!(half_done == 0 || refused.len() < self.places.len(), "it cannot go on where it has begun");
        }
    }

    /// That all is as the reference has it: every seat, every sum.
    pub fn assert_is(&self, model: &Model) {
        assert_eq!((small(&model.cash), small(&model.fund)), (self.account.cash_atoms, self.fund));
        assert!(model.legs.is_empty() && self.places.iter().all(|place| place.position.is_none()));
        for (place, expected) in self.places.iter().zip(&model.markets) {
            let state = &place.market;
            assert_eq!(place.closings(), expected.moves);
            let seats: Vec<_> = (0u32..)
                .zip(&state.seats.rows)
                .filter(|(_, seat)| !seat.is_free())
                .map(|(index, seat)| {
                    (index, seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms, seat.bond_atoms)
                })
                .collect();
            let wanted: Vec<_> = expected
                .seats
                .iter()
                .map(|(index, seat)| {
                    let bond = u64::try_from(&seat.bond).unwrap();
                    (*index, small(&seat.base), small(&seat.entry), small(&seat.realised), bond)
                })
                .collect();
            assert_eq!(seats, wanted);
            let charges = &state.charges;
            assert_eq!(
                (
                    state.open_interest_base_lots,
                    charges.clearing_atoms,
                    i128::from(charges.residue_scaled),
                    charges.loss_index_scaled
                ),
                (
                    small(&expected.open_interest),
                    small(&expected.clearing),
                    i128::try_from(&expected.residue).unwrap(),
                    small(&expected.loss_index)
                )
            );
            assert_eq!(
                (state.insurance_pending_atoms, state.insurance.drawn_atoms, state.net_swept_profit_atoms),
                (small(&expected.pending), small(&expected.drawn), small(&expected.net_swept))
            );
            assert_eq!(
                (state.socialised_atoms, state.unassigned_loss_atoms, state.deleveraged_atoms),
                (small(&expected.socialised), small(&expected.unassigned), small(&expected.deleveraged))
            );
            assert_eq!(num_bigint::BigInt::from(state.seats.bonds_atoms), expected.bonds);
        }
    }
}

//! The reference: section 18 of the specification in big integers and rationals, leg after leg, with as many counterparties as there are. It
//! reads the rows of the engine's state once, and calls none of its functions.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use taper_engine::market::MarketState;
use taper_engine::resolve::Deleveraged;

pub fn big(value: i64) -> BigInt {
    BigInt::from(value)
}

pub fn small(value: &BigInt) -> i64 {
    value.to_i64().unwrap()
}

fn ratio(numerator: &BigInt, denominator: &BigInt) -> BigRational {
    BigRational::new(numerator.clone(), denominator.clone())
}

fn up(value: &BigRational) -> BigInt {
    value.ceil().to_integer()
}

fn down(value: &BigRational) -> BigInt {
    value.floor().to_integer()
}

fn positive(value: BigInt) -> BigInt {
    value.max(BigInt::zero())
}

/// Parts of an atom in which the indices count.
fn scale() -> BigInt {
    BigInt::from(1u32 << 20)
}

#[derive(Clone, Debug)]
pub struct Seat {
    pub base: BigInt,
    pub entry: BigInt,
    pub realised: BigInt,
    pub bond: BigInt,
    funding_checkpoint: BigInt,
    loss_checkpoint: BigInt,
    swept_lately: BigInt,
}

impl Seat {
    fn unrealised(&self, price: &BigInt) -> BigInt {
        &self.base * price + &self.entry
    }

    /// Profit per lot in whole atoms, rounded down.
    fn rank(&self, price: &BigInt) -> BigInt {
        let profit = self.unrealised(price) + &self.realised + &self.swept_lately;
        ratio(&profit, &self.base.abs()).floor().to_integer()
    }

    /// Closes lots at a price: the entry gives up its share, rounded down.
    fn close(&mut self, lots: &BigInt, price: &BigInt) {
        let share = down(&(ratio(lots, &self.base.abs()) * &self.entry));
        let sign = self.base.signum();
        self.entry -= &share;
        self.realised += share + &sign * lots * price;
        self.base -= sign * lots;
    }
}

/// One atom after another to the highest quotient, ties to the first. The start is an atom under the quotas, so that the order of the last
/// ones is decided here; that it is the method is checked at the end.
pub fn dhondt(amount: &BigInt, weights: &[BigInt]) -> Vec<BigInt> {
    let total: BigInt = weights.iter().sum();
    let quota = |weight: &BigInt| positive(down(&(ratio(weight, &total) * amount)) - 1);
    if amount.is_zero() {
        return vec![BigInt::zero(); weights.len()];
    }
    let mut shares: Vec<BigInt> = weights.iter().map(quota).collect();
    let next = |shares: &[BigInt], place: usize| ratio(&weights[place], &(&shares[place] + 1));
    while shares.iter().sum::<BigInt>() < *amount {
        let best = (0..weights.len()).reduce(|a, b| if next(&shares, b) > next(&shares, a) { b } else { a }).unwrap();
        shares[best] += 1;
    }
    for had in (0..weights.len()).filter(|place| shares[*place].is_positive()) {
        let last = ratio(&weights[had], &shares[had]);
        for other in 0..weights.len() {
            let would = next(&shares, other);
            assert!(last > would || (last == would && had <= other), "not the method: {amount} by {weights:?}");
        }
    }
    shares
}

#[derive(Clone, Debug)]
pub struct Market {
    pub price: BigInt,
    pub seats: BTreeMap<u32, Seat>,
    pub open_interest: BigInt,
    pub clearing: BigInt,
    pub residue: BigInt,
    pub funding_index: BigInt,
    pub loss_index: BigInt,
    pub pending: BigInt,
    pub drawn: BigInt,
    pub net_swept: BigInt,
    pub socialised: BigInt,
    pub unassigned: BigInt,
    pub deleveraged: BigInt,
    pub bonds: BigInt,
    /// What every lot has shared of losses, in parts of an atom.
    shared_per_lot: BigInt,
    /// What all have shared, in atoms.
    shared_lately: BigInt,
    /// Still to be drawn: room of the window and entitlement, the lesser.
    room: BigInt,
    takeover_health_bps: BigInt,
    /// Upper edges and rates in bps.
    tiers: Vec<(BigInt, BigInt)>,
    /// Seat, lots closed, atoms charged, in the order in which they were deleveraged.
    pub moves: Vec<(u32, i64, i64)>,
}

impl Market {
    pub fn of(state: &MarketState, price: i64, slot: u64) -> Self {
        let swept = |seat: &taper_engine::seat::Seat| {
            let elapsed = slot.saturating_sub(seat.swept_window_slot);
            let gone = (elapsed * 16 / u64::from(state.params.rank_window_slots)).min(16);
            down(&ratio(&big(seat.swept_window_atoms), &big(16))) * (16 - gone)
        };
        let seat = |seat: &taper_engine::seat::Seat| Seat {
            base: big(seat.base_lots),
            entry: big(seat.quote_entry_atoms),
            realised: big(seat.realised_atoms),
            bond: BigInt::from(seat.bond_atoms),
            funding_checkpoint: big(seat.funding_checkpoint_scaled),
            loss_checkpoint: big(seat.loss_checkpoint_scaled),
            swept_lately: swept(seat),
        };
        let (insurance, params) = (&state.insurance, &state.params);
        // Nothing fades: the window was looked at in this slot.
        assert_eq!(insurance.window_slot, crate::world::SLOT);
        let window = params.insurance_draw_cap_atoms - insurance.window_atoms;
        let entitled = insurance.contributed_atoms + params.insurance_grant_atoms - insurance.drawn_atoms;
        let tiers = params.tiers[..params.tier_count as usize].iter();
        Self {
            price: big(price),
            seats: (0u32..)
                .zip(&state.seats.rows)
                .filter(|row| row.1.owner != [0; 32])
                .map(|r| (r.0, seat(r.1)))
                .collect(),
            open_interest: big(state.open_interest_base_lots),
            clearing: big(state.charges.clearing_atoms),
            residue: BigInt::from(state.charges.residue_scaled),
            funding_index: big(state.charges.funding_index_scaled),
            loss_index: big(state.charges.loss_index_scaled),
            pending: big(state.insurance_pending_atoms),
            drawn: big(insurance.drawn_atoms),
            net_swept: big(state.net_swept_profit_atoms),
            socialised: big(state.socialised_atoms),
            unassigned: big(state.unassigned_loss_atoms),
            deleveraged: big(state.deleveraged_atoms),
            bonds: BigInt::from(state.seats.bonds_atoms),
            shared_lately: big(state.sharing.lately_atoms),
            shared_per_lot: big(state.sharing.lately_scaled_per_lot),
            room: positive(big(window.min(entitled - insurance.tips_atoms))),
            takeover_health_bps: BigInt::from(params.takeover_health_bps),
            tiers: tiers.map(|t| (BigInt::from(t.notional_cap_atoms), BigInt::from(t.mmr_bps))).collect(),
            moves: vec![],
        }
    }

    /// Charges are paid rounded up.
    pub fn settle(&mut self, index: u32) {
        let seat = self.seats.get_mut(&index).unwrap();
        let funding = &seat.base * (&self.funding_index - &seat.funding_checkpoint);
        let scaled = funding + seat.base.abs() * (&self.loss_index - &seat.loss_checkpoint);
        let paid = up(&ratio(&scaled, &scale()));
        seat.funding_checkpoint = self.funding_index.clone();
        seat.loss_checkpoint = self.loss_index.clone();
        seat.realised -= &paid;
        self.clearing += &paid;
        self.residue += paid * scale() - scaled;
    }

    /// In atom-bps.
    pub fn requirement(&self, index: u32) -> BigInt {
        let notional = self.seats[&index].base.abs() * &self.price;
        let (mut sum, mut lower) = (BigInt::zero(), BigInt::zero());
        for (at, (edge, rate)) in self.tiers.iter().enumerate() {
            let upper = if at + 1 == self.tiers.len() { notional.clone() } else { notional.clone().min(edge.clone()) };
            sum += positive(&upper - &lower) * rate;
            lower = edge.clone();
        }
        sum
    }

    pub fn value(&self, index: u32) -> BigInt {
        let seat = &self.seats[&index];
        seat.unrealised(&self.price) + &seat.realised
    }

    /// Closes a seat's whole position against the best ranked; `share` is what it is to collect (negative: to give away).
    fn close(&mut self, own: u32, share: &BigInt) -> BigInt {
        let (mut left, mut rest) = (self.seats[&own].base.abs(), share.clone());
        let sign = self.seats[&own].base.signum();
        let mut ranked: Vec<(BigInt, u32)> = self
            .seats
            .iter()
            .filter(|(_, seat)| seat.base.signum() == -&sign)
            .map(|(index, seat)| (-seat.rank(&self.price), *index))
            .collect();
        ranked.sort();
        for (_, index) in ranked {
            if left.is_zero() {
                break;
            }
            self.settle(index);
            let price = self.price.clone();
            let seat = self.seats.get_mut(&index).unwrap();
            let lots = left.clone().min(seat.base.abs());
            let part = ratio(&lots, &left) * &rest;
            let charged = if rest.is_negative() {
                -down(&-part)
            } else {
                let profit = positive(seat.unrealised(&price));
                up(&part).min(down(&(ratio(&lots, &seat.base.abs()) * profit)))
            };
            seat.close(&lots, &price);
            seat.realised -= &charged;
            let seat = self.seats.get_mut(&own).unwrap();
            seat.close(&lots, &price);
            seat.realised += &charged;
            self.open_interest -= &lots;
            self.deleveraged += positive(charged.clone());
            self.moves.push((index, small(&lots), small(&charged)));
            left -= lots;
            rest -= charged;
        }
        assert!(left.is_zero());
        rest
    }

    /// The loss index: no more than what the vault lacks, and than the first maintenance rate of the price for every open lot; the rest is
    /// nobody's. Credits the seat. (Nothing fades: all is in one slot.)
    fn share_out(&mut self, own: u32, loss: &BigInt) {
        let lots = &self.open_interest * 2;
        let most = down(&ratio(&(&self.price * scale() * &self.tiers[0].1), &BigInt::from(10_000)));
        let bearable = down(&ratio(&(positive(most - &self.shared_per_lot) * &lots), &scale()));
        let coming = positive(-(&self.seats[&own].realised + loss));
        let hole = positive(&self.net_swept - &self.shared_lately - coming);
        let shared = loss.clone().min(bearable).min(hole);
        if shared.is_positive() {
            let rise = up(&ratio(&(&shared * scale()), &lots));
            self.residue += &rise * &lots - &shared * scale();
            self.clearing -= &shared;
            self.shared_per_lot += &rise;
            self.shared_lately += &shared;
            self.loss_index += rise;
        }
        self.unassigned += loss - &shared;
        self.socialised += shared;
        self.seats.get_mut(&own).unwrap().realised += loss;
    }

    /// Draws for a loss. Returns what is left of it.
    fn draw(&mut self, own: u32, loss: &BigInt, fund: &mut BigInt) -> BigInt {
        let allowed = loss.clone().min(self.room.clone());
        let own_income = allowed.clone().min(self.pending.clone());
        let from_fund = (&allowed - &own_income).min(fund.clone());
        let drawn = &own_income + &from_fund;
        self.pending -= own_income;
        *fund -= from_fund;
        self.drawn += &drawn;
        self.net_swept -= &drawn;
        self.room -= &drawn;
        self.seats.get_mut(&own).unwrap().realised += &drawn;
        loss - drawn
    }
}

#[derive(Clone, Debug)]
pub struct Model {
    pub markets: Vec<Market>,
    pub cash: BigInt,
    pub fund: BigInt,
    /// Market and seat, in the order of places.
    pub legs: Vec<(usize, u32)>,
}

impl Model {
    /// `E'`.
    pub fn equity(&self) -> BigInt {
        let leg = |(market, seat): &(usize, u32)| {
            let mut market = self.markets[*market].clone();
            market.settle(*seat);
            market.value(*seat) + &market.seats[seat].bond
        };
        self.legs.iter().map(leg).sum::<BigInt>() + &self.cash
    }

    /// Equity without bonds is not negative.
    pub fn is_without_debt(&self) -> bool {
        let bonds: BigInt = self.legs.iter().map(|(market, seat)| &self.markets[*market].seats[seat].bond).sum();
        self.equity() >= bonds
    }

    fn is_open(&self, (market, seat): (usize, u32)) -> bool {
        !self.markets[market].seats[&seat].base.is_zero()
    }

    /// The open legs that stay: of an account with equity those that would give away as much of it, but for an atom, as their own requirement
    /// times the takeover point. Nothing stays when all that is left has been given away.
    pub fn staying(&self) -> Vec<(usize, u32)> {
        let mut settled = self.clone();
        for (market, seat) in &self.legs {
            settled.markets[*market].settle(*seat);
        }
        let equity = settled.equity();
        if !equity.is_positive() {
            return vec![];
        }
        let open: Vec<_> = self.legs.iter().copied().filter(|leg| self.is_open(*leg)).collect();
        let shares = settled.shares(&open, &equity);
        let stays = |((market, seat), share): &((usize, u32), &BigInt)| {
            let market = &settled.markets[*market];
            (1 - *share) * 100_000_000 >= market.requirement(*seat) * &market.takeover_health_bps
        };
        let staying: Vec<_> = open.iter().copied().zip(&shares).filter(stays).collect();
        let left: BigInt = staying.iter().map(|(_, share)| *share).sum();
        if left.is_zero() {
            return vec![];
        }
        staying.into_iter().map(|(leg, _)| leg).collect()
    }

    /// Takes over all legs but these; what becomes of the seats is not followed.
    pub fn take_over_all_but(&mut self, staying: &[(usize, u32)]) {
        for (market, seat) in &self.legs {
            self.markets[*market].settle(*seat);
        }
        let open: Vec<_> = self.legs.iter().copied().filter(|leg| self.is_open(*leg)).collect();
        let shares = self.shares(&open, &self.equity());
        for ((market, seat), share) in open.iter().zip(&shares).filter(|(leg, _)| !staying.contains(leg)) {
            let rest = self.markets[*market].close(*seat, share);
            assert!(rest.is_zero());
        }
    }

    /// Resolves the account to its end. Cash in or out of seats is not followed on its way.
    pub fn resolve(&mut self) {
        for (market, seat) in self.legs.clone() {
            self.markets[market].settle(seat);
        }
        let equity = self.equity();
        let legs = self.legs.clone();
        let open: Vec<_> = legs.iter().copied().filter(|leg| self.is_open(*leg)).collect();
        let shares = self.shares(&open, &equity);
        // The fund pays the first places first, whoever is resolved first.
        let mut left = vec![];
        for ((market, seat), share) in open.iter().zip(&shares) {
            let market = &mut self.markets[*market];
            left.push(if share.is_positive() { market.draw(*seat, share, &mut self.fund) } else { share.clone() });
        }
        for ((market, seat), share) in open.iter().zip(&left) {
            let rest = self.markets[*market].close(*seat, share);
            assert!(!rest.is_negative());
            self.markets[*market].share_out(*seat, &rest);
        }
        let mut loss = positive(-self.equity());
        for (market, seat) in &legs {
            let market = &mut self.markets[*market];
            let share = positive(-market.seats[seat].realised.clone()).min(loss.clone());
            let rest = market.draw(*seat, &share, &mut self.fund);
            market.share_out(*seat, &rest);
            loss -= share;
        }
        // Without positions there is nothing to take over: what is left is the owner's.
        let left = self.equity();
        assert!(left.is_zero() || (open.is_empty() && left == equity), "{left} of {equity} is left");
        for (market, seat) in &legs {
            let market = &mut self.markets[*market];
            let seat = market.seats.remove(seat).unwrap();
            market.bonds -= seat.bond;
            market.net_swept += seat.realised;
        }
        (self.cash, self.legs) = (left, vec![]);
    }

    /// What each open leg is to collect; negative: to give away.
    fn shares(&self, open: &[(usize, u32)], equity: &BigInt) -> Vec<BigInt> {
        if equity.is_positive() {
            let weights: Vec<_> = open.iter().map(|(market, seat)| self.markets[*market].requirement(*seat)).collect();
            return if open.is_empty() {
                vec![]
            } else {
                dhondt(equity, &weights).into_iter().map(|share| -share).collect()
            };
        }
        let weights: Vec<_> = open.iter().map(|(market, seat)| positive(-self.markets[*market].value(*seat))).collect();
        let shares = dhondt(&(-equity).min(weights.iter().sum()), &weights);
        assert!(shares.iter().zip(&weights).all(|(share, weight)| share <= weight));
        shares
    }
}

/// Nobody pays more than its unrealised profit of the lots it closes, and nobody who has none.
pub fn assert_nobody_is_overcharged(before: &Market, moves: &[Deleveraged]) {
    for row in moves {
        let seat = &before.seats[&row.seat_index];
        let profit = (&seat.base * &before.price + &seat.entry).max(BigInt::zero());
        assert!(big(row.charged_atoms) * seat.base.abs() <= profit * row.base_lots, "{row:?}");
    }
}

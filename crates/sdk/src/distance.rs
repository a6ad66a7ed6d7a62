//! How far an account is from each point of the ladder, in the price of each of its legs.
//!
//! The engine values the account at one price after another; here is only the search. Health has one boundary in the price of one leg: the
//! requirement of a leg grows slower than its notional, so equity less a share of the requirement rises with the price for a long, and
//! falls for a short.

use solana_pubkey::Pubkey;
use taper::legs::{leg_price, Now};
use taper::state::{Exchange, MarginAccount, Market};
use taper_engine::margin::{value_leg, Health, LegTotals, Valuation};
use taper_engine::modes::Action;
use taper_engine::oracle::{Grade, OraclePrice};
use taper_engine::params::MarketParams;
use taper_engine::quantity::{Price, QuoteAtoms, MAX_NOTIONAL_ATOMS, MAX_PRICE_ATOMS_PER_LOT};
use taper_engine::seat::Seat;

use crate::legs::Leg;
use crate::snapshot::{look, Accounts, Copies, PlanError};

/// A point of the ladder, and where the leg's price would have to be for the account to be below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LadderPrice {
    /// Health of the point.
    pub health_bps: u32,
    /// The price nearest to the present one from the healthy side at which health is below the point: the highest such price for a long, the
    /// lowest for a short. `None` if no price of this leg alone brings the account there.
    pub price: Option<Price>,
}

/// One leg of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegDistance {
    /// The market.
    pub market: Pubkey,
    /// The position.
    pub base_lots: i64,
    /// The price now.
    pub price: OraclePrice,
    /// The points of the market's ladder and its takeover health, by falling health.
    pub points: Vec<LadderPrice>,
}

/// Distances of all legs, each with the others at their prices of now, at maintenance and mid prices. `legs` are all legs of the account, in
/// order.
///
/// # Errors
/// [`PlanError`].
pub fn ladder_prices(
    accounts: &impl Accounts,
    now: Now,
    exchange_key: &Pubkey,
    account_key: &Pubkey,
    legs: &[Leg],
) -> Result<Vec<LegDistance>, PlanError> {
    let exchange = look::<Exchange>(accounts, exchange_key)?;
    let account = look::<MarginAccount>(accounts, account_key)?;
    let cash = QuoteAtoms(account.state.cash_atoms);
    let mut copies = Copies::of_legs(accounts, legs)?;
    let infos = copies.infos();
    let mut valued = Vec::new();
    for (position, pair) in account.used_positions().zip(infos.chunks_exact(2)) {
        let [_, oracle] = pair else { continue };
        let market = look::<Market>(accounts, &position.market)?;
        let state = &market.state;
        let seat = state.seats.get(position.seat_index)?;
        let (price, _) = leg_price(market, oracle, exchange, &now, Action::BesideOthers)?;
        let owed = state.owed_at(seat, now.slot)?;
        let totals = value_leg(&state.params, seat, owed, &price, Valuation::Maintenance)?;
        valued.push((position.market, Valued { params: &state.params, seat, owed, price }, totals));
    }
    let mut found = Vec::with_capacity(valued.len());
    for (index, (market, leg, _)) in valued.iter().enumerate() {
        let mut others = LegTotals::default();
        for (_, _, totals) in valued.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, row)| row) {
            others = others.add(*totals)?;
        }
        let ladder = leg.params.ladder.iter().map(|point| point.health_bps);
        let mut bps: Vec<u32> = ladder.chain([leg.params.takeover_health_bps]).collect();
        bps.sort_unstable_by(|one, other| other.cmp(one));
        bps.dedup();
        let points = bps.into_iter().map(|health_bps| {
            let price = leg.boundary(health_bps, |own| others.add(own)?.with_cash(cash))?;
            Ok(LadderPrice { health_bps, price })
        });
        let points = points.collect::<Result<_, PlanError>>()?;
        found.push(LegDistance { market: *market, base_lots: leg.seat.base_lots, price: leg.price, points });
    }
    Ok(found)
}

struct Valued<'a> {
    params: &'a MarketParams,
    seat: &'a Seat,
    owed: QuoteAtoms,
    price: OraclePrice,
}

impl Valued<'_> {
    /// The price at which health passes below a point, by bisection.
    fn boundary(
        &self,
        health_bps: u32,
        whole: impl Fn(LegTotals) -> taper_engine::Result<Health>,
    ) -> Result<Option<Price>, PlanError> {
        let base = self.seat.base_lots;
        let Ok(size) = i64::try_from(base.unsigned_abs()) else { return Ok(None) };
        if size == 0 {
            return Ok(None);
        }
        let is_below = |price: i64| -> Result<bool, PlanError> {
            // A price that is only thought of is as good as a fresh one.
            let supposed = OraclePrice { price: Price(price), grade: Grade::Fresh, ..self.price };
            let own = value_leg(self.params, self.seat, self.owed, &supposed, Valuation::Maintenance)?;
            Ok(whole(own)?.is_below(health_bps))
        };
        let highest = (MAX_NOTIONAL_ATOMS / size).min(MAX_PRICE_ATOMS_PER_LOT);
        // `bad` is below the point, `good` is not; they close in on each other.
        let (mut bad, mut good) = if base > 0 { (1, highest) } else { (highest, 1) };
        if !is_below(bad)? {
            return Ok(None);
        }
        if is_below(good)? {
            return Ok(Some(Price(good)));
        }
        while bad.abs_diff(good) > 1 {
            let middle = bad.min(good) + (bad.max(good) - bad.min(good)) / 2;
            *(if is_below(middle)? { &mut bad } else { &mut good }) = middle;
        }
        Ok(Some(Price(bad)))
    }
}

#[cfg(test)]
mod tests {
    use bytemuck::Zeroable;
    use taper_engine::presets::{default_params, MarketSizing};
    use taper_engine::quantity::BaseLots;

    use super::*;

    const PRICE: i64 = 450_000;

    fn params() -> MarketParams {
        let sizing = MarketSizing { base_lot_exponent: -2, price: Price(PRICE), calm_depth_lots: BaseLots(2_000_000) };
        default_params(&sizing).unwrap()
    }

    fn price(atoms: i64) -> OraclePrice {
        let price = Price(atoms);
        OraclePrice { price, confidence: Price(0), ema: price, publish_time_seconds: 0, grade: Grade::Fresh }
    }

    fn seat(base_lots: i64) -> Seat {
        Seat { base_lots, quote_entry_atoms: -base_lots * PRICE, ..Seat::zeroed() }
    }

    fn boundary(base_lots: i64, cash: i64, health_bps: u32) -> Option<i64> {
        let (params, seat) = (params(), seat(base_lots));
        let leg = Valued { params: &params, seat: &seat, owed: QuoteAtoms(0), price: price(PRICE) };
        leg.boundary(health_bps, |own| own.with_cash(QuoteAtoms(cash))).unwrap().map(|price| price.0)
    }

    fn health(base_lots: i64, cash: i64, at: i64) -> Health {
        let own = value_leg(&params(), &seat(base_lots), QuoteAtoms(0), &price(at), Valuation::Maintenance).unwrap();
        own.with_cash(QuoteAtoms(cash)).unwrap()
    }

    #[test]
    fn one_atom_further_is_on_the_other_side() {
        // 1,000 lots at 450,000: notional 450 m, first tier at 3%: requirement 13.5 m.
        for (base, cash) in [(1_000, 45_000_000), (-1_000, 45_000_000), (700, 9_000_000), (-700, 9_000_000)] {
            for point in [10_000, 6_700, 3_300, 2_000, 0] {
                let found = boundary(base, cash, point).unwrap();
                let towards_health = if base > 0 { found + 1 } else { found - 1 };
                assert!(health(base, cash, found).is_below(point), "{base} {point} {found}");
                assert!(!health(base, cash, towards_health).is_below(point), "{base} {point} {found}");
            }
        }
    }

    #[test]
    fn the_point_of_one_of_a_long_is_where_it_is_by_hand() {
        // 45 m + 1,000 × (P − 450,000) = 3% × 1,000 × P, so P = 405 m ÷ 970 = 417,525.77: below it from 417,525 on.
        assert_eq!(boundary(1_000, 45_000_000, 10_000), Some(417_525));
        // Bankrupt where 45 m + 1,000 × (P − 450,000) < 0: below 405,000.
        assert_eq!(boundary(1_000, 45_000_000, 0), Some(404_999));
    }

    #[test]
    fn lower_points_are_further_away() {
        for base in [1_000, -1_000] {
            let at = [10_000, 6_700, 3_300, 0].map(|point| boundary(base, 45_000_000, point).unwrap() * base.signum());
            assert!(at.windows(2).all(|pair| pair[0] > pair[1]), "{at:?}");
        }
    }

    #[test]
    fn a_position_that_cannot_become_unhealthy_has_no_such_price() {
        // Cash pays for the whole position.
        assert_eq!(boundary(1_000, 450_000_000, 10_000), None);
        assert_eq!(boundary(0, 1, 10_000), None);
    }
}

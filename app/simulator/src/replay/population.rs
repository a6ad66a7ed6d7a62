//! Who trades: leveraged accounts drawn from the seed, sized against the depth of the book.

use rand::seq::SliceRandom;
use rand::Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;
use taper_engine::margin::requirement;
use taper_engine::params::MarketParams;
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};
use taper_engine::EngineError;

/// Open interest of the longs in units of the calm depth within 1%: one could not be closed at once inside any cost cap.
pub const OPEN_INTEREST_DEPTHS: i64 = 3;
/// Longs among a hundred accounts.
const LONGS_PERCENT: usize = 75;
/// Leverage drawn, in tenths: 5.0 to 20.0.
const LEVERAGE_TENTHS: std::ops::RangeInclusive<i64> = 50..=200;
/// Sizes differ by up to this factor.
const LARGEST_SIZE: i64 = 8;

/// An account to open before the crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// `L01`, `S01`: what the report calls it.
    pub label: String,
    /// `Bid` for a long.
    pub side: Side,
    /// Size of its position.
    pub lots: BaseLots,
    /// Leverage drawn, in tenths. The effective one may be a little lower: see `deposit`.
    pub leverage_tenths: i64,
    /// What it deposits: its margin, the taker fee of its order, and its seat's bond.
    pub deposit: QuoteAtoms,
}

/// What the population is sized by.
#[derive(Clone, Copy, Debug)]
pub struct PopulationSizing<'a> {
    pub seed: u64,
    pub accounts: usize,
    pub params: &'a MarketParams,
    pub price: Price,
    pub confidence: Price,
    pub calm_depth: BaseLots,
}

/// Draws the population: three quarters long, sizes uniform between 1 and 8 shares, leverage uniform between 5 and 20.
///
/// # Errors
/// `MathOverflow` for sizes beyond the engine's bounds.
pub fn draw(sizing: &PopulationSizing<'_>) -> Result<Vec<Drawn>, EngineError> {
    let mut random = ChaCha8Rng::seed_from_u64(sizing.seed);
    let longs = (sizing.accounts * LONGS_PERCENT).div_ceil(100);
    let mut sides: Vec<Side> = (0..sizing.accounts).map(|i| if i < longs { Side::Bid } else { Side::Ask }).collect();
    sides.shuffle(&mut random);
    let drawn: Vec<(Side, i64, i64)> = sides
        .into_iter()
        .map(|side| (side, random.gen_range(100..=100 * LARGEST_SIZE), random.gen_range(LEVERAGE_TENTHS)))
        .collect();
    let interest = sizing.calm_depth.0.checked_mul(OPEN_INTEREST_DEPTHS).ok_or(EngineError::MathOverflow)?;
    let shares: i64 = drawn.iter().filter(|(side, ..)| *side == Side::Bid).map(|(_, share, _)| share).sum();
    let (mut long_count, mut short_count) = (0, 0);
    drawn
        .into_iter()
        .map(|(side, share, leverage_tenths)| {
            let (letter, count) = match side {
                Side::Bid => ('L', &mut long_count),
                Side::Ask => ('S', &mut short_count),
            };
            *count += 1;
            let exact = i128::from(interest) * i128::from(share) / i128::from(shares.max(1));
            let least = sizing.params.min_position_base_lots.max(sizing.params.min_order_base_lots);
            let lots = BaseLots(i64::try_from(exact).map_err(|_| EngineError::MathOverflow)?.max(least));
            let deposit = deposit_of(sizing, lots, leverage_tenths)?;
            Ok(Drawn { label: format!("{letter}{count:02}"), side, lots, leverage_tenths, deposit })
        })
        .collect()
}

/// Margin at the leverage drawn, but at least what the exchange asks for initially with 1% to spare; then the fee and the bond.
///
/// # Errors
/// `MathOverflow` for sizes beyond the engine's bounds.
pub fn deposit_of(
    sizing: &PopulationSizing<'_>,
    lots: BaseLots,
    leverage_tenths: i64,
) -> Result<QuoteAtoms, EngineError> {
    let overflow = EngineError::MathOverflow;
    let params = sizing.params;
    let notional = sizing.price.notional(lots)?;
    let wanted = (i128::from(notional.0) * 10).div_euclid(i128::from(leverage_tenths)) + 1;
    let dearest = Price(sizing.price.0.checked_add(sizing.confidence.0).ok_or(overflow)?);
    let initial = requirement(params, dearest.notional(lots)?, true)?.0 / 10_000;
    let bias = i128::from(sizing.confidence.notional(lots)?.0);
    let needed = (initial + bias) * 101 / 100 + 1;
    let fee = i128::from(notional.0) * i128::from(params.taker_fee_ppm) / 1_000_000 + 1;
    let total = wanted.max(needed) + fee + i128::from(params.seat_bond_atoms);
    i64::try_from(total).map(QuoteAtoms).map_err(|_| overflow)
}

#[cfg(test)]
mod tests {
    use taper_engine::presets::{default_params, MarketSizing};

    use super::*;

    const PRICE: Price = Price(450_000);
    const DEPTH: BaseLots = BaseLots(200_000);

    fn draw_with(seed: u64, accounts: usize) -> Vec<Drawn> {
        let params =
            default_params(&MarketSizing { base_lot_exponent: -2, price: PRICE, calm_depth_lots: DEPTH }).unwrap();
        draw(&PopulationSizing {
            seed,
            accounts,
            params: &params,
            price: PRICE,
            confidence: Price(180),
            calm_depth: DEPTH,
        })
        .unwrap()
    }

    #[test]
    fn the_same_seed_draws_the_same_accounts_and_another_seed_others() {
        assert_eq!(draw_with(7, 24), draw_with(7, 24));
        assert_ne!(draw_with(7, 24), draw_with(8, 24));
    }

    #[test]
    fn three_quarters_are_long_and_hold_three_depths() {
        let traders = draw_with(1, 24);
        let longs: Vec<_> = traders.iter().filter(|trader| trader.side == Side::Bid).collect();
        assert_eq!((longs.len(), traders.len()), (18, 24));
        let interest: i64 = longs.iter().map(|trader| trader.lots.0).sum();
        assert!((3 * DEPTH.0 - 18..=3 * DEPTH.0).contains(&interest), "{interest}");
        assert_eq!(longs[0].label, "L01");
        assert_eq!(draw_with(1, 1)[0].side, Side::Bid);
    }

    #[test]
    fn deposits_match_the_leverage_within_what_the_exchange_asks() {
        for trader in draw_with(3, 48) {
            let notional = PRICE.0 * trader.lots.0;
            let margin = trader.deposit.0 - notional * 500 / 1_000_000 - 1_000_000;
            let tenths = notional * 10 / margin;
            assert!((50..=200).contains(&trader.leverage_tenths), "{trader:?}");
            assert!(tenths <= trader.leverage_tenths, "{trader:?} {tenths}");
            // Only where the first tiers ask for more than the leverage drawn would give is the effective one much lower.
            assert!(trader.leverage_tenths >= 120 || tenths >= trader.leverage_tenths - 1, "{trader:?} {tenths}");
        }
    }
}

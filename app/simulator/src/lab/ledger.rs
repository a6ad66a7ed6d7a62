//! What became of each account's equity, term by term, in whole atoms.
//!
//! ```text
//! equity at the end = equity at the start + position × (end − start)      had nothing been done
//!                   − fee − impact + direction + transfer
//! ```
//!
//! at the path's prices. *Fee*: penalties and liquidation fees. *Impact*: what closing cost against the path's price at that moment (spread,
//! depth, and what liquidations had moved the oracle by). *Direction*: what the path did after lots were closed; positive when it went on
//! against the account. *Transfer*: losses that others bore for the account, less losses that it bore for others and equity that was
//! handed over with its position.

use taper_engine::quantity::{BaseLots, Price, QuoteAtoms};

/// One account's terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    start_equity_atoms: i64,
    /// Position at the start.
    pub start_base_lots: i64,
    start_price_atoms_per_lot: i64,
    fee_atoms: i64,
    impact_atoms: i64,
    transfer_atoms: i64,
    /// Lots closed, with the sign of the position.
    closed_lots: i64,
    /// The same at the path's prices.
    closed_at_path_atoms: i64,
    /// Slices, and market orders of baselines.
    pub slices: u64,
    /// True once it was liquidated or resolved.
    pub touched: bool,
}

/// The terms at one price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    pub start_atoms: i64,
    /// What holding would have brought.
    pub held_atoms: i64,
    pub fee_atoms: i64,
    pub impact_atoms: i64,
    pub direction_atoms: i64,
    pub transfer_atoms: i64,
}

impl Ledger {
    /// An account as it starts: its equity (its seat's bond included) and position at the path's first price.
    pub fn opened(equity: QuoteAtoms, base: BaseLots, price: Price) -> Self {
        Self {
            start_equity_atoms: equity.0,
            start_base_lots: base.0,
            start_price_atoms_per_lot: price.0,
            ..Self::default()
        }
    }

    /// Lots were closed, for `quote` (positive, at the prices of the fills), while the path stood at `path`. `base` is the position before.
    pub fn closed(&mut self, base: BaseLots, lots: BaseLots, quote: QuoteAtoms, path: Price) {
        let sign = base.0.signum();
        let at_path = sign * lots.0 * path.0;
        self.impact_atoms += at_path - sign * quote.0;
        self.closed_lots += sign * lots.0;
        self.closed_at_path_atoms += at_path;
    }

    /// A penalty or fee was paid.
    pub fn paid(&mut self, fee: QuoteAtoms) {
        self.fee_atoms += fee.0;
    }

    /// Others bore a loss for the account; negative: it bore one, or gave its equity away.
    pub fn received(&mut self, amount: QuoteAtoms) {
        self.transfer_atoms += amount.0;
    }

    /// The terms at that price of the path; `owed` is what the seat owes in shared losses and has not settled.
    pub fn split(&self, mark: Price, owed: QuoteAtoms) -> Split {
        Split {
            start_atoms: self.start_equity_atoms,
            held_atoms: self.start_base_lots * (mark.0 - self.start_price_atoms_per_lot),
            fee_atoms: self.fee_atoms,
            impact_atoms: self.impact_atoms,
            direction_atoms: self.closed_at_path_atoms - self.closed_lots * mark.0,
            transfer_atoms: self.transfer_atoms - owed.0,
        }
    }
}

impl Split {
    /// What the terms add up to.
    pub fn sum_atoms(&self) -> i64 {
        self.start_atoms + self.held_atoms - self.fee_atoms - self.impact_atoms
            + self.direction_atoms
            + self.transfer_atoms
    }

    /// Term by term.
    pub fn add(&mut self, other: &Self) {
        self.start_atoms += other.start_atoms;
        self.held_atoms += other.held_atoms;
        self.fee_atoms += other.fee_atoms;
        self.impact_atoms += other.impact_atoms;
        self.direction_atoms += other.direction_atoms;
        self.transfer_atoms += other.transfer_atoms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sold_half_way_down_loses_impact_and_fee_and_gains_direction() {
        let mut ledger = Ledger::opened(QuoteAtoms(1_000), BaseLots(10), Price(500));
        ledger.closed(BaseLots(10), BaseLots(4), QuoteAtoms(4 * 445), Price(450));
        ledger.paid(QuoteAtoms(7));
        let split = ledger.split(Price(420), QuoteAtoms(1));
        assert_eq!((split.held_atoms, split.impact_atoms, split.direction_atoms), (-800, 20, 120));
        // 6 lots lost 80 each, 4 lots 55 each.
        assert_eq!(split.sum_atoms(), 1_000 - 6 * 80 - 4 * 55 - 7 - 1);
    }

    #[test]
    fn a_short_bought_back_is_the_mirror_image() {
        let mut ledger = Ledger::opened(QuoteAtoms(1_000), BaseLots(-10), Price(500));
        ledger.closed(BaseLots(-10), BaseLots(10), QuoteAtoms(10 * 556), Price(550));
        let split = ledger.split(Price(520), QuoteAtoms(0));
        assert_eq!((split.held_atoms, split.impact_atoms, split.direction_atoms), (-200, 60, -300));
        assert_eq!(split.sum_atoms(), 1_000 - 560);
    }
}

//! What the bot may spend and hold. Reserved before an action is sent, settled when its outcome is known: what is in doubt counts in full.

use std::collections::{BTreeMap, VecDeque};

use solana_pubkey::Pubkey;

const HOUR_SECONDS: i64 = 3_600;

/// Why an action is not allowed now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverLimit {
    /// The hour's spending is used up.
    #[error("it could spend {wanted_lamports} lamports; {left_lamports} are left in this hour")]
    Spend {
        /// At most so many.
        wanted_lamports: u64,
        /// Left.
        left_lamports: u64,
    },
    /// The market's inventory would be too large.
    #[error("it would bring the notional held in this market to {notional_atoms} atoms")]
    Inventory {
        /// Notional after.
        notional_atoms: i64,
    },
    /// The inventory of all markets together would be too large.
    #[error("it would bring the notional held in all markets to {notional_atoms} atoms")]
    TotalInventory {
        /// Notional after.
        notional_atoms: i64,
    },
}

/// Lamports spent on fees within the last hour.
#[derive(Clone, Debug)]
pub struct SpendLimit {
    per_hour_lamports: u64,
    /// Time and lamports, oldest first.
    spent: VecDeque<(i64, u64)>,
    /// Sum of `spent`.
    window_lamports: u64,
    /// Of actions whose outcome is not known.
    reserved_lamports: u64,
}

impl SpendLimit {
    /// Nothing spent yet.
    pub fn new(per_hour_lamports: u64) -> Self {
        Self { per_hour_lamports, spent: VecDeque::new(), window_lamports: 0, reserved_lamports: 0 }
    }

    /// Reserves the most that an action can cost.
    ///
    /// # Errors
    /// `Spend`.
    pub fn reserve(&mut self, now_seconds: i64, lamports: u64) -> Result<(), OverLimit> {
        let left_lamports = self.left(now_seconds);
        if lamports > left_lamports {
            return Err(OverLimit::Spend { wanted_lamports: lamports, left_lamports });
        }
        self.reserved_lamports += lamports;
        Ok(())
    }

    /// An outcome is known: of what was reserved so much was spent.
    pub fn settle(&mut self, now_seconds: i64, reserved_lamports: u64, spent_lamports: u64) {
        self.reserved_lamports = self.reserved_lamports.saturating_sub(reserved_lamports);
        if spent_lamports > 0 {
            self.spent.push_back((now_seconds, spent_lamports));
            self.window_lamports = self.window_lamports.saturating_add(spent_lamports);
        }
    }

    /// What may still be spent now.
    pub fn left(&mut self, now_seconds: i64) -> u64 {
        while let Some((_, lamports)) = self.spent.front().filter(|(time, _)| now_seconds - time >= HOUR_SECONDS) {
            self.window_lamports = self.window_lamports.saturating_sub(*lamports);
            self.spent.pop_front();
        }
        self.per_hour_lamports.saturating_sub(self.window_lamports).saturating_sub(self.reserved_lamports)
    }
}

/// Notional that the bot's own account holds, and what actions on their way would add.
#[derive(Clone, Debug)]
pub struct InventoryLimit {
    per_market_atoms: i64,
    total_atoms: i64,
    held_atoms: BTreeMap<Pubkey, i64>,
    reserved_atoms: BTreeMap<Pubkey, i64>,
}

impl InventoryLimit {
    /// Nothing held yet.
    pub fn new(per_market_atoms: i64, total_atoms: i64) -> Self {
        Self { per_market_atoms, total_atoms, held_atoms: BTreeMap::new(), reserved_atoms: BTreeMap::new() }
    }

    /// What the bot's account holds in a market, without its sign.
    pub fn set_held(&mut self, market: Pubkey, notional_atoms: i64) {
        self.held_atoms.insert(market, notional_atoms.saturating_abs());
    }

    /// Reserves what an absorbed slice would add at most. What adds nothing is always allowed, also when prices have carried what is held past
    /// the limit.
    ///
    /// # Errors
    /// `Inventory`, `TotalInventory`.
    pub fn reserve(&mut self, market: &Pubkey, notional_atoms: i64) -> Result<(), OverLimit> {
        if notional_atoms == 0 {
            return Ok(());
        }
        let in_market = self.in_market(market).saturating_add(notional_atoms);
        if in_market > self.per_market_atoms {
            return Err(OverLimit::Inventory { notional_atoms: in_market });
        }
        let total = self.total().saturating_add(notional_atoms);
        if total > self.total_atoms {
            return Err(OverLimit::TotalInventory { notional_atoms: total });
        }
        *self.reserved_atoms.entry(*market).or_default() += notional_atoms;
        Ok(())
    }

    /// An outcome is known: what was reserved is held by now, or will never be.
    pub fn release(&mut self, market: &Pubkey, notional_atoms: i64) {
        if let Some(reserved) = self.reserved_atoms.get_mut(market) {
            *reserved = (*reserved - notional_atoms).max(0);
        }
    }

    /// What may still be taken over in a market; nothing where too much is held already.
    pub fn room_atoms(&self, market: &Pubkey) -> i64 {
        let in_market = self.per_market_atoms.saturating_sub(self.in_market(market));
        in_market.min(self.total_atoms.saturating_sub(self.total())).max(0)
    }

    fn in_market(&self, market: &Pubkey) -> i64 {
        let of = |map: &BTreeMap<Pubkey, i64>| map.get(market).copied().unwrap_or(0);
        of(&self.held_atoms).saturating_add(of(&self.reserved_atoms))
    }

    /// Held and reserved, in all markets.
    pub fn total(&self) -> i64 {
        self.held_atoms
            .values()
            .chain(self.reserved_atoms.values())
            .fold(0, |sum: i64, atoms| sum.saturating_add(*atoms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_spending_is_bounded_with_what_is_in_doubt() {
        let mut limit = SpendLimit::new(100);
        limit.reserve(0, 60).unwrap();
        let over = OverLimit::Spend { wanted_lamports: 41, left_lamports: 40 };
        assert_eq!(limit.reserve(1, 41), Err(over));
        limit.settle(10, 60, 50);
        assert_eq!(limit.left(10), 50);
        limit.reserve(20, 50).unwrap();
        // It never landed: nothing was spent.
        limit.settle(30, 50, 0);
        assert_eq!(limit.left(30), 50);
        assert_eq!(limit.left(10 + HOUR_SECONDS - 1), 50);
        assert_eq!(limit.left(10 + HOUR_SECONDS), 100);
    }

    #[test]
    fn inventory_is_bounded_by_market_and_in_all() {
        let (first, second) = (Pubkey::new_from_array([1; 32]), Pubkey::new_from_array([2; 32]));
        let mut limit = InventoryLimit::new(100, 150);
        limit.set_held(first, -70);
        assert_eq!((limit.room_atoms(&first), limit.room_atoms(&second)), (30, 80));
        assert_eq!(limit.reserve(&first, 31), Err(OverLimit::Inventory { notional_atoms: 101 }));
        limit.reserve(&first, 30).unwrap();
        assert_eq!(limit.reserve(&second, 51), Err(OverLimit::TotalInventory { notional_atoms: 151 }));
        limit.release(&first, 30);
        limit.reserve(&second, 51).unwrap();
        assert_eq!(limit.total(), 121);
        // A price has risen: nothing more may be added, and a slice through the book adds nothing.
        limit.set_held(first, 170);
        assert_eq!((limit.room_atoms(&second), limit.reserve(&first, 0)), (0, Ok(())));
        assert_eq!(limit.reserve(&second, 1), Err(OverLimit::TotalInventory { notional_atoms: 222 }));
    }
}

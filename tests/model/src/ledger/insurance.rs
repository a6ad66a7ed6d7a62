//! Section 19: what insurance pays, and what it is paid.

use taper_engine::EngineError as E;

use super::cash::{amount, grown};
use super::number::Z;
use super::seat::SCALE;
use super::share::faded;
use super::{Ledger, Market};
use crate::outside::{Outcome, Outside};

/// A market's dealings with insurance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Insurance {
    /// Paid in over its life.
    pub contributed: Z,
    /// Drawn over its life.
    pub drawn: Z,
    /// Tips over its life.
    pub tips: Z,
    /// Drawn lately.
    pub window: Z,
    /// Slot to which that has faded.
    pub slot: u64,
}

impl Market {
    /// Drawn lately, in this slot.
    pub fn drawn_lately(&self, slot: u64) -> Z {
        let passed = slot.saturating_sub(self.insurance.slot);
        faded(
            self.insurance.window,
            self.params.insurance_draw_cap_atoms.into(),
            self.params.insurance_window_slots,
            passed,
        )
    }

    /// What it may still draw in its life.
    pub fn entitlement(&self) -> Z {
        let dealings = &self.insurance;
        let grant = Z::from(self.params.insurance_grant_atoms);
        (dealings.contributed + grant - dealings.drawn - dealings.tips).max(0)
    }

    /// What it may draw now, if it is there.
    pub fn draw_room(&self, slot: u64) -> Z {
        let window = Z::from(self.params.insurance_draw_cap_atoms) - self.drawn_lately(slot);
        window.min(self.entitlement()).max(0)
    }

    /// Income of insurance.
    pub fn contribute(&mut self, atoms: Z) {
        self.pending += atoms;
        self.insurance.contributed += atoms;
    }

    /// Draws as much of what is wanted as may be. Returns what comes out of its own income, and out of the fund.
    pub fn draw(&mut self, wanted: Z, fund: Z, slot: u64) -> (Z, Z) {
        let drawn = wanted.min(self.draw_room(slot)).min(self.pending + fund).max(0);
        if drawn == 0 {
            return (0, 0);
        }
        let own = drawn.min(self.pending);
        self.insurance.window = self.drawn_lately(slot) + drawn;
        self.insurance.slot = slot;
        self.insurance.drawn += drawn;
        self.pending -= own;
        self.net_swept -= drawn;
        (own, drawn - own)
    }

    /// Takes the whole atoms out of the residue.
    pub fn take_residue(&mut self) -> Z {
        let whole = self.residue.max(0) / SCALE;
        self.residue -= whole * SCALE;
        self.clearing -= whole;
        self.insurance.contributed += whole;
        whole
    }
}

impl Ledger {
    /// Moves a market's income to the exchange.
    pub fn take_income(&mut self, market: usize) {
        let row = &mut self.markets[market];
        let residue = row.take_residue();
        self.fund += residue + std::mem::take(&mut row.pending);
        self.fees += std::mem::take(&mut row.fees);
    }

    pub(super) fn sweep_income(&mut self, market: usize) -> Outcome<()> {
        self.take_income(market);
        Ok(())
    }

    pub(super) fn donate(&mut self, market: Option<usize>, atoms: u64) -> Outcome<()> {
        let atoms = amount(atoms)?;
        self.fund = grown(self.fund, atoms)?;
        if let Some(market) = market {
            let contributed = &mut self.markets[market].insurance.contributed;
            *contributed = grown(*contributed, atoms)?;
        }
        self.vault += atoms;
        Ok(())
    }

    pub(super) fn cover_loss(&mut self, outside: &Outside, market: usize) -> Outcome<()> {
        let row = &mut self.markets[market];
        // Where no seat is taken any more nobody waits for a profit, and all of it is drawn for.
        let most = if row.taken() == 0 { row.unassigned } else { row.hole(outside.slot) };
        let wanted = row.unassigned.min(most);
        let (own, fund) = row.draw(wanted, self.fund, outside.slot);
        if own + fund == 0 {
            return Err(E::NothingToCover.into());
        }
        row.unassigned -= own + fund;
        self.fund -= fund;
        let held = row.held.min(row.unassigned);
        self.held -= row.held - held;
        row.held = held;
        Ok(())
    }

    /// What is held for a market's unassigned losses rises with them, up to the sweep cap; what is held already stays under a lower one.
    pub fn hold(&mut self, market: usize) {
        let row = &mut self.markets[market];
        let held = row.unassigned.min(row.params.sweep_cap_atoms.into()).max(row.held);
        self.held += held - row.held;
        row.held = held;
    }
}

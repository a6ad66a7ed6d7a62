//! Section 22: how much of a loss all lots share.

use super::number::{ceil, floor, Z};
use super::seat::SCALE;
use super::Market;

/// Shared lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    /// By all lots, in atoms.
    pub lately: Z,
    /// By each lot, in 2^-20 atoms.
    pub per_lot: Z,
    /// Slot to which both have faded.
    pub slot: u64,
}

/// What is left of something that fades linearly by `whole` in `window` slots, and is nothing after them: what has faded is rounded down.
pub fn faded(amount: Z, whole: Z, window: u32, slots: u64) -> Z {
    if slots >= window.into() {
        return 0;
    }
    (amount - floor(whole * Z::from(slots), window.into())).max(0)
}

impl Market {
    /// What all lots have shared lately, in this slot.
    pub fn shared_lately(&self, slot: u64) -> Z {
        let passed = slot.saturating_sub(self.sharing.slot);
        faded(self.sharing.lately, self.params.sweep_cap_atoms.into(), self.params.insurance_window_slots, passed)
    }

    /// How much profit may still be swept.
    pub fn sweep_room(&self, slot: u64) -> Z {
        (Z::from(self.params.sweep_cap_atoms) - self.net_swept - self.shared_lately(slot)).max(0)
    }

    /// What winners have taken out beyond what losers and lots have paid in.
    pub fn hole(&self, slot: u64) -> Z {
        (self.net_swept - self.shared_lately(slot)).max(0)
    }

    /// What winners have taken out.
    pub fn taken_out(&self) -> Z {
        self.net_swept.max(0)
    }

    /// Most that a lot pays in a window, in 2^-20 atoms.
    fn lot_bears(&self, price: Z) -> Z {
        floor(price * Z::from(self.params.tiers[0].mmr_bps) * SCALE, 10_000)
    }

    /// What has been shared lately, in this slot and at this price.
    pub fn sharing_at(&self, price: Z, slot: u64) -> Sharing {
        let window = self.params.insurance_window_slots;
        let passed = slot.saturating_sub(self.sharing.slot);
        let per_lot = faded(self.sharing.per_lot, self.lot_bears(price), window, passed);
        Sharing { lately: self.shared_lately(slot), per_lot, slot }
    }

    /// Shares a loss over all lots, as far as that goes; the loser itself still pays what is `coming`. Returns what was shared.
    pub fn share(&mut self, loss: Z, coming: Z, price: Z, slot: u64) -> Z {
        let lots = 2 * self.longs();
        let Sharing { lately, per_lot, .. } = self.sharing_at(price, slot);
        let bears = self.lot_bears(price);
        let room = floor((bears - per_lot).max(0) * lots, SCALE);
        let shared = loss.min(self.hole(slot) - coming).min(room).max(0);
        if shared == 0 || lots == 0 {
            return 0;
        }
        let by = ceil(shared * SCALE, lots);
        self.loss_index += by;
        self.clearing -= shared;
        self.residue += by * lots - shared * SCALE;
        self.sharing = Sharing { lately: lately + shared, per_lot: per_lot + by, slot };
        shared
    }
}

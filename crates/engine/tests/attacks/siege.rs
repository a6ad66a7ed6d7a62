//! A plan against Alice, step by step: bids, slices, absorptions, flags, waits, in any order, by the attacker's wallets. What every slice
//! may have cost her by the rules is added up beside it, from the parameters and the summary alone.

use crate::world::{limit, World, ALICE, ATTACKER, CAROL, LONG, SECOND};
use std::ops::RangeInclusive;
use taper_engine::liquidate::{LiquidationRequest, SliceSummary};
use taper_engine::oracle::Grade;
use taper_engine::orders::cancel_all;
use taper_engine::quantity::{BaseLots, QuoteAtoms, Side};

/// Numbers of one step: its kind, lots, atoms under the oracle price, slots to wait after it.
pub const NUMBERS: usize = 4;
/// The attacker's wallets: maker, second maker, absorber and caller.
pub const WALLETS: [u32; 3] = [ATTACKER, SECOND, CAROL];

pub struct Siege {
    pub world: World,
    /// Atoms that the rules allow to be taken from Alice, rounded up: Σ lots × κ × mmr × P.
    pub allowed: i64,
    /// The same with `H·r·P` in place of κ: what no slice may cost beyond, whatever the clock says.
    pub health_allowed: i64,
    /// Lots of Alice that were closed.
    pub closed: i64,
    /// Tips and what insurance was paid by penalties and discounts.
    pub tips: i64,
    pub insurance: i64,
    started: Option<u64>,
    /// First slot that the last slice has left free.
    next_slot: u64,
}

/// Ranges for a search over this many steps.
pub fn ranges(steps: usize) -> Vec<RangeInclusive<i64>> {
    (0..steps).flat_map(|_| [0..=7, 1..=LONG, -200..=1_400, 0..=12]).collect()
}

impl Siege {
    pub fn new(world: &World) -> Self {
        Self {
            world: world.clone(),
            allowed: 0,
            health_allowed: 0,
            closed: 0,
            tips: 0,
            insurance: 0,
            started: None,
            next_slot: 0,
        }
    }

    pub fn wealth(&self, seats: &[u32]) -> i64 {
        seats.iter().map(|seat| self.world.wealth(*seat)).sum()
    }

    pub fn run(&mut self, plan: &[i64]) {
        for step in plan.chunks_exact(NUMBERS) {
            self.step(step[0], step[1], step[2]);
            self.world.slot += u64::try_from(step[3]).unwrap();
        }
        self.world.assert_sound();
    }

    /// A step that is refused changes nothing.
    fn step(&mut self, kind: i64, lots: i64, below: i64) {
        let price = self.world.price.price.0;
        let request =
            LiquidationRequest { caller_max: BaseLots(lots), min_payout: QuoteAtoms(i64::MIN), ..self.world.request() };
        match kind {
            0 | 1 => {
                let wallet = if kind == 0 { ATTACKER } else { SECOND };
                let _ = self.world.attempt(wallet, limit(Side::Bid, price - below, lots));
            }
            2 | 3 => {
                let slice = self.world.liquidate(request);
                if let Ok(slice) = slice {
                    self.world.accounts[CAROL as usize].credit(slice.caller_payout).unwrap();
                    self.book(&slice);
                }
            }
            4 => {
                let slice = self.world.absorb(request);
                if let Ok(slice) = slice {
                    self.book(&slice);
                }
            }
            5 => {
                let _ = self.world.flag(Grade::Fresh);
                self.started = self.started.or(Some(self.world.slot));
            }
            // Swept back, or sold on: the lots of one wallet to another's bids.
            6 => {
                let _ = self.world.attempt(ATTACKER, limit(Side::Ask, price - below, lots));
            }
            _ => {
                let world = &mut self.world;
                cancel_all(&mut world.market, &mut world.book, ATTACKER, None, 32, &mut world.log).unwrap();
            }
        }
    }

    /// `κ = min(κ₁(H), κ₀ + ramp × slots since the episode may have begun)`, of the first tier's mmr, of the price, rounded up to an atom a
    /// lot; κ₁ between the ladder's points, at a health that was rounded down, which is no less where κ₁ falls with health; within `H·r·P`, with H rounded up.
    fn book(&mut self, slice: &SliceSummary) {
        let params = &self.world.market.params;
        let began = *self.started.get_or_insert(self.world.slot);
        let health = slice.health_before_bps.clamp(0, 10_000);
        let kappa_one = params.ladder.windows(2).find_map(|pair| {
            let (high, low) = (i64::from(pair[0].health_bps), i64::from(pair[1].health_bps));
            let (top, end) = (i64::from(pair[0].cost_cap_bps_of_mmr), i64::from(pair[1].cost_cap_bps_of_mmr));
            // In hundredths of a basis point.
            (low <= health).then(|| end * 100 + (top - end) * 100 * (health - low) / (high - low))
        });
        let elapsed = i64::try_from(self.world.slot - began).unwrap();
        let ramp = i64::from(params.cost_cap_ramp_bps_of_mmr_per_slot);
        let open = 100 * (i64::from(params.cost_cap_start_bps_of_mmr) + ramp * elapsed);
        let bound = 100 * (health + 1);
        let kappa = (kappa_one.unwrap().min(open) + 1).min(bound);
        let per_lot =
            |kappa: i64| self.world.price.price.0 * i64::from(params.tiers[0].mmr_bps) * kappa / 10_000_000_000 + 1;
        self.allowed += slice.lots.0 * per_lot(kappa);
        self.health_allowed += slice.lots.0 * per_lot(bound);
        assert!(slice.cost.0 <= self.allowed);
        assert!(self.world.slot >= self.next_slot, "a cooldown was reset");
        self.next_slot = slice.cooldown_until_slot;
        self.closed += slice.lots.0;
        self.tips += slice.tip.0;
        self.insurance += slice.insurance.0 + slice.discount_insurance.0;
    }

    /// Alice's equity at the oracle price.
    pub fn hers(&self) -> i64 {
        self.world.wealth(ALICE)
    }
}

/// Alice in the soft stage; a tick of one atom, so that the attacker can rest at κ exactly.
pub fn fine_world() -> World {
    let mut world = World::with_unhealthy_long();
    world.market.params.tick_size_atoms_per_lot = 1;
    world
}

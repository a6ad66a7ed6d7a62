//! Section 20: status and parameters.

use taper_engine::params::{MarketParams, MARGIN_TIERS};
use taper_engine::EngineError as E;

use super::margin::requirement;
use super::number::{floor, Z};
use super::{Ledger, Market};
use crate::engine_world::changed;
use crate::op::Change;
use crate::outside::{Outcome, Outside, Refusal, DAY_SLOTS};

/// Floors from which limits begin.
const FLOOR_ATOMS: Z = 10_000_000_000;
const FLOOR_BPS: Z = 50;

/// Requirements on their way up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramp {
    rates: [(u32, u32); MARGIN_TIERS],
    edges: [(u64, u64); MARGIN_TIERS],
    start: u64,
    /// Slot in which the end is reached.
    pub end: u64,
}

impl Ledger {
    pub(super) fn holds_withdrawals(&self, slot: u64) -> bool {
        self.status == 2 && slot < self.paused_slot.saturating_add(DAY_SLOTS)
    }

    pub(super) fn set_status(
        &mut self,
        outside: &Outside,
        market: Option<usize>,
        status: u8,
        both: bool,
    ) -> Outcome<()> {
        if status > 2 {
            return Err(Refusal::InvalidArgument);
        }
        let before = market.map_or(self.status, |market| self.markets[market].status);
        if status == before || (status < before && !both) {
            return Err(Refusal::StatusNotTightened);
        }
        if let Some(market) = market {
            self.markets[market].status = status;
            return Ok(());
        }
        // Within two days of the last pause that held withdrawals it is that one's time that counts.
        if status == 2 && (self.paused_slot == 0 || outside.slot >= self.paused_slot + 2 * DAY_SLOTS) {
            self.paused_slot = outside.slot;
        }
        self.status = status;
        Ok(())
    }

    pub(super) fn tighten(&mut self, outside: &Outside, market: usize, change: &Change) -> Outcome<()> {
        let row = &mut self.markets[market];
        let old = row.params;
        let edge = old.tiers[old.tier_count as usize - 1].notional_cap_atoms;
        // A sweep cap stops at what has been swept out.
        let sweep_cap = change.sweep_cap.map(|cap| Z::from(cap).max(row.net_swept.min(old.sweep_cap_atoms.into())));
        let sweep_rises = change.sweep_cap.is_some_and(|cap| cap > old.sweep_cap_atoms);
        let named = [
            (change.open_interest_cap.map(Z::from), Z::from(old.open_interest_cap_base_lots)),
            (change.position_cap.map(Z::from), Z::from(edge)),
            (sweep_cap.filter(|_| !sweep_rises), Z::from(old.sweep_cap_atoms)),
            (change.draw_cap.map(Z::from), Z::from(old.insurance_draw_cap_atoms)),
            (change.grant.map(Z::from), Z::from(old.insurance_grant_atoms)),
        ];
        let rises = sweep_rises || named.iter().any(|(new, old)| new.is_some_and(|new| new > *old));
        let falls = named.iter().any(|(new, old)| new.is_some_and(|new| new < *old));
        if rises || !falls {
            return Err(E::LimitNotLowered.into());
        }
        let only = Change {
            open_interest_cap: change.open_interest_cap,
            position_cap: change.position_cap,
            sweep_cap: sweep_cap.and_then(|cap| i64::try_from(cap).ok()),
            draw_cap: change.draw_cap,
            grant: change.grant,
            ..Change::default()
        };
        let new = changed(&old, &only);
        new.validate()?;
        row.settle_at_old_parameters(outside.slot);
        row.params = new;
        if let (Some(ramp), Some(cap)) = (&mut row.ramp, change.position_cap) {
            // A ramp on its way does not bring the old edge back.
            let edge = &mut ramp.edges[old.tier_count as usize - 1];
            *edge = (edge.0.min(cap), edge.1.min(cap));
        }
        Ok(())
    }

    pub(super) fn change_params(&mut self, outside: &Outside, market: usize, change: &Change) -> Outcome<()> {
        let new = changed(&self.markets[market].params, change);
        self.set_params(outside, market, &new)
    }

    pub(super) fn set_params(&mut self, outside: &Outside, market: usize, new: &MarketParams) -> Outcome<()> {
        let (slot, mut new) = (outside.slot, *new);
        let row = &mut self.markets[market];
        if row.final_price > 0 {
            return Err(E::MarketSettled.into());
        }
        row.advance(slot);
        let old = row.params;
        let mut reasons: Vec<Refusal> = new.validate().err().map(Refusal::from).into_iter().collect();
        if new.tick_size_atoms_per_lot != old.tick_size_atoms_per_lot {
            reasons.push(E::ImmutableParameter.into());
        }
        let raised = raises(&old, &new);
        reasons.extend(raised.err());
        let raised = raised.unwrap_or(true);
        if raised && row.limits_raised != 0 && slot < row.limits_raised + DAY_SLOTS {
            reasons.push(E::LimitRaisedTooSoon.into());
        }
        let ramp = ramp(&old, &new, slot);
        if ramp.end > slot {
            for (tier, (rate, edge)) in new.tiers.iter_mut().zip(ramp.rates.iter().zip(&ramp.edges)) {
                (tier.mmr_bps, tier.notional_cap_atoms) = (rate.0, edge.0);
            }
        }
        reasons.extend(new.validate().err().map(Refusal::from));
        if let Some(first) = reasons.first().copied() {
            // Which of several is told is not specified.
            self.reasons = reasons;
            return Err(first);
        }
        row.settle_at_old_parameters(slot);
        row.rescale(&new);
        new.sweep_cap_atoms = new.sweep_cap_atoms.max(i64::try_from(row.net_swept).unwrap_or(i64::MIN));
        row.params = new;
        row.ramp = (ramp.end > slot && ramp.moves()).then_some(ramp);
        if raised {
            row.limits_raised = slot;
        }
        self.hold(market);
        Ok(())
    }

    pub(super) fn advance_ramp(&mut self, outside: &Outside, market: usize) -> Outcome<()> {
        let row = &mut self.markets[market];
        let before = row.params.tiers;
        row.advance(outside.slot);
        if before == row.params.tiers {
            return Err(E::NoRamp.into());
        }
        Ok(())
    }
}

impl Market {
    /// Funding, the throttles, and what insurance has forgotten.
    fn settle_at_old_parameters(&mut self, slot: u64) {
        self.accrue(slot);
        self.refill(0, slot);
        self.refill(1, slot);
        self.insurance.window = self.drawn_lately(slot);
        self.insurance.slot = slot;
        self.sharing = self.sharing_at(self.last.price, slot);
    }

    /// Buckets keep their lots, at most the new capacity.
    fn rescale(&mut self, new: &MarketParams) {
        let (old_slots, slots) = (Z::from(self.params.throttle_refill_slots), Z::from(new.throttle_refill_slots));
        let full = Z::from(new.throttle_capacity_base_lots) * slots;
        for bucket in &mut self.buckets {
            bucket.level = floor(bucket.level * slots, old_slots).min(full);
        }
    }

    /// Moves requirements to where their ramp is.
    fn advance(&mut self, slot: u64) {
        let Some(ramp) = self.ramp else { return };
        let (length, elapsed) = (Z::from(ramp.end - ramp.start), Z::from(slot.min(ramp.end) - ramp.start));
        for (nth, tier) in self.params.tiers.iter_mut().enumerate() {
            let ((from, to), (high, low)) = (ramp.rates[nth], ramp.edges[nth]);
            let rate = Z::from(from) + floor((Z::from(to) - Z::from(from)) * elapsed, length);
            let edge = Z::from(high) - floor((Z::from(high) - Z::from(low)) * elapsed, length);
            tier.mmr_bps = u32::try_from(rate).unwrap_or(u32::MAX);
            tier.notional_cap_atoms = u64::try_from(edge).unwrap_or(u64::MAX);
        }
        if slot >= ramp.end {
            self.ramp = None;
        }
    }
}

impl Ramp {
    fn moves(&self) -> bool {
        self.rates.iter().any(|(from, to)| from != to) || self.edges.iter().any(|(from, to)| from != to)
    }
}

fn ramp(old: &MarketParams, new: &MarketParams, slot: u64) -> Ramp {
    let mut ramp = Ramp { rates: [(0, 0); MARGIN_TIERS], edges: [(0, 0); MARGIN_TIERS], start: slot, end: slot };
    ramp.end += u64::from(old.mmr_ramp_slots.max(new.mmr_ramp_slots));
    let last = new.tier_count as usize - 1;
    for nth in 0..new.tiers.len() {
        let (from, to) = (&old.tiers[nth], &new.tiers[nth]);
        ramp.rates[nth] = (from.mmr_bps.min(to.mmr_bps), to.mmr_bps);
        ramp.edges[nth] = (from.notional_cap_atoms.max(to.notional_cap_atoms), to.notional_cap_atoms);
        if nth == last {
            ramp.edges[nth].0 = to.notional_cap_atoms;
        }
    }
    ramp
}

/// Whether a limit loosens; refused beyond a step.
fn raises(old: &MarketParams, new: &MarketParams) -> Outcome<bool> {
    let mut raised = false;
    let mut rises = |old: Z, new: Z, least: Z| -> Outcome<()> {
        raised |= new > old;
        if new > (old + floor(old, 2)).max(least) && new > old {
            return Err(E::LimitRaisedTooFar.into());
        }
        Ok(())
    };
    let edge = |params: &MarketParams| Z::from(params.tiers[params.tier_count as usize - 1].notional_cap_atoms);
    rises(
        old.open_interest_cap_base_lots.into(),
        new.open_interest_cap_base_lots.into(),
        old.throttle_capacity_base_lots.max(new.throttle_capacity_base_lots).into(),
    )?;
    rises(edge(old), edge(new), FLOOR_ATOMS)?;
    rises(old.profit_init_weight_bps.into(), new.profit_init_weight_bps.into(), FLOOR_BPS)?;
    rises(old.sweep_cap_atoms.into(), new.sweep_cap_atoms.into(), FLOOR_ATOMS)?;
    rises(old.insurance_draw_cap_atoms.into(), new.insurance_draw_cap_atoms.into(), FLOOR_ATOMS)?;
    rises(old.insurance_grant_atoms.into(), new.insurance_grant_atoms.into(), FLOOR_ATOMS)?;
    let mut falls = false;
    for initial in [false, true] {
        for at in edges(old).chain(edges(new)) {
            let (was, is) = (requirement(old, at, initial), requirement(new, at, initial));
            falls |= is < was;
            if is < was - floor(was, 3) {
                return Err(E::LimitRaisedTooFar.into());
            }
        }
    }
    Ok(raised || falls)
}

fn edges(params: &MarketParams) -> impl Iterator<Item = Z> + '_ {
    let used = params.tiers.iter().take(params.tier_count as usize).map(|tier| Z::from(tier.notional_cap_atoms));
    // Beyond the last edge only the last rates count.
    used.chain([1 << 51])
}

//! Tiers and ladder: lists of tables.

use serde::{Deserialize, Serialize};
use taper_engine::params::{LadderPoint, MarginTier, LADDER_POINTS, MARGIN_TIERS};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TierEntry {
    notional_cap_atoms: u64,
    mmr_bps: u32,
    imr_bps: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointEntry {
    health_bps: u32,
    penalty_bps_of_mmr: u32,
    cost_cap_bps_of_mmr: u32,
    cooldown_slots: u32,
}

/// At most four tiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<TierEntry>")]
pub(crate) struct Tiers(Vec<TierEntry>);

impl TryFrom<Vec<TierEntry>> for Tiers {
    type Error = String;

    fn try_from(tiers: Vec<TierEntry>) -> Result<Self, String> {
        if tiers.len() > MARGIN_TIERS {
            return Err(format!("a market has at most {MARGIN_TIERS} tiers, here are {}", tiers.len()));
        }
        Ok(Self(tiers))
    }
}

impl Tiers {
    pub(crate) fn of(tiers: &[MarginTier]) -> Self {
        let entry = |tier: &MarginTier| {
            let MarginTier { notional_cap_atoms, mmr_bps, imr_bps } = *tier;
            TierEntry { notional_cap_atoms, mmr_bps, imr_bps }
        };
        Self(tiers.iter().map(entry).collect())
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// Those that are not used are zero.
    pub(crate) fn rows(&self) -> [MarginTier; MARGIN_TIERS] {
        let unused = MarginTier { notional_cap_atoms: 0, mmr_bps: 0, imr_bps: 0 };
        std::array::from_fn(|place| {
            self.0.get(place).map_or(unused, |entry| {
                let TierEntry { notional_cap_atoms, mmr_bps, imr_bps } = *entry;
                MarginTier { notional_cap_atoms, mmr_bps, imr_bps }
            })
        })
    }
}

/// Exactly four points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<PointEntry>")]
pub(crate) struct Ladder(Vec<PointEntry>);

impl TryFrom<Vec<PointEntry>> for Ladder {
    type Error = String;

    fn try_from(points: Vec<PointEntry>) -> Result<Self, String> {
        if points.len() != LADDER_POINTS {
            return Err(format!("a ladder has {LADDER_POINTS} points, here are {}", points.len()));
        }
        Ok(Self(points))
    }
}

impl Ladder {
    pub(crate) fn of(points: &[LadderPoint]) -> Self {
        let entry = |point: &LadderPoint| {
            let LadderPoint { health_bps, penalty_bps_of_mmr, cost_cap_bps_of_mmr, cooldown_slots } = *point;
            PointEntry { health_bps, penalty_bps_of_mmr, cost_cap_bps_of_mmr, cooldown_slots }
        };
        Self(points.iter().map(entry).collect())
    }

    pub(crate) fn rows(&self) -> [LadderPoint; LADDER_POINTS] {
        let none = LadderPoint { health_bps: 0, penalty_bps_of_mmr: 0, cost_cap_bps_of_mmr: 0, cooldown_slots: 0 };
        std::array::from_fn(|place| {
            self.0.get(place).map_or(none, |entry| {
                let PointEntry { health_bps, penalty_bps_of_mmr, cost_cap_bps_of_mmr, cooldown_slots } = *entry;
                LadderPoint { health_bps, penalty_bps_of_mmr, cost_cap_bps_of_mmr, cooldown_slots }
            })
        })
    }
}

pub(crate) fn tier_text(tier: &MarginTier) -> String {
    format!("to {} atoms: mmr {} imr {}", tier.notional_cap_atoms, tier.mmr_bps, tier.imr_bps)
}

pub(crate) fn point_text(point: &LadderPoint) -> String {
    let LadderPoint { health_bps, penalty_bps_of_mmr, cost_cap_bps_of_mmr, cooldown_slots } = point;
    format!("at {health_bps}: penalty {penalty_bps_of_mmr} cost {cost_cap_bps_of_mmr} cooldown {cooldown_slots}")
}

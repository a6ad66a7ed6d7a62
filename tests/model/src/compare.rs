//! The engine's state against the ledger's, field by field.

use taper_engine::account::Episode as EngineEpisode;
use taper_engine::quantity::Side;
use taper_engine::rank::swept_lately;

use crate::engine_world::{Account, EngineWorld, Venue};
use crate::ledger::{self, Ledger, Z};

/// The first field that differs.
pub fn difference(engine: &EngineWorld, ledger: &Ledger, slot: u64) -> Option<String> {
    exchange(engine, ledger).or_else(|| {
        let mut accounts = engine.accounts.iter().zip(&ledger.accounts).enumerate();
        let account = accounts.find_map(|(who, (held, kept))| account(who, held, kept));
        let mut markets = engine.venues.iter().zip(&ledger.markets).enumerate();
        account.or_else(|| markets.find_map(|(nr, (held, kept))| market(nr, held, kept, slot)))
    })
}

fn unequal<const N: usize>(whose: impl Fn() -> String, fields: [(&str, Z, Z); N]) -> Option<String> {
    let (name, held, kept) = fields.into_iter().find(|(_, held, kept)| held != kept)?;
    Some(format!("{}: {name}: the engine has {held}, the auditor {kept}", whose()))
}

fn exchange(engine: &EngineWorld, ledger: &Ledger) -> Option<String> {
    let held = &engine.exchange;
    unequal(
        || "exchange".into(),
        [
            ("vault", held.vault.into(), ledger.vault),
            ("insurance fund", held.insurance.into(), ledger.fund),
            ("fees", held.fees.into(), ledger.fees),
            ("recorded deficits", held.recorded.into(), ledger.recorded),
            ("held losses", held.held.into(), ledger.held),
            ("status", held.status.into(), ledger.status.into()),
            ("paused slot", held.paused_slot.into(), ledger.paused_slot.into()),
        ],
    )
}

fn account(who: usize, held: &Account, kept: &ledger::Account) -> Option<String> {
    for (place, (held, kept)) in held.positions.iter().zip(&kept.legs).enumerate() {
        let kept = kept.map(|leg| (leg.market, leg.seat as u32));
        if *held != kept {
            return Some(format!("account {who}, place {place}: the engine has {held:?}, the auditor {kept:?}"));
        }
    }
    let state = &held.state;
    let half = kept.half;
    unequal(
        || format!("account {who}"),
        [
            ("cash", state.cash_atoms.into(), kept.cash),
            ("cooldown", state.cooldown_until_slot.into(), kept.cooldown_until.into()),
            ("last risk slot", state.last_risk_slot.into(), kept.last_risk_slot.into()),
            ("recorded deficit", state.recorded_deficit_atoms.into(), kept.recorded),
            ("stalled since", state.stalled_since_slot.into(), kept.stalled_since.into()),
            ("half resolved", state.resolution.position_plus_one.into(), half.map_or(0, |half| half.place as Z + 1)),
            ("left to resolve", state.resolution.remaining_atoms.into(), half.map_or(0, |half| half.remaining)),
        ],
    )
    .or_else(|| episode(who, &state.episode, &kept.episode))
}

fn episode(who: usize, held: &EngineEpisode, kept: &ledger::Episode) -> Option<String> {
    let whose = || format!("episode of account {who}");
    let kind = match kept.target {
        None => 0,
        Some(target) => target as Z + 1,
    };
    unequal(
        whose,
        [
            ("kind", held.kind.into(), kind),
            ("had one before", held.had_one_before.into(), kept.last_end.is_some().into()),
            (
                "last end",
                if held.had_one_before == 0 { 0 } else { held.last_end_slot.into() },
                kept.last_end.unwrap_or(0).into(),
            ),
        ],
    )
    .or_else(|| {
        kept.target?;
        unequal(
            whose,
            [
                ("clock", held.clock_slots.into(), kept.clock),
                ("cost", held.cost_atoms.into(), kept.cost),
                ("tip credit", held.tip_credit_atoms.into(), kept.credit),
                ("requirement at the start", held.start_requirement_atoms.into(), kept.start_requirement),
                ("unhealthy", held.unhealthy.into(), kept.unhealthy.into()),
                ("last unhealthy", held.last_unhealthy_slot.into(), kept.last_unhealthy.into()),
                ("sliced", held.sliced.into(), kept.sliced.into()),
            ],
        )
    })
}

fn market(nr: usize, venue: &Venue, kept: &ledger::Market, slot: u64) -> Option<String> {
    let state = &venue.state;
    if state.params != kept.params {
        let (held, kept) = (bytemuck::bytes_of(&state.params), bytemuck::bytes_of(&kept.params));
        let at = held.iter().zip(kept).position(|(held, kept)| held != kept);
        return Some(format!("market {nr}: parameters differ at byte {at:?}"));
    }
    let (charges, insurance, sharing) = (&state.charges, &state.insurance, &state.sharing);
    unequal(
        || format!("market {nr}"),
        [
            ("status", venue.status.into(), kept.status.into()),
            ("opens", venue.opens_slot.into(), kept.opens_slot.into()),
            ("last price", state.last_price.price_atoms_per_lot.into(), kept.last.price),
            ("its time", state.last_price.publish_time_seconds.into(), kept.last.time.into()),
            ("its slot", state.last_price.used_slot.into(), kept.last.slot.into()),
            ("open interest", state.open_interest_base_lots.into(), kept.longs()),
            ("fees", state.fees_atoms.into(), kept.fees),
            ("pending insurance", state.insurance_pending_atoms.into(), kept.pending),
            ("net swept profit", state.net_swept_profit_atoms.into(), kept.net_swept),
            ("funding index", charges.funding_index_scaled.into(), kept.funding.index),
            ("funding rate", charges.funding_rate_scaled_per_slot.into(), kept.funding.rate),
            ("premium", charges.premium_atoms_per_lot.into(), kept.funding.premium),
            ("sampled", charges.sampled_slot.into(), kept.funding.sampled.into()),
            ("loss index", charges.loss_index_scaled.into(), kept.loss_index),
            ("clearing", charges.clearing_atoms.into(), kept.clearing),
            ("residue", charges.residue_scaled.into(), kept.residue),
            ("contributed", insurance.contributed_atoms.into(), kept.insurance.contributed),
            ("drawn", insurance.drawn_atoms.into(), kept.insurance.drawn),
            ("tips", insurance.tips_atoms.into(), kept.insurance.tips),
            ("drawn lately", insurance.window_atoms.into(), kept.insurance.window),
            ("unassigned loss", state.unassigned_loss_atoms.into(), kept.unassigned),
            ("held loss", state.held_loss_atoms.into(), kept.held),
            ("shared lately", sharing.lately_atoms.into(), kept.sharing.lately),
            ("shared per lot", sharing.lately_scaled_per_lot.into(), kept.sharing.per_lot),
            ("recorded", state.recorded_atoms.into(), kept.recorded),
            ("settles after", state.settle_after_slot.into(), kept.settle_after.into()),
            ("final price", state.final_price_atoms_per_lot.into(), kept.final_price),
            ("limits raised", state.limits_raised_slot.into(), kept.limits_raised.into()),
            ("ramp's end", state.ramp.end_slot.into(), kept.ramp.map_or(0, |ramp| ramp.end.into())),
            ("sales' bucket", state.throttles[0].level_lot_slots.into(), kept.buckets[0].level),
            ("purchases' bucket", state.throttles[1].level_lot_slots.into(), kept.buckets[1].level),
        ],
    )
    .or_else(|| seats(nr, venue, kept, slot))
    .or_else(|| book(nr, venue, kept))
}

fn seats(nr: usize, venue: &Venue, kept: &ledger::Market, slot: u64) -> Option<String> {
    let window = kept.params.rank_window_slots;
    for (index, kept) in kept.seats.iter().enumerate() {
        let held = &venue.state.seats.rows[index];
        let Some(kept) = kept else {
            if !held.is_free() {
                return Some(format!("market {nr}, seat {index}: taken, and free for the auditor"));
            }
            continue;
        };
        let differs = unequal(
            || format!("market {nr}, seat {index}"),
            [
                ("taken", (!held.is_free()).into(), 1),
                ("base", held.base_lots.into(), kept.base),
                ("entry", held.quote_entry_atoms.into(), kept.entry),
                ("realised", held.realised_atoms.into(), kept.realised),
                ("bond", held.bond_atoms.into(), kept.bond),
                ("bid lots", held.bid_lots.into(), kept.bid_lots),
                ("ask lots", held.ask_lots.into(), kept.ask_lots),
                ("bid quote", held.bid_quote_atoms.into(), kept.quotes[0]),
                ("ask quote", held.ask_quote_atoms.into(), kept.quotes[1]),
                ("bids", held.bid_count.into(), kept.counts[0].into()),
                ("asks", held.ask_count.into(), kept.counts[1].into()),
                ("highest bid", held.bid_price_max_atoms_per_lot.into(), kept.bid_extreme),
                ("lowest ask", held.ask_price_min_atoms_per_lot.into(), kept.ask_extreme),
                ("throttle used", held.throttle_used_base_lots.into(), kept.used),
                ("recorded", held.recorded_atoms.into(), kept.recorded),
                ("borne", held.borne_atoms.into(), kept.borne),
                ("swept lately", swept_lately(held, window, slot).into(), kept.swept_lately(window, slot)),
            ],
        );
        if differs.is_some() {
            return differs;
        }
    }
    let taken = venue.state.seats.used_count as usize;
    (taken != kept.taken()).then(|| format!("market {nr}: {taken} seats taken, for the auditor {}", kept.taken()))
}

fn book(nr: usize, venue: &Venue, kept: &ledger::Market) -> Option<String> {
    for (side, kept) in [Side::Bid, Side::Ask].into_iter().zip(&kept.book) {
        let held = venue.book.orders(side);
        if held.len() != kept.len() {
            return Some(format!("market {nr}: {side:?}: {} orders, for the auditor {}", held.len(), kept.len()));
        }
        for (nth, (held, kept)) in held.iter().rev().zip(kept).enumerate() {
            let differs = unequal(
                || format!("market {nr}: {side:?} {nth}"),
                [
                    ("price", held.price_atoms_per_lot.into(), kept.price),
                    ("lots", held.size_base_lots.into(), kept.lots),
                    ("seat", held.seat_index.into(), kept.seat as Z),
                    ("expiry", held.expires_at_slot.into(), kept.expires.into()),
                    ("sequence", held.sequence.into(), kept.sequence.into()),
                ],
            );
            if differs.is_some() {
                return differs;
            }
        }
    }
    None
}

//! An account in danger: how near it is to each point of the ladder, what a slice would be, and making one.

use anyhow::{bail, Context, Result};
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper_client::World;
use taper_engine::ladder::{position_ppb_up, values_at, Stage};
use taper_engine::margin::Health;
use taper_sdk::amount;
use taper_sdk::distance::ladder_prices;
use taper_sdk::events::SliceReport;
use taper_sdk::instruction::Payout;
use taper_sdk::plan::{health, plan_slice, LegQuery};
use taper_sdk::snapshot::PlanError;
use taper_sdk::state::MarginAccount;
use taper_sdk::{address, LiquidateArgs};

use crate::args::{Liquidate, Which};
use crate::report::{facts, table, Report};
use crate::session::{health_text, market_name, Look, Session};
use crate::trade::{episode_text, with_account};

/// Slots from now after which a slice is not wanted any more.
const DEADLINE_SLOTS: u64 = 150;

/// What a slice of one leg would be.
struct Leg {
    market: Pubkey,
    name: String,
    base_lots: i64,
    plan: Result<SliceReport, PlanError>,
}

/// `health`.
///
/// # Errors
/// The session's; an account without a usable price.
pub async fn show(session: &Session, account: &Pubkey) -> Result<Report> {
    let which = Which { account: Some(*account), number: 0 };
    let (world, key, state) = with_account(session, &which, account).await?;
    let legs = world.finder().legs(&key, None)?;
    let found = health(&world, world.now, &world.exchange, &key, &legs)?;
    let decimals = i32::from(world.exchange_state()?.quote_decimals);
    let quote = |atoms: i64| amount::show(atoms.into(), decimals);
    let slices = plans(&world, &key, &state, 0)?;
    let stage = stage(&world, &slices, &found.favourable, &found.maintenance)?;
    let lines = [
        ("margin account", key.to_string()),
        ("stage", stage.to_owned()),
        ("health", health_text(found.maintenance.to_bps_down())),
        ("in its favour", health_text(found.favourable.to_bps_down())),
        ("equity", quote(found.maintenance.equity.0)),
        ("requirement", quote(found.maintenance.requirement.to_atoms_down())),
        ("episode", episode_text(state.state.episode.kind).to_owned()),
    ];
    let mut text = facts(&lines);
    let (mut rows, mut distances) = (Vec::new(), Vec::new());
    for leg in ladder_prices(&world, world.now, &world.exchange, &key, &legs)? {
        let market = world.market_state(&leg.market)?;
        let units = world.units(&market)?;
        let now = leg.price.price.0;
        for point in &leg.points {
            let (price, away) = match point.price {
                Some(price) => (units.show_price(price.0), percent(price.0 - now, now)),
                None => ("never".to_owned(), "-".to_owned()),
            };
            rows.push(vec![
                market_name(&market),
                units.show_price(now),
                health_text(point.health_bps.into()),
                price,
                away,
            ]);
            distances.push(json!({
                "market": leg.market.to_string(), "base_lots": leg.base_lots, "price_atoms_per_lot": now,
                "health_bps": point.health_bps, "at_price_atoms_per_lot": point.price.map(|price| price.0),
            }));
        }
    }
    if !rows.is_empty() {
        text = format!(
            "{text}\n\nBelow each point of the ladder when one price alone moves to\n{}",
            table(&["market", "price", "health", "at", "away"], &rows)
        );
    }
    if !slices.is_empty() {
        text = format!("{text}\n\nA slice now\n{}", slice_table(&world, &slices, decimals)?);
    }
    let json = json!({
        "margin_account": key.to_string(), "slot": world.snapshot.slot, "stage": stage,
        "maintenance_bps": found.maintenance.to_bps_down(), "favourable_bps": found.favourable.to_bps_down(),
        "equity_atoms": found.maintenance.equity.0, "requirement_atoms": found.maintenance.requirement.to_atoms_down(),
        "ladder": distances, "slices": slices.iter().map(slice_json).collect::<Vec<_>>(),
    });
    Ok(Report::new(text, json))
}

/// A signed percentage with two decimals; for people only.
fn percent(part: i64, whole: i64) -> String {
    let hundredths = i128::from(part) * 10_000 / i128::from(whole.max(1));
    format!("{}{}%", if hundredths > 0 { "+" } else { "" }, amount::show(hundredths, 2))
}

/// The stage, by the ladder of the first leg: healthy is said by the health that favours the account, as the program does.
fn stage(world: &World, legs: &[Leg], favourable: &Health, maintenance: &Health) -> Result<&'static str> {
    if favourable.is_at_least(10_000) {
        return Ok("healthy");
    }
    let (Some(position), Some(leg)) = (position_ppb_up(maintenance), legs.first()) else { return Ok("bankrupt") };
    let params = world.market_state(&leg.market)?.state.params;
    let values = values_at(&params, position).map_err(|error| anyhow::anyhow!("ladder: {error:?}"))?;
    Ok(match values.stage {
        Stage::Soft => "soft",
        Stage::Hard => "hard",
        Stage::Backstop => "backstop",
    })
}

/// What a slice of each open leg would be, in the account's order.
fn plans(world: &World, key: &Pubkey, account: &MarginAccount, min_payout_atoms: i64) -> Result<Vec<Leg>> {
    let finder = world.finder();
    let mut found = Vec::new();
    for position in account.used_positions() {
        let market = world.market_state(&position.market)?;
        let seat = market.state.seats.get(position.seat_index).map_err(|error| anyhow::anyhow!("seat: {error:?}"))?;
        if seat.base_lots == 0 {
            continue;
        }
        let (keys, legs) = (finder.market_keys(&position.market)?, finder.legs(key, Some(&position.market))?);
        let query = LegQuery { now: world.now, keys: &keys, margin_account: *key, legs: &legs };
        let plan = plan_slice(world, &query, &slice_args(seat.base_lots, min_payout_atoms, world.now.slot));
        found.push(Leg { market: position.market, name: market_name(&market), base_lots: seat.base_lots, plan });
    }
    Ok(found)
}

fn slice_args(base_lots: i64, min_payout_atoms: i64, slot: u64) -> LiquidateArgs {
    LiquidateArgs {
        max_base_lots: i64::MAX,
        expected_base_lots: base_lots,
        min_payout_atoms,
        deadline_slot: slot.saturating_add(DEADLINE_SLOTS),
    }
}

fn slice_table(world: &World, legs: &[Leg], decimals: i32) -> Result<String> {
    let quote = |atoms: i64| amount::show(atoms.into(), decimals);
    let mut rows = Vec::new();
    for leg in legs {
        let units = world.units(&*world.market_state(&leg.market)?)?;
        rows.push(match &leg.plan {
            Ok(plan) => vec![
                leg.name.clone(),
                format!("{} of {}", units.show_size(plan.base_lots), units.show_size(leg.base_lots)),
                quote(plan.cost_atoms),
                quote(plan.penalty_atoms),
                quote(plan.caller_payout_atoms),
                health_text(plan.health_after_bps),
                "possible".to_owned(),
            ],
            Err(error) => {
                let dash = || "-".to_owned();
                vec![leg.name.clone(), dash(), dash(), dash(), dash(), dash(), refusal(error)]
            }
        });
    }
    Ok(table(&["market", "closes", "cost", "penalty", "caller gets", "health after", ""], &rows))
}

fn refusal(error: &PlanError) -> String {
    match error {
        PlanError::Refused { name, .. } => format!("refused: {name}"),
        other => other.to_string(),
    }
}

fn slice_json(leg: &Leg) -> Value {
    match &leg.plan {
        Ok(plan) => json!({
            "market": leg.market.to_string(), "position_base_lots": leg.base_lots, "base_lots": plan.base_lots,
            "planned_base_lots": plan.planned_base_lots, "cost_atoms": plan.cost_atoms, "penalty_atoms": plan.penalty_atoms,
            "caller_payout_atoms": plan.caller_payout_atoms, "health_before_bps": plan.health_before_bps,
            "health_after_bps": plan.health_after_bps, "stage": plan.stage,
        }),
        Err(error) => {
            json!({ "market": leg.market.to_string(), "position_base_lots": leg.base_lots, "refused": refusal(error) })
        }
    }
}

/// `liquidate`: the leg that was named, or the one that pays most.
///
/// # Errors
/// The session's; no slice is possible now.
pub async fn liquidate(session: &Session, signer: &Keypair, args: &Liquidate) -> Result<Report> {
    let caller = signer.pubkey();
    let which = Which { account: Some(args.account), number: 0 };
    let (world, key, account) = with_account(session, &which, &caller).await?;
    let exchange = world.exchange_state()?;
    let decimals = i32::from(exchange.quote_decimals);
    let min_payout = amount::parse(&args.min_payout, decimals).context("--min-payout")?;
    let only = args.market.as_deref().map(|named| world.market(named)).transpose()?;
    let mut legs = plans(&world, &key, &account, min_payout)?;
    legs.retain(|leg| only.is_none_or(|only| only == leg.market));
    let best = legs.iter().filter_map(|leg| leg.plan.as_ref().ok().map(|plan| (leg, plan)));
    let Some((leg, plan)) = best.max_by_key(|(_, plan)| plan.caller_payout_atoms) else {
        let reasons: Vec<String> = legs
            .iter()
            .filter_map(|leg| leg.plan.as_ref().err().map(|error| format!("{}: {}", leg.name, refusal(error))))
            .collect();
        bail!("no slice of {key} is possible now{}{}", if reasons.is_empty() { "" } else { ": " }, reasons.join("; "));
    };
    let payout = match args.token_account {
        Some(token_account) => Payout::Tokens { token_account, keys: world.finder().exchange_keys(&world.exchange)? },
        None => Payout::Credit { margin_account: address::margin_account(&world.exchange, &caller, args.number) },
    };
    let call = slice_args(leg.base_lots, min_payout, world.now.slot);
    let built = world.finder().partial_liquidate(caller, key, &leg.market, &payout, call)?;
    let planned = slice_table(&world, std::slice::from_ref(leg), decimals)?;
    if args.dry_run {
        let prepared = session.prepare(signer, &[built]).await?;
        let json = json!({ "dry_run": true, "plan": slice_json(leg), "units": prepared.simulation.units });
        let text = format!(
            "{planned}\n\nThe node simulates it with {} compute units. Nothing was sent.",
            prepared.simulation.units
        );
        return Ok(Report::new(text, json));
    }
    let sent =
        session.act(&format!("liquidated {} lots of {key} in {}", plan.base_lots, leg.name), signer, &[built]).await?;
    let mut json = sent.json;
    json["plan"] = slice_json(leg);
    Ok(Report::new(format!("{planned}\n\n{}", sent.text), json))
}

//! What an owner does with a margin account: open, fund, trade.

use anyhow::{bail, ensure, Context, Result};
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper_client::World;
use taper_engine::quantity::Side;
use taper_sdk::amount;
use taper_sdk::instruction;
use taper_sdk::plan::health;
use taper_sdk::state::{MarginAccount, OrderBook};
use taper_sdk::{CancelAllOrdersArgs, CancelOrderArgs, PlaceOrderArgs};

use crate::args::{KindArg, SideArg, Which};
use crate::report::{facts, table, Report};
use crate::session::{associated_token_account, health_text, margin_account, market_name, Look, Session};

/// Both sides, for a cancellation of all orders.
const BOTH_SIDES: u8 = 2;

/// `account create`.
///
/// # Errors
/// The session's.
pub async fn create(session: &Session, signer: &Keypair, number: u16, always_full_close: bool) -> Result<Report> {
    session.check().await?;
    let exchange = session.exchange().await?;
    let owner = signer.pubkey();
    let account = taper_sdk::address::margin_account(&exchange, &owner, number);
    ensure!(
        session.client.account(&account).await?.is_none(),
        "margin account {account} (number {number}) exists already"
    );
    let create = instruction::create_margin_account(owner, exchange, number, always_full_close);
    session.act(&format!("created margin account {account}"), signer, &[create]).await
}

/// Reads the world with a margin account in it.
///
/// # Errors
/// The session's; the account does not exist.
pub async fn with_account(
    session: &Session,
    which: &Which,
    owner: &Pubkey,
) -> Result<(World, Pubkey, Box<MarginAccount>)> {
    session.check().await?;
    let exchange = session.exchange().await?;
    let key = margin_account(which, &exchange, owner);
    let world = session.client.world(exchange, &[key]).await?;
    ensure!(
        world.snapshot.rows.contains_key(&key),
        "there is no margin account {key}: open one with `taper account create`"
    );
    let account =
        world.get::<MarginAccount>(&key).with_context(|| format!("{key} is not a margin account of this program"))?;
    ensure!(account.exchange == exchange, "margin account {key} belongs to exchange {}", account.exchange);
    Ok((world, key, account))
}

/// `account show`.
///
/// # Errors
/// The session's.
pub async fn show(session: &Session, which: &Which, owner: &Pubkey) -> Result<Report> {
    let (world, key, account) = with_account(session, which, owner).await?;
    let decimals = i32::from(world.exchange_state()?.quote_decimals);
    let quote = |atoms: i64| amount::show(atoms.into(), decimals);
    let (mut rows, mut positions) = (Vec::new(), Vec::new());
    for position in account.used_positions() {
        let market = world.market_state(&position.market)?;
        let units = world.units(&market)?;
        let seat = market.state.seats.get(position.seat_index).map_err(|error| anyhow::anyhow!("seat: {error:?}"))?;
        ensure!(seat.is_owned_by(&key.to_bytes()), "the node's accounts do not fit together: read again");
        rows.push(vec![
            market_name(&market),
            units.show_size(seat.base_lots),
            quote(seat.quote_entry_atoms),
            quote(seat.realised_atoms),
            units.show_size(seat.bid_lots),
            units.show_size(seat.ask_lots),
        ]);
        positions.push(json!({
            "market": position.market.to_string(), "name": market_name(&market), "seat_index": position.seat_index,
            "base_lots": seat.base_lots, "quote_entry_atoms": seat.quote_entry_atoms, "realised_atoms": seat.realised_atoms,
            "bid_lots": seat.bid_lots, "ask_lots": seat.ask_lots,
        }));
    }
    // A leg without a price leaves the account without a health, not without its other facts.
    let legs = world.finder().legs(&key, None);
    let valued = legs.and_then(|legs| health(&world, world.now, &world.exchange, &key, &legs));
    let (health_line, health_json) = match &valued {
        Ok(found) => {
            let bps = found.maintenance.to_bps_down();
            let initial = found.initial.map(|initial| initial.to_bps_down());
            let initial_text = initial.map_or_else(|| "not known, a price is not fresh".to_owned(), health_text);
            let text =
                format!("{}; initial {initial_text}; equity {}", health_text(bps), quote(found.maintenance.equity.0));
            (
                text,
                json!({ "maintenance_bps": bps, "initial_bps": initial, "equity_atoms": found.maintenance.equity.0 }),
            )
        }
        Err(error) => (format!("not known: {error}"), json!({ "error": error.to_string() })),
    };
    let lines = [
        ("margin account", key.to_string()),
        ("owner", account.authority.to_string()),
        ("number", account.number.to_string()),
        ("cash", quote(account.state.cash_atoms)),
        ("health", health_line),
        ("episode", episode_text(account.state.episode.kind).to_owned()),
    ];
    let mut text = facts(&lines);
    if !rows.is_empty() {
        text = format!("{text}\n\n{}", table(&["market", "position", "entry", "realised", "bids", "asks"], &rows));
    }
    let json = json!({
        "margin_account": key.to_string(), "slot": world.snapshot.slot, "authority": account.authority.to_string(),
        "number": account.number, "delegate": account.delegate.to_string(), "cash_atoms": account.state.cash_atoms,
        "health": health_json, "episode_kind": account.state.episode.kind, "positions": positions,
    });
    Ok(Report::new(text, json))
}

/// An episode's kind, in words.
pub fn episode_text(kind: u8) -> &'static str {
    match kind {
        0 => "none",
        1 => "running, towards the first target",
        2 => "running, a full close",
        3 => "running, towards the repeated target",
        _ => "unknown",
    }
}

/// Whether money comes in or goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A deposit.
    In,
    /// A withdrawal.
    Out,
}

/// `account deposit` and `account withdraw`.
///
/// # Errors
/// The session's; an amount that is not one.
pub async fn money(
    session: &Session,
    signer: &Keypair,
    way: Way,
    text: &str,
    which: &Which,
    tokens: Option<Pubkey>,
) -> Result<Report> {
    let owner = signer.pubkey();
    let (world, account, _) = with_account(session, which, &owner).await?;
    let exchange = world.exchange_state()?;
    let atoms = amount::positive(text, exchange.quote_decimals.into())?.unsigned_abs();
    let derived = associated_token_account(&owner, &exchange.quote_mint, &exchange.token_program);
    let tokens = tokens.unwrap_or(derived);
    ensure!(
        session.client.account(&tokens).await?.is_some(),
        "there is no token account {tokens}: name another with --token-account, or create it (spl-token create-account {})",
        exchange.quote_mint
    );
    let finder = world.finder();
    let (what, built) = match way {
        Way::In => ("deposited", finder.deposit(owner, account, tokens, atoms)?),
        Way::Out => ("withdrew", finder.withdraw(owner, account, tokens, atoms)?),
    };
    session.act(&format!("{what} {text} ({atoms} atoms), margin account {account}"), signer, &[built]).await
}

/// What `order place` was asked for.
pub struct NewOrder<'a> {
    /// Market, by name or address.
    pub market: &'a str,
    /// Side.
    pub side: SideArg,
    /// Size, in base units.
    pub size: &'a str,
    /// Limit, in quote per base unit.
    pub price: &'a str,
    /// Kind.
    pub kind: KindArg,
    /// May only reduce.
    pub reduce_only: bool,
    /// The owner's number.
    pub client_id: u64,
    /// Expiry.
    pub expires_at_slot: u64,
}

/// `order place`.
///
/// # Errors
/// The session's; a size or price that does not fit the market's units.
pub async fn place(session: &Session, signer: &Keypair, order: &NewOrder<'_>, which: &Which) -> Result<Report> {
    let owner = signer.pubkey();
    let (world, account, _) = with_account(session, which, &owner).await?;
    let market = world.market(order.market)?;
    let state = world.market_state(&market)?;
    let units = world.units(&state)?;
    let price_atoms_per_lot = units.price(order.price).context("price")?;
    let size_base_lots = units.size(order.size).context("size")?;
    let tick = state.state.params.tick_size_atoms_per_lot.max(1);
    ensure!(
        price_atoms_per_lot % tick == 0,
        "price {} is not a multiple of the market's tick, {}: the nearest are {} and {}",
        order.price,
        units.show_price(tick),
        units.show_price(price_atoms_per_lot - price_atoms_per_lot % tick),
        units.show_price(price_atoms_per_lot - price_atoms_per_lot % tick + tick)
    );
    let args = PlaceOrderArgs {
        side: order.side.code(),
        kind: order.kind.code(),
        price_atoms_per_lot,
        size_base_lots,
        reduce_only: order.reduce_only,
        client_order_id: order.client_id,
        expires_at_slot: order.expires_at_slot,
        self_trade: 0,
    };
    let built = world.finder().place_order(owner, account, &market, args)?;
    let side = if order.side == SideArg::Buy { "buy" } else { "sell" };
    let what = format!("placed: {side} {} {} at {}", order.size, market_name(&state), order.price);
    session.act(&what, signer, &[built]).await
}

/// `order cancel`: one, or all if `sequence` is `None`.
///
/// # Errors
/// The session's; no such order.
pub async fn cancel(
    session: &Session,
    signer: &Keypair,
    market: &str,
    sequence: Option<u64>,
    which: &Which,
) -> Result<Report> {
    let owner = signer.pubkey();
    let (world, account, state) = with_account(session, which, &owner).await?;
    let market = world.market(market)?;
    let finder = world.finder();
    let Some(sequence) = sequence else {
        let args = CancelAllOrdersArgs { side: BOTH_SIDES, limit: u8::MAX };
        let built = finder.cancel_all_orders(owner, account, &market, args)?;
        return session.act(&format!("cancelled all orders in {market}"), signer, &[built]).await;
    };
    let seat = state.seat_in(&market).with_context(|| format!("the account has no seat in {market}"))?;
    let found = orders_of(&world, &market, seat)?.into_iter().find(|order| order.sequence == sequence);
    let Some(order) = found else { bail!("the account has no order {sequence} in {market}: see `taper order list`") };
    let args = CancelOrderArgs { side: order.side, price_atoms_per_lot: order.price, sequence };
    let built = finder.cancel_order(owner, account, &market, args)?;
    session.act(&format!("cancelled order {sequence} in {market}"), signer, &[built]).await
}

struct Resting {
    side: u8,
    price: i64,
    lots: i64,
    sequence: u64,
    client_id: u64,
    expires_at_slot: u64,
}

fn orders_of(world: &World, market: &Pubkey, seat_index: u32) -> Result<Vec<Resting>> {
    let key = world.market_state(market)?.order_book;
    let book = world.get::<OrderBook>(&key).with_context(|| format!("order book {key} cannot be read"))?;
    let sides = [(0, Side::Bid), (1, Side::Ask)];
    let found = sides.into_iter().flat_map(|(code, side)| {
        let own = book.book.orders(side).iter().rev().filter(|order| order.seat_index == seat_index);
        let rows = own.map(move |order| Resting {
            side: code,
            price: order.price_atoms_per_lot,
            lots: order.size_base_lots,
            sequence: order.sequence,
            client_id: order.client_order_id,
            expires_at_slot: order.expires_at_slot,
        });
        rows.collect::<Vec<_>>()
    });
    Ok(found.collect())
}

/// `order list`.
///
/// # Errors
/// The session's.
pub async fn list(session: &Session, named: Option<&str>, which: &Which, owner: &Pubkey) -> Result<Report> {
    let (world, _, account) = with_account(session, which, owner).await?;
    let only = named.map(|named| world.market(named)).transpose()?;
    let (mut rows, mut json) = (Vec::new(), Vec::new());
    for position in account.used_positions().filter(|position| only.is_none_or(|only| only == position.market)) {
        let market = world.market_state(&position.market)?;
        let units = world.units(&market)?;
        for order in orders_of(&world, &position.market, position.seat_index)? {
            let side = if order.side == 0 { "buy" } else { "sell" };
            rows.push(vec![
                market_name(&market),
                order.sequence.to_string(),
                side.to_owned(),
                units.show_size(order.lots),
                units.show_price(order.price),
                order.client_id.to_string(),
                order.expires_at_slot.to_string(),
            ]);
            json.push(json!({
                "market": position.market.to_string(), "name": market_name(&market), "sequence": order.sequence, "side": side,
                "size_base_lots": order.lots, "price_atoms_per_lot": order.price, "client_order_id": order.client_id,
                "expires_at_slot": order.expires_at_slot,
            }));
        }
    }
    let header = ["market", "sequence", "side", "size", "price", "client id", "expires at slot"];
    Ok(Report::new(table(&header, &rows), Value::Array(json)))
}

//! Commands that only look: exchange, markets, audit.

use anyhow::{bail, Context, Result};
use serde_json::{json, Value};
use solana_pubkey::Pubkey;
use taper_client::{Client, Snapshot};
use taper_engine::quantity::Side;
use taper_sdk::account::copied;
use taper_sdk::amount::{show, Units};
use taper_sdk::audit::{prove, Proof};
use taper_sdk::snapshot::RawAccount;
use taper_sdk::state::{Exchange, OrderBook};
use taper_sdk::PROGRAM_ID;

use crate::report::{facts, table, Report};
use crate::session::{market_name, status_text, Look, Session};

/// How often an audit reads again when the accounts have moved while it read.
const AUDIT_ATTEMPTS: usize = 8;
/// Offset of the amount in a token account, of both token programs.
const TOKEN_AMOUNT: usize = 64;
/// Bytes of a token account; one of the newer program may have more.
const TOKEN_ACCOUNT_LEN: usize = 165;

/// `exchange show`.
///
/// # Errors
/// The session's.
pub async fn exchange(session: &Session) -> Result<Report> {
    let world = session.world(&[]).await?;
    let exchange = world.exchange_state()?;
    let quote = |atoms: i64| show(atoms.into(), exchange.quote_decimals.into());
    let rows = [
        ("exchange", world.exchange.to_string()),
        ("status", status_text(exchange.status).to_owned()),
        ("admin", exchange.admin.to_string()),
        ("guardian", exchange.guardian.to_string()),
        ("timelock", format!("{} slots", exchange.timelock_slots)),
        ("proposals", exchange.proposal_count.to_string()),
        ("quote mint", format!("{} ({} decimals)", exchange.quote_mint, exchange.quote_decimals)),
        ("vault", exchange.vault.to_string()),
        ("insurance fund", quote(exchange.insurance_atoms)),
        ("fees", quote(exchange.fees_atoms)),
        ("recorded deficits", quote(exchange.recorded_deficit_atoms)),
        ("held for losses", quote(exchange.held_loss_atoms)),
        ("markets", world.markets.len().to_string()),
    ];
    let json = json!({
        "exchange": world.exchange.to_string(), "slot": world.snapshot.slot, "status": status_text(exchange.status),
        "admin": exchange.admin.to_string(), "guardian": exchange.guardian.to_string(),
        "timelock_slots": exchange.timelock_slots, "proposal_count": exchange.proposal_count,
        "quote_mint": exchange.quote_mint.to_string(), "quote_decimals": exchange.quote_decimals,
        "vault": exchange.vault.to_string(), "token_program": exchange.token_program.to_string(),
        "insurance_atoms": exchange.insurance_atoms, "fees_atoms": exchange.fees_atoms,
        "recorded_deficit_atoms": exchange.recorded_deficit_atoms, "held_loss_atoms": exchange.held_loss_atoms,
        "markets": world.markets.iter().map(Pubkey::to_string).collect::<Vec<_>>(),
    });
    Ok(Report::new(facts(&rows), json))
}

/// `market list`.
///
/// # Errors
/// The session's.
pub async fn markets(session: &Session) -> Result<Report> {
    let world = session.world(&[]).await?;
    let (mut rows, mut json) = (Vec::new(), Vec::new());
    for key in &world.markets {
        let market = world.market_state(key)?;
        let units = world.units(&market)?;
        let book = world.get::<OrderBook>(&market.order_book);
        let best =
            |side: Side| book.as_ref().and_then(|book| book.book.best(side).map(|order| order.price_atoms_per_lot));
        let status = status_text(market.effective_status(&*world.exchange_state()?, world.now.slot));
        let price = |price: Option<i64>| price.map_or_else(|| "-".to_owned(), |price| units.show_price(price));
        let last = market.state.last_price.price_atoms_per_lot;
        rows.push(vec![
            market_name(&market),
            price((last != 0).then_some(last)),
            price(best(Side::Bid)),
            price(best(Side::Ask)),
            units.show_size(market.state.open_interest_base_lots),
            market.state.seats.used_count.to_string(),
            status.to_owned(),
            key.to_string(),
        ]);
        json.push(json!({
            "name": market_name(&market), "market": key.to_string(), "status": status, "last_price_atoms_per_lot": last,
            "best_bid_atoms_per_lot": best(Side::Bid), "best_ask_atoms_per_lot": best(Side::Ask),
            "open_interest_base_lots": market.state.open_interest_base_lots, "seats": market.state.seats.used_count,
        }));
    }
    let header = ["market", "last price", "bid", "ask", "open interest", "seats", "status", "address"];
    Ok(Report::new(table(&header, &rows), Value::Array(json)))
}

/// `market show`.
///
/// # Errors
/// The session's.
pub async fn market(session: &Session, named: &str, depth: usize) -> Result<Report> {
    let world = session.world(&[]).await?;
    let key = world.market(named)?;
    let market = world.market_state(&key)?;
    let units = world.units(&market)?;
    let (state, params) = (&market.state, &market.state.params);
    let status = status_text(market.effective_status(&*world.exchange_state()?, world.now.slot));
    let oracle = if market.oracle_kind == 0 { "Pyth push" } else { "Pyth pull" };
    let rows = [
        ("market", format!("{} {key}", market_name(&market))),
        ("status", status.to_owned()),
        ("order book", market.order_book.to_string()),
        (
            "oracle",
            format!(
                "{oracle}, feed {}, account {}",
                feed(&market.oracle_key, market.oracle_kind),
                market.oracle_account
            ),
        ),
        ("last price", units.show_price(state.last_price.price_atoms_per_lot)),
        ("lot", units.show_size(1)),
        ("tick", units.show_price(params.tick_size_atoms_per_lot)),
        ("smallest order", units.show_size(params.min_order_base_lots)),
        (
            "open interest",
            format!(
                "{} of {}",
                units.show_size(state.open_interest_base_lots),
                units.show_size(params.open_interest_cap_base_lots)
            ),
        ),
        ("seats", state.seats.used_count.to_string()),
        ("taker fee", show(params.taker_fee_ppm.into(), 6)),
        ("maker fee", show(params.maker_fee_ppm.into(), 6)),
        (
            "first tier",
            format!("maintenance {}, initial {}", bps(params.tiers[0].mmr_bps), bps(params.tiers[0].imr_bps)),
        ),
        ("fees pending", units.show_quote(state.fees_atoms)),
        ("insurance pending", units.show_quote(state.insurance_pending_atoms)),
        ("losses unassigned", units.show_quote(state.unassigned_loss_atoms)),
    ];
    let mut text = facts(&rows);
    let mut json = json!({
        "name": market_name(&market), "market": key.to_string(), "status": status, "slot": world.snapshot.slot,
        "order_book": market.order_book.to_string(), "oracle_kind": market.oracle_kind,
        "oracle_key": market.oracle_key.to_string(), "oracle_account": market.oracle_account.to_string(),
        "last_price_atoms_per_lot": state.last_price.price_atoms_per_lot, "base_lot_exponent": params.base_lot_exponent,
        "tick_size_atoms_per_lot": params.tick_size_atoms_per_lot, "open_interest_base_lots": state.open_interest_base_lots,
        "fees_atoms": state.fees_atoms, "insurance_pending_atoms": state.insurance_pending_atoms,
        "unassigned_loss_atoms": state.unassigned_loss_atoms,
    });
    if let Some(book) = world.get::<OrderBook>(&market.order_book) {
        let side = |side: Side| {
            book.book
                .orders(side)
                .iter()
                .rev()
                .take(depth)
                .map(|order| (order.price_atoms_per_lot, order.size_base_lots))
                .collect::<Vec<_>>()
        };
        let (bids, asks) = (side(Side::Bid), side(Side::Ask));
        json["bids"] = json!(bids);
        json["asks"] = json!(asks);
        let cell = |side: &[(i64, i64)], row: usize| match side.get(row) {
            Some((price, lots)) => vec![units.show_size(*lots), units.show_price(*price)],
            None => vec![String::new(), String::new()],
        };
        let rows: Vec<Vec<String>> = (0..bids.len().max(asks.len()))
            .map(|row| {
                let mut ask = cell(&asks, row);
                ask.reverse();
                [cell(&bids, row), ask].concat()
            })
            .collect();
        text = format!("{text}\n\n{}", table(&["bid size", "bid", "ask", "ask size"], &rows));
    }
    Ok(Report::new(text, json))
}

/// A feed id is written in hexadecimal, an address in base58.
fn feed(key: &Pubkey, kind: u8) -> String {
    if kind == 0 {
        return key.to_string();
    }
    key.to_bytes().iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// Basis points, in percent.
fn bps(bps: u32) -> String {
    format!("{}%", show(bps.into(), 2))
}

/// `audit`: all accounts of the program and the vault, of one moment: read twice, around the vault, until nothing has moved in between.
///
/// # Errors
/// Accounts that move faster than they can be read; the session's.
pub async fn audit(session: &Session) -> Result<Report> {
    session.check().await?;
    let exchange = session.exchange().await?;
    let (accounts, vault) = at_rest(&session.client, &exchange).await?;
    let rows = accounts.rows.iter().map(|(key, row)| (key, RawAccount { owner: row.owner, data: &row.data }));
    let proof = prove(&exchange, rows, vault)?;
    let state = copied::<Exchange>(&accounts.rows.get(&exchange).context("the exchange is gone")?.data)?;
    let units = Units { quote_decimals: state.quote_decimals, base_lot_exponent: 0 };
    Ok(proof_report(&exchange, accounts.slot, &units, &proof))
}

async fn at_rest(client: &Client, exchange: &Pubkey) -> Result<(Snapshot, u64)> {
    let mut before = client.program_accounts(&PROGRAM_ID, &[]).await?;
    for _ in 0..AUDIT_ATTEMPTS {
        let row = before.rows.get(exchange).with_context(|| format!("there is no exchange {exchange}"))?;
        let vault = copied::<Exchange>(&row.data)?.vault;
        let tokens = client.account(&vault).await?.with_context(|| format!("there is no vault {vault}"))?;
        let amount = tokens.data.get(TOKEN_AMOUNT..).and_then(|rest| rest.first_chunk::<8>());
        let amount = amount.filter(|_| tokens.data.len() >= TOKEN_ACCOUNT_LEN);
        let amount = u64::from_le_bytes(*amount.with_context(|| format!("{vault} is no token account"))?);
        let after = client.program_accounts(&PROGRAM_ID, &[]).await?;
        if before.rows == after.rows {
            return Ok((after, amount));
        }
        before = after;
    }
    bail!("the exchange moves faster than this node can be read: no proof. Try again, or use a faster node")
}

/// The proof, term by term.
pub fn proof_report(exchange: &Pubkey, slot: u64, units: &Units, proof: &Proof) -> Report {
    let quote = |atoms: i128| show(atoms, units.quote_decimals.into());
    let mut rows = vec![
        vec![
            "cash of margin accounts".to_owned(),
            quote(proof.cash_atoms),
            format!("{} accounts", proof.margin_accounts),
        ],
        vec!["insurance fund".to_owned(), quote(proof.insurance_atoms), String::new()],
        vec!["fees of the exchange".to_owned(), quote(proof.fees_atoms), String::new()],
    ];
    let (mut base, mut markets) = (Vec::new(), Vec::new());
    for (key, terms) in &proof.markets {
        for (name, value) in [
            ("seat bonds", terms.bonds_atoms),
            ("entries of positions", terms.entries_atoms),
            ("results not swept", terms.realised_atoms),
            ("fees not swept", terms.fees_atoms),
            ("insurance not swept", terms.insurance_atoms),
            ("clearing pool", terms.clearing_atoms),
            ("losses of nobody", -terms.unassigned_atoms),
        ] {
            rows.push(vec![format!("{}: {name}", terms.name), quote(value), String::new()]);
        }
        let verdict = if terms.is_base_conserved() { "holds" } else { "VIOLATED" };
        base.push(vec![
            terms.name.clone(),
            terms.base_lots.to_string(),
            terms.long_lots.to_string(),
            terms.open_interest_lots.to_string(),
            verdict.to_owned(),
        ]);
        markets.push(json!({
            "market": key.to_string(), "name": terms.name, "seats": terms.seats, "base_lots": terms.base_lots.to_string(),
            "long_lots": terms.long_lots.to_string(), "open_interest_lots": terms.open_interest_lots.to_string(),
            "value_atoms": terms.value_atoms().to_string(), "inv_02_holds": terms.is_base_conserved(),
        }));
    }
    rows.push(vec!["sum".to_owned(), quote(proof.owed_atoms()), String::new()]);
    rows.push(vec!["vault".to_owned(), quote(proof.vault_atoms), String::new()]);
    let surplus = proof.surplus_atoms();
    let verdict = match surplus {
        0 if proof.doubtful.is_empty() => "holds".to_owned(),
        0 => format!("VIOLATED: markets whose bonds or sums disagree: {:?}", proof.doubtful),
        surplus => format!("VIOLATED: the vault differs by {} ({surplus} atoms)", quote(surplus)),
    };
    let text = format!(
        "Exchange {exchange}, slot {slot}\n\nINV-01: every atom in the vault is somebody's\n{}\n=> INV-01 {verdict}\n\nINV-02: positions sum to zero, open interest is the sum of the longs (lots)\n{}",
        table(&["term", "amount", ""], &rows),
        table(&["market", "sum", "longs", "open interest", "INV-02"], &base),
    );
    let json = json!({
        "exchange": exchange.to_string(), "slot": slot, "holds": proof.holds(), "vault_atoms": proof.vault_atoms.to_string(),
        "owed_atoms": proof.owed_atoms().to_string(), "surplus_atoms": surplus.to_string(),
        "cash_atoms": proof.cash_atoms.to_string(), "margin_accounts": proof.margin_accounts,
        "insurance_atoms": proof.insurance_atoms.to_string(), "fees_atoms": proof.fees_atoms.to_string(), "markets": markets,
        "doubtful": proof.doubtful.iter().map(Pubkey::to_string).collect::<Vec<_>>(),
    });
    Report { is_bad: !proof.holds(), ..Report::new(text, json) }
}

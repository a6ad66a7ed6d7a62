//! Address lookup tables: with one, a transaction names an account of many legs that would not fit otherwise.

use anyhow::{Context, Result};
use serde_json::json;
use solana_keypair::Keypair;
use solana_message::AddressLookupTableAccount;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper_client::Client;
use taper_sdk::lookup;

use crate::report::Report;
use crate::session::Session;

/// Reads tables.
///
/// # Errors
/// One of them is not there, or no table that can be used.
pub async fn read(client: &Client, tables: &[Pubkey]) -> Result<Vec<AddressLookupTableAccount>> {
    let found = client.accounts(tables).await?;
    let table = |key: &Pubkey| {
        let row = found.rows.get(key).with_context(|| format!("there is no lookup table {key}"))?;
        Ok(lookup::decode(*key, &row.owner, &row.data)?)
    };
    tables.iter().map(table).collect()
}

/// `lookup-table create`, or `extend` for a table that exists: the exchange with all its markets. A transaction an extension; what is interrupted
/// is finished by `extend`.
///
/// # Errors
/// The session's.
pub async fn fill(session: &Session, signer: &Keypair, existing: Option<Pubkey>) -> Result<Report> {
    let world = session.world(&[]).await?;
    let finder = world.finder();
    let markets = world.markets.iter().map(|market| finder.market_keys(market)).collect::<Result<Vec<_>, _>>()?;
    let wanted = lookup::addresses(&finder.exchange_keys(&world.exchange)?, &markets);
    let owner = signer.pubkey();
    let (table, first, missing) = match existing {
        None => {
            let (table, create, _) = lookup::create(owner, world.snapshot.slot, &[]);
            (table, Some(create), wanted)
        }
        Some(table) => {
            let held = read(&session.client, &[table]).await?;
            (table, None, held.first().map_or_else(Vec::new, |held| lookup::missing(held, &wanted)))
        }
    };
    let extensions = lookup::extend(table, owner, &missing);
    let sent = extensions.len();
    // A table is worth nothing without addresses: both in the first transaction.
    let mut create = first;
    for (place, extension) in extensions.into_iter().enumerate() {
        let built: Vec<_> = create.take().into_iter().chain([extension]).collect();
        let what = format!("lookup table {table}: part {} of {sent}", place + 1);
        let how = || format!("{what}; if the table exists, go on with `taper lookup-table extend {table}`");
        session.act(&what, signer, &built).await.with_context(how)?;
    }
    let text = format!("lookup table {table}: {} addresses added, usable from the next slot on", missing.len());
    Ok(Report::new(text, json!({ "lookup_table": table.to_string(), "added": missing.len(), "transactions": sent })))
}

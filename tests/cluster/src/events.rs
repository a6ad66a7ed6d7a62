//! What the program said it did, from the chain's own transactions.

use solana_pubkey::Pubkey;
use solana_rpc_client::rpc_client::RpcClient;
use solana_transaction_status_client_types::{option_serializer::OptionSerializer, UiTransactionEncoding};
use taper_sdk::event::{from_logs, Event};

/// The events of every transaction that named this account and succeeded, oldest first.
pub fn of_account(rpc: &RpcClient, account: &Pubkey) -> Vec<Event> {
    let mut listed = rpc.get_signatures_for_address(account).unwrap();
    // One page holds a thousand: more would have to be asked for in parts.
    assert!(listed.len() < 1_000, "{} transactions", listed.len());
    listed.reverse();
    let mut seen = std::collections::BTreeSet::new();
    let good = listed.iter().filter(|row| row.err.is_none() && seen.insert(row.signature.clone()));
    let events = good.flat_map(|row| {
        let found = rpc.get_transaction(&row.signature.parse().unwrap(), UiTransactionEncoding::Base64).unwrap();
        let OptionSerializer::Some(logs) = found.transaction.meta.unwrap().log_messages else {
            panic!("transaction {} has no logs", row.signature)
        };
        let found = from_logs(&logs);
        assert!(!found.truncated && found.unreadable == 0, "{logs:?}");
        found.events.into_iter().map(|emitted| emitted.event)
    });
    events.collect()
}

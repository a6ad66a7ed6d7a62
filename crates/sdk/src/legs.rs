//! The other legs of an account, in the order in which the program walks them.

use solana_instruction::AccountMeta;
use solana_pubkey::Pubkey;
use taper::state::MarginAccount;

/// A market of an account, and the oracle account to price it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The market.
    pub market: Pubkey,
    /// Its oracle account: for a push market its only one, for a pull market any of the feed.
    pub oracle: Pubkey,
}

/// The account's legs in slot order, without the instruction's own market. `oracle_of` names the oracle account for a
/// market;
/// `None` when it knows none for a market that the account is in: its key is the error.
///
/// # Errors
/// The first market without an oracle account.
pub fn ordered(
    account: &MarginAccount,
    primary: Option<&Pubkey>,
    oracle_of: impl Fn(&Pubkey) -> Option<Pubkey>,
) -> Result<Vec<Leg>, Pubkey> {
    account
        .used_positions()
        .filter(|position| Some(&position.market) != primary)
        .map(|position| {
            let oracle = oracle_of(&position.market).ok_or(position.market)?;
            Ok(Leg { market: position.market, oracle })
        })
        .collect()
}

/// The remaining accounts of an instruction that values the legs: `[market, oracle]` each.
pub fn metas(legs: &[Leg]) -> impl Iterator<Item = AccountMeta> + '_ {
    legs.iter().flat_map(|leg| [leg.market, leg.oracle]).map(|key| AccountMeta::new_readonly(key, false))
}

/// The same with writable markets: a deposit or a withdrawal then sweeps their realised results first.
pub fn swept_metas(legs: &[Leg]) -> impl Iterator<Item = AccountMeta> + '_ {
    legs.iter().flat_map(|leg| [AccountMeta::new(leg.market, false), AccountMeta::new_readonly(leg.oracle, false)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_order_without_the_primary_and_without_gaps() {
        let mut account: MarginAccount = bytemuck::Zeroable::zeroed();
        let key = |byte| Pubkey::new_from_array([byte; 32]);
        for (slot, byte) in [(0, 3), (2, 1), (5, 2)] {
            account.positions[slot].market = key(byte);
            account.positions[slot].in_use = 1;
        }
        let oracle_of = |market: &Pubkey| Some(key(market.to_bytes()[0] + 100));
        let legs = ordered(&account, Some(&key(1)), oracle_of).unwrap();
        assert_eq!(legs, [Leg { market: key(3), oracle: key(103) }, Leg { market: key(2), oracle: key(102) }]);
        let keys: Vec<Pubkey> = metas(&legs).map(|meta| meta.pubkey).collect();
        assert_eq!(keys, [key(3), key(103), key(2), key(102)]);
        assert!(metas(&legs).all(|meta| !meta.is_writable && !meta.is_signer));
        assert_eq!(swept_metas(&legs).map(|meta| meta.is_writable).collect::<Vec<_>>(), [true, false, true, false]);
        let unknown = ordered(&account, None, |market| (*market != key(2)).then(|| key(9)));
        assert_eq!(unknown, Err(key(2)));
    }
}

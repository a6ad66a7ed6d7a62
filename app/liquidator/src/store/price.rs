//! The price of a market as the program would take it for a leg: live, or frozen. The engine judges; this only chooses, as the program
//! does, what it is shown.

use solana_pubkey::Pubkey;
use taper::legs::Now;
use taper::oracle;
use taper::state::Market;
use taper_engine::oracle::{assess, frozen, last_known, OraclePrice};
use taper_engine::EngineError;

/// An oracle account as it was last seen.
#[derive(Clone, Debug, Default)]
pub struct OracleBytes {
    /// Its owner.
    pub owner: Pubkey,
    /// Its bytes, in words.
    pub words: Box<[u64]>,
    /// Their number.
    pub len: usize,
    /// Slot in which they were seen.
    pub slot: u64,
}

impl OracleBytes {
    /// The bytes.
    pub fn data(&self) -> &[u8] {
        super::sparse::bytes_of(&self.words, self.len)
    }
}

/// Why a market has no live price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPrice {
    /// Its oracle account has not been seen.
    Unseen,
    /// The account is not what the market names, or cannot be decoded.
    Unreadable,
    /// The engine refuses what it says.
    Refused(EngineError),
}

/// The price at which a leg of this market is valued now. A live one, the last known one moved in the account's favour, or none at all:
/// then the program refuses every call that needs this leg.
///
/// # Errors
/// [`NoPrice`].
pub fn leg_price(
    market: &Market,
    key: &Pubkey,
    bytes: Option<&OracleBytes>,
    quote_decimals: u8,
    now: Now,
) -> Result<OraclePrice, NoPrice> {
    let state = &market.state;
    if state.is_settled() {
        return Ok(state.settled_price());
    }
    let bytes = bytes.ok_or(NoPrice::Unseen)?;
    let decoded = oracle::decode(&bytes.owner, key, bytes.data()).ok();
    let reading = decoded
        .filter(|decoded| decoded.kind as u8 == market.oracle_kind && decoded.feed == market.oracle_key.to_bytes());
    let (params, last) = (&state.params, &state.last_price);
    let judged = reading.map(|decoded| assess(&decoded.reading, params, quote_decimals, last, now.seconds));
    match judged {
        Some(Ok(price)) => Ok(price),
        refused => {
            let shown = reading.as_ref().map(|decoded| &decoded.reading);
            let known = last_known(shown, params, quote_decimals, last, now.seconds);
            frozen(&known, params, now.seconds).map_err(|_| match refused {
                Some(Err(refusal)) => NoPrice::Refused(refusal),
                _ => NoPrice::Unreadable,
            })
        }
    }
}

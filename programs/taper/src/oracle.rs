//! The only file that knows Pyth: from the bytes of an oracle account to an [`OracleReading`], which the engine judges.
//!
//! The kind of account follows from its owner, and its owner must fit its layout; what the caller says counts for nothing.
//! Nothing here reads a clock: age, sign, exponent, range and confidence are the engine's (`taper_engine::oracle`).

#[cfg(test)]
mod tests;

use anchor_lang::prelude::{pubkey, AccountInfo, Pubkey};
use anchor_lang::{AnchorDeserialize, Discriminator};
use pyth_sdk_solana::state::{load_price_account, PriceStatus, SolanaPriceAccount};
use pyth_solana_receiver_sdk::price_update::{PriceUpdateV2, VerificationLevel};
use taper_engine::oracle::OracleReading;

use crate::constants::{ORACLE_PYTH_PULL, ORACLE_PYTH_PUSH};
use crate::error::TaperError;

type Result<T> = core::result::Result<T, TaperError>;

/// Owner of push accounts on mainnet.
pub const PYTH_PUSH_MAINNET: Pubkey = pubkey!("FsJ3A3u2vn5cTVofAjvy6y5kwABJAqYWpe4975bi2epH");
/// Owner of push accounts on devnet.
pub const PYTH_PUSH_DEVNET: Pubkey = pubkey!("gSbePebfvPy7tRqimPoVecS2UsBvYv46ynrzWocc92s");
/// Owner of pull accounts, on every cluster.
pub const PYTH_PULL: Pubkey = pubkey!("rec5EKMGg6MxZYaMdyBfgwp4d5rB9T1VQH5pJv5LtFJ");

/// Bytes of a push account. Its own `size` field says less in old accounts; only the length counts.
pub const PUSH_ACCOUNT_LEN: usize = 3_312;
/// Bytes of a pull account, whatever its verification level.
pub const PULL_ACCOUNT_LEN: usize = PriceUpdateV2::LEN;
const _: () = assert!(core::mem::size_of::<SolanaPriceAccount>() == PUSH_ACCOUNT_LEN);
const _: () = assert!(PULL_ACCOUNT_LEN == 134);

/// Offset of the price type in a push account, a `u32`.
const PUSH_PRICE_TYPE: usize = 16;
/// Offset of the aggregate's status in a push account, a `u32`.
const PUSH_STATUS: usize = 224;
/// The only price type there is.
const PRICE_TYPE_PRICE: u32 = 1;
/// The largest status there is (ignored).
const STATUS_MAX: u32 = 4;

/// How a feed reaches the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OracleKind {
    /// An account of Pyth's own program, which publishers write to. Named by its address.
    PythPush = ORACLE_PYTH_PUSH,
    /// An update that anyone posts and guardians have signed. Named by its feed; the address means nothing.
    PythPull = ORACLE_PYTH_PULL,
}

impl OracleKind {
    /// The kind of the accounts that this program owns.
    ///
    /// # Errors
    /// `OracleWrongOwner` when it is none of Pyth's.
    #[inline]
    pub fn of_owner(owner: &Pubkey) -> Result<Self> {
        if *owner == PYTH_PULL {
            Ok(Self::PythPull)
        } else if *owner == PYTH_PUSH_MAINNET || *owner == PYTH_PUSH_DEVNET {
            Ok(Self::PythPush)
        } else {
            Err(TaperError::OracleWrongOwner)
        }
    }
}

/// What a market says of its oracle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OracleIdentity {
    /// `Market::oracle_kind`.
    pub kind: u8,
    /// `Market::oracle_key`: push: the address of the account; pull: the 32 bytes of the feed id.
    pub key: Pubkey,
}

/// What an oracle account is and says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Push or pull.
    pub kind: OracleKind,
    /// Push: the address of the account; pull: the feed id.
    pub feed: [u8; 32],
    /// What it says.
    pub reading: OracleReading,
}

/// Reads the oracle account of a market.
///
/// # Errors
/// `OracleWrongFeed` when the account is not the one the market names (another kind, another address, another feed), and all
/// of [`decode`].
pub fn read(account: &AccountInfo, identity: &OracleIdentity) -> Result<OracleReading> {
    let kind = OracleKind::of_owner(account.owner)?;
    if kind as u8 != identity.kind || (kind == OracleKind::PythPush && *account.key != identity.key) {
        return Err(TaperError::OracleWrongFeed);
    }
    // A Pyth account is writable to nobody here, so it cannot be borrowed; if it is, it is not what it should be.
    let data = account.data.try_borrow().map_err(|_| TaperError::OracleWrongAccountType)?;
    let decoded = decode(account.owner, account.key, &data)?;
    if decoded.feed != identity.key.to_bytes() {
        return Err(TaperError::OracleWrongFeed);
    }
    Ok(decoded.reading)
}

/// Decodes an account by its owner and layout.
///
/// # Errors
/// `OracleWrongOwner`; `OracleWrongAccountType` (a product, a mapping, another version, a Pythnet account, another length or
/// discriminator); `OracleNotTrading` (push); `OraclePartialVerification` (pull).
pub fn decode(owner: &Pubkey, key: &Pubkey, data: &[u8]) -> Result<Decoded> {
    match OracleKind::of_owner(owner)? {
        OracleKind::PythPush => {
            let reading = decode_push(data)?;
            Ok(Decoded { kind: OracleKind::PythPush, feed: key.to_bytes(), reading })
        }
        OracleKind::PythPull => decode_pull(data),
    }
}

/// Pyth's crate looks at the account in place: nothing of its 3,312 bytes is copied.
fn decode_push(data: &[u8]) -> Result<OracleReading> {
    if data.len() != PUSH_ACCOUNT_LEN || !push_enums_are_sound(data) {
        return Err(TaperError::OracleWrongAccountType);
    }
    if data.as_ptr().align_offset(core::mem::align_of::<SolanaPriceAccount>()) != 0 {
        return decode_push_realigned(data);
    }
    let account = load_price_account::<32, ()>(data).map_err(|_| TaperError::OracleWrongAccountType)?;
    // An aggregate that is trading was made in the last trading slot. If not, status and price are not of the same moment.
    if account.agg.status != PriceStatus::Trading || account.last_slot != account.agg.pub_slot {
        return Err(TaperError::OracleNotTrading);
    }
    Ok(OracleReading {
        price: account.agg.price,
        confidence: account.agg.conf,
        exponent: account.expo,
        ema_price: account.ema_price.val,
        publish_time_seconds: account.timestamp,
    })
}

/// Pyth's crate casts bytes to Rust enums without a check and would panic on unaligned bytes. The runtime aligns accounts, a
/// file or a slice of a message need not be: they are decoded from an aligned copy on the heap.
#[cold]
#[inline(never)]
fn decode_push_realigned(data: &[u8]) -> Result<OracleReading> {
    let mut words = vec![0u64; data.len().div_ceil(core::mem::size_of::<u64>())];
    let aligned = bytemuck::cast_slice_mut::<u64, u8>(&mut words);
    let aligned = aligned.get_mut(..data.len()).ok_or(TaperError::OracleWrongAccountType)?;
    aligned.copy_from_slice(data);
    decode_push(aligned)
}

/// Whether the enums that [`decode_push`] reads have values that their Rust types know: any other is undefined behaviour to
/// even look at. The types take one byte each, the account four.
fn push_enums_are_sound(data: &[u8]) -> bool {
    word_at(data, PUSH_PRICE_TYPE) == Some(PRICE_TYPE_PRICE)
        && word_at(data, PUSH_STATUS).is_some_and(|status| status <= STATUS_MAX)
}

fn word_at(data: &[u8], offset: usize) -> Option<u32> {
    let bytes = data.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes))
}

/// The verification level is read by the receiver's own deserialiser: a partial one takes a byte more, and every field after it
/// lies one byte later.
fn decode_pull(data: &[u8]) -> Result<Decoded> {
    let body = match data.strip_prefix(PriceUpdateV2::DISCRIMINATOR) {
        Some(body) if data.len() == PULL_ACCOUNT_LEN => body,
        _ => return Err(TaperError::OracleWrongAccountType),
    };
    let mut body = body;
    let update = PriceUpdateV2::deserialize(&mut body).map_err(|_| TaperError::OracleWrongAccountType)?;
    if update.verification_level != VerificationLevel::Full {
        return Err(TaperError::OraclePartialVerification);
    }
    let message = &update.price_message;
    Ok(Decoded {
        kind: OracleKind::PythPull,
        feed: message.feed_id,
        reading: OracleReading {
            price: message.price,
            confidence: message.conf,
            exponent: message.exponent,
            ema_price: message.ema_price,
            publish_time_seconds: message.publish_time,
        },
    })
}

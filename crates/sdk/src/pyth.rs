//! Writes Pyth oracle accounts in their real layouts, for tests, local chains and replays. A price written here is decoded by
//! Pyth's own crates and by the program like one that Pyth published; it is worth nothing on a cluster where Pyth's programs own
//! those accounts.

pub use taper::oracle::{PULL_ACCOUNT_LEN, PUSH_ACCOUNT_LEN, PYTH_PULL, PYTH_PUSH_DEVNET, PYTH_PUSH_MAINNET};

#[cfg(test)]
mod tests;

const MAGIC: u32 = 0xa1b2_c3d4;
const VERSION: u32 = 2;
const ACCOUNT_TYPE_PRICE: u32 = 3;
const PRICE_TYPE_PRICE: u32 = 1;
/// Bytes of a push account before its publishers.
const PUSH_HEADER_LEN: u32 = 240;
/// Bytes of one publisher.
const PUSH_PUBLISHER_LEN: u32 = 96;
/// The single publisher written into a push account.
const PUBLISHER: [u8; 32] = [1; 32];
/// Anchor's discriminator of `PriceUpdateV2`.
const PULL_DISCRIMINATOR: [u8; 8] = [0x22, 0xf1, 0x23, 0x63, 0x9d, 0x7e, 0xf4, 0xcd];

/// One published price. Prices and confidences are mantissas of `10^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedPrice {
    /// Price.
    pub price: i64,
    /// Confidence: half-width of the interval.
    pub confidence: u64,
    /// Exponent.
    pub exponent: i32,
    /// Moving average of the price; zero for none.
    pub ema_price: i64,
    /// Moving average of the confidence.
    pub ema_confidence: u64,
    /// Publish time, Unix seconds.
    pub publish_time_seconds: i64,
    /// Publish time of the price before, Unix seconds.
    pub previous_publish_time_seconds: i64,
    /// Push: slot of the aggregate. Pull: slot in which the update was posted.
    pub slot: u64,
}

/// Status of a push account's aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PushStatus {
    /// No price for an unknown reason.
    Unknown = 0,
    /// Updating as expected.
    Trading = 1,
    /// Trading in the product is halted.
    Halted = 2,
    /// An auction sets the price.
    Auction = 3,
    /// The confidence is too wide for Pyth itself.
    Ignored = 4,
}

/// How much of a pull account's signatures was checked when it was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Two thirds of the guardians.
    Full,
    /// So many.
    Partial(u8),
}

/// The data of a push account (3,312 bytes; owner [`PYTH_PUSH_MAINNET`] or [`PYTH_PUSH_DEVNET`]) with one publisher. An
/// aggregate that is not trading has its last trading slot one before its own, as Pyth writes it.
pub fn push_account(published: &PublishedPrice, status: PushStatus) -> Vec<u8> {
    let previous_slot = published.slot.saturating_sub(1);
    let last_trading_slot = if status == PushStatus::Trading { published.slot } else { previous_slot };
    let mut data = Vec::with_capacity(PUSH_ACCOUNT_LEN);
    for word in [MAGIC, VERSION, ACCOUNT_TYPE_PRICE, PUSH_HEADER_LEN + PUSH_PUBLISHER_LEN, PRICE_TYPE_PRICE] {
        data.extend_from_slice(&word.to_le_bytes());
    }
    data.extend_from_slice(&published.exponent.to_le_bytes());
    data.extend_from_slice(&1u32.to_le_bytes()); // publishers
    data.extend_from_slice(&1u32.to_le_bytes()); // publishers in the aggregate
    data.extend_from_slice(&last_trading_slot.to_le_bytes());
    data.extend_from_slice(&previous_slot.to_le_bytes()); // slot to which the aggregate before was valid
    write_average(&mut data, published.ema_price.to_le_bytes());
    write_average(&mut data, published.ema_confidence.to_le_bytes());
    data.extend_from_slice(&published.publish_time_seconds.to_le_bytes());
    data.extend_from_slice(&1u64.to_le_bytes()); // publishers needed, and room
    data.extend_from_slice(&[0; 64]); // product and next price account: none
    data.extend_from_slice(&previous_slot.to_le_bytes());
    data.extend_from_slice(&published.price.to_le_bytes());
    data.extend_from_slice(&published.confidence.to_le_bytes());
    data.extend_from_slice(&published.previous_publish_time_seconds.to_le_bytes());
    write_quote(&mut data, published, status);
    data.extend_from_slice(&PUBLISHER);
    write_quote(&mut data, published, status);
    write_quote(&mut data, published, status);
    data.resize(PUSH_ACCOUNT_LEN, 0);
    data
}

/// A moving average: its value, and the same as a fraction.
fn write_average(data: &mut Vec<u8>, value: [u8; 8]) {
    data.extend_from_slice(&value);
    data.extend_from_slice(&value);
    data.extend_from_slice(&1i64.to_le_bytes());
}

/// An aggregate, or a publisher's own quote.
fn write_quote(data: &mut Vec<u8>, published: &PublishedPrice, status: PushStatus) {
    data.extend_from_slice(&published.price.to_le_bytes());
    data.extend_from_slice(&published.confidence.to_le_bytes());
    data.extend_from_slice(&(status as u32).to_le_bytes());
    data.extend_from_slice(&0u32.to_le_bytes()); // no corporate action
    data.extend_from_slice(&published.slot.to_le_bytes());
}

/// The data of a pull account, `PriceUpdateV2` (134 bytes; owner [`PYTH_PULL`]). A partial verification takes a byte more than a
/// full one, so that the fields after it lie a byte later, and a full account ends in a byte of padding.
pub fn pull_account(
    published: &PublishedPrice,
    feed_id: &[u8; 32],
    verification: Verification,
    write_authority: &[u8; 32],
) -> Vec<u8> {
    let mut data = Vec::with_capacity(PULL_ACCOUNT_LEN);
    data.extend_from_slice(&PULL_DISCRIMINATOR);
    data.extend_from_slice(write_authority);
    match verification {
        Verification::Full => data.push(1),
        Verification::Partial(signatures) => data.extend_from_slice(&[0, signatures]),
    }
    data.extend_from_slice(feed_id);
    data.extend_from_slice(&published.price.to_le_bytes());
    data.extend_from_slice(&published.confidence.to_le_bytes());
    data.extend_from_slice(&published.exponent.to_le_bytes());
    data.extend_from_slice(&published.publish_time_seconds.to_le_bytes());
    data.extend_from_slice(&published.previous_publish_time_seconds.to_le_bytes());
    data.extend_from_slice(&published.ema_price.to_le_bytes());
    data.extend_from_slice(&published.ema_confidence.to_le_bytes());
    data.extend_from_slice(&published.slot.to_le_bytes());
    data.resize(PULL_ACCOUNT_LEN, 0);
    data
}

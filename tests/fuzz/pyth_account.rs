//! Oracle accounts: the program's decoding against a second one, written from Pyth's layouts with nothing but offsets.

use anchor_lang::prelude::{AccountInfo, Pubkey};
use taper::error::TaperError;
use taper::oracle::{decode, read, OracleIdentity, OracleKind, PYTH_PULL, PYTH_PUSH_DEVNET, PYTH_PUSH_MAINNET};
use taper_engine::market::LastPrice;
use taper_engine::oracle::{assess, Grade, OracleReading};
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price, MAX_PRICE_ATOMS_PER_LOT};

/// Real accounts, to be spoilt; their provenance stands in `tests/data/pyth/README.md`.
const REAL: [&[u8]; 6] = [
    include_bytes!("../data/pyth/legacy/SOL_mainnet_20231223T221945Z_slot237631872.bin"),
    include_bytes!("../data/pyth/legacy/SOL_devnet_no-ts_slot64252304.bin"),
    include_bytes!("../data/pyth/pull/SOL_mainnet_20250104T094807Z_slot311798332_Full.bin"),
    include_bytes!("../data/pyth/pull/SOL_mainnet_20240611T200500Z_slot271269395_Partial5.bin"),
    include_bytes!("../data/pyth/pull/USDC_mainnet_20260926T055933Z_slot450587418_Full.bin"),
    include_bytes!("../data/pyth/legacy/NEGATIVE_type2_product_3312bytes.bin"),
];

/// The first eight bytes of `sha256("account:PriceUpdateV2")`.
const PULL_DISCRIMINATOR: [u8; 8] = [0x22, 0xf1, 0x23, 0x63, 0x9d, 0x7e, 0xf4, 0xcd];

/// What an account is and says, or why it is refused.
type Said = Result<(OracleKind, [u8; 32], OracleReading), TaperError>;

/// The first byte chooses the owner, the second a real account to overwrite (beyond those: the input itself), the third what the market names.
/// Then patches: two bytes say where, one how long, eight what; a length beyond eight cuts or lengthens the account.
///
/// # Panics
/// If the program decodes something else than the layout says, names another reason, or panics; if a price that it accepts leaves its bounds.
pub fn pyth_account(data: &[u8]) {
    let Some((&[owner, basis, named], rest)) = data.split_first_chunk::<3>() else { return };
    let owner =
        [PYTH_PUSH_MAINNET, PYTH_PUSH_DEVNET, PYTH_PULL, Pubkey::new_from_array([owner; 32])][usize::from(owner) % 4];
    let bytes = REAL.get(usize::from(basis)).map_or_else(|| rest.to_vec(), |real| spoilt(real, rest));
    let key = Pubkey::new_from_array([7; 32]);
    let expected = by_layout(&owner, &key, &bytes);
    // At any alignment: a message or a file is not aligned as an account is.
    for offset in 0..8 {
        let mut place = vec![0u64; bytes.len() / 8 + 2];
        let place: &mut [u8] = bytemuck::cast_slice_mut(&mut place);
        place[offset..offset + bytes.len()].copy_from_slice(&bytes);
        let found = decode(&owner, &key, &place[offset..offset + bytes.len()]);
        let found = found.map(|decoded| (decoded.kind, decoded.feed, decoded.reading));
        assert_eq!(found, expected, "at alignment {offset}");
    }
    as_a_market_reads_it(&owner, &key, &bytes, named, expected);
}

/// The account behind the identity that a market names: its kind, address and feed must be the market's.
fn as_a_market_reads_it(owner: &Pubkey, key: &Pubkey, bytes: &[u8], named: u8, expected: Said) {
    let feed = expected.map_or([9; 32], |(_, feed, _)| feed);
    let identity = OracleIdentity {
        kind: named & 3,
        key: if named & 4 == 0 { Pubkey::new_from_array(feed) } else { Pubkey::new_from_array([named; 32]) },
    };
    let (mut lamports, mut bytes) = (1, bytes.to_vec());
    let account = AccountInfo::new(key, false, false, &mut lamports, &mut bytes, owner, false);
    let is_named = OracleKind::of_owner(owner)
        .map(|kind| kind as u8 == identity.kind && (kind == OracleKind::PythPull || *key == identity.key));
    let wanted = match (is_named, expected) {
        (Err(error), _) => Err(error),
        (Ok(false), _) => Err(TaperError::OracleWrongFeed),
        (Ok(true), Err(error)) => Err(error),
        (Ok(true), Ok((_, feed, _))) if feed != identity.key.to_bytes() => Err(TaperError::OracleWrongFeed),
        (Ok(true), Ok((_, _, reading))) => Ok(reading),
    };
    let found = read(&account, &identity);
    assert_eq!(found, wanted);
    if let Ok(reading) = found {
        judged(&reading);
    }
}

/// A reading at clocks around its own time: what is accepted is a price within its bounds.
fn judged(reading: &OracleReading) {
    let sizing = MarketSizing { base_lot_exponent: -3, price: Price(100_000), calm_depth_lots: BaseLots(2_000_000) };
    let params = default_params(&sizing).expect("parameters for a usual market");
    let never: LastPrice = bytemuck::Zeroable::zeroed();
    for late in [-3, 0, 5, 30, 90] {
        let now = reading.publish_time_seconds.saturating_add(late);
        let Ok(price) = assess(reading, &params, 6, &never, now) else { continue };
        let range = Price(1)..=Price(MAX_PRICE_ATOMS_PER_LOT);
        assert!(range.contains(&price.price) && range.contains(&price.ema) && price.confidence.0 >= 0, "{price:?}");
        assert!(price.grade != Grade::Frozen && reading.price > 0, "{price:?}");
    }
}

fn spoilt(real: &[u8], patches: &[u8]) -> Vec<u8> {
    let mut bytes = real.to_vec();
    for patch in patches.chunks_exact(11) {
        let at = usize::from(u16::from_le_bytes([patch[0], patch[1]])) % 4_096;
        let length = usize::from(patch[2]);
        if length > 8 {
            bytes.resize(at, patch[3]);
        }
        for (place, byte) in bytes.iter_mut().skip(at).zip(&patch[3..3 + length.min(8)]) {
            *place = *byte;
        }
    }
    bytes
}

/// Fields by their offsets, in little endian.
struct Layout<'a>(&'a [u8]);

impl Layout<'_> {
    fn take<const N: usize>(&self, offset: usize) -> [u8; N] {
        core::array::from_fn(|place| self.0[offset + place])
    }

    fn u32(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.take(offset))
    }

    fn u64(&self, offset: usize) -> u64 {
        u64::from_le_bytes(self.take(offset))
    }

    fn i64(&self, offset: usize) -> i64 {
        i64::from_le_bytes(self.take(offset))
    }
}

/// The account as the layouts of Pyth's two programs say.
fn by_layout(owner: &Pubkey, key: &Pubkey, bytes: &[u8]) -> Said {
    let layout = Layout(bytes);
    if *owner == PYTH_PUSH_MAINNET || *owner == PYTH_PUSH_DEVNET {
        // Magic, version 2, a price account, of a price.
        let is_price = bytes.len() == 3_312
            && [0, 4, 8, 16].map(|offset| layout.u32(offset)) == [0xa1b2_c3d4, 2, 3, 1]
            && layout.u32(224) <= 4;
        if !is_price {
            return Err(TaperError::OracleWrongAccountType);
        }
        // Status 1 is trading; the last slot and the aggregate's own.
        if layout.u32(224) != 1 || layout.u64(32) != layout.u64(232) {
            return Err(TaperError::OracleNotTrading);
        }
        let reading = OracleReading {
            price: layout.i64(208),
            confidence: layout.u64(216),
            exponent: layout.u32(20).cast_signed(),
            ema_price: layout.i64(48),
            publish_time_seconds: layout.i64(96),
        };
        return Ok((OracleKind::PythPush, key.to_bytes(), reading));
    }
    if *owner != PYTH_PULL {
        return Err(TaperError::OracleWrongOwner);
    }
    // Discriminator, write authority, level (0 with a number of signatures, 1 full), message.
    if bytes.len() != 134 || bytes[..8] != PULL_DISCRIMINATOR || bytes[40] > 1 {
        return Err(TaperError::OracleWrongAccountType);
    }
    if bytes[40] == 0 {
        return Err(TaperError::OraclePartialVerification);
    }
    let reading = OracleReading {
        price: layout.i64(73),
        confidence: layout.u64(81),
        exponent: layout.u32(89).cast_signed(),
        publish_time_seconds: layout.i64(93),
        ema_price: layout.i64(109),
    };
    Ok((OracleKind::PythPull, layout.take(41), reading))
}

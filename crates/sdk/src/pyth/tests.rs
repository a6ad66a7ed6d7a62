use std::path::Path;

use anchor_lang::AccountDeserialize;
use pyth_sdk_solana::state::{load_price_account, PriceStatus, SolanaPriceAccount};
use pyth_solana_receiver_sdk::price_update::{PriceUpdateV2, VerificationLevel};
use solana_pubkey::Pubkey;
use taper::error::TaperError;
use taper::oracle::{decode, OracleKind};
use taper_engine::oracle::OracleReading;

use super::*;

const SOL: PublishedPrice = PublishedPrice {
    price: 14_856_315_152,
    confidence: 9_859_015,
    exponent: -8,
    ema_price: 14_847_938_300,
    ema_confidence: 11_913_322,
    publish_time_seconds: 1_718_136_300,
    previous_publish_time_seconds: 1_718_136_299,
    slot: 271_269_395,
};
const EXTREMES: [PublishedPrice; 2] = [
    PublishedPrice {
        price: i64::MAX,
        confidence: u64::MAX,
        exponent: i32::MAX,
        ema_price: i64::MAX,
        ema_confidence: u64::MAX,
        publish_time_seconds: i64::MAX,
        previous_publish_time_seconds: i64::MAX,
        slot: u64::MAX,
    },
    PublishedPrice {
        price: i64::MIN,
        confidence: 0,
        exponent: i32::MIN,
        ema_price: i64::MIN,
        ema_confidence: 0,
        publish_time_seconds: i64::MIN,
        previous_publish_time_seconds: i64::MIN,
        slot: 0,
    },
];
const KEY: Pubkey = Pubkey::new_from_array([5; 32]);

fn reading(published: &PublishedPrice) -> OracleReading {
    OracleReading {
        price: published.price,
        confidence: published.confidence,
        exponent: published.exponent,
        ema_price: published.ema_price,
        publish_time_seconds: published.publish_time_seconds,
    }
}

#[test]
fn a_push_account_is_read_back_by_pyth_and_by_the_program() {
    for published in [SOL, EXTREMES[0], EXTREMES[1]] {
        let data = push_account(&published, PushStatus::Trading);
        assert_eq!(data.len(), 3_312);
        let account: &SolanaPriceAccount = load_price_account::<32, ()>(&data).unwrap();
        assert_eq!(account.agg.price, published.price);
        assert_eq!(account.agg.conf, published.confidence);
        assert_eq!(account.agg.status, PriceStatus::Trading);
        assert_eq!(account.agg.pub_slot, published.slot);
        assert_eq!(account.last_slot, published.slot);
        assert_eq!(account.expo, published.exponent);
        assert_eq!(account.ema_price.val, published.ema_price);
        assert_eq!(account.ema_conf.val.cast_unsigned(), published.ema_confidence);
        assert_eq!(account.timestamp, published.publish_time_seconds);
        assert_eq!(account.prev_timestamp, published.previous_publish_time_seconds);
        assert_eq!((account.num, account.num_qt, account.min_pub), (1, 1, 1));
        assert_eq!(account.comp[0].publisher.to_bytes(), [1; 32]);
        assert_eq!(account.comp[0].latest, account.agg);
        let decoded = decode(&PYTH_PUSH_MAINNET, &KEY, &data).unwrap();
        assert_eq!((decoded.kind, decoded.feed, decoded.reading), (OracleKind::PythPush, [5; 32], reading(&published)));
    }
}

#[test]
fn a_push_account_that_is_not_trading_is_refused() {
    for (status, known) in [
        (PushStatus::Unknown, PriceStatus::Unknown),
        (PushStatus::Halted, PriceStatus::Halted),
        (PushStatus::Auction, PriceStatus::Auction),
        (PushStatus::Ignored, PriceStatus::Ignored),
    ] {
        let data = push_account(&SOL, status);
        assert_eq!(load_price_account::<32, ()>(&data).unwrap().agg.status, known);
        assert_eq!(decode(&PYTH_PUSH_DEVNET, &KEY, &data), Err(TaperError::OracleNotTrading));
    }
}

#[test]
fn a_pull_account_is_read_back_by_pyth_and_by_the_program() {
    for published in [SOL, EXTREMES[0], EXTREMES[1]] {
        let data = pull_account(&published, &[3; 32], Verification::Full, &[4; 32]);
        assert_eq!(data.len(), 134);
        let update = PriceUpdateV2::try_deserialize(&mut data.as_slice()).unwrap();
        assert_eq!(update.write_authority.to_bytes(), [4; 32]);
        assert_eq!(update.verification_level, VerificationLevel::Full);
        assert_eq!(update.posted_slot, published.slot);
        let message = update.price_message;
        assert_eq!(message.prev_publish_time, published.previous_publish_time_seconds);
        assert_eq!(message.ema_conf, published.ema_confidence);
        let decoded = decode(&PYTH_PULL, &KEY, &data).unwrap();
        assert_eq!((decoded.kind, decoded.feed, decoded.reading), (OracleKind::PythPull, [3; 32], reading(&published)));
    }
}

#[test]
fn a_partial_pull_account_is_refused() {
    let data = pull_account(&SOL, &[3; 32], Verification::Partial(5), &[4; 32]);
    assert_eq!(data.len(), 134);
    let update = PriceUpdateV2::try_deserialize(&mut data.as_slice()).unwrap();
    assert_eq!(update.verification_level, VerificationLevel::Partial { num_signatures: 5 });
    assert_eq!((update.price_message.price, update.posted_slot), (SOL.price, SOL.slot));
    assert_eq!(decode(&PYTH_PULL, &KEY, &data), Err(TaperError::OraclePartialVerification));
}

#[test]
fn real_pull_accounts_are_rebuilt_byte_for_byte() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/pyth/pull");
    let mut rebuilt = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let data = std::fs::read(&path).unwrap();
        let update = PriceUpdateV2::try_deserialize(&mut data.as_slice()).unwrap();
        let message = update.price_message;
        let published = PublishedPrice {
            price: message.price,
            confidence: message.conf,
            exponent: message.exponent,
            ema_price: message.ema_price,
            ema_confidence: message.ema_conf,
            publish_time_seconds: message.publish_time,
            previous_publish_time_seconds: message.prev_publish_time,
            slot: update.posted_slot,
        };
        let verification = match update.verification_level {
            VerificationLevel::Full => Verification::Full,
            VerificationLevel::Partial { num_signatures } => Verification::Partial(num_signatures),
        };
        let made = pull_account(&published, &message.feed_id, verification, &update.write_authority.to_bytes());
        assert_eq!(made, data, "{}", path.display());
        rebuilt += 1;
    }
    assert_eq!(rebuilt, 21);
}

#[test]
fn a_push_account_has_the_header_of_a_real_one() {
    // Constants and trading-state relations of a real account, at the offsets where it has them.
    let file = "../../tests/data/pyth/legacy/SOL_mainnet_20231223T221945Z_slot237631872.bin";
    let real = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let account = load_price_account::<32, ()>(&real).unwrap();
    let published = PublishedPrice {
        price: account.agg.price,
        confidence: account.agg.conf,
        exponent: account.expo,
        ema_price: account.ema_price.val,
        ema_confidence: account.ema_conf.val.cast_unsigned(),
        publish_time_seconds: account.timestamp,
        previous_publish_time_seconds: account.prev_timestamp,
        slot: account.agg.pub_slot,
    };
    let made = push_account(&published, PushStatus::Trading);
    // Magic, version, type; price type and exponent; both slots; EMA; time; the whole aggregate.
    for range in [0..12, 16..24, 32..56, 72..80, 96..104, 176..184, 200..240] {
        assert_eq!(made[range.clone()], real[range.clone()], "{range:?}");
    }
}

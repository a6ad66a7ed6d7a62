use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use taper_engine::market::LastPrice;
use taper_engine::oracle::{assess, Grade};
use taper_engine::params::MarketParams;

mod golden;
use golden::GOLDEN;

/// File, owner, `(price, confidence, exponent, EMA price, publish time)` or the name of the error.
pub type Golden = (&'static str, Pubkey, core::result::Result<(i64, u64, i32, i64, i64), &'static str>);

const SOL_PUSH: &str = "legacy/SOL_mainnet_20231223T221945Z_slot237631872.bin";
const SOL_PULL: &str = "pull/SOL_mainnet_20250104T094807Z_slot311798332_Full.bin";
const SOL_PARTIAL: &str = "pull/SOL_mainnet_20240611T200500Z_slot271269395_Partial5.bin";
const SOL_PUSH_KEY: Pubkey = pubkey!("H6ARHf6YXhGYeQfUzQNGk6rDNnLBQKrenN712K4AQJEG");
const SOL_FEED: &str = "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d";

fn data_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/pyth")
}

fn account(file: &str) -> Vec<u8> {
    std::fs::read(data_directory().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn put(data: &mut [u8], offset: usize, bytes: &[u8]) {
    data[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn push(change: impl FnOnce(&mut Vec<u8>)) -> Result<OracleReading> {
    let mut data = account(SOL_PUSH);
    change(&mut data);
    decode(&PYTH_PUSH_MAINNET, &SOL_PUSH_KEY, &data).map(|decoded| decoded.reading)
}

fn pull(change: impl FnOnce(&mut Vec<u8>)) -> Result<OracleReading> {
    let mut data = account(SOL_PULL);
    change(&mut data);
    decode(&PYTH_PULL, &Pubkey::default(), &data).map(|decoded| decoded.reading)
}

fn params() -> MarketParams {
    MarketParams {
        base_lot_exponent: -3,
        oracle_fresh_age_seconds: 10,
        oracle_max_age_seconds: 60,
        oracle_future_skew_seconds: 2,
        oracle_fresh_confidence_bps: 100,
        oracle_max_confidence_bps: 300,
        ..bytemuck::Zeroable::zeroed()
    }
}

/// The program's judgement at a clock, as its error.
fn judge(reading: &OracleReading, now: i64) -> Result<Grade> {
    let never: LastPrice = bytemuck::Zeroable::zeroed();
    assess(reading, &params(), 6, &never, now).map(|price| price.grade).map_err(TaperError::from)
}

#[test]
fn every_account_in_the_data_directory_is_golden() {
    let mut found = BTreeSet::new();
    for folder in ["legacy", "pull"] {
        for entry in std::fs::read_dir(data_directory().join(folder)).unwrap() {
            found.insert(format!("{folder}/{}", entry.unwrap().file_name().into_string().unwrap()));
        }
    }
    let expected: BTreeSet<String> = GOLDEN.iter().map(|(file, ..)| (*file).to_owned()).collect();
    assert_eq!(found, expected);
    assert_eq!(GOLDEN.len(), 43);
}

#[test]
fn every_real_account_decodes_as_expected() {
    let key = Pubkey::new_from_array([7; 32]);
    for (file, owner, expected) in GOLDEN {
        let decoded = decode(owner, &key, &account(file));
        match (decoded, expected) {
            (Ok(decoded), Ok((price, confidence, exponent, ema_price, publish_time_seconds))) => {
                let reading = OracleReading {
                    price: *price,
                    confidence: *confidence,
                    exponent: *exponent,
                    ema_price: *ema_price,
                    publish_time_seconds: *publish_time_seconds,
                };
                assert_eq!(decoded.reading, reading, "{file}");
                assert_eq!(decoded.kind == OracleKind::PythPull, *owner == PYTH_PULL, "{file}");
                if decoded.kind == OracleKind::PythPush {
                    assert_eq!(decoded.feed, key.to_bytes(), "{file}");
                }
            }
            (Err(error), Err(name)) => assert_eq!(error.name(), *name, "{file}"),
            (got, wanted) => panic!("{file}: {got:?} instead of {wanted:?}"),
        }
    }
}

#[test]
fn every_real_account_is_judged_at_its_own_publish_time() {
    for (file, owner, expected) in GOLDEN {
        let Ok(decoded) = decode(owner, &Pubkey::default(), &account(file)) else { continue };
        let reading = decoded.reading;
        let verdict = judge(&reading, reading.publish_time_seconds);
        let publish_time = expected.unwrap().4;
        if publish_time == 0 {
            // Old devnet accounts carry no time: stale at any clock, their own included.
            assert_eq!(verdict, Err(TaperError::OracleStale), "{file}");
            assert_eq!(judge(&reading, 1_700_000_000), Err(TaperError::OracleStale), "{file}");
        } else if file.contains("BONK") {
            assert_eq!(verdict, Err(TaperError::OraclePriceOutOfRange), "{file}: a thousandth of a BONK is no atom");
        } else {
            assert_eq!(verdict, Ok(Grade::Fresh), "{file}");
            assert_eq!(judge(&reading, publish_time + 11), Ok(Grade::Degraded), "{file}");
            assert_eq!(judge(&reading, publish_time + 61), Err(TaperError::OracleStale), "{file}");
            assert_eq!(judge(&reading, publish_time - 3), Err(TaperError::OracleFromTheFuture), "{file}");
        }
    }
}

#[test]
fn feeds_of_pull_accounts() {
    let pairs = [
        ("pull/SOL_", SOL_FEED),
        ("pull/USDC_", "eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a"),
        ("pull/BONK_", "72b021217ca3fe68922a19aaf990109cb9d84e9ad004b4d2025ad6f529314419"),
        ("pull/MSOL_", "c2289a6a43d2ce91c6f55caec370f4acc38a2ed477f58813334c6d03749ff2a4"),
    ];
    let mut checked = 0;
    for (file, owner, expected) in GOLDEN {
        if *owner == PYTH_PULL && expected.is_ok() {
            let decoded = decode(owner, &Pubkey::default(), &account(file)).unwrap();
            let (_, feed) = pairs.iter().find(|(prefix, _)| file.starts_with(prefix)).unwrap();
            assert_eq!(hex(&decoded.feed), *feed, "{file}");
            checked += 1;
        }
    }
    assert_eq!(checked, 15);
}

#[test]
fn the_owner_decides_and_must_fit_the_layout() {
    let (legacy, update) = (account(SOL_PUSH), account(SOL_PULL));
    let stranger = Pubkey::new_from_array([9; 32]);
    for owner in [Pubkey::default(), stranger, pyth_solana_receiver_sdk::PYTH_PUSH_ORACLE_ID] {
        assert_eq!(decode(&owner, &SOL_PUSH_KEY, &legacy), Err(TaperError::OracleWrongOwner));
        assert_eq!(decode(&owner, &SOL_PUSH_KEY, &update), Err(TaperError::OracleWrongOwner));
    }
    assert_eq!(decode(&PYTH_PULL, &SOL_PUSH_KEY, &legacy), Err(TaperError::OracleWrongAccountType));
    assert_eq!(decode(&PYTH_PUSH_MAINNET, &SOL_PUSH_KEY, &update), Err(TaperError::OracleWrongAccountType));
    assert_eq!(PYTH_PULL, pyth_solana_receiver_sdk::ID);
}

#[test]
fn push_layout_mutations() {
    let wrong = Err(TaperError::OracleWrongAccountType);
    assert!(push(|_| ()).is_ok());
    assert_eq!(push(|data| data[0] ^= 1), wrong, "magic");
    assert_eq!(push(|data| data[4] = 1), wrong, "version 1");
    assert_eq!(push(|data| data[4] = 3), wrong, "version 3");
    for account_type in [0, 1, 2, 4, 255] {
        assert_eq!(push(|data| data[8] = account_type), wrong, "type {account_type}");
    }
    assert_eq!(push(|data| data[16] = 0), wrong, "price type");
    assert_eq!(push(|data| data[16] = 200), wrong, "no such price type");
    assert_eq!(push(|data| data.truncate(PUSH_ACCOUNT_LEN - 1)), wrong, "a byte short");
    assert_eq!(push(|data| data.push(0)), wrong, "a byte long");
    assert_eq!(push(Vec::clear), wrong, "empty");
    assert_eq!(push(|data| data.fill(0)), wrong, "all zeroes");
    assert_eq!(push(|data| data.fill(0xff)), wrong, "all ones");
    // The `size` inside is not the account's length: it is not looked at.
    assert_eq!(push(|data| put(data, 12, &528u32.to_le_bytes())), push(|_| ()));
}

#[test]
fn push_status_mutations() {
    for status in [0u8, 2, 3, 4] {
        assert_eq!(push(|data| data[224] = status), Err(TaperError::OracleNotTrading), "status {status}");
    }
    for status in [5u32, 255, 256, 257, 1 << 24 | 1, u32::MAX] {
        let got = push(|data| put(data, 224, &status.to_le_bytes()));
        assert_eq!(got, Err(TaperError::OracleWrongAccountType), "no such status: {status}");
    }
    // Trading, with an aggregate of another slot than the last trading one: the price of one moment, the status of another.
    assert_eq!(push(|data| data[32] ^= 1), Err(TaperError::OracleNotTrading));
    assert_eq!(push(|data| data[232] ^= 1), Err(TaperError::OracleNotTrading));
}

#[test]
fn numbers_at_the_edges_are_decoded_and_left_to_the_engine() {
    let (push_now, pull_now) = (1_703_369_985, 1_735_984_087);
    for (price, error) in [
        (0, TaperError::OraclePriceNotPositive),
        (-1, TaperError::OraclePriceNotPositive),
        (i64::MIN, TaperError::OraclePriceNotPositive),
        (i64::MAX, TaperError::OraclePriceOutOfRange),
    ] {
        let reading = push(|data| put(data, 208, &price.to_le_bytes())).unwrap();
        assert_eq!((reading.price, judge(&reading, push_now)), (price, Err(error)));
        let reading = pull(|data| put(data, 73, &price.to_le_bytes())).unwrap();
        assert_eq!((reading.price, judge(&reading, pull_now)), (price, Err(error)));
    }
    for exponent in [-19, 5, i32::MIN, i32::MAX] {
        let reading = push(|data| put(data, 20, &exponent.to_le_bytes())).unwrap();
        assert_eq!(judge(&reading, push_now), Err(TaperError::OracleExponentOutOfRange));
        let reading = pull(|data| put(data, 89, &exponent.to_le_bytes())).unwrap();
        assert_eq!(judge(&reading, pull_now), Err(TaperError::OracleExponentOutOfRange));
    }
    let reading = push(|data| put(data, 216, &u64::MAX.to_le_bytes())).unwrap();
    assert_eq!(judge(&reading, push_now), Err(TaperError::OracleConfidenceTooWide));
    let reading = pull(|data| put(data, 81, &u64::MAX.to_le_bytes())).unwrap();
    assert_eq!(judge(&reading, pull_now), Err(TaperError::OracleConfidenceTooWide));
    for (time, error) in [
        (0, TaperError::OracleStale),
        (-1, TaperError::OracleStale),
        (i64::MIN, TaperError::OracleStale),
        (i64::MAX, TaperError::OracleFromTheFuture),
    ] {
        let reading = push(|data| put(data, 96, &time.to_le_bytes())).unwrap();
        assert_eq!(judge(&reading, push_now), Err(error));
        let reading = pull(|data| put(data, 93, &time.to_le_bytes())).unwrap();
        assert_eq!(judge(&reading, pull_now), Err(error));
    }
}

#[test]
fn pull_layout_mutations() {
    let wrong = Err(TaperError::OracleWrongAccountType);
    assert!(pull(|_| ()).is_ok());
    assert_eq!(pull(|data| data[0] ^= 1), wrong, "discriminator");
    assert_eq!(pull(|data| data.truncate(PULL_ACCOUNT_LEN - 1)), wrong, "a byte short");
    assert_eq!(pull(|data| data.push(0)), wrong, "a byte long");
    assert_eq!(pull(Vec::clear), wrong, "empty");
    assert_eq!(pull(|data| data.truncate(8)), wrong, "the discriminator alone");
    assert_eq!(pull(|data| data[40] = 2), wrong, "no such verification level");
    assert_eq!(pull(|data| data[40] = 255), wrong, "no such verification level");
    // The byte that a full update leaves unused says nothing.
    assert_eq!(pull(|data| data[133] = 255), pull(|_| ()));
}

#[test]
fn a_partial_update_is_refused_whatever_its_number_of_signatures() {
    let partial = Err(TaperError::OraclePartialVerification);
    for signatures in [0, 1, 5, 12, 13, 19, 255] {
        let mut data = account(SOL_PARTIAL);
        data[41] = signatures;
        assert_eq!(decode(&PYTH_PULL, &Pubkey::default(), &data), partial, "{signatures}");
        // A full update rewritten as partial: a byte more for the signatures, all fields one byte later.
        let made = pull(|data| {
            data.insert(41, signatures);
            data.truncate(PULL_ACCOUNT_LEN);
            data[40] = 0;
        });
        assert_eq!(made.map(|_| ()), partial.map(|_: Decoded| ()), "{signatures}");
    }
    assert_eq!(pull(|data| data[40] = 0), Err(TaperError::OraclePartialVerification), "marked, fields not moved");
}

#[test]
fn a_partial_update_marked_full_reads_as_another_feed() {
    // Only the receiver program could write this. The fields would be read a byte early, so the feed does not match.
    let mut data = account(SOL_PARTIAL);
    data[40] = 1;
    let decoded = decode(&PYTH_PULL, &Pubkey::default(), &data).unwrap();
    assert_ne!(hex(&decoded.feed), SOL_FEED);
}

#[test]
fn unaligned_bytes_decode_alike() {
    let data = account(SOL_PUSH);
    let aligned = decode(&PYTH_PUSH_MAINNET, &SOL_PUSH_KEY, &data).unwrap();
    for shift in 1..8 {
        let mut shifted = vec![0u8; shift];
        shifted.extend_from_slice(&data);
        assert_eq!(decode(&PYTH_PUSH_MAINNET, &SOL_PUSH_KEY, &shifted[shift..]), Ok(aligned));
    }
}

/// Reads an account as the program is given it.
fn read_as(key: Pubkey, owner: Pubkey, mut data: Vec<u8>, identity: OracleIdentity) -> Result<OracleReading> {
    let mut lamports = 1;
    let info = AccountInfo::new(&key, false, false, &mut lamports, &mut data, &owner, false);
    read(&info, &identity)
}

#[test]
fn only_the_market_s_own_feed_is_read() {
    let push_market = OracleIdentity { kind: ORACLE_PYTH_PUSH, key: SOL_PUSH_KEY };
    let feed: [u8; 32] = decode(&PYTH_PULL, &SOL_PUSH_KEY, &account(SOL_PULL)).unwrap().feed;
    let pull_market = OracleIdentity { kind: ORACLE_PYTH_PULL, key: Pubkey::new_from_array(feed) };
    let (stranger, wrong) = (Pubkey::new_from_array([9; 32]), Err(TaperError::OracleWrongFeed));

    let reading = read_as(SOL_PUSH_KEY, PYTH_PUSH_MAINNET, account(SOL_PUSH), push_market).unwrap();
    assert_eq!(reading.price, 10_376_123_787);
    assert_eq!(read_as(stranger, PYTH_PUSH_MAINNET, account(SOL_PUSH), push_market), wrong, "another address");
    let product = account("legacy/NEGATIVE_type2_product_3312bytes.bin");
    assert_eq!(read_as(stranger, PYTH_PUSH_MAINNET, product, push_market), wrong, "identity comes before content");
    // The feed of a pull account is inside; its address says nothing.
    assert_eq!(read_as(stranger, PYTH_PULL, account(SOL_PULL), pull_market).unwrap().price, 21_568_137_069);
    let usdc = account("pull/USDC_mainnet_20250513T194053Z_slot339807895_Full.bin");
    assert_eq!(read_as(stranger, PYTH_PULL, usdc, pull_market), wrong, "another feed");

    // The kind is part of the identity, even when the 32 bytes agree.
    let push_by_feed = OracleIdentity { kind: ORACLE_PYTH_PUSH, ..pull_market };
    assert_eq!(read_as(pull_market.key, PYTH_PULL, account(SOL_PULL), push_by_feed), wrong);
    let pull_by_key = OracleIdentity { kind: ORACLE_PYTH_PULL, ..push_market };
    assert_eq!(read_as(SOL_PUSH_KEY, PYTH_PUSH_MAINNET, account(SOL_PUSH), pull_by_key), wrong);
    let unknown = OracleIdentity { kind: 2, ..push_market };
    assert_eq!(read_as(SOL_PUSH_KEY, PYTH_PUSH_MAINNET, account(SOL_PUSH), unknown), wrong);

    let owner = Err(TaperError::OracleWrongOwner);
    assert_eq!(read_as(SOL_PUSH_KEY, stranger, account(SOL_PUSH), push_market), owner);
}

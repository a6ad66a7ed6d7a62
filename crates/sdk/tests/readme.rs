//! Facts of the README that must not drift from the code: sizes and rent, offsets, the accounts of `partial_liquidate`.

use core::mem::offset_of;

use solana_pubkey::Pubkey;
use taper::instructions::LiquidateArgs;
use taper::state::{Exchange, MarginAccount, Market, OrderBook};
use taper_engine::book::Order;
use taper_engine::market::MarketState;
use taper_engine::seat::{Seat, SeatTable};
use taper_sdk::instruction::{partial_liquidate, ExchangeKeys, MarketKeys, Payout};
use taper_sdk::legs::Leg;

const README: &str = include_str!("../../../README.md");
const DISCRIMINATOR: usize = 8;

fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let (mut text, length) = (String::new(), digits.len());
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (length - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn says(text: &str) {
    assert!(README.contains(text), "the README does not say {text:?}");
}

#[test]
fn sizes_and_rent() {
    for (name, bytes) in [
        ("Market", Market::SPACE),
        ("OrderBook", OrderBook::SPACE),
        ("MarginAccount", MarginAccount::SPACE),
        ("Exchange", Exchange::SPACE),
        ("vault", 165),
    ] {
        says(&format!("| {name} | {} | {} |", grouped(bytes), grouped((128 + bytes) * 6_960)));
    }
    says(&format!("({} lamports a seat)", grouped(size_of::<Seat>() * 6_960)));
    says(&format!("({} lamports an order)", grouped(size_of::<Order>() * 6_960)));
}

#[test]
fn offsets() {
    let at = |offset: usize| DISCRIMINATOR + offset;
    says(&format!(
        "margin accounts by exchange at {}, authority at {}",
        at(offset_of!(MarginAccount, exchange)),
        at(offset_of!(MarginAccount, authority))
    ));
    says(&format!("markets by exchange at {}", at(offset_of!(Market, exchange))));
    let seats = at(offset_of!(Market, state) + offset_of!(MarketState, seats) + offset_of!(SeatTable, rows));
    says(&format!("starts at byte `{} + {} × i`", grouped(seats), size_of::<Seat>()));
}

#[test]
fn accounts_of_partial_liquidate() {
    let key = |byte| Pubkey::new_from_array([byte; 32]);
    let keys = MarketKeys { exchange: key(2), market: key(3), order_book: key(4), oracle: key(6) };
    let tokens = ExchangeKeys { exchange: key(2), vault: key(9), quote_mint: key(10), token_program: key(11) };
    let args = LiquidateArgs { max_base_lots: 1, expected_base_lots: 1, min_payout_atoms: 0, deadline_slot: 0 };
    let legs = [Leg { market: key(12), oracle: key(13) }];
    let payout = Payout::Tokens { token_account: key(8), keys: tokens };
    let built = partial_liquidate(key(1), &keys, key(5), &payout, args, &legs);
    let table = README.split("| # | account |").nth(1).expect("the table of accounts");
    let rows: Vec<_> =
        table.lines().skip(2).take_while(|line| line.starts_with("| 1") || line.starts_with("| ")).collect();
    for (index, meta) in built.accounts.iter().enumerate() {
        if index == 6 {
            // The absent destination is the program's own address.
            assert_eq!(meta.pubkey, taper_sdk::PROGRAM_ID);
            continue;
        }
        assert_eq!(meta.pubkey, key(u8::try_from(index).unwrap() + 1), "account {}", index + 1);
        if index < 11 {
            let row = rows[index];
            assert!(row.starts_with(&format!("| {} |", index + 1)), "{row}");
            assert_eq!(meta.is_writable, row.contains("writable"), "{row}");
            assert_eq!(meta.is_signer, row.contains("signer"), "{row}");
        }
    }
    assert_eq!(built.accounts.len(), 13);
    assert_eq!(built.data.len(), 8 + 32);
}

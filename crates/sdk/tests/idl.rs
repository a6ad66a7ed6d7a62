//! The client against the committed IDL: its builders make what the IDL says, name by name and byte by byte.

use solana_instruction::Instruction;
use solana_pubkey::Pubkey;
use taper_sdk::instruction::{self as build, ExchangeKeys, MarketKeys, Payout};
use taper_sdk::state::ProposalAction;
use taper_sdk::{CancelAllOrdersArgs, CancelOrderArgs, LiquidateArgs, PlaceOrderArgs, TightenLimitsArgs};

const IDL: &str = include_str!("../../../idls/taper.json");

fn key(byte: u8) -> Pubkey {
    Pubkey::new_from_array([byte; 32])
}

fn built() -> Vec<(&'static str, Instruction)> {
    let keys = MarketKeys { exchange: key(2), market: key(3), order_book: key(4), oracle: key(6) };
    let money = ExchangeKeys { exchange: key(2), vault: key(9), quote_mint: key(10), token_program: key(11) };
    let slice = LiquidateArgs { max_base_lots: 1, expected_base_lots: 1, min_payout_atoms: 0, deadline_slot: 0 };
    let order = PlaceOrderArgs {
        side: 0,
        kind: 0,
        price_atoms_per_lot: 1,
        size_base_lots: 1,
        reduce_only: false,
        client_order_id: 0,
        expires_at_slot: 0,
        self_trade: 0,
    };
    let cancel = CancelOrderArgs { side: 0, price_atoms_per_lot: 1, sequence: 1 };
    let all = CancelAllOrdersArgs { side: 2, limit: 1 };
    let limits = TightenLimitsArgs {
        open_interest_cap_base_lots: Some(1),
        position_cap_atoms: Some(1),
        sweep_cap_atoms: Some(1),
        insurance_draw_cap_atoms: Some(1),
        insurance_grant_atoms: Some(1),
    };
    let payout = Payout::Credit { margin_account: key(8) };
    vec![
        ("absorb", build::absorb(key(1), &keys, key(5), key(8), slice, &[], &[])),
        ("accept_admin", build::accept_admin(key(1), key(2))),
        ("advance_ramp", build::advance_ramp(key(3))),
        ("apply_proposal", build::apply_proposal(key(2), 0, Some(key(3)), Some(key(6)))),
        ("cancel_all_orders", build::cancel_all_orders(key(1), &keys, key(5), all)),
        ("cancel_order", build::cancel_order(key(1), &keys, key(5), cancel)),
        ("cancel_proposal", build::cancel_proposal(key(1), key(2), 0)),
        ("close_margin_account", build::close_margin_account(key(1), key(5))),
        ("close_market", build::close_market(key(1), &keys, key(7))),
        ("close_proposal", build::close_proposal(key(2), 0, key(1))),
        ("cover_loss", build::cover_loss(key(2), key(3))),
        ("create_margin_account", build::create_margin_account(key(1), key(2), 0, false)),
        ("deposit", build::deposit(key(1), &money, key(5), key(7), 1, &[])),
        ("donate_insurance", build::donate_insurance(key(1), &money, Some(key(3)), key(7), 1)),
        ("flag_account", build::flag_account(&keys, key(5), &[])),
        ("force_cancel_orders", build::force_cancel_orders(&keys, key(5), 1, &[])),
        ("initialize_exchange", build::initialize_exchange(key(1), 0, key(2), 0, key(10), key(11))),
        ("nominate_admin", build::nominate_admin(key(1), key(2), key(7))),
        ("partial_liquidate", build::partial_liquidate(key(1), &keys, key(5), &payout, slice, &[])),
        ("place_order", build::place_order(key(1), &keys, key(5), order, &[])),
        ("propose", build::propose(key(1), key(2), None, 0, ProposalAction::WindDown)),
        ("record_deficit", build::record_deficit(key(2), key(5), &[])),
        ("release_seat", build::release_seat(key(3), key(5))),
        ("resolve_account", build::resolve_account(&keys, key(5), &[])),
        ("set_delegate", build::set_delegate(key(1), key(5), key(7))),
        ("set_status", build::set_status(key(1), key(2), None, 0)),
        ("settle_loss", build::settle_loss(&keys, key(5))),
        ("settle_market", build::settle_market(&keys)),
        ("sweep_market_income", build::sweep_market_income(key(2), key(3))),
        ("tighten_limits", build::tighten_limits(key(1), key(2), key(3), limits)),
        ("update_funding", build::update_funding(&keys)),
        ("withdraw", build::withdraw(key(1), &money, key(5), key(7), 1, &[])),
    ]
}

#[test]
fn every_builder_makes_the_instruction_of_the_idl() {
    let idl: serde_json::Value = serde_json::from_str(IDL).unwrap();
    assert_eq!(idl["address"], taper_sdk::PROGRAM_ID.to_string());
    let built = built();
    for listed in idl["instructions"].as_array().unwrap() {
        let name = listed["name"].as_str().unwrap();
        // It takes parameters as large as a market's, and is built as all others are: the harness runs it.
        if name == "create_market" {
            continue;
        }
        let (_, instruction) = built.iter().find(|(built, _)| *built == name).unwrap_or_else(|| panic!("no {name}"));
        let discriminator: Vec<u64> =
            listed["discriminator"].as_array().unwrap().iter().filter_map(serde_json::Value::as_u64).collect();
        let found: Vec<u64> = instruction.data[..8].iter().map(|byte| u64::from(*byte)).collect();
        assert_eq!(found, discriminator, "{name}");
        let accounts = listed["accounts"].as_array().unwrap();
        assert_eq!(instruction.accounts.len(), accounts.len(), "{name}");
        for (meta, account) in instruction.accounts.iter().zip(accounts) {
            // What is absent is passed as the program itself, neither writable nor signing.
            if meta.pubkey == taper_sdk::PROGRAM_ID && account["optional"] == true {
                continue;
            }
            let flag = |name: &str| account[name].as_bool().unwrap_or(false);
            let label = format!("{name}: {}", account["name"]);
            assert_eq!((meta.is_writable, meta.is_signer), (flag("writable"), flag("signer")), "{label}");
        }
    }
}

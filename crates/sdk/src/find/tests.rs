use anchor_lang::Discriminator;
use taper::constants::{ACCOUNT_VERSION, ORACLE_PYTH_PULL};
use taper::state::PositionRef;

use super::*;
use crate::account::ProgramAccount;

type World = BTreeMap<Pubkey, (Pubkey, Vec<u8>)>;

fn key(byte: u8) -> Pubkey {
    Pubkey::new_from_array([byte; 32])
}

fn put<T: ProgramAccount + Discriminator>(world: &mut World, address: Pubkey, fill: impl FnOnce(&mut T)) {
    let mut data = vec![0; 8 + core::mem::size_of::<T>()];
    data[..8].copy_from_slice(T::DISCRIMINATOR);
    data[8] = ACCOUNT_VERSION;
    fill(bytemuck::from_bytes_mut(&mut data[8..]));
    world.insert(address, (crate::PROGRAM_ID, data));
}

/// An exchange (1) with a push market (10) and two pull markets (20, 30); an account (5) in 30, 10 and 20, in this order.
fn world() -> World {
    let mut world = World::new();
    put::<Exchange>(&mut world, key(1), |exchange| {
        (exchange.vault, exchange.quote_mint, exchange.token_program) = (key(2), key(3), key(4));
    });
    for (byte, kind) in [(10, ORACLE_PYTH_PUSH), (20, ORACLE_PYTH_PULL), (30, ORACLE_PYTH_PULL)] {
        put::<Market>(&mut world, key(byte), |market| {
            (market.exchange, market.order_book, market.oracle_kind) = (key(1), key(byte + 1), kind);
            (market.oracle_key, market.oracle_account) = (key(byte + 2), key(byte + 3));
        });
    }
    put::<MarginAccount>(&mut world, key(5), |account| {
        account.exchange = key(1);
        // The second place is free: a reference was removed.
        for (place, byte) in [(0, 30), (2, 10), (3, 20)] {
            account.positions[place] = PositionRef { market: key(byte), seat_index: 0, in_use: 1, padding: [0; 3] };
        }
    });
    world
}

fn addresses(built: &Instruction) -> Vec<Pubkey> {
    built.accounts.iter().map(|meta| meta.pubkey).collect()
}

#[test]
fn a_push_market_is_priced_by_its_key_and_a_pull_market_by_the_account_that_was_chosen() {
    let world = world();
    let finder = Finder::new(&world).with_oracle(key(20), key(99)).with_oracle(key(10), key(98));
    assert_eq!(finder.market_keys(&key(10)).unwrap().oracle, key(12));
    assert_eq!(finder.market_keys(&key(20)).unwrap().oracle, key(99));
    assert_eq!(finder.market_keys(&key(30)).unwrap().oracle, key(33));
}

#[test]
fn legs_are_in_the_accounts_order_without_the_primary_one() {
    let world = world();
    let legs = Finder::new(&world).legs(&key(5), Some(&key(10))).unwrap();
    let leg = |byte| Leg { market: key(byte), oracle: key(byte + 3) };
    assert_eq!(legs, [leg(30), leg(20)]);
    assert_eq!(Finder::new(&world).legs(&key(5), None).unwrap().len(), 3);
}

#[test]
fn an_instruction_has_all_its_accounts() {
    let world = world();
    let finder = Finder::new(&world);
    let flag = finder.flag_account(key(5), &key(20)).unwrap();
    assert_eq!(addresses(&flag), [1, 20, 5, 23, 30, 33, 10, 12].map(key));
    let deposit = finder.deposit(key(7), key(5), key(8), 1).unwrap();
    assert_eq!(addresses(&deposit), [7, 1, 5, 8, 2, 3, 4, 30, 33, 10, 12, 20, 23].map(key));
}

#[test]
fn what_is_not_at_hand_is_named() {
    let mut world = world();
    world.remove(&key(20));
    let missing = Some(PlanError::NoAccount(key(20)));
    assert_eq!(Finder::new(&world).flag_account(key(5), &key(10)).err(), missing);
    assert_eq!(Finder::new(&world).market_keys(&key(20)).err(), missing);
}

#[test]
fn what_is_at_hand_but_something_else_is_told_with_the_reason() {
    use crate::account::DecodeError;

    type Row = (Pubkey, Vec<u8>);
    let refused = |change: &dyn Fn(&mut Row)| {
        let mut world = world();
        change(world.get_mut(&key(20)).unwrap());
        let error = Finder::new(&world).market_keys(&key(20)).unwrap_err();
        let PlanError::Decode { account, error } = error else { panic!("{error:?}") };
        assert_eq!(account, key(20));
        error
    };
    let expected = "Market";
    assert_eq!(refused(&|(owner, _)| *owner = key(6)), DecodeError::WrongOwner { expected, owner: key(6) });
    let found = MarginAccount::DISCRIMINATOR.try_into().unwrap();
    assert_eq!(
        refused(&|(_, data)| data[..8].copy_from_slice(MarginAccount::DISCRIMINATOR)),
        DecodeError::WrongDiscriminator { expected, found }
    );
    let (wanted, found) = (Market::SPACE, Market::SPACE - 1);
    assert_eq!(refused(&|(_, data)| data.truncate(found)), DecodeError::WrongSize { expected, wanted, found });
    assert_eq!(refused(&|(_, data)| data[8] = 9), DecodeError::WrongVersion { expected, found: 9 });
}

#[test]
fn a_refusal_has_the_programs_code_and_name() {
    let (code, name) = (6_034, "AccountHealthy".to_owned());
    assert_eq!(PlanError::from(taper_engine::EngineError::AccountHealthy), PlanError::Refused { code, name });
    let (code, name) = (6_200, "InvalidArgument".to_owned());
    assert_eq!(PlanError::from(taper::error::TaperError::InvalidArgument), PlanError::Refused { code, name });
    let error = anchor_lang::error::Error::from(anchor_lang::error::ErrorCode::AccountNotSigner);
    let (code, name) = (3_010, "AccountNotSigner".to_owned());
    assert_eq!(PlanError::from(error), PlanError::Refused { code, name });
}

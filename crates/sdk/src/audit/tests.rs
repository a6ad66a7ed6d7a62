use anchor_lang::Discriminator;
use taper::constants::ACCOUNT_VERSION;

use super::*;
use crate::account::ProgramAccount;

fn key(byte: u8) -> Pubkey {
    Pubkey::new_from_array([byte; 32])
}

fn bytes<T: ProgramAccount + Discriminator>(fill: impl FnOnce(&mut T)) -> Vec<u8> {
    let mut data = vec![0; 8 + core::mem::size_of::<T>()];
    data[..8].copy_from_slice(T::DISCRIMINATOR);
    data[8] = ACCOUNT_VERSION;
    fill(bytemuck::from_bytes_mut(&mut data[8..]));
    data
}

/// A long and a short of 5 lots at 100 and 110; every other term is there, each a different power of two or so.
fn world() -> Vec<(Pubkey, Vec<u8>)> {
    let exchange = bytes::<Exchange>(|exchange| (exchange.insurance_atoms, exchange.fees_atoms) = (3, 7));
    let market = bytes::<Market>(|market| {
        market.exchange = key(1);
        market.name[..3].copy_from_slice(b"SOL");
        let state = &mut market.state;
        for (index, (base, entry, realised)) in [(5, -500, 0), (-5, 550, -20)].into_iter().enumerate() {
            let seat = &mut state.seats.rows[index];
            seat.owner = key(9).to_bytes();
            (seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms, seat.bond_atoms) =
                (base, entry, realised, 11);
        }
        state.seats.bonds_atoms = 22;
        state.open_interest_base_lots = 5;
        (state.fees_atoms, state.insurance_pending_atoms, state.unassigned_loss_atoms) = (13, 17, 19);
        state.charges.clearing_atoms = 23;
    });
    let account = |cash| {
        bytes::<MarginAccount>(|account| {
            account.exchange = key(1);
            account.state.cash_atoms = cash;
        })
    };
    let stranger = bytes::<MarginAccount>(|account| account.state.cash_atoms = 1_000_000);
    vec![(key(1), exchange), (key(2), market), (key(3), account(1_000)), (key(4), account(-40)), (key(5), stranger)]
}

/// 1,000 − 40 cash, 3 + 7 exchange; market: −500 + 550 − 20 + 22 + 13 + 17 + 23 − 19 = 86.
const OWED: u64 = 960 + 10 + 86;

fn prove_world(world: &[(Pubkey, Vec<u8>)], vault: u64) -> Result<Proof, AuditError> {
    let rows = world.iter().map(|(key, data)| (key, RawAccount { owner: crate::PROGRAM_ID, data }));
    prove(&key(1), rows, vault)
}

#[test]
fn a_sound_world_is_proved_and_strangers_are_passed_over() {
    let proof = prove_world(&world(), OWED).unwrap();
    assert!(proof.holds(), "{proof:?}");
    assert_eq!((proof.margin_accounts, proof.cash_atoms, proof.owed_atoms()), (2, 960, i128::from(OWED)));
    let market = &proof.markets[&key(2)];
    assert_eq!((market.name.as_str(), market.seats, market.long_lots), ("SOL", 2, 5));
}

#[test]
fn an_atom_too_many_or_too_few_is_found() {
    for (vault, surplus) in [(OWED + 1, 1), (OWED - 1, -1)] {
        let proof = prove_world(&world(), vault).unwrap();
        assert_eq!((proof.surplus_atoms(), proof.holds()), (surplus, false));
    }
}

#[test]
fn a_lot_without_its_other_side_is_found() {
    let mut world = world();
    let market: &mut Market = bytemuck::from_bytes_mut(&mut world[1].1[8..]);
    market.state.seats.rows[1].base_lots = -4;
    let proof = prove_world(&world, OWED).unwrap();
    assert!(!proof.markets[&key(2)].is_base_conserved() && !proof.holds());
    let market: &mut Market = bytemuck::from_bytes_mut(&mut world[1].1[8..]);
    (market.state.seats.rows[1].base_lots, market.state.open_interest_base_lots) = (-5, 6);
    assert!(!prove_world(&world, OWED).unwrap().holds());
}

#[test]
fn bonds_that_are_not_what_the_table_says_are_found() {
    let mut world = world();
    let market: &mut Market = bytemuck::from_bytes_mut(&mut world[1].1[8..]);
    market.state.seats.bonds_atoms = 23;
    let proof = prove_world(&world, OWED).unwrap();
    assert_eq!((proof.doubtful.as_slice(), proof.surplus_atoms(), proof.holds()), (&[key(2)][..], 0, false));
}

#[test]
fn without_the_exchange_or_with_an_account_that_does_not_decode_there_is_no_proof() {
    let mut world = world();
    world[2].1[8] = 9;
    let error = DecodeError::WrongVersion { expected: "MarginAccount", found: 9 };
    assert_eq!(prove_world(&world, OWED), Err(AuditError::Decode { account: key(3), error }));
    assert_eq!(prove_world(&world[1..2], OWED), Err(AuditError::NoExchange(key(1))));
}

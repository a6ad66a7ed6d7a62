use bytemuck::bytes_of;
use taper::constants::ACCOUNT_VERSION;
use taper_sdk::account::ProgramAccount;

use super::*;

fn stored<T: ProgramAccount>(change: impl FnOnce(&mut T)) -> Account {
    let mut body = bytemuck::zeroed_box::<T>();
    change(&mut body);
    let mut data = T::DISCRIMINATOR.to_vec();
    data.extend_from_slice(bytes_of(&*body));
    // The version is the first byte of every account of the program.
    data[8] = ACCOUNT_VERSION;
    Account { data, owner: taper::ID, ..Account::default() }
}

fn broken(before: &Account, after: &Account) -> Option<String> {
    match check_change(&Pubkey::new_unique(), before, after) {
        Ok(()) => None,
        Err(HarnessError::Invariant { invariant, .. }) => Some(invariant),
        Err(other) => panic!("not an invariant: {other}"),
    }
}

type Change<T> = (&'static str, fn(&mut T), fn(&mut T));

/// Each from the first state to the second is broken; standing still in either is not.
fn all_are_found<T: ProgramAccount>(changes: &[Change<T>]) {
    for (name, was, now) in changes {
        let (was, now) = (stored::<T>(was), stored::<T>(now));
        assert_eq!(broken(&was, &now).as_deref(), Some(*name));
        assert_eq!((broken(&was, &was), broken(&now, &now)), (None, None));
    }
}

#[test]
fn what_a_market_takes_back_is_found() {
    all_are_found::<Market>(&[
        ("oracle", |_| (), |m| (m.oracle_key, m.state.fees_atoms) = (Pubkey::new_from_array([1; 32]), 1)),
        ("identity", |_| (), |m| m.order_book = Pubkey::new_from_array([1; 32])),
        ("identity", |m| m.opens_slot = 2, |m| m.opens_slot = 1),
        ("units", |m| m.state.params.base_lot_exponent = -2, |m| m.state.params.base_lot_exponent = -3),
        ("units", |_| (), |m| m.state.params.tick_size_atoms_per_lot = 1),
        ("INV-16", |m| m.state.last_price.publish_time_seconds = 2, |m| m.state.last_price.publish_time_seconds = 1),
        ("loss index", |m| m.state.charges.loss_index_scaled = 2, |m| m.state.charges.loss_index_scaled = 1),
        ("accrued slot", |m| m.state.charges.accrued_slot = 2, |m| m.state.charges.accrued_slot = 1),
        ("sampled slot", |m| m.state.charges.sampled_slot = 2, |m| m.state.charges.sampled_slot = 1),
        ("contributed", |m| m.state.insurance.contributed_atoms = 2, |m| m.state.insurance.contributed_atoms = 1),
        ("drawn", |m| m.state.insurance.drawn_atoms = 2, |m| m.state.insurance.drawn_atoms = 1),
        ("tips", |m| m.state.insurance.tips_atoms = 2, |m| m.state.insurance.tips_atoms = 1),
        ("socialised", |m| m.state.socialised_atoms = 2, |m| m.state.socialised_atoms = 1),
        ("deleveraged", |m| m.state.deleveraged_atoms = 2, |m| m.state.deleveraged_atoms = 1),
        ("INV-23", |m| m.state.net_swept_profit_atoms = 5, |m| m.state.recorded_atoms = 6),
        ("limits raised slot", |m| m.state.limits_raised_slot = 2, |m| m.state.limits_raised_slot = 1),
        ("winding down", |m| m.state.settle_after_slot = 9, |m| m.state.settle_after_slot = 0),
        ("winding down", |m| m.state.settle_after_slot = 9, |m| m.state.settle_after_slot = 8),
        ("final price", |m| m.state.final_price_atoms_per_lot = 9, |m| m.state.final_price_atoms_per_lot = 0),
        ("final price", |m| m.state.final_price_atoms_per_lot = 9, |m| m.state.final_price_atoms_per_lot = 8),
    ]);
}

#[test]
fn an_oracle_may_change_with_the_last_price() {
    let switched = |m: &mut Market| {
        m.oracle_key = Pubkey::new_from_array([1; 32]);
        m.state.last_price.price_atoms_per_lot = 5;
    };
    assert_eq!(broken(&stored::<Market>(|_| ()), &stored(switched)), None);
}

#[test]
fn a_proposal_that_changes_or_is_decided_again_is_found() {
    all_are_found::<Proposal>(&[
        ("proposal", |p| p.ready_slot = 9, |p| p.ready_slot = 8),
        ("proposal", |_| (), |p| p.params.sweep_cap_atoms = 1),
        ("decision", |p| p.state = 1, |p| p.state = 2),
        ("decision", |p| p.state = 2, |p| p.state = 0),
        ("decision", |p| (p.state, p.decided_slot) = (1, 5), |p| (p.state, p.decided_slot) = (1, 6)),
    ]);
    let decided = stored::<Proposal>(|p| (p.state, p.decided_slot) = (1, 5));
    assert_eq!(broken(&stored::<Proposal>(|_| ()), &decided), None);
}

#[test]
fn what_exchange_and_account_take_back_is_found() {
    all_are_found::<Exchange>(&[
        ("identity", |_| (), |e| e.vault = Pubkey::new_from_array([1; 32])),
        ("identity", |_| (), |e| e.quote_decimals = 1),
        ("proposals", |e| e.proposal_count = 2, |e| e.proposal_count = 1),
        ("donated", |e| e.insurance_donated_atoms = 2, |e| e.insurance_donated_atoms = 1),
        ("drawn from the fund", |e| e.insurance_drawn_atoms = 2, |e| e.insurance_drawn_atoms = 1),
    ]);
    all_are_found::<MarginAccount>(&[
        ("identity", |_| (), |a| a.authority = Pubkey::new_from_array([1; 32])),
        ("last risk slot", |a| a.state.last_risk_slot = 2, |a| a.state.last_risk_slot = 1),
    ]);
}

/// 100 a window of 50 slots, 30 paid in, 40 granted.
fn insured(market: &mut Market) {
    let state = &mut market.state;
    (state.params.insurance_draw_cap_atoms, state.params.insurance_window_slots) = (100, 50);
    (state.insurance.contributed_atoms, state.params.insurance_grant_atoms) = (30, 40);
}

fn drawn(drawn_atoms: i64, window_atoms: i64, slot: u64, tips_atoms: i64) -> Account {
    stored::<Market>(|market| {
        insured(market);
        let insurance = &mut market.state.insurance;
        (insurance.drawn_atoms, insurance.window_atoms, insurance.window_slot) = (drawn_atoms, window_atoms, slot);
        insurance.tips_atoms = tips_atoms;
    })
}

#[test]
fn draws_beyond_their_bounds_are_found() {
    let before = drawn(20, 20, 10, 0);
    // Five slots later ten are forgotten.
    assert_eq!(broken(&before, &drawn(50, 40, 15, 0)), None);
    for (after, why) in [
        (drawn(50, 39, 15, 0), "less in the window than was drawn"),
        (drawn(50, 30, 15, 0), "what was there is forgotten too early"),
        (drawn(71, 61, 15, 0), "an atom more than paid in and granted"),
        (drawn(50, 40, 15, 21), "an atom more with the tips"),
        (drawn(20, 20, 10, 51), "tips alone"),
    ] {
        assert_eq!(broken(&before, &after).as_deref(), Some("INV-13"), "{why}");
    }
    let full = |window_atoms, drawn_atoms| {
        stored::<Market>(|market| {
            insured(market);
            market.state.insurance.contributed_atoms = 1_000;
            market.state.insurance.drawn_atoms = drawn_atoms;
            market.state.insurance.window_atoms = window_atoms;
        })
    };
    assert_eq!(broken(&full(0, 0), &full(100, 100)), None);
    assert_eq!(broken(&full(0, 0), &full(101, 101)).as_deref(), Some("INV-13"), "an atom over the cap");
}

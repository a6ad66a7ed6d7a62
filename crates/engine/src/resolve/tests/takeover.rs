//! Who may be taken over, and what goes with the position.

use super::*;

#[test]
fn a_takeover_gives_the_equity_away_with_the_position() {
    let mut rig = world(0, &[7, 8]);
    // At 99,700 the loss is 4,500; with 5,000 of cash 500 are left against a requirement of 44,865: health 0.011.
    rig.accounts[0].cash_atoms = 5_000;
    let before = total(&rig);
    let at = context(&rig, 99_700);
    let (summary, moves) = resolve(&mut rig, &at);
    let summary = summary.unwrap();
    assert_eq!(summary.kind, ResolveKind::Takeover);
    assert_eq!(summary.deleveraged, QuoteAtoms(-500));
    // 500 × 7 ÷ 15, rounded down; the rest to the last lots.
    let given: Vec<_> = moves.iter().map(|row| (row.seat_index, row.base_lots, row.charged_atoms)).collect();
    assert_eq!(given, [(1, 7, -233), (2, 8, -267)]);
    assert_eq!((rig.accounts[0].cash_atoms, rig.market.open_interest_base_lots), (0, 0));
    assert_eq!(total(&rig), before);
    assert_sound(&rig);
}

#[test]
fn a_takeover_goes_on_where_tiers_have_let_health_rise() {
    let mut rig = tiered();
    let at = context(&rig, 100_000);
    let first = resolve(&mut rig, &at).0.unwrap();
    assert_eq!((first.kind, first.lots_left), (ResolveKind::Takeover, BaseLots(2_000)));
    // Health is 3.5 million ÷ 6 million: beyond the point where a takeover may begin, at another price or in another slot.
    let elsewhere = context(&rig, 100_001);
    assert_eq!(resolve(&mut rig, &elsewhere).0, Err(EngineError::AccountSolvent));
    let later = ResolveContext { slot: at.slot + 1, ..at };
    assert_eq!(resolve(&mut rig, &later).0, Err(EngineError::AccountSolvent));
    let second = resolve(&mut rig, &at).0.unwrap();
    assert_eq!((second.lots_left, second.health_before_bps), (BaseLots(0), 5_840));
    assert_eq!((first.deleveraged.0 + second.deleveraged.0, rig.accounts[0].cash_atoms), (-31_540_000, 0));
    assert_sound(&rig);
}

#[test]
fn a_takeover_goes_on_where_tiers_have_let_health_rise_above_one() {
    let mut rig = tiered();
    rig.market.params.tiers[0].mmr_bps = 10;
    rig.accounts[0].cash_atoms = 31_000_000;
    let at = context(&rig, 100_000);
    assert_eq!(resolve(&mut rig, &at).0.unwrap().lots_left, BaseLots(2_000));
    let later = ResolveContext { slot: at.slot + 1, ..at };
    assert_eq!(resolve(&mut rig, &later).0, Err(EngineError::AccountSolvent));
    let second = resolve(&mut rig, &at).0.unwrap();
    assert!(second.health_before_bps > 10_000, "{}", second.health_before_bps);
    assert_eq!((second.lots_left, rig.accounts[0].cash_atoms), (BaseLots(0), 0));
    assert_sound(&rig);
}

/// The auditor's case: the account is bankrupt, but for what a frozen leg is valued in its favour.
#[test]
fn nothing_is_taken_over_beside_a_leg_without_a_fresh_price() {
    // 950,000 lost here, 11,303,000 there; frozen, the other leg is worth 15,000,000 more.
    let resolve_beside = |others: OtherLegs| {
        let mut rig = world(0, &[3_000]);
        rig.market.seats.rows[0].quote_entry_atoms -= 950_000;
        rig.market.seats.rows[1].quote_entry_atoms += 950_000;
        let at = ResolveContext { others, ..context(&rig, 100_000) };
        resolve(&mut rig, &at).0.map(|summary| (summary.kind, summary.deleveraged.0))
    };
    let frozen = beside(-11_303_000, Grade::Frozen, 5_000);
    assert_eq!(resolve_beside(frozen), Err(EngineError::TakeoverNeedsFreshLegs));
    assert_eq!(resolve_beside(beside(3_697_000, Grade::Degraded, 0)), Err(EngineError::TakeoverNeedsFreshLegs));
    // What it was before: given, where it was to be paid.
    let unlocked = OtherLegs { takeover_refusal: None, ..frozen };
    assert_eq!(resolve_beside(unlocked), Ok((ResolveKind::Takeover, -1_340_000)));
    assert_eq!(resolve_beside(beside(-11_303_000, Grade::Fresh, 0)), Ok((ResolveKind::Bankrupt, 950_000)));
    // A flat leg needs no price.
    let mut flat = rig(1);
    flat.market.seats.rows[0].realised_atoms = 1_000_000;
    let silent = OraclePrice { grade: Grade::Frozen, ..flat.context.price };
    let mut others = OtherLegs::default();
    others.add(3, &flat.market, &flat.market.seats.rows[0], &silent, 20).unwrap();
    assert_eq!(resolve_beside(others), Ok((ResolveKind::Takeover, -50_000)));
}

#[test]
fn bonds_count_for_the_point_and_a_stall_raises_it() {
    // 500 without the bond, against a requirement of 44,865: the point is at 8,973, the backstop stage's at 14,805.45.
    for (bond, is_stalled, expected) in [
        (8_471, false, Ok(8_971)),
        (8_472, false, Err(EngineError::AccountSolvent)),
        (8_472, true, Ok(8_972)),
        (14_303, true, Ok(14_803)),
        (14_304, true, Ok(14_804)),
        (14_305, true, Err(EngineError::AccountSolvent)),
    ] {
        let mut rig = world(5_000, &[15]);
        rig.market.seats.rows[0].bond_atoms = bond;
        rig.market.seats.bonds_atoms = bond;
        rig.market.params.stall_slots = 10;
        if is_stalled {
            rig.accounts[0].stalled_since_slot = 10;
            (rig.accounts[0].episode.kind, rig.accounts[0].episode.last_unhealthy_slot) = (1, 20);
        }
        let at = context(&rig, 99_700);
        assert_eq!(resolve(&mut rig, &at).0.map(|summary| -summary.deleveraged.0), expected);
    }
}

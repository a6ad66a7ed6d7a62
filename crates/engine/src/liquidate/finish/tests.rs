use super::*;
use crate::fixture::rig;

#[test]
fn a_leg_is_charged_its_share_of_the_cooldown_rounded_up() {
    let share = |cooldown: u64, leg: i128, account: i128| leg_share(cooldown, Requirement(leg), Requirement(account));
    assert_eq!((share(100, 3, 3), share(0, 1, 3)), (Ok(100), Ok(0)));
    // A third, two thirds, all but a little, next to nothing.
    assert_eq!((share(100, 1, 3), share(100, 2, 3), share(100, 999, 1_000)), (Ok(34), Ok(67), Ok(100)));
    assert_eq!((share(100, 1, i128::from(i64::MAX)), share(100, 0, 7)), (Ok(1), Ok(0)));
    // Never more than the cooldown, and no division by nothing.
    assert_eq!((share(100, 5, 3), share(100, 5, 0), share(100, 0, 0)), (Ok(100), Ok(100), Ok(100)));
}

#[test]
fn keepers_may_have_their_share_of_insurances_part_rounded_down() {
    let mut params = rig(1).market.params;
    let mut credit = |share_bps: u32, insurance: i64| {
        params.keeper_tip_share_bps = share_bps;
        tip_share(&params, QuoteAtoms(insurance))
    };
    assert_eq!(credit(2_500, 7), Ok(QuoteAtoms(1)));
    assert_eq!(credit(2_500, 8), Ok(QuoteAtoms(2)));
    assert_eq!(credit(10_000, 8), Ok(QuoteAtoms(8)));
    assert_eq!((credit(2_500, -8), credit(0, 8)), (Ok(QuoteAtoms(0)), Ok(QuoteAtoms(0))));
}

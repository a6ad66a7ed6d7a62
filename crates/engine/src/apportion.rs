//! Whole atoms shared by weight, so that taking one part out leaves the others what they had.
//!
//! D'Hondt's divisor method: one atom after another goes to the weight with the highest `weight ÷ (atoms it has + 1)`, ties to the lower
//! place. Divisor methods are consistent (Balinski and Young, *Fair Representation*): apportion what is left among those who are left, and
//! each gets what it had before. So legs can be resolved in any order.

use crate::account::POSITIONS;
use crate::error::{EngineError, Result};
use crate::quantity::QuoteAtoms;

/// The share of each place in `amount` atoms (not negative, at most `2^57`), by weights of at most `2^69` each. At most its weight, if the
/// amount is at most the sum of the weights.
///
/// Computed from the floors of the exact quotas, which D'Hondt never goes below; what is left then is less than an atom a place, and is
/// handed out one by one. Exact: the shares of all places sum to the amount.
///
/// # Errors
/// `InvariantViolated` without any weight, or for a negative amount or weight; `MathOverflow`.
pub fn shares_of(amount: i64, weights: &[i128; POSITIONS]) -> Result<[i64; POSITIONS]> {
    let overflow = EngineError::MathOverflow;
    let mut total = 0i128;
    for weight in weights {
        if *weight < 0 {
            return Err(EngineError::InvariantViolated);
        }
        total = total.checked_add(*weight).ok_or(overflow)?;
    }
    if amount < 0 || total == 0 {
        return Err(EngineError::InvariantViolated);
    }
    let mut shares = [0i64; POSITIONS];
    let mut left = amount;
    for (share, weight) in shares.iter_mut().zip(weights) {
        if *weight == 0 {
            continue;
        }
        let quota = i128::from(amount).checked_mul(*weight).and_then(|v| v.checked_div(total)).ok_or(overflow)?;
        *share = i64::try_from(quota).map_err(|_| overflow)?;
        left = left.checked_sub(*share).ok_or(overflow)?;
    }
    while left > 0 {
        let next = next_place(&shares, weights)?;
        let share = shares.get_mut(next).ok_or(EngineError::InvariantViolated)?;
        *share = share.checked_add(1).ok_or(overflow)?;
        left = left.checked_sub(1).ok_or(overflow)?;
    }
    Ok(shares)
}

/// What each open leg has to bear of a loss of `loss` atoms: all that has been lost together, up to `loss`, shared by what each leg has lost and
/// not paid. What others have borne of a leg's loss before counts as lost, and as borne: so a leg of which some lots are closed has to bear what is
/// left of its share, whatever has moved in between, and nobody moves a loss to its counterparties by having its share worked out anew. Nobody
/// bears more than `loss`, nor than its leg has lost.
///
/// # Errors
/// As [`shares_of`].
pub fn loss_shares(loss: QuoteAtoms, legs: &[(QuoteAtoms, QuoteAtoms); POSITIONS]) -> Result<[QuoteAtoms; POSITIONS]> {
    let overflow = EngineError::MathOverflow;
    let (mut weights, mut lost, mut total) = ([0i128; POSITIONS], 0i128, i128::from(loss.0));
    for (weight, (unpaid, borne)) in weights.iter_mut().zip(legs) {
        *weight = i128::from(unpaid.0).checked_add(i128::from(borne.0)).ok_or(overflow)?;
        lost = lost.checked_add(*weight).ok_or(overflow)?;
        total = total.checked_add(i128::from(borne.0)).ok_or(overflow)?;
    }
    let amount = i64::try_from(total.min(lost)).map_err(|_| overflow)?;
    if amount <= 0 || !loss.is_positive() {
        return Ok([QuoteAtoms::ZERO; POSITIONS]);
    }
    let mut shares = shares_of(amount, &weights)?.map(QuoteAtoms);
    for (share, (_, borne)) in shares.iter_mut().zip(legs) {
        *share = share.sub(*borne)?.max(QuoteAtoms::ZERO).min(loss);
    }
    Ok(shares)
}

/// The place with the highest `weight ÷ (share + 1)`, by cross-multiplication: `2^69 × 2^57 = 2^126`.
fn next_place(shares: &[i64; POSITIONS], weights: &[i128; POSITIONS]) -> Result<usize> {
    let overflow = EngineError::MathOverflow;
    let mut best: Option<(usize, i128, i128)> = None;
    for (place, (share, weight)) in shares.iter().zip(weights).enumerate() {
        if *weight == 0 {
            continue;
        }
        let divisor = i128::from(*share).checked_add(1).ok_or(overflow)?;
        let is_better = match best {
            None => true,
            Some((_, best_weight, best_divisor)) => {
                let ours = weight.checked_mul(best_divisor).ok_or(overflow)?;
                let theirs = best_weight.checked_mul(divisor).ok_or(overflow)?;
                ours > theirs
            }
        };
        if is_better {
            best = Some((place, *weight, divisor));
        }
    }
    best.map(|(place, ..)| place).ok_or(EngineError::InvariantViolated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn legs(of: &[(i64, i64)]) -> [(QuoteAtoms, QuoteAtoms); POSITIONS] {
        core::array::from_fn(|place| {
            of.get(place).map_or_else(Default::default, |(w, x)| (QuoteAtoms(*w), QuoteAtoms(*x)))
        })
    }

    proptest! {
        #[test]
        fn what_has_been_borne_of_a_leg_leaves_it_what_is_left_of_its_share(
            losses in prop::array::uniform3(0i64..1 << 50), cash in 0i64..1 << 50, part in 0i64..=1_000,
        ) {
            let loss = (losses.iter().sum::<i64>() - cash).max(0);
            let [a, b, c] = losses;
            let whole = loss_shares(QuoteAtoms(loss), &legs(&[(a, 0), (b, 0), (c, 0)])).unwrap();
            let borne = i64::try_from(i128::from(whole[0].0) * i128::from(part) / 1_000).unwrap();
            let after = loss_shares(QuoteAtoms(loss - borne), &legs(&[(a - borne, borne), (b, 0), (c, 0)])).unwrap();
            let mut expected = whole;
            expected[0].0 -= borne;
            prop_assert_eq!(after, expected);
        }
    }

    #[test]
    fn nobody_bears_more_than_the_loss_and_what_was_borne_too_much_is_not_given_back() {
        let of = |loss, of: &[(i64, i64)]| loss_shares(QuoteAtoms(loss), &legs(of)).unwrap().map(|share| share.0);
        // An earlier loss, of which the first leg bore much more than its part of both.
        assert_eq!(of(10, &[(100, 90), (100, 0)])[..2], [0, 10]);
        assert_eq!(of(0, &[(100, 90), (100, 0)])[..2], [0, 0]);
        // No more than has been lost: the rest is for seats without a position.
        assert_eq!(of(500, &[(100, 90), (100, 0)])[..2], [100, 100]);
    }

    fn all(amount: i64, weights: &[i128; POSITIONS]) -> [i64; POSITIONS] {
        shares_of(amount, weights).unwrap()
    }

    fn weights() -> impl Strategy<Value = [i128; POSITIONS]> {
        let weight = prop_oneof![Just(0i128), 1i128..20, 1i128..1 << 40, 1i128..1 << 69];
        prop::array::uniform8(weight)
    }

    proptest! {
        #[test]
        fn taking_a_place_out_changes_no_other(weights in weights(), amount in prop_oneof![0i64..60, 0i64..1 << 57]) {
            prop_assume!(weights.iter().filter(|weight| **weight != 0).count() > 1);
            let shares = all(amount, &weights);
            prop_assert_eq!(shares.iter().map(|share| i128::from(*share)).sum::<i128>(), i128::from(amount));
            for out in (0..POSITIONS).filter(|place| weights[*place] != 0) {
                let mut rest = weights;
                rest[out] = 0;
                let mut expected = shares;
                expected[out] = 0;
                prop_assert_eq!(all(amount - shares[out], &rest), expected);
            }
        }

        #[test]
        fn nobody_gets_more_than_it_weighs(weights in prop::array::uniform8(0i128..1 << 50), part in 0i128..=1_000) {
            let total: i128 = weights.iter().sum();
            prop_assume!(total > 0);
            // Up to the sum itself, and just under it, where the last atoms are handed out one by one.
            for amount in [total * part / 1_000, total, total - 1, (total - 7).max(0)] {
                let shares = all(i64::try_from(amount).unwrap(), &weights);
                prop_assert!(shares.iter().zip(&weights).all(|(share, weight)| i128::from(*share) <= *weight));
            }
        }

        #[test]
        fn it_is_dhondts_method(weights in prop::array::uniform8(0i128..50), amount in 0i64..80) {
            prop_assume!(weights.iter().any(|weight| *weight != 0));
            // One atom after another, by its definition.
            let mut shares = [0i64; POSITIONS];
            for _ in 0..amount {
                let quotient = |place: usize| num_rational::BigRational::new(weights[place].into(), (shares[place] + 1).into());
                let mut best = 0;
                for place in 1..POSITIONS {
                    if quotient(place) > quotient(best) {
                        best = place;
                    }
                }
                shares[best] += 1;
            }
            prop_assert_eq!(all(amount, &weights), shares);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let none = [0; POSITIONS];
        assert_eq!(shares_of(5, &none), Err(EngineError::InvariantViolated));
        let mut one = none;
        one[3] = 7;
        assert_eq!(shares_of(5, &one), Ok([0, 0, 0, 5, 0, 0, 0, 0]));
        assert_eq!(shares_of(-1, &one), Err(EngineError::InvariantViolated));
        one[2] = -1;
        assert_eq!(shares_of(5, &one), Err(EngineError::InvariantViolated));
    }
}

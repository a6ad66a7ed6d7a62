//! The books of the story: what each call may have done, worked out again from the rows before it.

use super::{big, Story, ACCOUNTS};
use num_bigint::BigInt;
use num_rational::BigRational;
use std::collections::BTreeMap;
use taper_engine::resolve::{ResolveLog, ResolveSummary};
use taper_engine::seat::Seat;

/// An exact whole number.
fn whole(value: &BigRational) -> i64 {
    assert!(value.is_integer());
    i64::try_from(value.to_integer()).unwrap()
}

impl Story {
    /// An account's claim is what it was after the candle, with what others have paid for it, less what it has given up, borne as a counterparty, and
    /// shared; each touch of a seat may have rounded an atom against it.
    pub fn check_claim(&self, who: usize) {
        let books = &self.books;
        let of = |list: &BTreeMap<usize, i64>| list.get(&who).copied().unwrap_or(0);
        let moved = of(&books.paid_for) - of(&books.given_up) - of(&books.deleveraged);
        let shared = books.shared.get(&who).cloned().unwrap_or_else(|| big(0));
        let is_exact = shared == big(0);
        let expected = big(books.claims[&who] + moved) - shared;
        let claim = big(self.rig.equity(who));
        if is_exact {
            assert_eq!(claim, expected, "account {who}");
        } else {
            // What it owed was rounded up once a seat to begin with.
            let seats = i64::try_from(self.rig.venues.len()).unwrap();
            let touches = of(&books.touches) + 8;
            assert!(
                claim <= &expected + big(seats) && claim >= &expected - big(touches),
                "account {who}: {} touches {touches}",
                (claim - expected).to_integer()
            );
        }
    }

    /// Every open lot of the market shares what the loss index has risen by, exactly.
    pub fn book_shared(&mut self, venue: usize, before: i64) {
        let rise = self.rig.venues[venue].market.charges.loss_index_scaled - before;
        if rise == 0 {
            return;
        }
        for who in 0..=ACCOUNTS {
            let lots = self.rig.base(who, venue).abs();
            if lots > 0 {
                let part = big(lots) * big(rise) / big(1 << 20);
                *self.books.shared.entry(who).or_insert_with(|| big(0)) += part;
            }
        }
    }

    /// The deleveraged seats are the best ranked ones by exact profit per lot (within the atom that a rank is cut to), none is skipped, and no
    /// more lots are closed than are there.
    pub fn check_ranks(&self, venue: usize, rows: &[Seat], base: i64, moves: &ResolveLog) {
        let price = self.rig.price(venue);
        let rank = |seat: &Seat| {
            let profit =
                seat.base_lots * price + seat.quote_entry_atoms + seat.realised_atoms + seat.swept_window_atoms;
            BigRational::new(BigInt::from(profit), BigInt::from(seat.base_lots.abs()))
        };
        let cut = BigRational::from_integer(BigInt::from(1));
        // The window's sixteenths are cut to sixteen atoms.
        let slack = |seat: &Seat| &cut + BigRational::new(BigInt::from(15), BigInt::from(seat.base_lots.abs()));
        let mut left = base.abs();
        let mut chosen = vec![];
        for row in moves.rows() {
            let seat = &rows[row.seat_index as usize];
            assert!(seat.base_lots.signum() == -base.signum() && base != 0);
            assert_eq!(row.base_lots, seat.base_lots.abs().min(left));
            left -= row.base_lots;
            chosen.push(row.seat_index as usize);
        }
        for pair in chosen.windows(2) {
            let (first, second) = (&rows[pair[0]], &rows[pair[1]]);
            assert!(rank(first) + slack(first) >= rank(second), "{pair:?}");
        }
        let Some(last) = chosen.last().map(|index| &rows[*index]) else { return };
        for (index, seat) in rows.iter().enumerate() {
            let opposite = seat.base_lots != 0 && seat.base_lots.signum() == -base.signum();
            if opposite && !chosen.contains(&index) {
                assert!(rank(last) + slack(seat) + slack(last) >= rank(seat), "seat {index} was skipped");
            }
        }
    }

    /// No seat pays more than its part by lots, nor than the profit of the lots it closes, to the atom.
    pub fn check_charges(
        &self,
        venue: usize,
        rows: &[Seat],
        (funding, loss): (i64, i64),
        summary: &ResolveSummary,
        moves: &ResolveLog,
    ) {
        let price = self.rig.price(venue);
        let mut left: i64 = moves.rows().iter().map(|row| row.base_lots).sum::<i64>() + summary.lots_left.0;
        // What the loss was before the first seat: all that they bore, and what was left of it.
        let mut rest = summary.deleveraged.0 + summary.remaining.0;
        if summary.lots_left.is_zero() {
            rest += summary.socialised.0 + summary.unassigned.0;
        }
        for row in moves.rows() {
            let seat = &rows[row.seat_index as usize];
            let share = big(rest) * big(row.base_lots) / big(left);
            let profit = big((seat.base_lots * price + seat.quote_entry_atoms).max(0)) * big(row.base_lots);
            let most = (profit / big(seat.base_lots.abs())).floor();
            let expected = if rest < 0 { -((-share).floor()) } else { share.ceil().min(most) };
            assert_eq!(row.charged_atoms, whole(&expected));
            let scaled = big(seat.base_lots) * big(funding - seat.funding_checkpoint_scaled)
                + big(seat.base_lots.abs()) * big(loss - seat.loss_checkpoint_scaled);
            assert_eq!(row.settled_atoms, whole(&(scaled / big(1 << 20)).ceil()));
            rest -= row.charged_atoms;
            left -= row.base_lots;
        }
    }

    pub fn book(&mut self, who: usize, venue: usize, summary: &ResolveSummary, moves: &ResolveLog) {
        let mut borne = 0;
        for row in moves.rows() {
            let owner = self.owner_of(venue, row.seat_index);
            *self.books.deleveraged.entry(owner).or_default() += row.charged_atoms;
            *self.books.touches.entry(owner).or_default() += 1;
            borne += row.charged_atoms;
        }
        assert_eq!(borne, summary.deleveraged.0);
        let insurance = summary.insurance.total().unwrap().0;
        self.books.insurance[venue] += insurance;
        self.books.socialised[venue] += summary.socialised.0;
        self.books.unassigned[venue] += summary.unassigned.0;
        let paid = borne.max(0) + insurance + summary.socialised.0 + summary.unassigned.0;
        *self.books.touches.entry(who).or_default() += 1;
        *self.books.paid_for.entry(who).or_default() += paid;
        *self.books.given_up.entry(who).or_default() += -borne.min(0);
    }

    fn owner_of(&self, venue: usize, seat: u32) -> usize {
        let leg = |who: &usize| self.rig.leg(*who, venue).is_some_and(|leg| leg.seat == seat);
        (0..=ACCOUNTS).find(leg).unwrap()
    }
}

//! Deficits of accounts, losses that nobody bears, and what the vault must keep for them.
//!
//! A market lacks no more of the vault than its winners have taken out ahead of its losers. What they have not swept is still there, and
//! they cannot sweep it beyond the cap: it needs no keeping. Otherwise whoever pumps a thin market could hold every withdrawal of the
//! exchange by a deficit as large as it likes.

use crate::account::{AccountState, POSITIONS};
use crate::apportion::loss_shares;
use crate::error::{EngineError, Result};
use crate::insurance::Draw;
use crate::margin::LegTotals;
use crate::market::MarketState;
use crate::modes::Action;
use crate::oracle::Grade;
use crate::quantity::QuoteAtoms;
use crate::seat::Seat;

/// What an account owes beyond all it has: `max(0, −E')`, its bonds included. `legs` are all its legs at maintenance.
///
/// # Errors
/// `MathOverflow`.
pub fn owed(legs: LegTotals, cash: QuoteAtoms, bonds: QuoteAtoms) -> Result<QuoteAtoms> {
    Ok(legs.equity.add(cash)?.add(bonds)?.neg()?.max(QuoteAtoms::ZERO))
}

/// One leg of an account whose deficit is recorded. A place without a leg is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordedLeg {
    /// What is recorded for its seat so far.
    pub recorded: QuoteAtoms,
    /// The most that may be recorded for it: [`MarketState::record_room`].
    pub room: QuoteAtoms,
    /// What its seat has lost at the mid price and not paid; not negative. `None` while it has a position and no live price.
    pub loss: Option<QuoteAtoms>,
    /// What others have borne of it before, in resolutions that have not closed all of the position.
    pub borne: QuoteAtoms,
    /// True if it has a position.
    pub is_open: bool,
}

/// What is recorded for each leg of an account, by place.
pub type Record = [QuoteAtoms; POSITIONS];

impl RecordedLeg {
    /// A leg whose seat has lost so much at a price of this grade. Without a position the price does not matter.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn of(market: &MarketState, seat: &Seat, loss: QuoteAtoms, grade: Grade) -> Result<Self> {
        let is_open = !seat.base().is_zero();
        let is_known = !is_open || Action::RecordDeficit.require(grade).is_ok();
        Ok(Self {
            recorded: QuoteAtoms(seat.recorded_atoms),
            room: market.record_room(seat)?,
            loss: is_known.then_some(loss),
            borne: if is_open { QuoteAtoms(seat.borne_atoms) } else { QuoteAtoms::ZERO },
            is_open,
        })
    }

    /// True while it is not known what the leg has lost.
    fn is_frozen(&self) -> bool {
        self.is_open && self.loss.is_none()
    }

    fn loss(&self, is_open: bool) -> QuoteAtoms {
        self.loss.filter(|_| self.is_open == is_open).unwrap_or_default()
    }
}

/// What is recorded next of an account that owes so much. While the price of a leg is frozen a record is only lowered.
///
/// # Errors
/// `NothingToRecord` if it is on record already, or could only be raised; `MathOverflow`.
pub fn next_record(owed: QuoteAtoms, legs: &[RecordedLeg; POSITIONS]) -> Result<Record> {
    let is_live = !legs.iter().any(RecordedLeg::is_frozen);
    let record = if is_live { record_of(owed, legs)? } else { lowered_record(legs) };
    if record.iter().zip(legs).all(|(part, leg)| *part == leg.recorded) {
        return Err(EngineError::NothingToRecord);
    }
    Ok(record)
}

/// What is to be recorded of a deficit, for each leg: its share, as a resolution would share the loss, as far as its market has room. So no
/// market's record speaks for another market's loss, and at the same prices a resolution takes from the record what it takes from the loss.
///
/// # Errors
/// `MathOverflow`.
fn record_of(owed: QuoteAtoms, legs: &[RecordedLeg; POSITIONS]) -> Result<Record> {
    let lost = legs.map(|leg| (leg.loss(true), leg.borne));
    let shares = loss_shares(owed, &lost)?;
    // Seats without a position come after the others, in the order of places: with what these have not lost.
    let open = lost.iter().try_fold(QuoteAtoms::ZERO, |sum, (unpaid, _)| sum.add(*unpaid))?;
    let mut left = owed.sub(owed.min(open))?;
    let mut record = Record::default();
    for ((part, leg), share) in record.iter_mut().zip(legs).zip(shares) {
        let flat = leg.loss(false).min(left);
        left = left.sub(flat)?;
        *part = share.add(flat)?.min(leg.room);
    }
    Ok(record)
}

/// What a record may be lowered to while some leg has no live price. Nothing is raised, and nothing is concluded from a price that is not
/// known: a part stays unless its own market has no room for it, or its own leg, at a live price or without a position, has not lost as much.
fn lowered_record(legs: &[RecordedLeg; POSITIONS]) -> Record {
    legs.map(|leg| leg.recorded.min(leg.room).min(leg.loss.unwrap_or(leg.recorded)))
}

/// What covering an unassigned loss did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cover {
    /// Drawn from insurance.
    pub draw: Draw,
    /// What the exchange need no longer keep in the vault, to be taken off its sum.
    pub freed: QuoteAtoms,
}

impl MarketState {
    /// What the market's winners have taken out beyond what its losers, and insurance for them, have paid in; not negative.
    pub fn taken_out(&self) -> QuoteAtoms {
        QuoteAtoms(self.net_swept_profit_atoms.max(0))
    }

    /// The most that may be recorded for a seat: what the market's winners have taken out, less what is kept for its unassigned losses and what is
    /// recorded for its other seats. What all of them record together, and what is kept, is then no more than what the vault lacks by this market.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn record_room(&self, seat: &Seat) -> Result<QuoteAtoms> {
        let others = QuoteAtoms(self.recorded_atoms).sub(QuoteAtoms(seat.recorded_atoms))?;
        Ok(self.taken_out().sub(QuoteAtoms(self.held_loss_atoms))?.sub(others)?.max(QuoteAtoms::ZERO))
    }

    /// Sets what is recorded for a seat, and with it the sums of the market and of the seat's account. Returns by how much the exchange's sum
    /// has to grow; negative: to fall.
    ///
    /// # Errors
    /// `SeatNotOwned` for an index out of range; `InvariantViolated` for a negative part; `MathOverflow`.
    pub fn set_record(&mut self, seat_index: u32, account: &mut AccountState, part: QuoteAtoms) -> Result<QuoteAtoms> {
        if part.is_negative() {
            return Err(EngineError::InvariantViolated);
        }
        let seat = self.seats.get_mut(seat_index)?;
        let change = part.sub(QuoteAtoms(seat.recorded_atoms))?;
        let sum = QuoteAtoms(self.recorded_atoms).add(change)?;
        let of_account = QuoteAtoms(account.recorded_deficit_atoms).add(change)?;
        seat.recorded_atoms = part.0;
        self.recorded_atoms = sum.0;
        account.recorded_deficit_atoms = of_account.0;
        Ok(change)
    }

    /// Lowers what is recorded for a seat to `most`, and to what the market has room for. Returns by how much the exchange's sum has to fall.
    ///
    /// # Errors
    /// As [`MarketState::set_record`].
    pub(crate) fn lower_record(
        &mut self,
        seat_index: u32,
        account: &mut AccountState,
        most: QuoteAtoms,
    ) -> Result<QuoteAtoms> {
        let seat = self.seats.get(seat_index)?;
        let recorded = QuoteAtoms(seat.recorded_atoms);
        if recorded.is_zero() {
            return Ok(QuoteAtoms::ZERO);
        }
        let part = recorded.min(most).min(self.record_room(seat)?).max(QuoteAtoms::ZERO);
        self.set_record(seat_index, account, part)?.neg()
    }

    /// Records a loss that nobody bears. Returns what the exchange has to keep in the vault for it in addition.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn leave_unassigned(&mut self, loss: QuoteAtoms) -> Result<QuoteAtoms> {
        self.unassigned_loss_atoms = QuoteAtoms(self.unassigned_loss_atoms).add(loss)?.0;
        self.hold_unassigned()
    }

    /// Brings what is kept for unassigned losses up to all of them, at most the sweep cap; what is kept already stays. Returns what the exchange
    /// has to keep in addition.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn hold_unassigned(&mut self) -> Result<QuoteAtoms> {
        let before = QuoteAtoms(self.held_loss_atoms);
        let held = QuoteAtoms(self.unassigned_loss_atoms).min(QuoteAtoms(self.params.sweep_cap_atoms)).max(before);
        self.held_loss_atoms = held.0;
        held.sub(before)
    }

    /// Pays for unassigned losses out of insurance, within its caps, as far as winners have taken them out: what they have won and the vault
    /// still has is no hole. The exchange's fund has `fund`; the caller takes [`Draw::from_fund`] off it.
    ///
    /// # Errors
    /// `NothingToCover` without an unassigned loss, or when nothing may be drawn; `MathOverflow`.
    pub fn cover_loss(&mut self, fund: QuoteAtoms, slot: u64) -> Result<Cover> {
        let unassigned = QuoteAtoms(self.unassigned_loss_atoms);
        // Where nobody has a seat any more nobody waits for a profit: all of it is missing, fees and residue that have left the market included.
        let missing = if self.seats.used_count == 0 { unassigned } else { unassigned.min(self.hole(slot)?) };
        let draw = self.draw(missing, fund, slot)?;
        let paid = draw.total()?;
        if !paid.is_positive() {
            return Err(EngineError::NothingToCover);
        }
        let left = unassigned.sub(paid)?;
        let held = QuoteAtoms(self.held_loss_atoms);
        self.unassigned_loss_atoms = left.0;
        self.held_loss_atoms = held.min(left).0;
        Ok(Cover { draw, freed: held.sub(held.min(left))? })
    }
}

/// The gate: after an amount has left, the vault holds at least what is `held` back for deficits that nobody has covered.
///
/// # Errors
/// `WithdrawalHeld`; also for an amount that the vault does not have.
pub fn check_vault(vault_atoms: u64, amount: u64, held: QuoteAtoms) -> Result<()> {
    let held = held.0.max(0).unsigned_abs();
    match vault_atoms.checked_sub(amount) {
        Some(left) if left >= held => Ok(()),
        _ => Err(EngineError::WithdrawalHeld),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::rig;
    use crate::margin::Requirement;

    #[test]
    fn an_account_owes_what_cash_bonds_and_legs_lack() {
        let legs = LegTotals { equity: QuoteAtoms(-100), requirement: Requirement(7) };
        let of = |cash, bonds| owed(legs, QuoteAtoms(cash), QuoteAtoms(bonds));
        assert_eq!(of(60, 30), Ok(QuoteAtoms(10)));
        assert_eq!(of(60, 40), Ok(QuoteAtoms(0)));
        assert_eq!(of(90, 40), Ok(QuoteAtoms(0)));
    }

    fn leg(recorded: i64, room: i64, loss: Option<i64>, is_open: bool) -> RecordedLeg {
        RecordedLeg {
            recorded: QuoteAtoms(recorded),
            room: QuoteAtoms(room),
            loss: loss.map(QuoteAtoms),
            borne: QuoteAtoms::ZERO,
            is_open,
        }
    }

    fn legs(of: &[RecordedLeg]) -> [RecordedLeg; POSITIONS] {
        core::array::from_fn(|place| of.get(place).copied().unwrap_or_default())
    }

    fn atoms(record: Record) -> [i64; 3] {
        core::array::from_fn(|place| record[place].0)
    }

    #[test]
    fn a_deficit_is_recorded_where_a_resolution_would_share_it() {
        let of = |owed, legs_of: &[RecordedLeg]| atoms(record_of(QuoteAtoms(owed), &legs(legs_of)).unwrap());
        let open = |room, loss| leg(0, room, Some(loss), true);
        // By what each leg has lost; a leg with a profit has lost nothing, whatever room there is.
        assert_eq!(of(100, &[open(1_000, 150), open(1_000, 0), open(1_000, 50)]), [75, 0, 25]);
        // A market without room records nothing, and no other market does for it.
        assert_eq!(of(100, &[open(1_000, 150), open(9, 50)]), [75, 9, 0]);
        assert_eq!(of(100, &[open(0, 150), open(9_000, 50)]), [0, 25, 0]);
        // Seats without a position come last, in the order of places.
        let flat = |room, loss| leg(0, room, Some(loss), false);
        assert_eq!(of(100, &[flat(1_000, 30), open(1_000, 60), flat(1_000, 50)]), [30, 60, 10]);
        assert_eq!(of(50, &[flat(1_000, 30), open(1_000, 60)]), [0, 50, 0]);
        assert_eq!(of(0, &[open(1_000, 60)]), [0, 0, 0]);
        assert_eq!(of(7, &[]), [0, 0, 0]);
    }

    #[test]
    fn without_prices_a_record_is_only_lowered() {
        let of = |legs_of: &[RecordedLeg]| atoms(lowered_record(&legs(legs_of)));
        // Frozen: what is on record stays, as far as there is room. Live or flat: no more than what has been lost. Never raised.
        assert_eq!(of(&[leg(50, 90, None, true), leg(50, 20, None, true), leg(50, 0, None, true)]), [50, 20, 0]);
        let live = [leg(50, 90, Some(70), true), leg(50, 90, Some(30), true), leg(50, 40, Some(0), false)];
        assert_eq!(of(&live), [50, 30, 0]);
        // One frozen leg is enough; what the account owes is then not known, and says nothing.
        let mut mixed = [leg(50, 90, None, true), leg(50, 20, Some(0), true)];
        assert_eq!(next_record(QuoteAtoms(1_000), &legs(&mixed)).map(atoms), Ok([50, 0, 0]));
        mixed[1].recorded = QuoteAtoms::ZERO;
        assert_eq!(next_record(QuoteAtoms(0), &legs(&mixed)), Err(EngineError::NothingToRecord));
        mixed[0].loss = Some(QuoteAtoms(90));
        assert_eq!(next_record(QuoteAtoms(80), &legs(&mixed)).map(atoms), Ok([80, 0, 0]));
        assert_eq!(next_record(QuoteAtoms(50), &legs(&mixed)), Err(EngineError::NothingToRecord));
    }

    #[test]
    fn a_leg_without_a_position_needs_no_price() {
        let mut rig = rig(2);
        rig.market.net_swept_profit_atoms = 40;
        rig.give(0, 1, 30);
        rig.market.set_record(1, &mut rig.accounts[1], QuoteAtoms(10)).unwrap();
        let of = |rig: &crate::fixture::Rig, grade| {
            RecordedLeg::of(&rig.market, rig.market.seats.get(0).unwrap(), QuoteAtoms(7), grade).unwrap()
        };
        assert_eq!(of(&rig, Grade::Degraded), leg(0, 30, Some(7), true));
        assert_eq!(of(&rig, Grade::Frozen), leg(0, 30, None, true));
        rig.market.seats.rows[0].base_lots = 0;
        assert_eq!(of(&rig, Grade::Frozen), leg(0, 30, Some(7), false));
    }

    #[test]
    fn the_seats_of_a_market_record_together_what_was_taken_out() {
        let mut rig = rig(4);
        let market = &mut rig.market;
        market.net_swept_profit_atoms = 100;
        let mut record = |market: &mut MarketState, who: u32, wanted: i64| {
            let room = market.record_room(market.seats.get(who).unwrap()).unwrap();
            let change = market.set_record(who, &mut rig.accounts[who as usize], QuoteAtoms(wanted).min(room)).unwrap();
            (change.0, market.recorded_atoms)
        };
        assert_eq!(record(market, 0, 70), (70, 70));
        assert_eq!(record(market, 1, 70), (30, 100));
        assert_eq!(record(market, 2, 70), (0, 100));
        // Its own part is no obstacle to recording it again, and what one gives up another may take.
        assert_eq!(record(market, 0, 70), (0, 100));
        assert_eq!(record(market, 0, 20), (-50, 50));
        assert_eq!(record(market, 2, 70), (50, 100));
        // Losers pay in: whoever is recorded anew gives way, as far as the others' parts ask for it.
        market.net_swept_profit_atoms = 60;
        assert_eq!(record(market, 1, 70), (-30, 70));
        assert_eq!(record(market, 2, 70), (-10, 60));
        market.net_swept_profit_atoms = -5;
        assert_eq!(record(market, 0, 70), (-20, 40));
        assert_eq!(record(market, 2, 70), (-40, 0));
        assert_eq!(rig.accounts.iter().take(4).map(|account| account.recorded_deficit_atoms).sum::<i64>(), 0);
    }

    #[test]
    fn what_is_kept_for_unassigned_losses_is_not_recorded_again() {
        let mut rig = rig(2);
        let market = &mut rig.market;
        market.params.sweep_cap_atoms = 100;
        market.net_swept_profit_atoms = 90;
        let room = |market: &MarketState| market.record_room(market.seats.get(0).unwrap()).unwrap().0;
        assert_eq!(room(market), 90);
        market.leave_unassigned(QuoteAtoms(60)).unwrap();
        assert_eq!(room(market), 30);
        market.set_record(1, &mut rig.accounts[1], QuoteAtoms(20)).unwrap();
        assert_eq!(room(market), 10);
        market.leave_unassigned(QuoteAtoms(500)).unwrap();
        assert_eq!(room(market), 0);
    }

    #[test]
    fn a_seat_with_a_part_of_a_record_is_not_released() {
        let mut rig = rig(1);
        rig.market.net_swept_profit_atoms = 9;
        let account = &mut rig.accounts[0];
        assert_eq!(rig.market.set_record(0, account, QuoteAtoms(9)), Ok(QuoteAtoms(9)));
        assert_eq!(rig.market.seats.release(0, account), Err(EngineError::SeatNotEmpty));
        assert_eq!(rig.market.lower_record(0, account, QuoteAtoms(4)), Ok(QuoteAtoms(5)));
        rig.market.net_swept_profit_atoms = 3;
        assert_eq!(rig.market.lower_record(0, account, QuoteAtoms(4)), Ok(QuoteAtoms(1)));
        assert_eq!(rig.market.lower_record(0, account, QuoteAtoms(-1)), Ok(QuoteAtoms(3)));
        assert_eq!((rig.market.recorded_atoms, account.recorded_deficit_atoms), (0, 0));
        assert_eq!(rig.market.seats.release(0, account), Ok(QuoteAtoms(0)));
    }

    #[test]
    fn the_vault_keeps_no_more_for_a_market_than_its_sweep_cap() {
        let mut rig = rig(1);
        let market = &mut rig.market;
        market.params.sweep_cap_atoms = 100;
        market.params.insurance_draw_cap_atoms = 1_000;
        market.net_swept_profit_atoms = 90;
        assert_eq!(market.taken_out(), QuoteAtoms(90));
        assert_eq!(market.cover_loss(QuoteAtoms(50), 10), Err(EngineError::NothingToCover));
        assert_eq!(market.leave_unassigned(QuoteAtoms(70)), Ok(QuoteAtoms(70)));
        assert_eq!(market.leave_unassigned(QuoteAtoms(500)), Ok(QuoteAtoms(30)));
        assert_eq!(market.leave_unassigned(QuoteAtoms(500)), Ok(QuoteAtoms(0)));
        // No grant, nothing contributed: nothing may be drawn.
        assert_eq!(market.cover_loss(QuoteAtoms(5_000), 10), Err(EngineError::NothingToCover));
        market.contribute(QuoteAtoms(1_000)).unwrap();
        // Winners have taken out 90: no more is covered.
        let cover = market.cover_loss(QuoteAtoms(0), 10).unwrap();
        assert_eq!((cover.draw.from_market, cover.freed), (QuoteAtoms(90), QuoteAtoms(0)));
        assert_eq!((market.unassigned_loss_atoms, market.held_loss_atoms), (980, 100));
        assert_eq!((market.net_swept_profit_atoms, market.taken_out()), (0, QuoteAtoms(0)));
        assert_eq!(market.cover_loss(QuoteAtoms(0), 10), Err(EngineError::NothingToCover));
        // They take what is theirs meanwhile.
        market.net_swept_profit_atoms = 2_000;
        let cover = market.cover_loss(QuoteAtoms(0), 300_000).unwrap();
        assert_eq!((cover.draw.from_market, cover.freed), (QuoteAtoms(910), QuoteAtoms(30)));
        assert_eq!((market.unassigned_loss_atoms, market.held_loss_atoms), (70, 70));
    }

    #[test]
    fn the_gate_holds_back_the_deficit_and_not_an_atom_more() {
        assert_eq!(check_vault(100, 99, QuoteAtoms(1)), Ok(()));
        assert_eq!(check_vault(100, 100, QuoteAtoms(1)), Err(EngineError::WithdrawalHeld));
        assert_eq!(check_vault(100, 100, QuoteAtoms(0)), Ok(()));
        assert_eq!(check_vault(100, 101, QuoteAtoms(0)), Err(EngineError::WithdrawalHeld));
        assert_eq!(check_vault(100, 1, QuoteAtoms(500)), Err(EngineError::WithdrawalHeld));
    }
}

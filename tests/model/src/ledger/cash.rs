//! Section 5: deposits, withdrawals, sweeps, loss settlement; and the bonds of section 4.

use taper_engine::seat::SEATS;
use taper_engine::EngineError as E;

use super::margin::{Worth, EQUITY_MAX};
use super::number::Z;
use super::oracle::Need;
use super::{Ledger, Leg};
use crate::outside::{Outcome, Outside, Refusal};

/// An amount of tokens.
pub fn amount(atoms: u64) -> Outcome<Z> {
    match Z::from(atoms) {
        0 => Err(E::AmountZero.into()),
        atoms if atoms > EQUITY_MAX => Err(E::MathOverflow.into()),
        atoms => Ok(atoms),
    }
}

/// A balance that has grown.
pub fn grown(balance: Z, by: Z) -> Outcome<Z> {
    let sum = balance + by;
    if sum.abs() > EQUITY_MAX {
        return Err(E::MathOverflow.into());
    }
    Ok(sum)
}

impl Ledger {
    /// The account's seat in a market.
    pub fn leg(&self, who: usize, market: usize) -> Option<usize> {
        self.accounts[who].legs.iter().flatten().find(|leg| leg.market == market).map(|leg| leg.seat)
    }

    /// The account's seat in a market, or a refusal.
    pub fn require_leg(&self, who: usize, market: usize) -> Outcome<usize> {
        self.leg(who, market).ok_or(Refusal::PositionNotFound)
    }

    /// Settles a seat, then sweeps it.
    pub fn touch(&mut self, outside: &Outside, who: usize, market: usize, seat: usize) -> Outcome<()> {
        self.markets[market].accrue(outside.slot);
        self.markets[market].settle(seat);
        self.sweep(outside, who, market, seat)
    }

    /// Moves a seat's result to cash: a loss as far as there is cash, a profit as far as the market has room.
    pub fn sweep(&mut self, outside: &Outside, who: usize, market: usize, seat: usize) -> Outcome<()> {
        let row = &mut self.markets[market];
        let realised = row.seat(seat).realised;
        let cash = self.accounts[who].cash;
        let moved =
            if realised < 0 { -(-realised).min(cash.max(0)) } else { realised.min(row.sweep_room(outside.slot)) };
        if moved == 0 {
            return Ok(());
        }
        self.accounts[who].cash = grown(cash, moved)?;
        row.net_swept += moved;
        let window = row.params.rank_window_slots;
        let seat = row.seat_mut(seat);
        seat.realised -= moved;
        seat.remember_sweep(moved, window, outside.slot);
        Ok(())
    }

    /// Takes a seat; its bond leaves cash.
    pub fn take_seat(&mut self, who: usize, market: usize, absorber: bool) -> Outcome<usize> {
        let row = &mut self.markets[market];
        let taken = row.taken();
        let limit = if absorber { SEATS } else { SEATS - SEATS / 20 };
        if taken >= limit {
            return Err(E::NoFreeSeat.into());
        }
        let times = match taken * 100 {
            full if full >= 95 * SEATS => 8,
            full if full >= 90 * SEATS => 4,
            full if full >= 80 * SEATS => 2,
            _ => 1,
        };
        let bond = Z::from(row.params.seat_bond_atoms) * times;
        if self.accounts[who].cash < bond {
            return Err(E::BondNotCovered.into());
        }
        let free = row.seats.iter().position(Option::is_none).unwrap_or(row.seats.len());
        let seat = self.next_seat.map_or(free, |seat| seat as usize);
        if row.seats.len() <= seat {
            row.seats.resize_with(seat + 1, || None);
        }
        assert!(row.seats[seat].is_none(), "the engine gives away a seat that is taken");
        row.seats[seat] = Some(super::Seat { owner: who, bond, ..Default::default() });
        row.was_used = true;
        let account = &mut self.accounts[who];
        account.cash -= bond;
        let place = account.legs.iter_mut().find(|leg| leg.is_none()).ok_or(E::TooManyPositions)?;
        *place = Some(Leg { market, seat });
        Ok(seat)
    }

    /// The account's seat, a new one if it has none: true for that.
    pub fn leg_or_new(&mut self, who: usize, market: usize, absorber: bool) -> Outcome<(usize, bool)> {
        match self.leg(who, market) {
            Some(seat) => Ok((seat, false)),
            None => Ok((self.take_seat(who, market, absorber)?, true)),
        }
    }

    /// Gives a seat back: its bond goes to cash, the reference is cleared.
    pub fn give_seat(&mut self, who: usize, market: usize, seat: usize) -> Outcome<()> {
        let row = self.markets[market].seats[seat].take().expect("a seat that is given back is taken");
        let account = &mut self.accounts[who];
        account.cash = grown(account.cash, row.bond)?;
        for (place, leg) in account.legs.iter_mut().enumerate() {
            if leg.is_some_and(|leg| leg.market == market) {
                *leg = None;
                if account.half.is_some_and(|half| half.place == place) {
                    account.half = None;
                }
            }
        }
        Ok(())
    }

    pub(super) fn sweep_legs(&mut self, outside: &Outside, who: usize, writable: u8) -> Outcome<()> {
        for leg in self.accounts[who].legs.into_iter().flatten() {
            if writable >> leg.market & 1 == 1 {
                self.touch(outside, who, leg.market, leg.seat)?;
            }
        }
        Ok(())
    }

    pub(super) fn deposit(
        &mut self,
        outside: &Outside,
        who: usize,
        atoms: u64,
        legs: Option<u8>,
        oracles: u8,
    ) -> Outcome<()> {
        let atoms = amount(atoms)?;
        self.accounts[who].cash = grown(self.accounts[who].cash, atoms)?;
        self.vault += atoms;
        let has_legs = self.accounts[who].legs.iter().any(Option::is_some);
        if let Some(writable) = legs.filter(|_| has_legs) {
            self.sweep_legs(outside, who, writable)?;
            let others = self.others(outside, who, None, oracles, Need::Fresh)?;
            if let Ok(initial) = others.initial {
                let worth = initial.plus(Worth { equity: self.accounts[who].cash, requirement: 0 });
                if worth.equity.abs() > EQUITY_MAX {
                    return Err(E::MathOverflow.into());
                }
                self.owner_acted(outside, who, worth);
            }
        }
        Ok(())
    }

    pub(super) fn withdraw(
        &mut self,
        outside: &Outside,
        who: usize,
        atoms: u64,
        writable: u8,
        oracles: u8,
    ) -> Outcome<()> {
        self.sweep_legs(outside, who, writable)?;
        if self.holds_withdrawals(outside.slot) {
            return Err(Refusal::ExchangePaused);
        }
        let initial = self.others(outside, who, None, oracles, Need::Fresh)?.initial?;
        let atoms = match Z::from(atoms) {
            0 => return Err(E::AmountZero.into()),
            atoms => atoms,
        };
        let account = &mut self.accounts[who];
        if atoms > account.cash {
            return Err(E::InsufficientCash.into());
        }
        account.cash -= atoms;
        if initial.plus(Worth { equity: account.cash, requirement: 0 }).is_below(10_000) {
            return Err(E::InitialHealthTooLow.into());
        }
        self.pay_out(atoms).ok_or(E::WithdrawalHeld)?;
        Ok(())
    }

    /// Closing needs an account without legs, cash and record; what is opened again has nothing, and remembers nothing.
    pub(super) fn reopen(&mut self, who: usize, always_full: bool) -> Outcome<()> {
        let account = &mut self.accounts[who];
        if account.legs.iter().any(Option::is_some) {
            return Err(Refusal::PositionsRemain);
        }
        if account.cash != 0 {
            return Err(Refusal::CashRemains);
        }
        if account.recorded != 0 {
            return Err(Refusal::DeficitRemains);
        }
        *account = super::Account { always_full, ..super::Account::default() };
        Ok(())
    }

    /// Pays tokens, if what must be kept is left.
    pub fn pay_out(&mut self, atoms: Z) -> Option<()> {
        if self.vault - atoms < self.recorded + self.held {
            return None;
        }
        self.vault -= atoms;
        Some(())
    }

    pub(super) fn release_seat(&mut self, outside: &Outside, who: usize, market: usize) -> Outcome<()> {
        let seat = self.require_leg(who, market)?;
        self.touch(outside, who, market, seat)?;
        let row = self.markets[market].seat(seat);
        if !row.is_empty() {
            return Err(E::SeatNotEmpty.into());
        }
        if row.recorded != 0 {
            return Err(Refusal::DeficitRemains);
        }
        self.give_seat(who, market, seat)
    }

    pub(super) fn settle_loss(&mut self, outside: &Outside, who: usize, market: usize, oracles: u8) -> Outcome<()> {
        let seat = self.require_leg(who, market)?;
        let price = self.use_price(outside, market, oracles)?;
        self.touch(outside, who, market, seat)?;
        let (row, account) = (&mut self.markets[market], &mut self.accounts[who]);
        let held = row.seat(seat);
        let unrealised = held.entry + held.base * price.price + held.realised;
        let moved = (-unrealised).min(account.cash).min(row.net_swept);
        if moved <= 0 {
            return Err(E::NothingToSettle.into());
        }
        account.cash -= moved;
        row.net_swept -= moved;
        let held = row.seat_mut(seat);
        if held.base == 0 {
            held.realised += moved;
        } else {
            held.entry += moved;
        }
        Ok(())
    }
}

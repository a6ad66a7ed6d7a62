//! Section 18: resolution.

use taper_engine::EngineError as E;

use super::episode::{stage, Stage};
use super::margin::{skew, value, Kind, Worth};
use super::number::{ceil, compare, floor, Z};
use super::oracle::{Grade, Need, Price};
use super::{Ledger, Market};
use crate::outside::{Outcome, Outside, Refusal};

/// Seats that one call deleverages.
const COUNTERPARTIES: usize = 16;

/// A leg that is half resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Half {
    /// Its place.
    pub place: usize,
    /// Still to be collected; negative: to be given away.
    pub remaining: Z,
    /// Price of the leg.
    pub price: Z,
    /// Equity with bonds after the last call.
    pub equity: Z,
    /// Slot of the last call.
    pub slot: u64,
}

/// One leg, at mid prices.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub market: usize,
    pub seat: usize,
    pub is_open: bool,
    /// Maintenance requirement.
    pub requirement: Z,
    /// What its seat has lost and not paid.
    pub loss: Z,
    /// Borne of it before, while it has a position.
    pub borne: Z,
    pub grade: Grade,
}

/// An account's whole estate, at mid prices.
pub struct Estate {
    pub parts: [Option<Part>; 8],
    /// All legs and cash, without bonds.
    pub mid: Worth,
    pub favourable: Worth,
    pub bonds: Z,
}

impl Estate {
    /// Equity, the bonds of all seats included.
    pub fn equity(&self) -> Z {
        self.mid.equity + self.bonds
    }

    fn is_flat(&self) -> bool {
        !self.parts.iter().flatten().any(|part| part.is_open)
    }

    /// The shares of a loss: over the open legs by what each has lost, what is left over the flat ones in the order of places.
    pub fn shares_of_loss(&self, loss: Z) -> [Z; 8] {
        let of_open = |of: fn(&Part) -> Z| {
            self.parts.each_ref().map(|part| part.as_ref().filter(|part| part.is_open).map_or(0, of))
        };
        let (losses, borne) = (of_open(|part| part.loss), of_open(|part| part.borne));
        let shared = loss.min(losses.iter().sum());
        // What has been borne of a leg before counts as lost and as borne.
        let weights: [Z; 8] = std::array::from_fn(|place| losses[place] + borne[place]);
        let mut shares = [0; 8];
        if loss > 0 {
            let whole = dhondt(&weights, shared + borne.iter().sum::<Z>());
            shares = std::array::from_fn(|place| (whole[place] - borne[place]).clamp(0, loss));
        }
        let mut left = loss - shared;
        for (share, part) in shares.iter_mut().zip(&self.parts) {
            if let Some(part) = part.filter(|part| !part.is_open) {
                *share = part.loss.min(left);
                left -= *share;
            }
        }
        shares
    }

    /// The shares of equity that is left: by requirements.
    fn shares_of_equity(&self) -> [Z; 8] {
        let weights = self.parts.each_ref().map(|part| part.map_or(0, |part| part.requirement));
        if weights.iter().sum::<Z>() == 0 {
            return [0; 8];
        }
        dhondt(&weights, self.equity())
    }
}

/// D'Hondt's method: the highest `weight ÷ (atoms it has + 1)` gets the next atom, ties go to the lower place. Everybody gets at least
/// its quota rounded down, so the method may start there.
fn dhondt(weights: &[Z; 8], atoms: Z) -> [Z; 8] {
    let sum: Z = weights.iter().sum();
    if sum == 0 || atoms <= 0 {
        return [0; 8];
    }
    let mut shares = weights.map(|weight| super::number::ratio_floor(&[weight, atoms], &[sum]));
    for _ in 0..atoms - shares.iter().sum::<Z>() {
        let mut best = 0;
        for place in 1..weights.len() {
            if compare(&[weights[place], shares[best] + 1], &[weights[best], shares[place] + 1]).is_gt() {
                best = place;
            }
        }
        shares[best] += 1;
    }
    shares
}

/// What is to be done with a leg.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Collect a loss.
    Collect(Z),
    /// Give equity away.
    Give(Z),
}

impl Ledger {
    /// All legs of an account; `own` is the one that is acted on, whose price is known.
    pub fn estate(
        &self,
        outside: &Outside,
        who: usize,
        own: Option<(usize, &Price)>,
        oracles: u8,
        need: Need,
    ) -> Outcome<(Estate, Outcome<()>)> {
        let cash = Worth { equity: self.accounts[who].cash, requirement: 0 };
        let mut estate = Estate { parts: [None; 8], mid: cash, favourable: cash, bonds: 0 };
        let (mut times, mut verdict) = (Vec::new(), Ok(()));
        for (place, leg) in self.accounts[who].legs.iter().enumerate() {
            let Some(leg) = leg else { continue };
            let (price, refused) = match own {
                Some((market, price)) if market == leg.market => (*price, Ok(())),
                _ => self.leg_price(outside, leg.market, oracles, need)?,
            };
            self.note(&mut times, leg.market, &price);
            let (row, seat) = (&self.markets[leg.market], self.markets[leg.market].seat(leg.seat));
            if seat.base != 0 {
                verdict = verdict.and(refused);
            }
            let owed = self.owed(leg.market, leg.seat, outside.slot);
            let mid = value(row, seat, owed, &price, Kind::Maintenance)?;
            estate.mid = estate.mid.plus(mid);
            estate.favourable = estate.favourable.plus(value(row, seat, owed, &price, Kind::Favourable)?);
            estate.bonds += seat.bond;
            estate.parts[place] = Some(Part {
                market: leg.market,
                seat: leg.seat,
                is_open: seat.base != 0,
                requirement: mid.requirement,
                loss: (-mid.equity).max(0),
                borne: seat.borne,
                grade: price.grade,
            });
        }
        skew(&times)?;
        Ok((estate, verdict))
    }

    pub(super) fn resolve(&mut self, outside: &Outside, who: usize, market: usize, oracles: u8) -> Outcome<()> {
        let slot = outside.slot;
        let seat = self.require_leg(who, market)?;
        let place = self.accounts[who].legs.iter().position(|leg| leg.is_some_and(|leg| leg.market == market));
        let place = place.ok_or(Refusal::PositionNotFound)?;
        let price = self.use_price(outside, market, oracles)?;
        self.markets[market].accrue(slot);
        let (estate, _) = self.estate(outside, who, Some((market, &price)), oracles, Need::Any)?;
        self.markets[market].settle(seat);
        self.markets[market].cancel_of(seat, &[0, 1], usize::MAX);
        let task = match self.due(outside, who, place, &price, &estate) {
            Err(refusal @ Refusal::Engine(E::OpenLegsFirst))
                if estate.equity().max(estate.favourable.equity + estate.bonds) > 0 =>
            {
                // A flat leg of an account with equity, at mid prices or in its favour: these are as true.
                self.reasons = vec![E::AccountSolvent.into(), E::TakeoverNeedsFreshLegs.into()];
                self.reasons.extend(price.require(Need::Fresh).err());
                return Err(refusal);
            }
            task => task?,
        };
        let before = (self.markets[market].seat(seat).clone(), self.accounts[who].cash);
        let borne = self.bear(outside, who, (market, seat, place), &price, &estate, task)?;
        self.lower_record(who, (market, seat), (&estate, borne), task);
        if self.accounts[who].half.is_some_and(|half| half.place == place) {
            // Cash would pay for what is still to be collected.
            return Ok(());
        }
        self.sweep(outside, who, market, seat)?;
        let released = self.leave(who, market, seat)?;
        let moved = released
            || self.markets[market].seat(seat).realised != before.0.realised
            || self.accounts[who].cash != before.1;
        if before.0.base == 0 && !moved {
            return Err(E::NothingToResolve.into());
        }
        if self.accounts[who].legs.iter().flatten().all(|leg| self.markets[leg.market].seat(leg.seat).base == 0) {
            self.accounts[who].end_episode(slot);
        }
        Ok(())
    }

    /// What is to be collected, or given away, for the leg.
    fn due(&self, outside: &Outside, who: usize, place: usize, price: &Price, estate: &Estate) -> Outcome<Task> {
        let account = &self.accounts[who];
        let part = estate.parts[place].as_ref().ok_or(Refusal::PositionNotFound)?;
        if account.half.is_some_and(|half| half.place != place && half.slot == outside.slot) {
            return Err(E::ResolutionInProgress.into());
        }
        let equity = estate.equity();
        let half =
            account.half.filter(|half| half.place == place && half.price == price.price && half.equity == equity);
        let goes_on = half.filter(|half| half.slot == outside.slot && equity > 0);
        if estate.favourable.is_at_least(10_000) && goes_on.is_none() {
            return Err(E::AccountSolvent.into());
        }
        if !part.is_open && !estate.is_flat() {
            return Err(E::OpenLegsFirst.into());
        }
        if equity <= 0 {
            if price.grade == Grade::Degraded && estate.favourable.equity + estate.bonds > 0 {
                return Err(E::AccountSolvent.into());
            }
            let loss = match half.filter(|half| half.remaining >= 0) {
                Some(half) => half.remaining.min(-equity).min(part.loss),
                None => estate.shares_of_loss(-equity)[place],
            };
            return Ok(Task::Collect(loss));
        }
        if estate.is_flat() {
            if estate.mid.equity >= 0 {
                return Err(E::AccountSolvent.into());
            }
            price.require(Need::Fresh)?;
            return Ok(Task::Collect(0));
        }
        let share = match half.filter(|half| half.remaining <= 0) {
            Some(half) => (-half.remaining).min(equity),
            None => estate.shares_of_equity()[place],
        };
        if goes_on.is_none() {
            self.check_takeover(outside, who, part, estate, share)?;
        }
        price.require(Need::Fresh)?;
        let others = estate.parts.iter().flatten().filter(|other| other.market != part.market && other.is_open);
        if others.clone().any(|other| other.grade != Grade::Fresh) {
            return Err(E::TakeoverNeedsFreshLegs.into());
        }
        Ok(Task::Give(share))
    }

    fn check_takeover(&self, outside: &Outside, who: usize, part: &Part, estate: &Estate, share: Z) -> Outcome<()> {
        let params = &self.markets[part.market].params;
        let mut account = self.accounts[who].clone();
        account.expire(outside.slot, params);
        let since = account.stalled_since;
        let stalled = account.episode.target.is_some()
            && since != 0
            && outside.slot >= since + u64::from(params.stall_slots)
            && stage(params, &estate.mid) >= Stage::Backstop;
        let point = if stalled { params.ladder[2].health_bps } else { params.takeover_health_bps };
        if compare(&[share + 1, 100_000_000], &[point.into(), part.requirement]).is_ge() {
            return Err(E::AccountSolvent.into());
        }
        Ok(())
    }

    /// Own seat gets what insurance, other seats, all lots and nobody give for it. Returns what others have borne, and what is left.
    fn bear(
        &mut self,
        outside: &Outside,
        who: usize,
        (market, seat, place): (usize, usize, usize),
        price: &Price,
        estate: &Estate,
        task: Task,
    ) -> Outcome<(Z, Z)> {
        let slot = outside.slot;
        let (mut loss, mut gift) = match task {
            Task::Collect(loss) => (loss, 0),
            Task::Give(gift) => (0, gift),
        };
        let mut credited = 0;
        if loss > 0 {
            let kept = self.kept_for_lower(outside, estate, place);
            let fund = (self.fund - kept).max(0);
            let (own, from_fund) = self.markets[market].draw(loss, fund, slot);
            self.fund -= from_fund;
            self.markets[market].seat_mut(seat).realised += own + from_fund;
            credited += own + from_fund;
            loss -= own + from_fund;
        }
        let row = &mut self.markets[market];
        let base = row.seat(seat).base;
        let mut lots_left = base.abs();
        for counterparty in row.ranked(base, price.price, slot) {
            if lots_left == 0 {
                break;
            }
            row.settle(counterparty);
            let held = row.seat(counterparty);
            let lots = held.base.abs().min(lots_left);
            let profit = held.base * price.price + held.entry;
            let pays = ceil(loss * lots, lots_left).min(floor(profit * lots, held.base.abs()).max(0));
            let gets = floor(gift * lots, lots_left);
            // A long is sold: side 1. What is paid leaves the counterparty's result like a fee, and comes to own seat's.
            let side = usize::from(base > 0);
            row.seat_mut(counterparty).fill(1 - side, lots, lots * price.price, pays - gets);
            row.seat_mut(seat).fill(side, lots, lots * price.price, gets - pays);
            credited += pays - gets;
            loss -= pays;
            gift -= gets;
            lots_left -= lots;
        }
        if lots_left == 0 && loss > 0 {
            // What own seat owes beyond the loss is coming from the account itself.
            let coming = (-(row.seat(seat).realised + loss)).max(0);
            let shared = row.share(loss, coming, price.price, slot);
            row.seat_mut(seat).realised += loss;
            row.unassigned += loss - shared;
            credited += loss;
            loss = 0;
        }
        self.hold(market);
        let remaining = if lots_left == 0 { 0 } else { loss - gift };
        if lots_left > 0 && matches!(task, Task::Collect(_)) {
            self.markets[market].seat_mut(seat).borne += credited;
        }
        let equity = estate.equity() + credited;
        self.accounts[who].half =
            (lots_left > 0).then_some(Half { place, remaining, price: price.price, equity, slot });
        Ok((credited, remaining))
    }

    /// What the legs at lower places will draw of the fund for their shares: beside an open leg the open ones, the others have none yet.
    fn kept_for_lower(&self, outside: &Outside, estate: &Estate, place: usize) -> Z {
        let shares = estate.shares_of_loss((-estate.equity()).max(0));
        let lower = estate.parts.iter().zip(shares).take(place);
        lower
            .filter_map(|(part, share)| part.map(|part| (part, share)))
            .filter(|(part, _)| part.is_open || estate.is_flat())
            .map(|(part, share)| {
                let row = &self.markets[part.market];
                (share.min(row.draw_room(outside.slot)) - row.pending).max(0)
            })
            .sum()
    }

    fn lower_record(
        &mut self,
        who: usize,
        (market, seat): (usize, usize),
        (estate, borne): (&Estate, (Z, Z)),
        task: Task,
    ) {
        let lacks = (-(estate.equity() + borne.0)).max(0);
        let left = match task {
            Task::Collect(_) => borne.1.max(0),
            Task::Give(_) => 0,
        };
        let row = &self.markets[market];
        let recorded = row.seat(seat).recorded;
        let room = (row.taken_out() - row.held - (row.recorded - recorded)).max(0);
        self.set_record(who, (market, seat), recorded.min(left).min(lacks).min(room));
    }

    /// Without a position: the bond pays what cash could not, if it can pay all of it; with nothing left the seat is released.
    fn leave(&mut self, who: usize, market: usize, seat: usize) -> Outcome<bool> {
        let row = &mut self.markets[market];
        let held = row.seat_mut(seat);
        if held.base != 0 {
            return Ok(false);
        }
        if held.realised < 0 && -held.realised <= held.bond {
            let paid = -held.realised;
            held.bond -= paid;
            held.realised = 0;
            row.net_swept -= paid;
        }
        if row.seat(seat).realised != 0 {
            return Ok(false);
        }
        self.give_seat(who, market, seat)?;
        Ok(true)
    }
}

impl Market {
    /// The opposite seats, best rank first, ties to the lower seat.
    fn ranked(&self, base: Z, price: Z, slot: u64) -> Vec<usize> {
        let window = self.params.rank_window_slots;
        let seats = self.seats.iter().enumerate();
        let opposite = seats
            .filter_map(|(index, seat)| seat.as_ref().filter(|seat| seat.base * base < 0).map(|seat| (index, seat)));
        let mut ranked: Vec<(Z, usize)> =
            opposite.map(|(index, seat)| (-seat.rank(price, window, slot), index)).collect();
        ranked.sort_unstable();
        ranked.into_iter().take(COUNTERPARTIES).map(|(_, index)| index).collect()
    }
}

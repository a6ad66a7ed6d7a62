//! The engine, driven as the program's handlers drive it: several markets, their books, margin accounts, a vault and a fund. No risk
//! arithmetic of its own. What is refused changes nothing, as on chain.

mod governance;
mod insurance;
mod legs;
mod liquidation;
mod saved;
mod trade;

use bytemuck::allocation::zeroed_box;
use taper_engine::account::{AccountState, POSITIONS};
use taper_engine::book::Book;
use taper_engine::market::MarketState;
use taper_engine::matching::FillLog;
use taper_engine::params::MarketParams;
use taper_engine::quantity::QuoteAtoms;
use taper_engine::resolve::ResolveLog;
use taper_engine::sweep::touch_seat;

use crate::op::Op;
use crate::outside::{Outcome, Outside, Refusal, Setup};
pub use governance::changed;
pub use saved::Saved;
pub use trade::expiry;

/// Address of a margin account.
pub fn owner(who: usize) -> [u8; 32] {
    let mut key = [7; 32];
    key[..8].copy_from_slice(&(who as u64).to_le_bytes());
    key
}

/// A market and its book.
pub struct Venue {
    /// The engine's state.
    pub state: Box<MarketState>,
    /// The engine's book.
    pub book: Box<Book>,
    /// 0 active, 1 reduce-only, 2 paused.
    pub status: u8,
    /// First slot in which risk may be added.
    pub opens_slot: u64,
}

impl Venue {
    /// What the program checks of a market after every instruction that wrote to it.
    fn is_sound(&self) -> bool {
        let state = &self.state;
        state.open_interest_base_lots >= 0
            && (!state.is_settled() || state.open_interest_base_lots == 0)
            && state.fees_atoms >= 0
            && state.insurance_pending_atoms >= 0
            && state.unassigned_loss_atoms >= 0
            && (0..=state.unassigned_loss_atoms).contains(&state.held_loss_atoms)
            && state.net_swept_profit_atoms <= state.params.sweep_cap_atoms
            && state.seats.used_count <= state.seats.touched_count
    }
}

/// A margin account.
#[derive(Clone, Copy)]
pub struct Account {
    /// The engine's state.
    pub state: AccountState,
    /// Market and seat, by place.
    pub positions: [Option<(usize, u32)>; POSITIONS],
}

/// What the exchange itself holds.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Tokens in the vault.
    pub vault: u64,
    /// Insurance fund.
    pub insurance: i64,
    /// Fees.
    pub fees: i64,
    /// Sum of recorded deficits.
    pub recorded: i64,
    /// Sum of what is held for losses that nobody has borne.
    pub held: i64,
    /// Status.
    pub status: u8,
    /// Slot in which a pause began to hold withdrawals.
    pub paused_slot: u64,
}

/// An exchange on the engine.
pub struct EngineWorld {
    /// Markets.
    pub venues: Vec<Venue>,
    /// Margin accounts.
    pub accounts: Vec<Account>,
    /// The exchange.
    pub exchange: Exchange,
    /// Of all markets that can be listed.
    params: Vec<MarketParams>,
    log: Box<FillLog>,
    moves: Box<ResolveLog>,
}

impl EngineWorld {
    /// Markets are listed and open; nobody has anything.
    pub fn new(setup: &Setup, outside: &Outside) -> Outcome<Self> {
        let account = Account { state: bytemuck::Zeroable::zeroed(), positions: [None; POSITIONS] };
        let mut world = Self {
            venues: Vec::new(),
            accounts: vec![account; setup.accounts],
            exchange: Exchange::default(),
            params: setup.params.clone(),
            log: zeroed_box(),
            moves: zeroed_box(),
        };
        for params in setup.params.iter().take(setup.listed) {
            let market = world.list_new(outside, params, 0)?;
            world.venues[market].opens_slot = outside.slot;
        }
        Ok(world)
    }

    /// Does it, and checks what the program checks of every account after it. After a refusal the state is to be restored.
    pub fn apply(&mut self, outside: &Outside, op: &Op) -> Outcome<()> {
        self.perform(outside, op)?;
        let most = taper_engine::quantity::MAX_EQUITY_ATOMS.unsigned_abs();
        let accounts = self.accounts.iter().all(|account| account.state.cash_atoms.unsigned_abs() <= most);
        let exchange = [self.exchange.insurance, self.exchange.fees, self.exchange.recorded, self.exchange.held];
        let sound = accounts && exchange.iter().all(|atoms| *atoms >= 0) && self.venues.iter().all(Venue::is_sound);
        if sound {
            Ok(())
        } else {
            Err(Refusal::InvariantViolated)
        }
    }

    fn perform(&mut self, outside: &Outside, op: &Op) -> Outcome<()> {
        match *op {
            Op::Clock { .. } | Op::Publish { .. } => Ok(()),
            Op::Deposit { who, amount, legs, writable, oracles } => {
                self.deposit(outside, who, amount, legs.then_some(writable), oracles)
            }
            Op::Withdraw { who, amount, writable, oracles } => self.withdraw(outside, who, amount, writable, oracles),
            Op::Place { who, market, ref order, oracles } => self.place(outside, who, market, order, oracles),
            Op::Cancel { who, market, side, nth } => self.cancel(who, market, side, nth),
            Op::CancelAll { who, market, side, limit } => self.cancel_all(who, market, side, limit),
            Op::ForceCancel { who, market, limit, oracles } => self.force_cancel(outside, who, market, limit, oracles),
            Op::ReleaseSeat { who, market } => self.release_seat(outside, who, market),
            Op::SettleLoss { who, market, oracles } => self.settle_loss(outside, who, market, oracles),
            Op::Sample { market, oracles } => self.sample(outside, market, oracles),
            Op::Flag { who, market, oracles } => self.flag(outside, who, market, oracles),
            Op::Slice { who, market, to, ref slice, oracles } => self.slice(outside, who, market, to, slice, oracles),
            Op::Absorb { who, market, by, ref slice, oracles } => self.absorb(outside, who, market, by, slice, oracles),
            Op::Resolve { who, market, oracles } => self.resolve(outside, who, market, oracles),
            Op::RecordDeficit { who, oracles } => self.record_deficit(outside, who, oracles),
            Op::CoverLoss { market } => self.cover_loss(outside, market),
            Op::Donate { market, amount } => self.donate(market, amount),
            Op::SweepIncome { market } => self.sweep_income(market),
            Op::AlwaysFullClose { who, wanted } => {
                self.accounts[who].state.always_full_close = u8::from(wanted);
                Ok(())
            }
            Op::SetStatus { market, status, both } => self.set_status(outside, market, status, both),
            Op::Tighten { market, ref change } => self.tighten(outside, market, change),
            Op::ChangeParams { market, ref change } => self.change_params(outside, market, change),
            Op::AdvanceRamp { market } => self.advance_ramp(outside, market),
            Op::WindDown { market } => self.wind_down(outside, market),
            Op::SettleMarket { market, oracles } => self.settle_market(outside, market, oracles),
            Op::Relist { market, oracles } => self.relist(outside, market, oracles),
            Op::List { oracles } => {
                let params = *self.params.get(self.venues.len()).ok_or(Refusal::NothingToList)?;
                self.list_new(outside, &params, oracles).map(drop)
            }
            Op::SetParams { market, ref params } => self.set_params(outside, market, params),
            Op::Reopen { who, always_full } => self.reopen(who, always_full),
            Op::SignedBy { .. }
            | Op::SetDelegate { .. }
            | Op::ByKey { .. }
            | Op::Propose { .. }
            | Op::Apply { .. }
            | Op::CancelProposal { .. }
            | Op::CloseProposal { .. }
            | Op::Nominate { .. }
            | Op::Accept { .. } => unreachable!("the engine has no part in {op:?}"),
        }
    }

    fn reopen(&mut self, who: usize, always_full: bool) -> Outcome<()> {
        let account = &mut self.accounts[who];
        if account.positions.iter().any(Option::is_some) {
            return Err(Refusal::PositionsRemain);
        }
        if account.state.cash_atoms != 0 {
            return Err(Refusal::CashRemains);
        }
        if account.state.recorded_deficit_atoms != 0 {
            return Err(Refusal::DeficitRemains);
        }
        account.state = bytemuck::Zeroable::zeroed();
        account.state.always_full_close = u8::from(always_full);
        Ok(())
    }

    /// The account's seat in a market.
    pub fn seat_in(&self, who: usize, market: usize) -> Option<u32> {
        self.accounts[who].positions.iter().flatten().find(|(held, _)| *held == market).map(|(_, seat)| *seat)
    }

    fn require_seat(&self, who: usize, market: usize) -> Outcome<u32> {
        let seat = self.seat_in(who, market).ok_or(Refusal::PositionNotFound)?;
        let row = self.venues[market].state.seats.get(seat)?;
        if row.is_owned_by(&owner(who)) {
            Ok(seat)
        } else {
            Err(taper_engine::EngineError::SeatNotOwned.into())
        }
    }

    /// Settles and sweeps a seat, before anything else is done to it.
    fn touch(&mut self, outside: &Outside, who: usize, market: usize, seat: u32) -> Outcome<()> {
        touch_seat(&mut self.venues[market].state, seat, &mut self.accounts[who].state, outside.slot)?;
        Ok(())
    }

    /// Sweeps it again, afterwards.
    fn sweep(&mut self, outside: &Outside, who: usize, market: usize, seat: u32) -> Outcome<()> {
        let state = &mut self.venues[market].state;
        taper_engine::sweep::sweep_seat(state, seat, &mut self.accounts[who].state, outside.slot)?;
        Ok(())
    }

    /// The account's seat; a new one if it has none. True for a new one.
    fn seat_or_new(&mut self, who: usize, market: usize, absorber: bool) -> Outcome<(u32, bool)> {
        if self.seat_in(who, market).is_some() {
            return Ok((self.require_seat(who, market)?, false));
        }
        let venue = &mut self.venues[market];
        let account = &mut self.accounts[who];
        let bond = venue.state.params.seat_bond_atoms;
        let seat = venue.state.seats.allocate(&owner(who), &mut account.state, bond, absorber)?;
        let place = account.positions.iter_mut().find(|place| place.is_none());
        *place.ok_or(taper_engine::EngineError::TooManyPositions)? = Some((market, seat));
        Ok((seat, true))
    }

    /// Clears the reference to a market, and what is left of a resolution of that leg.
    fn remove_position(&mut self, who: usize, market: usize) {
        let account = &mut self.accounts[who];
        let place = account.positions.iter().position(|held| held.is_some_and(|(held, _)| held == market));
        if let Some(place) = place {
            account.positions[place] = None;
            if usize::from(account.state.resolution.position_plus_one) == place + 1 {
                account.state.resolution = bytemuck::Zeroable::zeroed();
            }
        }
    }

    /// What must be left in the vault after a payment in tokens.
    fn uncovered(&self) -> QuoteAtoms {
        QuoteAtoms(self.exchange.recorded.saturating_add(self.exchange.held))
    }

    fn clear_logs(&mut self) {
        // The counts are all that is read.
        self.log.count = 0;
        self.log.removal_count = 0;
        self.moves.count = 0;
    }
}

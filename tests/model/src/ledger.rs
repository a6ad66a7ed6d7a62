//! The auditor: a second set of books for the whole exchange, written from `docs/spec.md` without a look at the engine. It is told who asks
//! for what, and what publishers write, and predicts every balance, every order and every refusal.

mod absorb;
mod cash;
mod deficit;
mod episode;
mod funding;
mod governance;
mod insurance;
mod margin;
mod matching;
mod number;
mod oracle;
mod orders;
mod rank;
mod resolve;
mod seat;
mod settlement;
mod share;
mod slice;
mod solver;
mod throttle;

use taper_engine::params::MarketParams;

pub use episode::Episode;
pub use funding::Funding;
pub use insurance::Insurance;
pub use number::Z;
pub use oracle::{Last, Need};
pub use orders::Resting;
pub use resolve::Half;
pub use seat::Seat;
pub use share::Sharing;
pub use throttle::Bucket;

use crate::op::Op;
use crate::outside::{Outcome, Outside, Refusal, Setup};
use governance::Ramp;

/// An account's seat in a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The market.
    pub market: usize,
    /// The seat.
    pub seat: usize,
}

/// A margin account.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Cash, in atoms.
    pub cash: Z,
    /// Its seats, by place.
    pub legs: [Option<Leg>; 8],
    /// Its liquidation episode.
    pub episode: Episode,
    /// First slot of the next slice.
    pub cooldown_until: u64,
    /// Last slot in which it added risk.
    pub last_risk_slot: u64,
    /// It asks for full closes.
    pub always_full: bool,
    /// What is on record of its deficit.
    pub recorded: Z,
    /// Since when it has been seen in the backstop stage without a fill; zero: not.
    pub stalled_since: u64,
    /// A leg that is half resolved.
    pub half: Option<Half>,
}

/// A market.
#[derive(Clone, Debug)]
pub struct Market {
    /// Parameters in force.
    pub params: MarketParams,
    /// Status.
    pub status: u8,
    /// First slot in which risk may be added.
    pub opens_slot: u64,
    /// Last price used.
    pub last: Last,
    /// Buckets: of sales that close longs, of purchases that close shorts.
    pub buckets: [Bucket; 2],
    /// Fees not swept.
    pub fees: Z,
    /// Insurance income not swept.
    pub pending: Z,
    /// Profits swept less losses swept.
    pub net_swept: Z,
    /// Funding.
    pub funding: Funding,
    /// What every lot has paid for shared losses, in 2^-20 atoms.
    pub loss_index: Z,
    /// Paid by seats less received by seats and by losses, in atoms.
    pub clearing: Z,
    /// What rounding has left, in 2^-20 atoms.
    pub residue: Z,
    /// Dealings with insurance.
    pub insurance: Insurance,
    /// Losses that nobody has borne.
    pub unassigned: Z,
    /// Of them, what the exchange holds.
    pub held: Z,
    /// Shared lately.
    pub sharing: Sharing,
    /// On record of deficits.
    pub recorded: Z,
    /// Requirements on their way up.
    pub ramp: Option<Ramp>,
    /// Slot in which a limit was raised last.
    pub limits_raised: u64,
    /// First slot in which it may be settled; zero: it is not winding down.
    pub settle_after: u64,
    /// Final price; zero: not settled.
    pub final_price: Z,
    /// Seats.
    pub seats: Vec<Option<Seat>>,
    /// Bids and asks, best first.
    pub book: [Vec<Resting>; 2],
    /// Orders ever rested.
    pub sequence: u64,
    /// True once somebody has had a seat.
    pub was_used: bool,
}

/// The exchange.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Margin accounts.
    pub accounts: Vec<Account>,
    /// Markets.
    pub markets: Vec<Market>,
    /// Tokens in the vault.
    pub vault: Z,
    /// Insurance fund.
    pub fund: Z,
    /// Fees.
    pub fees: Z,
    /// Recorded deficits.
    pub recorded: Z,
    /// Held for losses that nobody has borne.
    pub held: Z,
    /// Status.
    pub status: u8,
    /// Slot in which a pause began to hold withdrawals.
    pub paused_slot: u64,
    /// Parameters of all markets that can be listed.
    pub params: Vec<MarketParams>,
    /// The seat that the engine gives next: which one is not for the ledger to say.
    pub next_seat: Option<u32>,
    /// Of a refusal: all reasons that hold, where the specification does not say which is told.
    pub reasons: Vec<Refusal>,
}

impl Ledger {
    /// Books of an exchange in which nobody has anything.
    pub fn new(setup: &Setup, outside: &Outside) -> Outcome<Self> {
        let mut ledger = Self {
            accounts: vec![Account::default(); setup.accounts],
            markets: Vec::new(),
            vault: 0,
            fund: 0,
            fees: 0,
            recorded: 0,
            held: 0,
            status: 0,
            paused_slot: 0,
            params: setup.params.clone(),
            next_seat: None,
            reasons: Vec::new(),
        };
        for params in setup.params.iter().take(setup.listed) {
            let market = ledger.list_new(outside, *params, 0)?;
            ledger.markets[market].opens_slot = outside.slot;
        }
        Ok(ledger)
    }

    /// What the operation does to the books. After a refusal they are to be restored.
    pub fn apply(&mut self, outside: &Outside, op: &Op) -> Outcome<()> {
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
                self.accounts[who].always_full = wanted;
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
                let params = *self.params.get(self.markets.len()).ok_or(Refusal::NothingToList)?;
                self.list_new(outside, params, oracles).map(drop)
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
            | Op::Accept { .. } => unreachable!("for the books of roles: {op:?}"),
        }
    }
}

impl Market {
    /// A market just listed: nothing but parameters.
    pub fn new(params: MarketParams) -> Self {
        Self {
            params,
            status: 0,
            opens_slot: 0,
            last: Last::default(),
            buckets: [Bucket::default(); 2],
            fees: 0,
            pending: 0,
            net_swept: 0,
            funding: Funding::default(),
            loss_index: 0,
            clearing: 0,
            residue: 0,
            insurance: Insurance::default(),
            unassigned: 0,
            held: 0,
            sharing: Sharing::default(),
            recorded: 0,
            ramp: None,
            limits_raised: 0,
            settle_after: 0,
            final_price: 0,
            seats: Vec::new(),
            book: [Vec::new(), Vec::new()],
            sequence: 0,
            was_used: false,
        }
    }

    /// A seat that is taken.
    pub fn seat(&self, seat: usize) -> &Seat {
        self.seats[seat].as_ref().expect("a leg refers to a taken seat")
    }

    /// A seat that is taken.
    pub fn seat_mut(&mut self, seat: usize) -> &mut Seat {
        self.seats[seat].as_mut().expect("a leg refers to a taken seat")
    }
}

//! An indexer: rebuilds every balance and every book from the events alone. The audit compares it with the accounts, so
//! that an event which is missing or wrong fails the test that caused it.

use std::collections::BTreeMap;

use anchor_lang::{AnchorDeserialize, Discriminator};
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use solana_pubkey::Pubkey;
use taper::events::*;
use taper::state::{Exchange, MarginAccount, Market, OrderBook};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};
use taper_engine::seat::Seat;

use crate::chain::Chain;
use crate::error::Result;

mod accounts;
mod governance;
mod resolution;
mod settlement;
mod trading;

use governance::{ParamsRow, ProposalRow};

#[cfg(test)]
mod tests;

const EVENT_PREFIX: &str = "Program data: ";
/// What the runtime logs when it drops the rest.
const TRUNCATED: &str = "Log truncated";

/// Balances as the events tell them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    exchanges: BTreeMap<Pubkey, ExchangeRow>,
    markets: BTreeMap<Pubkey, MarketRow>,
    accounts: BTreeMap<Pubkey, AccountRow>,
    seats: BTreeMap<(Pubkey, u32), SeatRow>,
    /// Lots left of each resting order and its seat, by market, side and sequence.
    orders: BTreeMap<(Pubkey, u8, u64), (i64, u32)>,
    proposals: BTreeMap<Pubkey, ProposalRow>,
    /// Slot of the transaction that is taken in.
    slot: u64,
    fault: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ExchangeRow {
    admin: Pubkey,
    pending_admin: Pubkey,
    guardian: Pubkey,
    timelock: u64,
    proposal_count: u64,
    vault: Pubkey,
    tokens: i128,
    fees: i64,
    insurance: i64,
    /// Ever donated to insurance, and paid by its fund for losses.
    donated: i64,
    drawn: i64,
    /// Recorded deficits, and what is held for losses that nobody has borne.
    deficits: i64,
    held: i64,
    status: u8,
    paused_slot: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct MarketRow {
    exchange: Pubkey,
    order_book: Pubkey,
    /// Kind and key.
    oracle: (u8, Pubkey),
    opens_slot: u64,
    status: u8,
    params: ParamsRow,
    settle_after_slot: u64,
    /// Zero until it is settled.
    final_price: i64,
    fees: i64,
    /// Insurance income not yet swept to the exchange.
    insurance: i64,
    /// Paid into insurance over its life, drawn for losses, and paid back to keepers.
    contributed: i64,
    drawn: i64,
    tips: i64,
    losses: LossRow,
    clearing: i64,
    net_swept: i64,
    fill_sequence: u64,
    funding: FundingRow,
    loss_index: i64,
}

/// Who has borne losses, over the market's life, and what nobody has borne yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct LossRow {
    deleveraged: i64,
    socialised: i64,
    unassigned: i64,
    held: i64,
}

/// Funding as last told, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct FundingRow {
    index: i64,
    /// Slot in which the index was told.
    slot: u64,
    rate: i64,
    premium: i64,
    sampled_slot: u64,
}

impl FundingRow {
    /// The index has moved since it was told, at the rate that was told, but no further than `gap_slots` after the sample.
    fn at(&self, slot: u64, gap_slots: u64) -> Self {
        let end = self.sampled_slot + gap_slots;
        let slots = slot.min(end).saturating_sub(self.slot.min(end));
        let moved = self.rate * i64::try_from(slots).unwrap_or(i64::MAX);
        Self { index: self.index + moved, slot, ..self.clone() }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct AccountRow {
    exchange: Pubkey,
    cash: i64,
    recorded_deficit: i64,
    delegate: Pubkey,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct SeatRow {
    owner: Pubkey,
    bond: u64,
    balance: SeatBalance,
}

/// The event in a log line, if it is of this type.
fn parse<E: AnchorDeserialize + Discriminator>(data: &[u8]) -> Option<E> {
    let mut body = data.strip_prefix(E::DISCRIMINATOR)?;
    E::deserialize(&mut body).ok().filter(|_| body.is_empty())
}

macro_rules! dispatch {
    ($ledger:ident, $data:ident, $($event:ident => $handler:ident),* $(,)?) => {
        $(if let Some(event) = parse::<$event>(&$data) {
            $ledger.$handler(&event);
            return;
        })*
    };
}

impl Ledger {
    /// Takes in what a successful transaction logged in a slot.
    pub(crate) fn take_in(&mut self, logs: &[String], slot: u64) {
        self.slot = slot;
        for line in logs {
            if line == TRUNCATED {
                self.fail("the log was truncated: events are lost".into());
            }
            let Some(data) = line.strip_prefix(EVENT_PREFIX).and_then(|text| STANDARD.decode(text).ok()) else {
                continue;
            };
            self.event(data);
        }
    }

    fn event(&mut self, data: Vec<u8>) {
        dispatch!(self, data,
            ExchangeInitialized => exchange_initialized,
            MarketCreated => market_created,
            MarginAccountCreated => account_created,
            MarginAccountClosed => account_closed,
            Deposited => deposited,
            Withdrawn => withdrawn,
            Swept => swept,
            SeatTaken => seat_taken,
            SeatReleased => seat_released,
            OrderPlaced => order_placed,
            BookChanged => book_changed,
            OrderCancelled => order_cancelled,
            OrdersCancelled => orders_cancelled,
            Sliced => sliced,
            Absorbed => absorbed,
            LossSettled => loss_settled,
            FundingUpdated => funding_updated,
            MarketIncomeSwept => income_swept,
            LegResolved => leg_resolved,
            DeficitRecorded => deficit_recorded,
            LossCovered => loss_covered,
            InsuranceDonated => insurance_donated,
            MarketSettled => market_settled,
            MarketClosed => market_closed,
            StatusSet => status_set,
            DelegateSet => delegate_set,
            ProposalCreated => proposal_created,
            ProposalApplied => proposal_applied,
            ProposalCancelled => proposal_cancelled,
            ProposalClosed => proposal_closed,
            LimitsTightened => limits_tightened,
            RampAdvanced => ramp_advanced,
            AdminNominated => admin_nominated,
            AdminChanged => admin_changed,
        );
        if parse::<AccountFlagged>(&data).is_none() {
            self.fail(format!("an event that the ledger does not know: {:?}", data.get(..8)));
        }
    }

    fn fail(&mut self, fault: String) {
        self.fault.get_or_insert(fault);
    }

    fn account(&mut self, key: &Pubkey) -> &mut AccountRow {
        self.accounts.entry(*key).or_default()
    }

    fn seat(&mut self, market: &Pubkey, index: u32) -> &mut SeatRow {
        self.seats.entry((*market, index)).or_default()
    }

    fn exchange(&mut self, key: &Pubkey) -> &mut ExchangeRow {
        self.exchanges.entry(*key).or_default()
    }

    fn market(&mut self, key: &Pubkey) -> &mut MarketRow {
        self.markets.entry(*key).or_default()
    }

    fn move_tokens(&mut self, margin_account: &Pubkey, amount: i128) {
        let exchange = self.account(margin_account).exchange;
        self.exchange(&exchange).tokens += amount;
    }

    /// What the accounts say otherwise than the events; `None` when they agree.
    ///
    /// # Errors
    /// As [`Chain::load`].
    pub(crate) fn difference(&self, chain: &Chain) -> Result<Option<(Pubkey, String)>> {
        if let Some(fault) = &self.fault {
            return Ok(Some((taper::ID, fault.clone())));
        }
        let seen = Ledger::of_accounts(chain)?;
        let found = first_difference(&self.exchanges, &seen.exchanges)
            .or_else(|| first_difference(&self.proposals, &seen.proposals))
            .or_else(|| first_difference(&self.accrued(chain), &seen.markets))
            .or_else(|| first_difference(&self.accounts, &seen.accounts))
            .or_else(|| {
                first_difference(&compared(&self.seats), &compared(&seen.seats))
                    .map(|((market, _), text)| (market, text))
            })
            .or_else(|| first_difference(&self.orders, &seen.orders).map(|((market, ..), text)| (market, text)));
        Ok(found)
    }

    /// The markets' rows with their funding indices moved on to the slot in which the account was last touched.
    fn accrued(&self, chain: &Chain) -> BTreeMap<Pubkey, MarketRow> {
        let mut rows = self.markets.clone();
        for (key, row) in &mut rows {
            if let Ok(market) = chain.load::<Market>(key) {
                let gap = u64::from(market.state.params.funding_gap_slots);
                row.funding = row.funding.at(market.state.charges.accrued_slot, gap);
            }
        }
        rows
    }
}

/// Seats as they are compared: the checkpoints of one without a position mean nothing, and no event tells them.
fn compared(seats: &BTreeMap<(Pubkey, u32), SeatRow>) -> BTreeMap<(Pubkey, u32), SeatRow> {
    let mut seats = seats.clone();
    for row in seats.values_mut().filter(|row| row.balance.base_lots == 0) {
        (row.balance.funding_checkpoint_scaled, row.balance.loss_checkpoint_scaled) = (0, 0);
    }
    seats
}

/// The first row that the events and the accounts tell differently.
fn first_difference<K, V>(events: &BTreeMap<K, V>, accounts: &BTreeMap<K, V>) -> Option<(K, String)>
where
    K: Ord + Copy + std::fmt::Debug,
    V: PartialEq + std::fmt::Debug,
{
    let keys = events.keys().chain(accounts.keys());
    keys.filter(|key| events.get(key) != accounts.get(key)).min().map(|key| {
        (*key, format!("{key:?}: the events say {:?}, the accounts {:?}", events.get(key), accounts.get(key)))
    })
}

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
    /// Lots left of each resting order, by market, side and sequence.
    orders: BTreeMap<(Pubkey, u8, u64), i64>,
    fault: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ExchangeRow {
    vault: Pubkey,
    tokens: i128,
    fees: i64,
    insurance: i64,
    status: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct MarketRow {
    fees: i64,
    insurance: i64,
    status: u8,
    clearing: i64,
    funding_rate: i64,
    premium: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct AccountRow {
    exchange: Pubkey,
    cash: i64,
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
    /// Takes in what a successful transaction logged.
    pub(crate) fn take_in(&mut self, logs: &[String]) {
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
            StatusSet => status_set,
            DelegateSet => delegate_set,
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

    fn market(&mut self, key: &Pubkey) -> &mut MarketRow {
        self.markets.entry(*key).or_default()
    }

    fn move_tokens(&mut self, margin_account: &Pubkey, amount: i128) {
        let exchange = self.account(margin_account).exchange;
        self.exchanges.entry(exchange).or_default().tokens += amount;
    }

    fn exchange_initialized(&mut self, event: &ExchangeInitialized) {
        self.exchanges.insert(event.exchange, ExchangeRow { vault: event.vault, ..ExchangeRow::default() });
    }

    fn market_created(&mut self, event: &MarketCreated) {
        self.markets.insert(event.market, MarketRow::default());
    }

    fn account_created(&mut self, event: &MarginAccountCreated) {
        let row = AccountRow { exchange: event.exchange, ..AccountRow::default() };
        self.accounts.insert(event.margin_account, row);
    }

    fn account_closed(&mut self, event: &MarginAccountClosed) {
        self.accounts.remove(&event.margin_account);
    }

    fn deposited(&mut self, event: &Deposited) {
        self.account(&event.margin_account).cash = event.cash_after_atoms;
        self.move_tokens(&event.margin_account, i128::from(event.amount_atoms));
    }

    fn withdrawn(&mut self, event: &Withdrawn) {
        self.account(&event.margin_account).cash = event.cash_after_atoms;
        self.move_tokens(&event.margin_account, -i128::from(event.amount_atoms));
    }

    fn swept(&mut self, event: &Swept) {
        self.account(&event.margin_account).cash += event.amount_atoms;
        let balance = &mut self.seat(&event.market, event.seat_index).balance;
        balance.realised_atoms -= event.amount_atoms + event.charged_atoms;
        balance.funding_checkpoint_scaled = event.funding_checkpoint_scaled;
        balance.loss_checkpoint_scaled = event.loss_checkpoint_scaled;
        self.market(&event.market).clearing += event.charged_atoms;
    }

    fn seat_taken(&mut self, event: &SeatTaken) {
        self.account(&event.margin_account).cash -= i64::try_from(event.bond_atoms).unwrap_or(i64::MAX);
        let row = SeatRow { owner: event.margin_account, bond: event.bond_atoms, ..SeatRow::default() };
        self.seats.insert((event.market, event.seat_index), row);
    }

    fn seat_released(&mut self, event: &SeatReleased) {
        self.account(&event.margin_account).cash = event.cash_after_atoms;
        self.seats.remove(&(event.market, event.seat_index));
    }

    fn order_placed(&mut self, event: &OrderPlaced) {
        self.seat(&event.market, event.seat_index).balance = event.seat_after;
        self.market(&event.market).fees += event.taker_fee_atoms;
        if event.posted_base_lots != 0 {
            self.orders.insert((event.market, event.side, event.sequence), event.posted_base_lots);
        }
    }

    fn book_changed(&mut self, event: &BookChanged) {
        let makers = if event.taker_side == 0 { Side::Ask } else { Side::Bid };
        for fill in &event.fills {
            self.shrink(&event.market, 1 - event.taker_side, fill.sequence, fill.base_lots);
            self.market(&event.market).fees += fill.maker_fee_atoms;
            self.market(&event.market).clearing += fill.maker_settled_atoms;
            self.fill_maker(&event.market, makers, fill);
            let balance = &mut self.seat(&event.market, fill.maker_seat_index).balance;
            balance.funding_checkpoint_scaled = event.funding_index_scaled;
            balance.loss_checkpoint_scaled = event.loss_index_scaled;
        }
        self.remove_all(&event.market, &event.removals);
    }

    /// The engine's own arithmetic on a seat that holds what the events said so far.
    fn fill_maker(&mut self, market: &Pubkey, side: Side, fill: &Fill) {
        let row = self.seat(market, fill.maker_seat_index);
        let mut seat: Seat = bytemuck::Zeroable::zeroed();
        seat.base_lots = row.balance.base_lots;
        seat.quote_entry_atoms = row.balance.quote_entry_atoms;
        seat.realised_atoms = row.balance.realised_atoms - fill.maker_settled_atoms;
        let lots = BaseLots(fill.base_lots);
        let applied = Price(fill.price_atoms_per_lot)
            .notional(lots)
            .and_then(|quote| seat.apply_fill(side, lots, quote, QuoteAtoms(fill.maker_fee_atoms)));
        row.balance = SeatBalance {
            base_lots: seat.base_lots,
            quote_entry_atoms: seat.quote_entry_atoms,
            realised_atoms: seat.realised_atoms,
            ..row.balance
        };
        if let Err(error) = applied {
            self.fail(format!("a fill that the engine refuses: {error:?}"));
        }
    }

    fn remove_all(&mut self, market: &Pubkey, removals: &[Removal]) {
        for removal in removals {
            self.shrink(market, removal.side, removal.sequence, removal.base_lots);
        }
    }

    fn shrink(&mut self, market: &Pubkey, side: u8, sequence: u64, lots: i64) {
        let key = (*market, side, sequence);
        match self.orders.get_mut(&key) {
            Some(left) if *left > lots => *left -= lots,
            Some(left) if *left == lots => drop(self.orders.remove(&key)),
            other => {
                let fault = format!("{lots} lots left order {sequence}, which has {other:?}");
                self.fail(fault);
            }
        }
    }

    fn order_cancelled(&mut self, event: &OrderCancelled) {
        self.remove_all(&event.market, std::slice::from_ref(&event.order));
    }

    fn orders_cancelled(&mut self, event: &OrdersCancelled) {
        self.remove_all(&event.market, &event.removals);
    }

    fn sliced(&mut self, event: &Sliced) {
        self.seat(&event.market, event.seat_index).balance = event.seat_after;
        self.account(&event.margin_account).cash = event.cash_after_atoms;
        self.market(&event.market).insurance += event.report.insurance_atoms - event.report.tip_atoms;
        let payout = event.report.caller_payout_atoms;
        if event.credited {
            self.account(&event.payout_to).cash += payout;
        } else {
            self.move_tokens(&event.margin_account, -i128::from(payout));
        }
    }

    fn absorbed(&mut self, event: &Absorbed) {
        self.seat(&event.market, event.seat_index).balance = event.seat_after;
        self.account(&event.margin_account).cash = event.cash_after_atoms;
        self.seat(&event.market, event.absorber_seat_index).balance = event.absorber_seat_after;
        self.account(&event.absorber).cash = event.absorber_cash_after_atoms;
        let report = &event.report;
        self.market(&event.market).insurance += report.insurance_atoms + report.discount_insurance_atoms;
    }

    fn loss_settled(&mut self, event: &LossSettled) {
        self.seat(&event.market, event.seat_index).balance = event.seat_after;
        self.account(&event.margin_account).cash = event.cash_after_atoms;
    }

    fn funding_updated(&mut self, event: &FundingUpdated) {
        let market = self.market(&event.market);
        market.funding_rate = event.rate_scaled_per_slot;
        market.premium = event.premium_atoms_per_lot;
    }

    fn income_swept(&mut self, event: &MarketIncomeSwept) {
        let market = self.market(&event.market);
        market.fees -= event.fees_atoms;
        market.insurance -= event.insurance_atoms - event.residue_atoms;
        market.clearing -= event.residue_atoms;
        let exchange = self.exchanges.entry(event.exchange).or_default();
        exchange.fees += event.fees_atoms;
        exchange.insurance += event.insurance_atoms;
    }

    fn status_set(&mut self, event: &StatusSet) {
        if event.market == Pubkey::default() {
            self.exchanges.entry(event.exchange).or_default().status = event.status;
        } else {
            self.market(&event.market).status = event.status;
        }
    }

    fn delegate_set(&mut self, event: &DelegateSet) {
        self.account(&event.margin_account).delegate = event.delegate;
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
            .or_else(|| first_difference(&self.markets, &seen.markets))
            .or_else(|| first_difference(&self.accounts, &seen.accounts))
            .or_else(|| first_difference(&self.seats, &seen.seats).map(|((market, _), text)| (market, text)))
            .or_else(|| first_difference(&self.orders, &seen.orders).map(|((market, ..), text)| (market, text)));
        Ok(found)
    }

    /// The same rows, read from the accounts.
    fn of_accounts(chain: &Chain) -> Result<Self> {
        let mut ledger = Self::default();
        for (key, account) in chain.tracked().filter(|(_, account)| account.owner == taper::ID) {
            if taper_sdk::account::is::<Exchange>(&account.data) {
                let exchange: &Exchange = chain.load(key)?;
                let row = ExchangeRow {
                    vault: exchange.vault,
                    tokens: i128::from(chain.tokens(&exchange.vault)),
                    fees: exchange.fees_atoms,
                    insurance: exchange.insurance_atoms,
                    status: exchange.status,
                };
                ledger.exchanges.insert(*key, row);
            } else if taper_sdk::account::is::<MarginAccount>(&account.data) {
                let account: &MarginAccount = chain.load(key)?;
                let row = AccountRow {
                    exchange: account.exchange,
                    cash: account.state.cash_atoms,
                    delegate: account.delegate,
                };
                ledger.accounts.insert(*key, row);
            } else if taper_sdk::account::is::<Market>(&account.data) {
                let market: &Market = chain.load(key)?;
                ledger.read_market(key, market, chain.load(&market.order_book)?);
            }
        }
        Ok(ledger)
    }

    fn read_market(&mut self, key: &Pubkey, market: &Market, book: &OrderBook) {
        let state = &market.state;
        let row = MarketRow {
            fees: state.fees_atoms,
            insurance: state.insurance_pending_atoms,
            status: market.status,
            clearing: state.charges.clearing_atoms,
            funding_rate: state.charges.funding_rate_scaled_per_slot,
            premium: state.charges.premium_atoms_per_lot,
        };
        self.markets.insert(*key, row);
        let touched = usize::try_from(state.seats.touched_count).unwrap_or(usize::MAX);
        for (index, seat) in (0u32..).zip(state.seats.rows.iter().take(touched)) {
            if seat.owner == [0; 32] {
                continue;
            }
            let balance = SeatBalance {
                base_lots: seat.base_lots,
                quote_entry_atoms: seat.quote_entry_atoms,
                realised_atoms: seat.realised_atoms,
                funding_checkpoint_scaled: seat.funding_checkpoint_scaled,
                loss_checkpoint_scaled: seat.loss_checkpoint_scaled,
            };
            let row = SeatRow { owner: Pubkey::new_from_array(seat.owner), bond: seat.bond_atoms, balance };
            self.seats.insert((*key, index), row);
        }
        for (code, side) in [(0, Side::Bid), (1, Side::Ask)] {
            for order in book.book.orders(side) {
                self.orders.insert((*key, code, order.sequence), order.size_base_lots);
            }
        }
    }
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
